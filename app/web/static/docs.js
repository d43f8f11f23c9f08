"use strict";

// Swagger UI fills every field with its example. All filters together match nothing, so an optional parameter
// tells its example in its description, and starts empty.
function prepare(operation) {
  // A key that may be left out would be shown as a closed padlock: it is an open one here, which takes a key.
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
          const told = structuredClone(document);
          for (const path of Object.values(told.paths ?? {})) Object.values(path).forEach(prepare);
          return original(told);
        },
      },
    },
  },
};

// A link inside of the button that opens an operation cannot be told apart by a screen reader, and leads where the button does.
const plainTitles = ({ React }) => ({ components: { DeepLink: ({ text }) => React.createElement("span", null, text) } });

// Addresses are relative to the page, so that they hold behind a proxy with a prefix too.
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
