"""Channels used as its documentation teaches, over the same database and the same reads."""
