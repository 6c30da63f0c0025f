"""The database systems whose statements are read."""

from __future__ import annotations

from typing import Final

#: As OpenTelemetry calls them (``db.system.name``).
SYSTEMS: Final = ("postgresql", "mysql", "mariadb")
