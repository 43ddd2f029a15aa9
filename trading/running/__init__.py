"""When models run: by time, by price, by hand; one run of an account at a time, within its budget, unless paused."""
