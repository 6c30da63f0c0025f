"""PostgreSQL's frontend/backend protocol 3 as a proxy keeps it."""
