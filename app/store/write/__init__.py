"""Writing: one transaction with the facts, the log, and what is derived from them."""
