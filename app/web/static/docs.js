"use strict";

// Swagger UI fills every field with its example. All filters together match nothing, so an optional parameter starts
// empty, and its description has the example.
function prepare(operation) {
  // An optional key would be shown as a closed padlock. Here it is an open one, which accepts a key.
  operation.security = operation["x-optional-security"] ?? operation.security;
  for (const parameter of operation.parameters ?? []) {
    if (parameter.required || !parameter.examples) continue;
    const values = Object.values(parameter.examples).map((example) => "`" + [example.value].flat().join(", ") + "`");
    parameter.description = `${parameter.description ?? ""}\n\nExample: ${values.join(" or ")}`;
    delete parameter.examples;
  }
}

const startEmpty = {
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (original) => (document) => {
          const copy = structuredClone(document);
          for (const path of Object.values(copy.paths ?? {})) Object.values(path).forEach(prepare);
          return original(copy);
        },
      },
    },
  },
};

// A screen reader cannot distinguish a link inside the button that opens an operation, and both lead to the same place.
const plainTitles = ({ React }) => ({ components: { DeepLink: ({ text }) => React.createElement("span", null, text) } });

// Addresses are relative to the page, so they also work behind a proxy with a prefix.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  plugins: [startEmpty, plainTitles],
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: () => document.querySelector("#servers")?.setAttribute("aria-label", "Server"),
});
