"""One session between a client and a database: two directions, and what ends it."""
