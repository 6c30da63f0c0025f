"""PostgreSQL messages: bytes to values and back."""
