"""Both legs of a connection copied, chunk by chunk and unread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acra_twisted.proxy.valve import Valve


class Copying:
    """``valves`` stop reading the application and the link, if both are registered already; else
    ``own`` is the application's, and the link gets one."""

    def __init__(
        self,
        application: Any,
        link: Any,
        valves: tuple[Valve, Valve] | None,
        own: Valve,
        seconds: Callable[[], float],
    ) -> None:
        self._application = application
        self._link = link
        if valves is None:
            valves = own, Valve(lambda: link.transport, seconds)
            application.register(valves[1])
            link.register(valves[0])
        self._valves = valves

    def begin(self, from_application: bytes, from_link: bytes) -> None:
        """Copy from here on, with no method of ours between, these bytes first."""
        application, link = self._application, self._link
        application.receiver, link.receiver = link.sender, application.sender
        if from_link:
            application.write(from_link)
        if from_application:
            link.write(from_application)

    def unread(self, now: float, limit: float) -> str:
        """Return the side that has not read for longer than ``limit`` seconds: "server",
        "application", or nobody, which is empty."""
        for valve, side in zip(reversed(self._valves), ("application", "server"), strict=True):
            since = valve.blocked_since
            if since is not None and now - since > limit:
                return side
        return ""
