"""Examine an installation before it is started and while it runs."""
