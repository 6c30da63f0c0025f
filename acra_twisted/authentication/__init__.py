"""Proof of who a client is, for any database: what proves it, and what follows from it."""
