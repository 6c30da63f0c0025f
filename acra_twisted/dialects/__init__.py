"""Database families as sans-IO proxy machines."""
