"""Measurements of the server against what else could do its work. `python -m bench --help`; docs/benchmarks.md."""
