"""Telling what was measured: a table, JSON and a picture."""
