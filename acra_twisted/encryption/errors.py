"""The exceptions of protected columns: a value that cannot be stored as its column wants it."""

from __future__ import annotations

from acra_twisted.errors import AcraError


class ValueRefusedError(AcraError):
    """A value that a client wrote is refused.

    ``sqlstate`` and ``str()`` are for the client; ``reason`` is one of a small fixed set, the label
    of a metric.  The text names the column and never holds the value.
    """

    def __init__(self, sqlstate: bytes, reason: str, text: str) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate
        self.reason = reason
