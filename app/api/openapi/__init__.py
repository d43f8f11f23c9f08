"""The OpenAPI document: operations, schemas, examples."""
