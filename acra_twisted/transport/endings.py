"""The ways in which a connection ends, as failures.

They are made once: Twisted names the parents of each failure's class when it is first looked at.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.error import ConnectionDone
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure


class PeerSilent(ConnectionDone):
    """The connection was closed, and the peer had said nothing on it, as probes of a port do."""


#: Seconds for what waits to be written when a connection is closed; a peer that does not read
#: would keep it for ever.
LINGER: Final = 30.0
DONE: Final = Failure(CONNECTION_DONE)
LOST: Final = Failure(CONNECTION_LOST)
SILENT: Final = Failure(PeerSilent())
