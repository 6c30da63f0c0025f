"""Counts every request by the shape of its statement, in the minute in which it ends.

A request costs some 1,500 instructions where this is compiled: its text is one look into a dict,
and a duration is counted in the bucket of the one before if it fits.  At most SHAPES_MAX shapes
have figures of their own in a minute; those with the fewest calls make room for new ones, and what
they have counted goes to `OTHERS`.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.exchange import ROWS as ROWS_WORK
from acra_twisted.exchange import Exchange
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.session import Session
from acra_twisted.sql import redact
from acra_twisted.sql.redact import Redacted
from acra_twisted.telemetry.figures.buckets import Distribution
from acra_twisted.telemetry.figures.rows import (
    FIRST_BYTE,
    LINK,
    PROXY,
    ROWS,
    STAGE,
    WHOLE,
    Layer,
    Row,
)
from acra_twisted.telemetry.figures.shapes import OTHERS, Shape, shape_of

#: Nanoseconds.
MINUTE: Final = 60 * 10**9
SHAPES_MAX: Final = 1000
#: Texts whose shapes are known: lists of different lengths have one shape.
_TEXTS_MAX: Final = 4096
#: Sampled requests of connectors whose spans may still come.
_AWAITED_MAX: Final = 1024
#: Attribute of an exchange whose rows held poison records.
_POISONED: Final = "acra.poison_records"
_CLASS_SIZE: Final = 2
_UNKNOWN_CLASS: Final = "??"


class Counted:
    """Figures of one shape in one minute, while they are counted."""

    __slots__ = (
        "shape",
        "row",
        "calls",
        "row_count",
        "received",
        "sent",
        "prepared",
        "in_transaction",
        "whole",
        "proxy",
        "first_byte",
        "rows",
        "link",
        "stages",
        "stage_list",
        "_last_name",
        "_last_stage",
    )

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        #: Counters of what is rare, and what was taken over from others.
        self.row = Row()
        self.calls = self.row_count = self.received = self.sent = 0
        self.prepared = self.in_transaction = 0
        self.whole = Distribution()
        self.proxy = Distribution()
        self.first_byte = Distribution()
        self.rows = Distribution()
        self.link: Distribution | None = None
        self.stages: dict[str, Distribution] = {}
        self.stage_list: list[Distribution] = []
        self._last_name = ""
        self._last_stage = self.whole

    def count(self, exchange: Exchange) -> None:
        """Count a request that has ended."""
        self.calls += 1
        if exchange.kind == "execute":
            self.prepared += 1
        if exchange.in_transaction:
            self.in_transaction += 1
        if exchange.rows > 0:
            self.row_count += exchange.rows
        traffic = exchange.traffic
        if traffic is not None:
            self.received += traffic.from_client
            self.sent += traffic.to_client
        if exchange.attributes is not None and _POISONED in exchange.attributes:
            self.row.poisoned += 1
        if exchange.outcome != "ok" and not self._ended_otherwise(exchange):
            return
        before = behind = 0
        if exchange.stage_runs is not None:
            for run in exchange.stage_runs:
                took = run.ended - run.started
                name = run.stage
                stage = self._last_stage if name is self._last_name else self._stage(name)
                stage.gather(took)
                if run.kind == ROWS_WORK:
                    behind += took
                else:
                    before += took
            if len(self.stage_list) == 1:
                self._last_stage.settle()
            else:
                for stage in self.stage_list:
                    stage.settle()
        opened, sent, closed = exchange.opened, exchange.sent, exchange.closed
        self.whole.count(closed - opened)
        if not sent:
            self.proxy.count(max(closed - opened - before - behind, 0))
            return
        self.proxy.count(max(sent - opened - before, 0))
        first = exchange.first_byte
        if first < sent:
            first = closed
        self.first_byte.count(first - sent)
        self.rows.count(max(closed - first - behind, 0))

    def _ended_otherwise(self, exchange: Exchange) -> bool:
        """Count a request that did not go well; False if its time says nothing."""
        row, outcome = self.row, exchange.outcome
        if outcome == "error":
            row.errors += 1
            name = exchange.status_code[:_CLASS_SIZE]
            fits = len(name) == _CLASS_SIZE and name.isascii() and name.isalnum()
            row.add_class(name if fits else _UNKNOWN_CLASS, 1)
        elif outcome == "denied":
            row.denied += 1
        elif outcome == "lost":
            row.lost += 1
        else:
            row.aborted += 1
        return outcome != "aborted"

    def _stage(self, name: str) -> Distribution:
        found = self.stages.get(name)
        if found is None:
            found = self.stages[name] = Distribution()
            self.stage_list.append(found)
        # Comparing is cheaper than hashing.
        self._last_name, self._last_stage = name, found
        return found

    def count_link(self, nanoseconds: int) -> None:
        """Count the time by which a connector's request took longer."""
        if self.link is None:
            self.link = Distribution()
        self.link.count(nanoseconds)

    def figures(self) -> Row:
        """Return what was counted, as a row that nothing else holds."""
        row = Row()
        row.calls, row.rows = self.calls, self.row_count
        row.received, row.sent = self.received, self.sent
        row.prepared, row.in_transaction = self.prepared, self.in_transaction
        _put(row, WHOLE, self.whole)
        _put(row, PROXY, self.proxy)
        _put(row, FIRST_BYTE, self.first_byte)
        _put(row, ROWS, self.rows)
        if self.link is not None:
            _put(row, LINK, self.link)
        for name, stage in self.stages.items():
            _put(row, STAGE + name, stage)
        row.add(self.row)
        return row


