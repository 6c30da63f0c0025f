"""Bytes to values and back; standard library only."""
