"""A link on which a connector hands its spans over: requests in, one answer for each.

A request may have many spans, so it is read in slices, between which sessions have their turn; the
connector is not read from meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from acra_twisted.errors import WireError
from acra_twisted.proxy.valve import STAGE, Valve
from acra_twisted.telemetry.pages.turns import Turns
from acra_twisted.wire.link.spanlink import KEPT, SpanIntake


class SpanLink:
    """``take`` gives the steps that keep a request, ``write`` answers, ``failed`` is told once if
    the connector breaks the protocol."""

    def __init__(
        self,
        take: Callable[[bytes], Iterator[None]],
        turns: Turns,
        valve: Valve,
        write: Callable[[bytes], None],
        failed: Callable[[WireError], None],
    ) -> None:
        self._take = take
        self._turns = turns
        self._valve = valve
        self._write = write
        self._failed = failed
        self._intake = SpanIntake()
        self._requests: deque[Iterator[None]] = deque()
        self._kept = 0
        self._error: WireError | None = None

    def received(self, data: bytes) -> None:
        """Bytes of the link."""
        try:
            self._requests += [self._take(blob) for blob in self._intake.feed(data)]
        except WireError as error:
            self._end(error)
            return
        if self._requests:
            self._valve.close(STAGE)
            self._turns.add(self)

    def step(self) -> bool:
        """See turns.Job: a step of the first request."""
        try:
            for _ in self._requests[0]:
                return True
        except WireError as error:
            self._error = error
            return False
        self._requests.popleft()
        self._kept += 1
        return bool(self._requests)

    def rest(self) -> None:
        """See turns.Job: answer what was kept in a slice."""
        if self._kept:
            self._write(KEPT * self._kept)
            self._kept = 0
        if self._error is not None:
            self._end(self._error)
        elif not self._requests:
            self._valve.open(STAGE)

    def stop(self) -> None:
        """The link is gone."""
        self._turns.drop(self)

    def _end(self, error: WireError) -> None:
        self.stop()
        self._failed(error)
