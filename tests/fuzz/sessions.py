"""Whole sessions for fuzzers: a relay between a client and a database that say what an input says,
and stages that judge by marks in what they see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from zope.interface import directlyProvides

from acra_twisted.exchange import (
    MESSAGES,
    PARAMETERS,
    ROWS,
    STATEMENT,
    Copies,
    Exchange,
    Parameters,
    Statement,
)
from acra_twisted.interfaces import (
    ILoadStage,
    IMessageStage,
    IParameterStage,
    IResultStage,
    IStatementStage,
)
from acra_twisted.outstanding import ANSWER_WITH_NEXT
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.ends import TERMINATED
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import STAGE, between
from acra_twisted.results import Columns, RowBatch
from acra_twisted.session import Session
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.fuzz.framed import TURN
from tests.support.sessions import FakeChannel, make_session

#: Of a text or of rows: they are refused, another text takes their place, a stage takes the rows
#: that such a text loads.
DENIED, CHANGED, TAKEN = b"secret", b"altered", b"taken"
#: Kinds of work that some stage looks at, by the bits of a number.
INSPECTS = (STATEMENT, PARAMETERS, ROWS, MESSAGES)
#: Rows that a client loads are no kind of their own.
LOADS = "loads"
_INTERFACES = {
    STATEMENT: IStatementStage,
    PARAMETERS: IParameterStage,
    ROWS: IResultStage,
    MESSAGES: IMessageStage,
    LOADS: ILoadStage,
}
CLIENT, DATABASE = "client", "database"
_LONGEST_TALK = 12
_BROKEN = "protocol error"
#: Internal errors, as the log has them.
_errors: list[Any] = []


def _note(event: dict[str, Any]) -> None:
    if "log_failure" in event:
        _errors.append(event["log_failure"])


globalLogPublisher.addObserver(_note)


class Settings(NamedTuple):
    """The choices of an input: kinds of work that are judged, replies that may be outstanding, the
    size of the pieces in which all comes, and whether verdicts come behind the next piece."""

    inspects: frozenset[str]
    pending: int
    cut: int
    later: bool

    def is_exact(self, data: bytes) -> bool:
        """Return True if all sides must see the same of an input, however it is cut: of a run, or a
        piece, of rows in which one is refused more or fewer leave before; and rows are refused
        that are for two stages."""
        return sum((ROWS in self.inspects, DENIED in data, TAKEN in data)) < 2


class Timer:
    """A call that is made when the sides have said all of a turn."""

    def __init__(self, timers: list[Timer], function: Callable[[], None]) -> None:
        self.function = function
        self._timers = timers
        timers.append(self)

    def cancel(self) -> None:
        if self in self._timers:
            self._timers.remove(self)


_SEARCH = re.compile(b"|".join((DENIED, CHANGED))).search


class Stage:
    """Judges by marks; ``answer`` takes a verdict, and returns it or a Deferred of it."""

    name = "test"
    columns = None

    def __init__(self, inspects: frozenset[str], answer: Callable[[Any], Any]) -> None:
        self._answer = answer
        directlyProvides(self, *(_INTERFACES[kind] for kind in inspects))

    def on_statement(self, statement: Statement, exchange: Exchange) -> Any:
        text = statement.text
        verdict: Any = PASS
        if DENIED in text:
            verdict = Deny("no", reason="test")
        elif CHANGED in text or TAKEN in text:
            other = Statement(text.replace(CHANGED, b"other"))
            if TAKEN in text:
                other.copies = Copies(lambda exchange: self, failing=b"(\n")
            verdict = Replace(other)
        return self._answer(verdict)

    def on_parameters(self, given: Parameters, exchange: Exchange) -> Any:
        values = [b"" if value is None else value for value in given.values]
        verdict: Any = PASS
        if any(DENIED in value for value in values):
            verdict = Deny("no", reason="test")
        elif any(CHANGED in value for value in values):
            others = [None if value is None else b"#" + value for value in given.values]
            verdict = Replace(Parameters(others, [0] * len(others), given.statement))
        return self._answer(verdict)

    def plan_result(self, columns: Columns) -> Any:
        return self

    plan_load = plan_result

    @staticmethod
    def concerns(data: bytes, start: int, end: int) -> bool:
        return _SEARCH(data, start, end) is not None

    def transform(self, batch: RowBatch, exchange: Exchange) -> Any:
        verdict: Any = PASS
        for row in range(len(batch)):
            for column, cell in enumerate(batch.cells(row)):
                if cell is not None and DENIED in cell:
                    return self._answer(Deny("no", reason="test"))
                if cell is not None and CHANGED in cell:
                    batch.set_cell(row, column, cell.replace(CHANGED, b"other"))
                    verdict = Replace(batch)
        return self._answer(verdict)

    def on_message(self, batch: RowBatch, exchange: Exchange) -> Any:
        is_denied = DENIED in batch.data[batch.start : batch.end]
        return self._answer(Deny("no", reason="test") if is_denied else PASS)

    def feed(self, data: bytes, exchange: Exchange) -> Any:
        """Rows that are taken."""
        denied = Deny("no", reason="test")
        return self._answer(denied if DENIED in data else Replace(data.upper()))

    finish = feed


class Played:
    """A session that is over: bytes for either side, and why it has ended."""

    def __init__(self, make: Callable[[Session, Pipeline], Any], settings: Settings, fatal: Any):
        self.client, self.database = FakeChannel(), FakeChannel()
        self.ends: list[str] = []
        self.session = make_session()
        # Notices tell of times.
        self.session.clock = lambda: 1_000_000_000
        self._settings = settings
        self._timers: list[Timer] = []
        self._verdicts: list[tuple[Deferred[Any], Any]] = []
        #: What had waited for the database went on while that spoke: where it says all at once, it
        #: is another conversation.
        self.is_ahead = False
        #: An answer of ours waited for the database's next at the end; where nothing was owed when
        #: it came, the client has it.
        self.is_held = False
        pipeline = Pipeline([Stage(settings.inspects, self._answer)])
        flows = make(self.session, pipeline)
        self._request: Any = flows[0]
        self.relay = Relay(
            self.session,
            self.client,
            self.database,
            flows,
            pipeline,
            Limits(settings.pending, hold=1),
            fatal=fatal,
            seconds=lambda: 0.0,
            later=lambda seconds, function: Timer(self._timers, function),
            ended=self.ends.append,
            valves=between(self.client, self.database, lambda: 0.0),
        )

    def _answer(self, verdict: Any) -> Any:
        if not self._settings.later:
            return verdict
        waiting: Deferred[Any] = Deferred()
        self._verdicts.append((waiting, verdict))
        return waiting

    def play(self, talk: list[bytes]) -> None:
        """Let both sides say their turns, and end."""
        waiting = {CLIENT: b"", DATABASE: b""}
        for number, said in enumerate(talk):
            waiting[(CLIENT, DATABASE)[number % 2]] += said
            while not self.relay.finished and self._step(waiting):
                pass
            while self._timers:
                timer = self._timers[0]
                timer.cancel()
                timer.function()
                self._settle()
        while not self.relay.finished and self._step(waiting):
            pass
        head = self.session.outstanding.head
        self.is_held = head is not None and head[0] == ANSWER_WITH_NEXT
        self.relay.finish("over")

    def _step(self, waiting: dict[str, bytes]) -> bool:
        """Let one side say a piece that is read; return False if there is none."""
        relay, cut = self.relay, self._settings.cut
        sides = (
            (CLIENT, relay.client_valve, relay.from_client),
            (DATABASE, relay.database_valve, relay.from_database),
        )
        for side, valve, take in sides:
            # While a stage judges, what was read already may come.
            if waiting[side] and not valve.reasons - {STAGE}:
                piece, waiting[side] = waiting[side][:cut], waiting[side][cut:]
                sent, waits = len(self.database.writes), self._request.awaits_load
                take(piece)
                self._settle()
                went_on = len(self.database.writes) > sent or self._request.awaits_load < waits
                if side == DATABASE and waiting[DATABASE] and went_on:
                    self.is_ahead = True
                return True
        return self._settle()

    def _settle(self) -> bool:
        """Have one verdict come; return False if none is awaited."""
        if not self._verdicts:
            return False
        waiting, verdict = self._verdicts.pop(0)
        waiting.callback(verdict)
        return True

    @property
    def to_client(self) -> bytes:
        """All that the client sees."""
        return self.client.data

    @property
    def to_database(self) -> bytes:
        """All that the database sees."""
        return self.database.data


def play(
    make: Callable[[Session, Pipeline], Any], settings: Settings, talk: list[bytes], fatal: Any
) -> Played:
    """Play a session to its end.  Raises AssertionError for an internal error, and for exchanges
    that are not closed once."""
    played = Played(make, settings, fatal)
    played.play(talk)
    if _errors:
        error = _errors.pop()
        _errors.clear()
        raise AssertionError(error.getTraceback())
    recorder: Any = played.session.observer
    assert len(played.ends) == 1, played.ends
    assert not played.session.outstanding, "a reply is owed"
    opened, closed = ([id(one) for one in ones] for ones in (recorder.opened, recorder.closed))
    assert sorted(opened) == sorted(closed), "an exchange was not closed, or twice"
    return played


def turns(data: bytes) -> list[bytes]:
    """The turns of both sides, the client first."""
    return data.split(TURN)[:_LONGEST_TALK]


def forms(first: int, second: int) -> Iterator[Settings]:
    """The ways in which a session is played that must not differ, by an input's first bytes: whole,
    in pieces, and in pieces while verdicts are awaited."""
    inspects = frozenset(kind for bit, kind in enumerate(INSPECTS) if first >> bit & 1)
    if ROWS in inspects:
        inspects |= {LOADS}
    cut = 1 + (second & 0x1F)
    for size, later in ((1 << 20, False), (cut, False), (cut, True)):
        yield Settings(inspects, 1000, size, later)


def compare(played: list[Played], shown: list[tuple[Any, Any]]) -> None:
    """Sessions that must be alike: their ends, and what is ``shown`` of each to the client and to
    the database.  Raises AssertionError if they are not."""
    recorders: list[Any] = [one.session.observer for one in played]
    if any(recorder.failures for recorder in recorders) or any(one.is_ahead for one in played):
        # Of rows that cannot be read, those that came with them share the fate.
        return
    ends = [one.ends[0] for one in played]
    if _BROKEN in ends:
        # How much was read before depends on the pieces, and what was asked for by then.
        return
    assert len(set(ends)) == 1, ends
    for to_client, to_database in shown[1:]:
        said, sent = shown[0]
        assert to_database == sent, (sent, to_database)
        if ends[0] == TERMINATED or any(one.is_held for one in played):
            # What came with the last reply may be passed on or not.
            size = min(len(said), len(to_client))
            said, to_client = said[:size], to_client[:size]
        assert to_client == said, (said, to_client)
