"""The service that writes a history: batches, in the one thread of a pool of adbapi.

Nothing here is done in the reactor's thread but to hand batches over.  Whatever is wrong with the
file costs history: a batch waits until it can be written, and the queue behind it is bounded.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, globalLogPublisher

from acra_twisted.errors import AcraError
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.history import troubles
from acra_twisted.telemetry.history.intake import WAITING_MAX, Intake
from acra_twisted.telemetry.history.place import Place
from acra_twisted.telemetry.history.pool import OneConnection
from acra_twisted.telemetry.history.restoring import Restoring
from acra_twisted.telemetry.history.room import Bounds
from acra_twisted.telemetry.history.security import SecurityEvents
from acra_twisted.telemetry.history.statements import StatementSink
from acra_twisted.telemetry.history.writing import Item, Written, write

Result = TypeVar("Result")

#: Seconds between two batches.
_INTERVAL: Final = 1.0
#: Seconds between two looks for what is too old.
_LOOK: Final = 60.0
#: Pieces of a batch.
_BATCH: Final = 512
#: Seconds for the last batches at the end.
_DEADLINE: Final = 5.0


class HistoryAway(AcraError):
    """Raised where a history cannot be asked; the text says why."""


class HistoryService(Service):
    """Writes to ``place``, within ``bounds``, what ``intake`` keeps, and security events.

    ``clock`` gives nanoseconds since the epoch, ``wall`` the seconds by which a damaged file is
    named.  The pool of threads begins at startService: a daemon forks before.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        place: Place,
        bounds: Bounds,
        intake: Intake,
        security: SecurityEvents,
        clock: Callable[[], int],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = reactor
        self._place = place
        self._bounds = bounds
        self.intake = intake
        self._security = security
        self._clock = clock
        self._wall = wall
        self._run = secrets.randbits(62)
        self._pool: OneConnection | None = None
        self._batch: list[Item] = []
        self._writing: Deferred[None] | None = None
        self._troubles = troubles.Troubles(self.log, place.path, reactor.seconds)
        #: Why the last batch was not written; empty if it was.
        self.trouble = ""
        #: When a damaged file was set aside last, in seconds since the epoch, and its new name.
        self.set_aside: tuple[float, str] | None = None
        #: Bytes of the file and of its log.
        self.size = 0
        self._counts = dict.fromkeys(("stored", "unfit", "given_up"), 0)
        self._late = False
        # When to look for what is too old: a file is opened with the first look.
        self._next_look = 0.0
        self._statements: StatementSink | None = None
        self._restoring: Restoring | None = None
        self._loop = LoopingCall(self._tick)
        self._loop.clock = reactor

    def counts(self) -> dict[str, int]:
        """Return the numbers of pieces by what became of them."""
        omitted = self.intake.omitted
        return {
            **self._counts,
            **{f"left_out_{reason}": count for reason, count in omitted.items()},
            "left_out_events": self._security.lost,
        }

    def troubles(self) -> dict[str, int]:
        """Return the numbers of attempts that failed, by kind."""
        return self._troubles.counts

    def follow(self, figures: StatementFigures) -> None:
        """Keep figures of statements as well, and give them back what is kept of before."""
        self._statements = StatementSink(figures, self.intake.put)
        self._restoring = Restoring(figures, self.ask, self._clock())
        self._statements.hour_is_over = self._restoring.hour_is_over

    @property
    def waiting(self) -> int:
        """Return the number of pieces that wait."""
        return len(self.intake) + len(self._batch)

    @property
    def waiting_limit(self) -> int:
        """Return the number that may wait."""
        return WAITING_MAX + _BATCH

    @property
    def size_limit(self) -> int:
        """Return the bytes that the file and its log may have."""
        return self._bounds.bytes

    # -- writing ----------------------------------------------------------------------------------

    def startService(self) -> None:
        """Open the file, and begin to write."""
        super().startService()
        self._pool = OneConnection(self._reactor, self._place.path)
        globalLogPublisher.addObserver(self._security)
        self._loop.start(_INTERVAL)
        if self._restoring is not None:
            ensureDeferred(self._restoring.run()).addErrback(self._not_restored)

    def _not_restored(self, failure: Any) -> None:
        """A file that is away is told of where it is written."""
        if not failure.check(HistoryAway):
            self.log.failure("figures cannot be read from the history", failure)

    def _tick(self) -> None:
        """Have a batch written, unless one is being written."""
        if self._writing is None:
            self._writing = writing = ensureDeferred(self._write())
            # Behind it: it may have ended already.
            writing.addBoth(self._done)

    def _done(self, result: Any) -> None:
        self._writing = None
        if result is not None:
            self.log.failure("history", result)

    async def _write(self) -> None:
        """Write until nothing waits, or something is wrong.  With nothing to do the thread is left
        alone: whenever it runs, the reactor may have to wait for it."""
        while True:
            for event in self._security.take():
                self.intake.put(event)
            self._batch += self.intake.take(_BATCH - len(self._batch))
            looks = self._reactor.seconds() >= self._next_look
            if not (looks or self._batch or self.trouble):
                return
            if not await self._write_batch(looks) or not self.intake or self._late:
                return

    async def _write_batch(self, looks: bool) -> bool:
        """Write the batch; False if it must wait.  One that ``looks`` gives up what is too old."""
        pool = self._opened()
        before = self._clock() - self._bounds.age if looks else None
        try:
            done = await pool.ask(self._write_in_thread, before)
        except Exception as error:
            await self._failed(error)
            return False
        self.trouble = ""
        self.size = done.size
        self._counts["stored"] += done.stored
        self._counts["unfit"] += done.unfit
        self._counts["given_up"] += done.given_up
        if looks and not done.given_up:
            # Else there may be more.
            self._next_look = self._reactor.seconds() + _LOOK
        return True

    def _write_in_thread(self, connection: Any, before: int | None) -> Written:
        # A file that was removed would go on without its name, and be lost in the end.
        if not self._place.is_same():
            raise troubles.Gone
        return write(connection, self._batch, self._bounds, before, self._run)

    async def _failed(self, error: Exception) -> None:
        kind, name = troubles.kind_of(error), troubles.name_of(error)
        self.trouble = troubles.TEXTS[kind]
        if kind in (troubles.DAMAGED, troubles.GONE):
            renew = self._set_aside if kind == troubles.DAMAGED else self._adopt
            try:
                told = await self._opened().call(renew)
            except OSError as failure:
                kind, told = troubles.DISK, {}
                name = troubles.name_of(failure)
            self._troubles.saw(kind, name, **told)
        elif kind in troubles.PASSING:
            self._troubles.saw(kind, name)
        else:
            self._counts["unfit"] += len(self._batch)
            self._batch.clear()
            self._troubles.saw(kind, name)

    def _set_aside(self) -> dict[str, str]:
        """Close and rename the file, in the pool's thread."""
        self._opened().disconnect()
        now = self._wall()
        path = self._place.set_aside(now)
        self.set_aside = (now, os.path.basename(path))
        return {"set_aside": path}

    def _adopt(self) -> dict[str, str]:
        """Close the file, and take the one that is there, in the pool's thread."""
        self._opened().disconnect()
        self._place.adopt()
        return {}

    def _opened(self) -> OneConnection:
        assert self._pool is not None  # noqa: S101 - while it is written to
        return self._pool

    # -- asking -----------------------------------------------------------------------------------

    async def ask(self, question: Callable[..., Result], *given: Any) -> Result:
        """Call one of the functions of `reading`, with a connection before what is given.  Raises
        HistoryAway, and Damaged."""
        if self._pool is None:
            raise HistoryAway("the history is closed")
        try:
            found: Result = await self._pool.ask(question, *given)
        except Exception as error:
            if troubles.kind_of(error) == troubles.FAULT:
                raise
            raise HistoryAway(f"the history cannot be read: {troubles.name_of(error)}") from None
        return found

    # -- end --------------------------------------------------------------------------------------

    def stopService(self) -> Deferred[None]:
        """Write what waits, within a time, and close the file."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        pool = self._pool
        if pool is not None:
            globalLogPublisher.removeObserver(self._security)
            late = self._reactor.callLater(_DEADLINE, self._interrupt, pool)
            if self._writing is not None:
                await self._writing
            if self._statements is not None:
                self._statements.finish()
            await self._write()
            await pool.call(pool.disconnect)
            if late.active():
                late.cancel()
            self._pool = None
            await maybeDeferred(pool.close)
        self._place.release()

    def _interrupt(self, pool: OneConnection) -> None:
        self._late = True
        pool.interrupt()
