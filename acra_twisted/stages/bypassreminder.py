"""A reminder of the bypasses that are in force, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from acra_twisted import events
from acra_twisted.encryption.settings import Bypass
from acra_twisted.stages.bypassing import Bypasses

_log: Final = Logger()

#: Seconds between two reminders.
_INTERVAL: Final = 3600
#: Bypasses that one line names.
_NAMED: Final = 20


class BypassReminder:
    """Logs the number and the names of the bypasses in force each hour, if there are any."""

    def __init__(self, bypasses: Bypasses) -> None:
        self._bypasses = bypasses
        self._loop: LoopingCall | None = None

    def start(self, reactor: Any) -> None:
        """Remind from now on; the start itself tells of each bypass."""
        loop = self._loop = LoopingCall(self._remind)
        loop.clock = reactor
        loop.start(_INTERVAL, now=False)

    def stop(self) -> None:
        """Remind no more."""
        if self._loop is not None:
            self._loop.stop()
            self._loop = None

    def _remind(self) -> None:
        bypasses = self._bypasses.in_force()
        if bypasses:
            _log.warn("{event_text}", event_text=_told(bypasses), code=events.BYPASSES_IN_FORCE)


def _told(bypasses: Sequence[Bypass]) -> str:
    count = len(bypasses)
    named = ", ".join(
        f"{one.name!r} of client {one.client_id!r} for {' and '.join(sorted(one.columns))}"
        for one in bypasses[:_NAMED]
    )
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    are = "1 bypass is" if count == 1 else f"{count} bypasses are"
    return f"{are} in force: {named}{more}"
