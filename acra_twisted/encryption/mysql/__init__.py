"""Protected columns in MySQL and MariaDB: their statements, types and schema."""
