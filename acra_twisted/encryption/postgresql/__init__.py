"""Protected columns in PostgreSQL: its statements, types and schema."""
