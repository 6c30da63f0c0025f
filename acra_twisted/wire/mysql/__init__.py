"""Packets of MySQL and MariaDB: bytes to values and back."""
