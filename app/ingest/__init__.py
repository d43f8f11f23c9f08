"""Importers: one reader per format, all through `pipeline`."""
