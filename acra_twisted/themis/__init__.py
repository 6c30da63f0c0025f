"""Themis formats as pure functions over `cryptography`: keys, cells, messages, sessions."""
