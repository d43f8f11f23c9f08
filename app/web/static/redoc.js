"use strict";

// System fonts: only the OpenAPI document is fetched.
const SYSTEM_FONT = "system-ui, sans-serif";

Redoc.init(
  "openapi.json",
  {
    theme: {
      // dark enough to be read
      colors: { success: { main: "#16661f" }, error: { main: "#d01e1b" }, text: { secondary: "#5f5f5f" } },
      typography: {
        fontFamily: SYSTEM_FONT,
        headings: { fontFamily: SYSTEM_FONT },
        code: { fontFamily: "ui-monospace, monospace", color: "#a32020" },
      },
    },
  },
  document.getElementById("docs"),
);
