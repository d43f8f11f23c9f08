"use strict";

// The fonts are the reader's own: nothing is fetched but the OpenAPI document.
const SYSTEM_FONT = "system-ui, sans-serif";

Redoc.init(
  "openapi.json",
  {
    theme: {
      typography: {
        fontFamily: SYSTEM_FONT,
        headings: { fontFamily: SYSTEM_FONT },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  document.getElementById("docs"),
);
