"""The docs: what is generated from the code, and tests that type every command."""
