"""What the socket takes, over HTTP."""
