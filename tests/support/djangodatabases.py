"""The databases of Django, whose settings are those of a whole process."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings


def use(databases: dict[str, dict[str, Any]]) -> None:
    """Have Django use these databases alone, also where a test has used others before."""
    if not settings.configured:
        settings.configure(DATABASES=databases, USE_TZ=True)
        django.setup()
        return
    # It needs the settings.
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        del connections[connection.alias]
    made = connections.configure_settings(databases)
    connections.databases.clear()
    connections.databases.update(made)
