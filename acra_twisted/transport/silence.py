"""A peer that goes before its first byte, as probes of a port do."""

from __future__ import annotations

from typing import Final

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure


class PeerSilent(ConnectionDone):
    """The connection was closed, and the peer had said nothing on it."""


SILENT: Final = Failure(PeerSilent())
