"""Conflict Incidents: conflict-incident records that keep every reported toll."""

__version__ = "0.1.0"
