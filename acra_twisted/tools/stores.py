"""Reading the histories of daemons, which may run or not, for tools."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.history import reading
from acra_twisted.telemetry.history.pieces import Damaged, StoredEvent
from acra_twisted.telemetry.history.reading import EventQuestion, Limit, Row
from acra_twisted.telemetry.history.schema import Foreign
from acra_twisted.telemetry.pages.past import fits, is_exact, question_of, verdict_of_row
from acra_twisted.telemetry.pages.search import FILTERS, Filters, Unfit
from acra_twisted.tools.commandline import Parser

#: Nobody waits for it but the person who asks.
_LIMIT: Final = Limit(5_000_000, 60.0)
#: Filters that a security event has.
EVENT_FILTERS: Final = ("client_id", "since", "until", "limit", "offset")


def add_options(parser: Parser) -> None:
    """Where histories are."""
    parser.add_argument(
        "--store",
        action="append",
        dest="stores",
        metavar="FILE",
        help="read the history in this file (trace_store_file), whether its daemon runs or not; "
        "can be repeated, for connector and server",
    )


class Stores:
    """The histories in ``paths``; ``clock`` gives nanoseconds since the epoch.  ``more`` is True
    once a limit has cut an answer.  All methods raise ConfigError."""

    def __init__(self, paths: Sequence[str], clock: Callable[[], int] = time.time_ns) -> None:
        self._paths = paths
        self._clock = clock
        self.more = False

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the records of a trace."""
        found: list[dict[str, Any]] = []
        for trace in self._ask(lambda one: reading.read_trace(one, trace_id, _LIMIT)):
            found += trace.spans
            self.more = self.more or not trace.complete
        return found

    def matches(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the requests that fit, as the page's JSON has them."""
        filters = self._filters(asked)
        found: list[dict[str, Any]] = []
        for rows in self._ask(lambda one: self._rows(one, filters)):
            found += [_match(row) for row in rows]
        return found

    def _rows(self, connection: sqlite3.Connection, filters: Filters) -> list[Row]:
        question = question_of(filters)
        if is_exact(filters):
            answer = reading.search(connection, question, _LIMIT)
            self.more = self.more or not answer.complete
            return list(answer.rows)
        rows: list[Row] = []
        wanted = filters.offset + filters.limit
        question = question._replace(limit=reading.ROWS_MAX, offset=0)
        while len(rows) < wanted:
            answer = reading.search(connection, question, _LIMIT)
            rows += [row for row in answer.rows if fits(row, filters)]
            if not answer.complete:
                self.more = True
                break
            if len(answer.rows) < reading.ROWS_MAX:
                break
            question = question._replace(offset=question.offset + reading.ROWS_MAX)
        return rows[filters.offset : wanted]

    def events(self, asked: Mapping[str, str]) -> list[StoredEvent]:
        """Return the security events that fit, the newest first."""
        for name in asked:
            if name not in EVENT_FILTERS:
                raise ConfigError(f"events have no {name}, but {', '.join(EVENT_FILTERS)}")
        filters = self._filters(asked)
        question = EventQuestion(
            filters.since,
            filters.until,
            client_id=filters.client_id,
            limit=filters.limit,
            offset=filters.offset,
        )
        found: list[StoredEvent] = []
        for answer in self._ask(lambda one: reading.events(one, question, _LIMIT)):
            found += answer.rows
            self.more = self.more or not answer.complete
        return sorted(found, key=lambda event: -event.last)[: filters.limit]

    def _filters(self, asked: Mapping[str, str]) -> Filters:
        try:
            return Filters.of(
                {name: asked[name] for name in FILTERS if name in asked}, self._clock()
            )
        except Unfit as error:
            raise ConfigError(str(error)) from None

    def _ask(self, ask: Callable[[sqlite3.Connection], Any]) -> Iterator[Any]:
        for path in self._paths:
            try:
                with closing(reading.open_for_reading(path)) as connection:
                    yield ask(connection)
            except Foreign as error:
                raise ConfigError(f"--store: cannot read {path}: {error}") from None
            except (sqlite3.Error, Damaged) as error:
                why = _trouble(path, error)
                raise ConfigError(f"--store: cannot read {path}: {why}") from None


def _trouble(path: str, error: Exception) -> str:
    """Return why a file cannot be read, with nothing of its contents."""
    if not os.path.exists(path):
        return "there is no such file"
    name = getattr(error, "sqlite_errorname", "") or "it is damaged"
    return "it is no history, or is damaged" if name == "SQLITE_NOTADB" else name


def _match(row: Row) -> dict[str, Any]:
    return {
        "trace_id": row.trace_id,
        "name": row.name,
        "start": row.start,
        "took": row.took,
        "client_id": row.client_id,
        "user": row.user,
        "database": row.database,
        "verdict": row.verdict,
        "verdicts": [*filter(None, [verdict_of_row(row)])],
        "error": row.error,
        "statement": row.text,
    }
