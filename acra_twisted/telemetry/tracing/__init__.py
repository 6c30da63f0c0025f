"""Spans: what is recorded, which traces are, and where finished spans go."""
