"""Throw-away surroundings for demo, tests and benchmarks: a database, a CA, the daemons."""