def _put(row: Row, name: str, counted: Distribution) -> None:
    buckets = counted.sparse()
    if buckets:
        row.layer(name).add(Layer(counted.total, buckets))


class _Known:
    """A shape of the moment; ``counted`` are its figures of ``minute``."""

    __slots__ = ("shape", "minute", "counted")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.minute = -1
        self.counted: Counted | None = None


class _Texts:
    """Shapes by their redacted texts, for sessions of one ``database``; ``statements`` are those
    that run, ``others`` by kind of exchange as well.  It holds for one ``generation``."""

    __slots__ = ("database", "generation", "statements", "others")

    def __init__(self, database: bytes, generation: int) -> None:
        self.database = database
        self.generation = generation
        self.statements: dict[str, _Known] = {}
        self.others: dict[tuple[str, str], _Known] = {}


class Minute:
    """Figures of one minute since the epoch, by shape; it is over when the next one has begun."""

    __slots__ = ("number", "counted")

    def __init__(self, number: int) -> None:
        self.number = number
        self.counted: list[Counted] = []


class ShapeCounter(BaseObserver):
    """Told of exchanges that have ended.

    A request that is told of when its minute is over counts in the minute at hand, so that a
    minute that is over never changes.
    """

    def __init__(self, now: int) -> None:
        self._minute = Minute(now // MINUTE)
        self._number = self._minute.number
        self._ends = (self._number + 1) * MINUTE
        self._over: list[Minute] = []
        self._shapes: dict[str, _Known] = {}
        # By system and database.  When texts are forgotten, a new generation begins.
        self._texts: dict[tuple[str, bytes], _Texts] = {}
        self._known_texts = 0
        self._generation = 0
        # Shapes and whole times of sampled requests by the id of the connector's span.
        self._awaited: dict[str, tuple[str, int]] = {}

    def session_opened(self, session: Session) -> None:
        """Have its stages timed, sampled or not."""
        session.timed = True

    def exchange_closed(self, exchange: Exchange) -> None:
        """Count it."""
        if exchange.closed >= self._ends:
            self.roll(exchange.closed)
        session, statement = exchange.session, exchange.statement
        shown: Redacted | None = None
        if statement is not None:
            shown = statement.shown
            if shown is None:
                shown = redact.of_statement(statement, session.language)
        kind = exchange.kind
        texts: _Texts | None = session.figures
        known: _Known | None = None
        if (
            shown is not None
            and texts is not None
            and texts.database == session.database
            and texts.generation == self._generation
            and (kind == "execute" or kind == "query")
        ):
            known = texts.statements.get(shown.text)
        if known is None:
            known = self._known(exchange, shown)
        counted = known.counted
        if counted is None or known.minute != self._number:
            counted = self._of_minute(known)
        counted.count(exchange)
        if exchange.remote is not None and exchange.span is not None:
            self._await(exchange, counted)

    def _known(self, exchange: Exchange, shown: Redacted | None) -> _Known:
        """Return the shape of an exchange by its text, or make it known."""
        session, kind = exchange.session, exchange.kind
        # Whoever is refused may have named any database.
        refused = kind == "startup" and exchange.outcome != "ok"
        texts = self._texts_of(session, b"" if refused else session.database)
        text = shown.text if shown is not None else ""
        runs = kind in ("query", "execute")
        found = texts.statements.get(text) if runs else texts.others.get((kind, text))
        if found is None:
            database = texts.database.decode("utf-8", "replace")
            found = self._of_shape(shape_of(session.system, database, kind, shown))
            if self._known_texts >= _TEXTS_MAX:
                self._forget_texts()
            if texts.generation != self._generation:
                texts = self._texts_of(session, texts.database)
            self._known_texts += 1
            if runs:
                texts.statements[text] = found
            else:
                texts.others[kind, text] = found
        if not refused:
            session.figures = texts
        return found

    def _texts_of(self, session: Session, database: bytes) -> _Texts:
        key = (session.system, database)
        texts = self._texts.get(key)
        if texts is None:
            texts = self._texts[key] = _Texts(database, self._generation)
        return texts

    def _forget_texts(self) -> None:
        self._texts = {}
        self._known_texts = 0
        self._generation += 1

    def _of_shape(self, shape: Shape) -> _Known:
        found = self._shapes.get(shape.id)
        if found is None:
            if len(self._shapes) >= SHAPES_MAX:
                self._make_room()
            found = self._shapes[shape.id] = _Known(shape)
        return found

    def _of_minute(self, known: _Known) -> Counted:
        counted = known.counted
        if counted is None or known.minute != self._number:
            counted = known.counted = Counted(known.shape)
            known.minute = self._number
            self._minute.counted.append(counted)
        return counted

    def _make_room(self) -> None:
        """Forget shapes without calls in this minute; if those are few, a quarter of all."""
        number = self._minute.number
        used = [known for known in self._shapes.values() if known.minute == number]
        most = SHAPES_MAX - SHAPES_MAX // 4
        used.sort(key=_calls, reverse=True)
        others = Counted(OTHERS)
        gone: set[str] = set()
        for known in used[most:]:
            assert known.counted is not None  # noqa: S101 - it has calls
            gone.add(known.shape.id)
            others.row.add(known.counted.figures())
        left = [one for one in self._minute.counted if one.shape.id not in gone]
        if gone:
            for one in left:
                if one.shape is OTHERS:
                    one.row.add(others.row)
                    break
            else:
                left.append(others)
        self._minute.counted = left
        self._shapes = {known.shape.id: known for known in used[:most]}
        self._forget_texts()

    def roll(self, now: int) -> None:
        """Begin the minute of ``now``, if it has not begun."""
        number = now // MINUTE
        if number <= self._minute.number:
            return
        if self._minute.counted:
            self._over.append(self._minute)
        self._minute = Minute(number)
        self._number = number
        self._ends = (number + 1) * MINUTE

    @property
    def minute(self) -> Minute:
        """The minute at hand, which goes on."""
        return self._minute

    def not_taken(self) -> list[Minute]:
        """Return the minutes that are over and that nobody has taken yet."""
        return self._over

    def take_over(self) -> list[Minute]:
        """Hand over the minutes that are over."""
        found, self._over = self._over, []
        return found

    def _await(self, exchange: Exchange, counted: Counted) -> None:
        """The connector's span of a request may still come."""
        awaited = self._awaited
        if len(awaited) >= _AWAITED_MAX:
            del awaited[next(iter(awaited))]
        awaited[exchange.remote.span_id] = counted.shape.id, exchange.closed - exchange.opened

    def span_received(self, span_id: str, nanoseconds: int) -> None:
        """Take the time of a connector's span: by how much longer it is than our request's."""
        found = self._awaited.pop(span_id, None)
        if found is not None:
            known = self._shapes.get(found[0])
            if known is not None and nanoseconds >= found[1]:
                self._of_minute(known).count_link(nanoseconds - found[1])


def _calls(known: _Known) -> int:
    return known.counted.calls if known.counted is not None else 0
