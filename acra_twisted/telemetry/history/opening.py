"""Makes the history of a daemon from its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acra_twisted.options import Settings

if TYPE_CHECKING:
    from acra_twisted.telemetry.history.service import HistoryService


def make_history(
    reactor: Any, service: str, settings: Settings, clock: Callable[[], int]
) -> HistoryService | None:
    """Return the history of the daemon ``service``, None if it has none.  ``clock`` gives
    nanoseconds since the epoch.  Raises ConfigError."""
    path = settings.get("trace_store_file")
    if not path:
        return None
    # A daemon without a history does not pay for SQLite.
    from acra_twisted.telemetry.history.intake import Intake
    from acra_twisted.telemetry.history.place import Place
    from acra_twisted.telemetry.history.room import Bounds
    from acra_twisted.telemetry.history.security import SecurityEvents
    from acra_twisted.telemetry.history.service import HistoryService

    age = settings["trace_store_max_age"] * 10**9
    return HistoryService(
        reactor,
        Place(path),
        Bounds(settings["trace_store_max_bytes"], age),
        Intake(service, clock),
        SecurityEvents(service),
        clock,
    )
