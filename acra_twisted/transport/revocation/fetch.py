"""Ask OCSP responders and servers of revocation lists over HTTP, within limits."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


class Fetcher:
    """Asks over HTTP; one for all legs of a daemon.

    ``hosts`` are those (``host`` or ``host:port``) that a certificate may name though they are
    private.  ``trust`` are CA certificates for https URLs, None for the system's.
    """

    def __init__(self, reactor: Any, hosts: Collection[str] = (), trust: Any = None) -> None:
        self.hosts = frozenset(hosts)
