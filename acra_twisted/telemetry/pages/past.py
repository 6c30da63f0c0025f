"""Asks the history of a daemon what pages want to know, without holding the reactor.

All questions share the one thread of the history.  So a question has a limit of its own, there are
only so many at once, one that nobody waits for any longer is not begun, and no page waits for long:
it says what is the matter instead.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred

from acra_twisted import events
from acra_twisted.telemetry.history import pieces, reading
from acra_twisted.telemetry.history.pieces import Damaged
from acra_twisted.telemetry.history.reading import (
    EventQuestion,
    Found,
    Limit,
    Question,
    StoredTrace,
)
from acra_twisted.telemetry.history.schema import SHELF_BITS
from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.pages.asked import is_of_shape, names_table
from acra_twisted.telemetry.pages.matching import Among, Match
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.search import ALLOW, POISON, SLOW, VERDICTS, Filters
from acra_twisted.telemetry.pages.waiting import Wait

#: Seconds for which a page waits for one answer.
WAIT: Final = 3.0
#: Questions that wait, or are being answered.
QUESTIONS_MAX: Final = 8
#: Rows that are read between two turns.
_STEP: Final = 32
_LIMIT: Final = Limit(50_000, 1.0)

#: What is said where there is no answer, or not all of one.
SLOW_ANSWER: Final = f"the history has not answered within {WAIT:.0f} s"
BUSY: Final = "the history has too many questions at this moment"
DAMAGED: Final = "the history's file is damaged in this place"
PARTLY: Final = "only a part of the history was searched in the time that a page has"


class Told(NamedTuple):
    """An answer.  ``trouble`` says why it is not whole; it is empty if it is."""

    rows: Sequence[Any]
    trouble: str = ""


class Stored(NamedTuple):
    """A match from the history, without a number of spans, and the number of its piece."""

    number: int
    match: Match


class _Asked:
    """A question on its way: ``answer`` fires with what was found, or with a text if that takes too
    long."""

    def __init__(self, reactor: Any) -> None:
        self.is_wanted = True
        self.answer: Deferred[Any] = Deferred(self._give_up)
        self._late = reactor.callLater(WAIT, self.finish, SLOW_ANSWER)

    def _give_up(self, _: Any = None) -> None:
        self.is_wanted = False
        if self._late.active():
            self._late.cancel()

    def finish(self, result: Any) -> None:
        """Fire, unless that has happened or nobody waits any longer."""
        if self.is_wanted:
            self._give_up()
            self.answer.callback(result)


class Past:
    """Puts questions by ``ask`` (`history.service.HistoryService`); ``reactor`` is for times."""

    def __init__(self, reactor: Any, ask: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        self._reactor = reactor
        self._ask = ask
        self._asked: set[_Asked] = set()
        #: Why the last answer was not whole; empty if it was.
        self.trouble = ""

    def trace(self, trace_id: str) -> Generator[Wait, None, Told]:
        """Return the records of a trace, by start."""
        asked = self._ask_for(reading.read_trace, trace_id)
        found: StoredTrace | str = yield from self._answer(asked)
        return self._told(found if isinstance(found, str) else Found(found.spans, found.complete))

    def search(self, filters: Filters) -> Generator[Piece, None, Told]:
        """Ask at once, and return a `Stored` for each piece that fits, in the order of the filters,
        in steps."""
        question = question_of(filters)
        if not is_exact(filters):
            question = question._replace(limit=reading.ROWS_MAX, offset=0)
        return self._search(filters, self._ask_for(reading.search, question))

    def _search(self, filters: Filters, asked: Wait | None) -> Generator[Piece, None, Told]:
        told = self._told((yield from self._answer(asked)))
        rows = told.rows
        if not is_exact(filters):
            rows = yield from _fitting(rows, filters)
            rows = rows[filters.offset : filters.offset + filters.limit]
        made: list[Stored] = []
        while len(made) < len(rows):
            some = rows[len(made) : len(made) + _STEP]
            made += [Stored(row.id, _match(row)) for row in some]
            yield ""
        return Told(made, told.trouble)

    def spans(self, numbers: Sequence[int]) -> Generator[Wait, None, Told]:
        """Return the records of the pieces of these numbers, as pairs of number and records."""
        return (yield from self._found(reading.read_pieces, tuple(numbers)))

    def connection_of(self, trace_id: str) -> Generator[Wait, None, str]:
        """Return the trace of the connection that a request came on, or what is given if that is
        not known."""
        told = yield from self._found(reading.search, Question(trace_id, limit=1))
        return next((row.connection for row in told.rows), trace_id)

    def requests(self, connection: str) -> Generator[Wait, None, Told]:
        """Return the `reading.Row` of each request of a connection, the newest first."""
        question = Question(connection=connection, kind=pieces.REQUEST, limit=reading.ROWS_MAX)
        return (yield from self._found(reading.search, question))

    def events(self, since: int, until: int, client_id: str = "") -> Generator[Wait, None, Told]:
        """Return each `pieces.StoredEvent` of a time, the newest first."""
        question = EventQuestion(since, until, client_id=client_id, limit=reading.ROWS_MAX)
        return (yield from self._found(reading.events, question))

    def _found(self, question: Callable[..., Found], *given: Any) -> Generator[Wait, None, Told]:
        return self._told((yield from self._answer(self._ask_for(question, *given))))

    def _told(self, found: Found | str) -> Told:
        if isinstance(found, str):
            return Told((), found)
        self.trouble = "" if found.complete else PARTLY
        return Told(found.rows, self.trouble)

    def _ask_for(self, question: Callable[..., Any], *given: Any) -> Wait | None:
        """Put a question, unless there are too many."""
        return None if len(self._asked) >= QUESTIONS_MAX else Wait(self._put(question, *given))

    def _answer(self, wait: Wait | None) -> Generator[Wait, None, Any]:
        """Return an answer, or a text that says why there is none."""
        if wait is None:
            self.trouble = BUSY
            return BUSY
        yield wait
        if isinstance(wait.result, str):
            self.trouble = wait.result
        return wait.result

    def _put(self, question: Callable[..., Any], *given: Any) -> Deferred[Any]:
        asked = _Asked(self._reactor)
        self._asked.add(asked)

        def in_thread(connection: Any) -> Any:
            return question(connection, *given, _LIMIT) if asked.is_wanted else SLOW_ANSWER

        asking = Deferred.fromCoroutine(self._ask(in_thread))
        asking.addErrback(_trouble).addBoth(self._answered, asked)
        return asked.answer

    def _answered(self, result: Any, asked: _Asked) -> None:
        """The thread is free again."""
        self._asked.discard(asked)
        asked.finish(result)


def _trouble(failure: Any) -> str:
    """Return what to say of a history that cannot be asked."""
    return DAMAGED if failure.trap(HistoryAway, Damaged) is Damaged else str(failure.value)


def verdict_of_row(row: reading.Row) -> str:
    """Return the verdict of a request, or that something else has failed; else nothing."""
    if row.event == events.POISON_RECORD:
        return POISON
    if row.verdict in (pieces.DENY, pieces.ERROR) or row.kind != pieces.REQUEST:
        return row.verdict if row.verdict in VERDICTS else ""
    return SLOW if row.id >> SHELF_BITS == pieces.SLOW else ALLOW


def _match(row: reading.Row) -> Match:
    verdict = verdict_of_row(row)
    return Match(
        row.trace_id,
        0,
        row.name,
        row.start,
        row.took,
        row.client_id,
        row.verdict,
        row.error,
        verdict if verdict in _MARKS else "",
        (verdict,) if verdict else (),
        Among(*((text,) if text else () for text in (row.name, row.client_id, row.error))),
    )


def _fitting(rows: Sequence[Any], filters: Filters) -> Generator[Piece, None, list[Any]]:
    """Return the rows that fit as a whole, in steps: to know the shape of a long text takes most of
    a millisecond."""
    known: dict[tuple[int, str], bool] = {}
    found = []
    for row in rows:
        # The number stands for name and text.
        key = row.shape, row.database
        fits = known.get(key)
        if fits is None:
            fits = known[key] = _has_names(row, filters)
        if fits and _has_verdict(row, filters):
            found.append(row)
        yield ""
    return found


#: Verdicts that are no verdict of a piece, but a property of it.
_MARKS: Final = frozenset((SLOW, POISON))


def fits(row: reading.Row, filters: Filters) -> bool:
    """Return True if a piece that was found has the table, the summary, the shape and the verdict
    of filters."""
    return _has_verdict(row, filters) and _has_names(row, filters)


def is_exact(filters: Filters) -> bool:
    """Return True if SQLite finds what fits filters as a whole, and nothing else: it finds letters,
    but neither names nor shapes, and pieces that ended in two ways."""
    return not (filters.table or filters.summary or filters.shape or filters.verdict)


def _has_verdict(row: reading.Row, filters: Filters) -> bool:
    return not filters.verdict or verdict_of_row(row) == filters.verdict


def _has_names(row: reading.Row, filters: Filters) -> bool:
    return (
        (not filters.table or names_table(row.name, filters.table))
        and (not filters.summary or row.name == filters.summary)
        and (not filters.shape or is_of_shape(filters.shape, row.database, row.name, row.text))
    )


def question_of(filters: Filters) -> Question:
    """Return the question for what fits filters."""
    return Question(
        filters.trace_id,
        client_id=filters.client_id,
        user=filters.user,
        database=filters.database,
        statement=filters.statement,
        name=filters.table or filters.summary,
        verdict="" if filters.verdict in _MARKS else filters.verdict,
        shelf=pieces.SLOW if filters.verdict == SLOW else None,
        event=events.POISON_RECORD if filters.verdict == POISON else 0,
        error=filters.error,
        minimum=filters.minimum,
        maximum=filters.maximum,
        since=filters.since,
        until=filters.until,
        kind=pieces.CONNECTION if filters.connections else None,
        slowest=filters.slowest,
        limit=filters.limit,
        offset=filters.offset,
    )
