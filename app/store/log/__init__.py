"""The log of all changes, and the commitments to redacted members."""
