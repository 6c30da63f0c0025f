"""One direction of one connection: flow, stages, verdicts.

Verdicts that are there at once are settled in a loop; for one that is not, the source is paused
and the other direction goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.dialects.flow import MessageFlow
from acra_twisted.exchange import Exchange, Work
from acra_twisted.pipeline.driver import settled
from acra_twisted.proxy.valve import STAGE, Valve
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace

_VERDICTS: Final = frozenset((Replace, Deny, Hangup))
#: Pieces of work of one exchange, such as the rows of a bulk execution, that are done in one turn
#: of the reactor: other sessions wait meanwhile.
IN_A_TURN: Final = 200


class Pump:
    """``run`` is the pipeline; ``flush`` sends what the flows have put out; ``hang_up`` and
    ``failed`` end the connection (for a verdict, for an exception).  ``later`` is a reactor's
    callLater."""

    __slots__ = (
        "_flow",
        "_run",
        "_valve",
        "_flush",
        "_hang_up",
        "_failed",
        "_later",
        "waits_for",
        "left",
        "_ended",
    )

    def __init__(
        self,
        flow: MessageFlow,
        run: Callable[[Work], Any],
        valve: Valve,
        *,
        flush: Callable[[], None],
        hang_up: Callable[[str], None],
        failed: Callable[[Failure], None],
        later: Callable[[float, Callable[[], None]], Any],
    ) -> None:
        self._flow = flow
        self._run = run
        self._valve = valve
        self._flush = flush
        self._hang_up = hang_up
        self._failed = failed
        self._later = later
        #: What a verdict is awaited for.
        self.waits_for: Work | None = None
        #: What was being judged at the end of all.
        self.left: Work | None = None
        self._ended = False

    @property
    def waiting(self) -> bool:
        """True if a verdict is being waited for."""
        return self.waits_for is not None

    def received(self, data: bytes) -> None:
        """Bytes from the source."""
        if self.waits_for is not None:
            self._flow.feed(data)
        elif not self._ended:
            self._advance(data)

    def go_on(self) -> None:
        """Go on with what was left, for something else has changed."""
        if self.waits_for is None and not self._ended:
            self._advance()

    def _advance(self, data: bytes = b"") -> None:
        """Go as far as verdicts are there."""
        flow, left = self._flow, 0
        exchange: Exchange | None = None
        work: Work | None = None
        try:
            work = flow.begin(data) if data else flow.next_work()
            while work is not None:
                if work.exchange is not exchange:
                    exchange, left = work.exchange, IN_A_TURN
                left -= 1
                verdict = self._run(work) if left >= 0 else self._in_another_turn(work)
                if verdict is not PASS and type(verdict) not in _VERDICTS:
                    verdict = self._now_or_later(verdict, work)
                    if verdict is None:
                        break
                if type(verdict) is Hangup:
                    self._end(work, verdict)
                    return
                flow.settle(work, verdict)
                if self._ended:
                    break
                work = flow.next_work()
            self._flush()
        except Exception:
            self.left = work
            self._failed(Failure())

    def _in_another_turn(self, work: Work) -> Deferred[Any]:
        """The verdict on a piece of work that others must not wait for."""
        turn: Deferred[Any] = Deferred()
        turn.addCallback(lambda _: PASS if self._ended else self._run(work))
        self._later(0, lambda: turn.callback(None))
        return turn

    def _now_or_later(self, verdict: Deferred[Any], work: Work) -> Any:
        verdict = settled(verdict)
        if not isinstance(verdict, Deferred):
            return verdict
        self.waits_for = work
        self._valve.close(STAGE)
        verdict.addCallback(self._resume, work)
        # The pipeline's Deferred never fails; what `_resume` raises is our own bug.
        verdict.addErrback(self._failed)
        return None

    def _resume(self, verdict: Any, work: Work) -> None:
        if self._ended:
            return
        self.waits_for = None
        if type(verdict) is Hangup:
            self._end(work, verdict)
            return
        self.left = work
        self._flow.settle(work, verdict)
        self.left = None
        self._advance()
        if not self.waiting:
            self._valve.open(STAGE)

    def _end(self, work: Work, verdict: Hangup) -> None:
        self.left = work
        self._flush()
        self._ended = True
        self._hang_up(verdict.reason)

    def stop(self) -> None:
        """Take no further verdict."""
        if not self._ended:
            if self.waits_for is not None:
                self.left, self.waits_for = self.waits_for, None
        self._ended = True
