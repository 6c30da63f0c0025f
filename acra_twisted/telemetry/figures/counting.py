"""Counts every request by the shape of its statement, in the minute in which it ends.

A statement's shape is kept with what is shown of the statement, so that nothing is looked up for
one that came before.  At most SHAPES_MAX shapes have figures of their own in a minute; those with
the fewest calls make room for new ones, and what they have counted goes to `OTHERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from acra_twisted.exchange import Exchange, Work
from acra_twisted.session import Session
from acra_twisted.sql import redact
from acra_twisted.sql.redact import Redacted
from acra_twisted.telemetry.figures.alike import Alike, Held
from acra_twisted.telemetry.figures.calls import Calls, Method
from acra_twisted.telemetry.figures.counted import Counted
from acra_twisted.telemetry.figures.runs import RunCounter, Series
from acra_twisted.telemetry.figures.shapes import OTHERS, Shape, shape_of
from acra_twisted.telemetry.figures.tallies import Tally, Ways

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Nanoseconds.
MINUTE: Final = 60 * 10**9
SHAPES_MAX: Final = 1000
#: Texts whose shapes are known: lists of different lengths have one shape.
_TEXTS_MAX: Final = 4096
#: Ways of a shape that are known.
_ALIKE_MAX: Final = 64
#: Sampled requests of connectors whose spans may still come.
_AWAITED_MAX: Final = 1024


class Known:
    """A shape of the moment, found by ``texts``; ``counted`` are its figures of ``minute``.  Both
    hold as long as ``valid`` is the counter's."""

    __slots__ = ("shape", "texts", "minute", "counted", "valid", "_alike")

    minute: i64

    def __init__(self, shape: Shape, texts: _Texts) -> None:
        self.shape = shape
        self.texts = texts
        self.minute = -1
        self.counted: Counted | None = None
        self.valid: object = None
        self._alike: dict[tuple[Method, Tally | None, Series | None], Alike] = {}

    def alike(
        self,
        counted: Counted,
        method: Method,
        way: Tally | None,
        series: Series | None,
        held: Held,
    ) -> Alike:
        """Return what counts its requests that are alike."""
        key = (method, way, series)
        found = self._alike.get(key)
        if found is None:
            # A run keeps those that it has, and ``held`` does.
            if len(self._alike) >= _ALIKE_MAX:
                self._alike = {}
            found = self._alike[key] = Alike(counted, method, way, series, held)
        found.counted = counted
        return found


class _Texts:
    """Shapes by their redacted texts, for sessions of one ``system`` and ``database``;
    ``statements`` are those that run, ``others`` by kind of exchange as well.  It holds for one
    ``generation``."""

    __slots__ = ("system", "database", "generation", "statements", "others")

    generation: i64

    def __init__(self, system: str, database: bytes, generation: int) -> None:
        self.system = system
        self.database = database
        self.generation = generation
        self.statements: dict[str, Known] = {}
        self.others: dict[tuple[str, str], Known] = {}


class Minute:
    """Figures of one minute since the epoch, by shape; it is over when the next one has begun."""

    __slots__ = ("number", "counted")

    def __init__(self, number: int) -> None:
        self.number = number
        self.counted: list[Counted] = []


