"""The log of all changes, and the commitments to what is confidential in it."""
