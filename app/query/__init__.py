"""Queries: their parameters, how values are read, and the typed models that requests are read into."""
