"""The load generator: many raw sockets in one process, at a fraction of the cost of any server."""
