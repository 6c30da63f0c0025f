"""Columns whose values are encrypted, searched, masked or replaced by tokens on their way."""