class ShapeCounter(RunCounter):
    """Told of exchanges that have ended.  It counts them in ``calls`` as well, and their times in
    the histograms of their listener, which is `Session.series`; and it notes what each session has
    run last.  ``on_login`` is called with a session whose login has succeeded.

    Until `settle` some of them are counted nowhere: whoever reads calls that before.

    A request that is told of when its minute is over counts in the minute at hand, so that a
    minute that is over never changes.
    """

    _number: i64
    _ends: i64
    _due: i64
    _generation: i64

    def __init__(self, now: int) -> None:
        super().__init__()
        self._held = Held()
        self.calls = Calls(now)
        self.on_login: Callable[[Session], None] = _nobody
        self._minute = Minute(now // MINUTE)
        self._number = now // MINUTE
        # When the minute ends, and when it or a second does.
        self._ends = (now // MINUTE + 1) * MINUTE
        self._due = self.calls.due
        self._over: list[Minute] = []
        self._shapes: dict[str, Known] = {}
        # By system and database.  When texts are forgotten, a new generation begins.
        self._texts: dict[tuple[str, bytes], _Texts] = {}
        self._known_texts = 0
        self._generation = 0
        # Another one whenever a minute or a generation begins.
        self._valid: object = object()
        # Shapes and whole times of sampled requests by the id of the connector's span.
        self._awaited: dict[str, tuple[str, int]] = {}

    def session_opened(self, session: Session) -> None:
        """Have its stages timed, sampled or not."""
        session.timed = True

    def take(self, exchange: Exchange) -> None:
        """See `RunCounter`."""
        closed: i64 = exchange.closed
        if closed >= self._due:
            self.tick(exchange.closed)
        session, statement = exchange.session, exchange.statement
        found: Alike | None = None
        # Names of their own: see the notes on performance about attributes of any type.
        shown: Redacted | None = None
        if statement is not None:
            shown = statement.shown
            if shown is None:
                shown = redact.of_statement(statement, session.language, session.last)
            last: Alike | None = session.figures
            if (
                last is not None
                and last.run == self.run.number
                and last.shown is shown
                and last.kind is exchange.kind
                and last.database is session.database
            ):
                # One of this run has been alike, so nothing has changed but what is compared.
                found = last
        if found is None:
            found = self._find(exchange, shown)
        found.add(exchange, self.run)
        if exchange.remote is not None and exchange.span is not None:
            self._await(exchange, found.counted)

    def _find(self, exchange: Exchange, shown: Redacted | None) -> Alike:
        """Return what counts a request in this run."""
        session, kind = exchange.session, exchange.kind
        runs = shown is not None and (kind == "execute" or kind == "query")
        known: Known | None = None
        if shown is not None:
            session.last = shown
            place: object = shown.known
            if runs and isinstance(place, Known) and place.valid is self._valid:
                texts = place.texts
                if texts.database is session.database and texts.system == session.system:
                    known = place
        if known is None:
            known = self._known(exchange, shown)
            known.valid = self._valid
        counted = self._of_minute(known)
        method = self.calls.method(session.system, kind, exchange.closed)
        way: Tally | None = None
        if shown is not None:
            way = session.way
            if way is None or way.is_over or way.name is not session.database:
                way = _way(session)
            if way is not None:
                way.is_used = True
        found = known.alike(counted, method, way, session.series, self._held)
        if found.run != self.run.number:
            self.run.admit(found)
        if runs:
            found.shown, found.kind, found.database = shown, kind, session.database
            session.figures = found
        return found

    def stage_failed(self, stage: str, work: Work, failure: Any) -> None:
        """Count it as an error of the stage."""
        self.calls.stage(stage, work.exchange.opened).errors += 1

    def _known(self, exchange: Exchange, shown: Redacted | None) -> Known:
        """Return the shape of an exchange by its text, or make it known."""
        session, kind = exchange.session, exchange.kind
        # Whoever is refused may have named any database.
        refused = kind == "startup" and exchange.outcome != "ok"
        if kind == "startup" and not refused:
            self.on_login(session)
        texts = self._texts_of(session, b"" if refused else session.database)
        text = shown.text if shown is not None else ""
        runs = kind in ("query", "execute")
        found = texts.statements.get(text) if runs else texts.others.get((kind, text))
        if found is None:
            database = texts.database.decode("utf-8", "replace")
            found = self._of_shape(shape_of(session.system, database, kind, shown), texts)
            if self._known_texts >= _TEXTS_MAX:
                self._forget_texts()
            if texts.generation != self._generation:
                texts = self._texts_of(session, texts.database)
            self._known_texts += 1
            if runs:
                texts.statements[text] = found
            else:
                texts.others[kind, text] = found
        if runs and shown is not None:
            found.texts, shown.known = texts, found
        if not refused:
            # The same object in all sessions: who compares it looks at no byte.
            session.database = texts.database
        return found

    def _texts_of(self, session: Session, database: bytes) -> _Texts:
        key = (session.system, database)
        texts = self._texts.get(key)
        if texts is None:
            texts = self._texts[key] = _Texts(session.system, database, self._generation)
        return texts

    def _forget_texts(self) -> None:
        for texts in self._texts.values():
            # Sessions and statements hold it until they are used again.
            texts.statements.clear()
            texts.others.clear()
        self._texts = {}
        self._known_texts = 0
        self._generation += 1
        self._valid = object()

    def _of_shape(self, shape: Shape, texts: _Texts) -> Known:
        found = self._shapes.get(shape.id)
        if found is None:
            if len(self._shapes) >= SHAPES_MAX:
                self._make_room()
            found = self._shapes[shape.id] = Known(shape, texts)
        return found

    def _of_minute(self, known: Known) -> Counted:
        counted = known.counted
        if counted is None or known.minute != self._number:
            counted = known.counted = Counted(known.shape, self.calls)
            known.minute = self._number
            self._minute.counted.append(counted)
        return counted

    def _make_room(self) -> None:
        """Forget shapes without calls in this minute; if those are few, a quarter of all."""
        self.settle()
        number = self._minute.number
        used = [known for known in self._shapes.values() if known.minute == number]
        most = SHAPES_MAX - SHAPES_MAX // 4
        used.sort(key=_calls, reverse=True)
        others = Counted(OTHERS, self.calls)
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

    def settle(self) -> None:
        """See `RunObserver`."""
        self.run.count()
        self._held.settle()

    def tick(self, now: int) -> None:
        """To be called now and then, and before what is counted from the next second on."""
        self.settle()
        if now >= self.calls.due:
            self.calls.tick(now)
        self._due = self.calls.due
        if now >= self._ends:
            self.roll(now)

    def roll(self, now: int) -> None:
        """Begin the minute of ``now``, if it has not begun."""
        number = now // MINUTE
        if number <= self._minute.number:
            return
        self.settle()
        if self._minute.counted:
            self._over.append(self._minute)
        self._minute = Minute(number)
        self._number = number
        self._valid = object()
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


def _nobody(session: Session) -> None:
    """Nobody wants to know of a login."""


def _way(session: Session) -> Tally | None:
    """Return what counts a session's requests by their way; None if nobody does."""
    ways: Ways | None = session.ways
    return None if ways is None else ways.tally(session)


def _calls(known: Known) -> int:
    return known.counted.calls if known.counted is not None else 0
