"""Facts and rules: no input or output, no SQL, no HTTP."""
