"""One observer that tells several others, between the pipeline and them.

An observer that raises is our own bug; it is logged and the others are told all the same, for
nothing that only observes may hurt the data path.

Exchanges that went as they should are told of in runs: observers touch much memory, and a run
brings it into the processor's caches once.  It takes 0.1 ms, for which no reply is to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from twisted.logger import Logger
from zope.interface import classImplements

from acra_twisted.exchange import Exchange, Work
from acra_twisted.fast.compiled import mypyc_attr
from acra_twisted.interfaces import IPipelineObserver
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.session import Session
from acra_twisted.verdicts import Deny, Hangup

_log: Final = Logger()

#: Exchanges of a run, as many as may wait for its being told, and bytes of a statement among them.
_RUN: Final = 32
_MOST: Final = 128
_TEXT: Final = 4096
#: The attribute of an exchange of which there is an event.
_EVENT: Final = "acra.event_code"
#: The fate of a value that could not be read: see `encryption.fates`.
_FAILED: Final = "failed"
#: Nanoseconds: what took longer is told of at once.
_LONG: Final = 10**9


def at_once(function: Callable[[], None]) -> None:
    """Call it, where nothing is to be done before."""
    function()


@mypyc_attr(allow_interpreted_subclasses=True)
class RunObserver(BaseObserver):
    """An observer that is told of a run of exchanges by one call.

    `exchanges_closed` is called in place of `exchange_closed`, which does the work: between two
    compiled methods a call takes a tenth of one from outside.
    """

    def exchange_closed(self, exchange: Exchange) -> None:
        """See IPipelineObserver."""

    def exchanges_closed(self, exchanges: list[Exchange]) -> None:
        """Take exchanges that have closed, in their order.  One that cannot be taken is logged, and
        the others are taken all the same."""
        for exchange in exchanges:
            try:
                self.exchange_closed(exchange)
            except Exception:
                _log.failure("observer failed")

    def settle(self) -> None:
        """Have all that was taken be seen where it is read, if some of it waits."""


class Observers:
    """Tells each of ``observers`` in order.

    ``slow``, nanoseconds: who lasted as long is told of at once, as is whatever went wrong.
    ``afterwards`` calls what it is given when the replies that are ready have been sent.
    Whoever reads what observers have counted calls `catch_up` before; somebody must call it now
    and then, for spans to get on their way.
    """

    def __init__(
        self,
        observers: Sequence[Any],
        slow: int = 0,
        afterwards: Callable[[Callable[[], None]], None] = at_once,
    ) -> None:
        self._observers = tuple(observers)
        self._afterwards = afterwards
        self._slow = slow or _LONG
        self._waiting: list[Exchange] = []
        self._opened = _interested(observers, "exchange_opened")
        heard = [one for one in observers if not getattr(one, "refusals_only", False)]
        others = [one for one in observers if getattr(one, "refusals_only", False)]
        apart = [one for one in observers if getattr(one, "failures_only", False)]
        every = [one for one in observers if not getattr(one, "failures_only", False)]
        self._values = _interested(every, "column_values")
        self._failed_values = _interested(apart, "column_values")
        self._closed = _in_runs(heard)
        self._settle = _settling(heard)
        self._refused = _in_runs(others)

    def exchange_opened(self, exchange: Exchange) -> None:
        """Per message, so the methods were looked up beforehand."""
        for tell in self._opened:
            try:
                tell(exchange)
            except Exception:
                _log.failure("observer failed")

    def exchange_closed(self, exchange: Exchange) -> None:
        """At once, or with others that are as plain."""
        waiting, statement = self._waiting, exchange.statement
        waiting.append(exchange)
        many = len(waiting)
        if (
            many >= _MOST
            or exchange.outcome != "ok"
            or (exchange.attributes is not None and _EVENT in exchange.attributes)
            or exchange.closed - exchange.opened >= self._slow
            or (statement is not None and len(statement.text) > _TEXT)
        ):
            self._tell_waiting()
        elif many == _RUN:
            self._afterwards(self._tell_waiting)

    def catch_up(self) -> None:
        """Tell of every exchange that has closed, and have all that was counted be seen."""
        self._tell_waiting()
        for settle in self._settle:
            try:
                settle()
            except Exception:
                _log.failure("observer failed")

    def _tell_waiting(self) -> None:
        waiting = self._waiting
        if not waiting:
            return
        self._waiting = []
        for exchange in waiting:
            if exchange.values is not None:
                self._tell_values(exchange, exchange.values)
        # One observer after the other: what each touches stays in the caches.
        for closed in self._closed:
            closed(waiting)
        if waiting[-1].outcome == "denied":
            # Only the last one can be: it is told of at once.
            for closed in self._refused:
                closed(waiting[-1:])
        for exchange in waiting:
            exchange.stage_runs = None
            exchange.values = None

    def session_opened(self, session: Session) -> None:
        """See IPipelineObserver."""
        self._tell("session_opened", session)

    def session_closed(self, session: Session, reason: str) -> None:
        """See IPipelineObserver."""
        self._tell_waiting()
        self._tell("session_closed", session, reason)

    def stage_refused(self, stage: str, work: Work, verdict: Deny | Hangup) -> None:
        """See IPipelineObserver."""
        self._tell("stage_refused", stage, work, verdict)

    def stage_failed(self, stage: str, work: Work, failure: Any) -> None:
        """See IPipelineObserver."""
        self._tell("stage_failed", stage, work, failure)

    def containers_read(self, exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """See IPipelineObserver."""
        self._tell("containers_read", exchange, kind, opened, failed)

    def column_values(self, exchange: Exchange, counts: Mapping[tuple[Any, str], int]) -> None:
        """Tell of them with the exchange's end."""
        before = exchange.values
        if exchange.closed:
            self._tell_values(exchange, counts)
        elif before is None:
            exchange.values = counts
        else:
            # Some of them may be somebody else's.
            both = dict(before)
            for key, number in counts.items():
                both[key] = both.get(key, 0) + number
            exchange.values = both

    def _tell_values(self, exchange: Exchange, counts: Mapping[tuple[Any, str], int]) -> None:
        _tell_counts(self._values, exchange, counts)
        for _, fate in counts:
            if fate == _FAILED:
                _tell_counts(self._failed_values, exchange, counts)
                break

    def security_event(
        self,
        code: int,
        text: str,
        session: Session | None,
        exchange: Exchange | None,
        **fields: Any,
    ) -> None:
        """See IPipelineObserver."""
        self._tell("security_event", code, text, session, exchange, **fields)

    def _tell(self, method: str, *args: Any, **fields: Any) -> None:
        for observer in self._observers:
            try:
                getattr(observer, method)(*args, **fields)
            except Exception:
                _log.failure("observer failed")


