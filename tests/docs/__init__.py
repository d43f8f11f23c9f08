"""The docs: parts generated from the code, and tests that run every command."""
