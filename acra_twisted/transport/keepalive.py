"""TCP's own ways to find out that a peer is gone: keepalive probes, and a limit for what nobody
acknowledges.

A peer whose machine has died, or a firewall that has forgotten a connection, says nothing.  Who
waits for its next word would keep the session, the link and the database's session for ever.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KeepAlive:
    """The options ``tcp_keepalives_*`` and ``tcp_user_timeout``, in seconds.  0 means the
    system's value."""

    idle: int = 0
    interval: int = 0
    count: int = 0
    user_timeout: float = 0.0

    def apply(self, connection: socket.socket) -> None:
        """Set the options of a TCP socket; a socket of another kind stays as it is.

        What a listening socket accepts inherits them, so that no accepted socket costs a call.
        """
        if connection.family not in (socket.AF_INET, socket.AF_INET6):
            return
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", self.idle),
            ("TCP_KEEPINTVL", self.interval),
            ("TCP_KEEPCNT", self.count),
            ("TCP_USER_TIMEOUT", round(self.user_timeout * 1000)),
        ):
            # Not every system has each of them.
            number = getattr(socket, name, None)
            if value and number is not None:
                connection.setsockopt(socket.IPPROTO_TCP, number, value)


def keepalive(settings: Mapping[str, Any]) -> KeepAlive:
    """The values that the settings name."""
    return KeepAlive(
        settings["tcp_keepalives_idle"],
        settings["tcp_keepalives_interval"],
        settings["tcp_keepalives_count"],
        settings["tcp_user_timeout"],
    )