# Not as a decorator: compiled classes have none.
classImplements(Observers, IPipelineObserver)


def _tell_counts(
    observers: tuple[Callable[..., None], ...],
    exchange: Exchange,
    counts: Mapping[tuple[Any, str], int],
) -> None:
    for tell in observers:
        try:
            tell(exchange, counts)
        except Exception:
            _log.failure("observer failed")


def _tell_each(closed: Callable[[Exchange], None], exchanges: list[Exchange]) -> None:
    for exchange in exchanges:
        try:
            closed(exchange)
        except Exception:
            _log.failure("observer failed")


def _in_runs(observers: Sequence[Any]) -> tuple[Callable[[list[Exchange]], None], ...]:
    """Return what takes runs of exchanges for each of those observers that want to hear of them."""
    return tuple(
        one.exchanges_closed if isinstance(one, RunObserver) else partial(_tell_each, closed)
        for one in observers
        for closed in _interested([one], "exchange_closed")
    )


def _settling(observers: Sequence[Any]) -> tuple[Callable[[], None], ...]:
    """Return what settles those observers with which something may wait."""
    return tuple(
        one.settle
        for one in observers
        if isinstance(one, RunObserver) and type(one).settle is not RunObserver.settle
    )


def _interested(observers: Sequence[Any], method: str) -> tuple[Callable[..., None], ...]:
    """The methods of those observers whose own is not the one that does nothing."""
    return tuple(
        getattr(observer, method)
        for observer in observers
        if getattr(type(observer), method, None) is not getattr(BaseObserver, method)
    )
