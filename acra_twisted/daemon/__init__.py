"""Parts that every daemon has: its start, its connections, reloading and its end."""
