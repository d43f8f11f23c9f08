"""Layouts of columns: our own plain layout, and those of ACLED and UCDP."""
