"""History that survives a restart: traces, security events and figures in a file of SQLite."""
