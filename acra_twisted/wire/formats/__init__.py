"""Encodings of log lines and spans."""
