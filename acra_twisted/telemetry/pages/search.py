"""Queries for kept traces, and what fits them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from acra_twisted.telemetry.pages.asked import names_table, shape_id
from acra_twisted.telemetry.tracing import recorded
from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import TRACES_MAX

#: The arguments of a search, on the page and in acra-trace, with their meanings.
FILTERS: Mapping[str, str] = {
    "trace_id": "the trace id, or its first digits",
    "client_id": "requests of this client id",
    "user": "requests of this user of the database",
    "database": "requests to this database",
    "statement": "requests with this text in their statement, in any case; literals are ?",
    "table": "requests that name this table",
    "summary": "requests with this summary, as the list has it",
    "shape": "requests of the statement with this id in the list of statements",
    "error": "requests that failed with this SQLSTATE, or number of MySQL",
    "verdict": "requests that ended so: poison (read a poison record), deny, error (failed "
    "otherwise), slow, or allow (none of these)",
    "min_ms": "requests that took at least this time",
    "max_ms": "requests that took at most this time",
    "since": "earliest time: 15m ago, or 2026-11-28T14:00 (UTC)",
    "until": "latest time, in the same form",
    "of": "requests (the default) or connections",
    "sort": "newest (the default) or slowest first",
    "limit": "number of results, 50 by default, 200 at most",
    "offset": "number of results to skip",
}
#: Verdicts of requests, each of which has one: the weightiest that fits.
POISON, DENY, ERROR, SLOW, ALLOW = "poison", "deny", "error", "slow", "allow"
VERDICTS = (ALLOW, DENY, ERROR, SLOW, POISON)
KINDS = ("requests", "connections")
ORDERS = ("newest", "slowest")
#: As many are shown where nobody says how many, and at most.
SHOWN, SHOWN_MAX = 50, 200
#: Characters of an argument at most: ids of clients have as many.
TEXT_MAX = 256
_FOR_EVER = 1 << 62
_CONNECTIONS = frozenset(("handleConnection", "handleCommandsConnection"))
_AGO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d)(?: ago)?")
_UNITS = {"ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86_400e9}
_STATE = re.compile(r"(?=.*[0-9])[0-9A-Za-z]{5}")


class Unfit(ValueError):
    """Raised where something is asked for that cannot be; the text says what can."""


class Filters(NamedTuple):
    """Times are nanoseconds; empty texts fit everything, ``trace_id`` by its beginning.

    One span must fit all of it, for it is an exchange that is looked for: a connection is long
    because it stays open.  ``slowest``: those that took longest come first.
    """

    trace_id: str = ""
    client_id: str = ""
    user: str = ""
    database: str = ""
    statement: str = ""
    table: str = ""
    verdict: str = ""
    summary: str = ""
    shape: str = ""
    error: str = ""
    minimum: int = 0
    maximum: int = _FOR_EVER
    since: int = 0
    until: int = _FOR_EVER
    connections: bool = False
    slowest: bool = False
    limit: int = SHOWN
    offset: int = 0

    @classmethod
    def of(cls, arguments: Mapping[str, str], now: int = 0) -> Filters:
        """From a page's arguments; ``now`` is nanoseconds.  Raises Unfit."""
        asked = {name: value.strip() for name, value in arguments.items() if name != "format"}
        for name, value in asked.items():
            if name not in FILTERS:
                raise Unfit(f"there is no filter {name[:40]!r}; there are {', '.join(FILTERS)}")
            if len(value) > TEXT_MAX:
                raise Unfit(f"{name} is longer than {TEXT_MAX} characters")
        trace_id = asked.get("trace_id", "").lower()
        if trace_id.strip("0123456789abcdef") or len(trace_id) > 32:
            raise Unfit("trace_id must be hex digits, 32 of them or the first few")
        return cls(
            trace_id,
            asked.get("client_id", ""),
            asked.get("user", ""),
            asked.get("database", ""),
            asked.get("statement", "").lower(),
            asked.get("table", "").lower(),
            _one_of(asked, "verdict", ("", *VERDICTS)),
            asked.get("summary", ""),
            asked.get("shape", "").lower(),
            _error(asked.get("error", "")),
            _milliseconds(asked, "min_ms", 0),
            _milliseconds(asked, "max_ms", _FOR_EVER),
            _moment(asked, "since", now, 0),
            _moment(asked, "until", now, _FOR_EVER),
            _one_of(asked, "of", KINDS) == "connections",
            _one_of(asked, "sort", ORDERS) == "slowest",
            _number(asked, "limit", SHOWN, 1, SHOWN_MAX),
            _number(asked, "offset", 0, 0, TRACES_MAX),
        )

    @property
    def narrow(self) -> bool:
        """True if not everything fits."""
        return self._replace(slowest=False, limit=SHOWN, offset=0) != _EVERYTHING

    @property
    def of_requests(self) -> bool:
        """True if the query names a property that only requests have."""
        named = self.user or self.database or self.statement or self.table or self.shape
        measured = (
            named or self.summary or self.minimum or self.maximum != _FOR_EVER or self.slowest
        )
        return bool(measured or self.verdict not in ("", ERROR))

    def fit(self, span: Span) -> bool:
        """Return True if a span matches the query, but for its verdict: see `matching`."""
        known = span.attributes
        if self.connections:
            if span.name not in _CONNECTIONS:
                return False
        elif self.of_requests and not is_request(span):
            return False
        return (
            self.minimum <= span.end - span.start <= self.maximum
            and span.end >= self.since
            and span.start <= self.until
            and (not self.client_id or known.get("acra.client_id") == self.client_id)
            and (not self.user or known.get("user.name") == self.user)
            and (not self.database or known.get("db.namespace") == self.database)
            and (not self.error or known.get("error.type") == self.error)
            and (not self.summary or span.name == self.summary)
            and (not self.statement or self.statement in _text(span))
            and (
                not self.table
                or names_table(str(span.attributes.get("db.query.summary", "")), self.table)
            )
            and (not self.shape or _shape_of(span) == self.shape)
        )

    def fit_request(self, request: Recorded, shapes: dict[recorded.Shape, bool]) -> bool:
        """Return True if one of the spans of a plain request matches the query.

        Its own does if any does: the others lie within it, and have fewer properties.  ``shapes``
        remembers what is said of its shape.
        """
        span = request.span
        if not (
            self.minimum <= span.end - span.start <= self.maximum
            and span.end >= self.since
            and span.start <= self.until
        ):
            return False
        known = shapes.get(request.shape)
        if known is None:
            known = shapes[request.shape] = self._fit_shape(request.shape)
        return known

    def _fit_shape(self, shape: recorded.Shape) -> bool:
        if self.connections or self.error:
            return False
        if self.verdict not in ("", SLOW if shape.flags & recorded.SLOW else ALLOW):
            return False
        return (
            (not self.client_id or shape.client_id == self.client_id)
            and (not self.user or shape.user == self.user)
            and (not self.database or shape.namespace == self.database)
            and (not self.summary or shape.name == self.summary)
            and (not self.statement or self.statement in f"{shape.name}\n{shape.text}".lower())
            and (not self.table or names_table(shape.summary or "", self.table))
            and (
                not self.shape
                or shape_id(shape.system, shape.namespace, shape.name, shape.text) == self.shape
            )
        )


_EVERYTHING = Filters()


def _shape_of(span: Span) -> str:
    known = span.attributes
    text = str(known.get("db.query.text", ""))
    database, system = str(known.get("db.namespace", "")), str(known.get("db.system.name", ""))
    return shape_id(system, database, span.name, text)


def is_request(span: Span) -> bool:
    """Return True for the span of an exchange, not of its parts or its connection."""
    known = span.attributes
    return "db.namespace" in known or ("acra.verdict" in known and "acra.stage" not in known)


def _text(span: Span) -> str:
    known = span.attributes
    return f"{span.name}\n{known.get('db.query.text', '')}".lower()


def _one_of(asked: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    """The first of ``words`` if nothing is asked for."""
    word = asked.get(name, "").lower() or words[0]
    if word not in words:
        raise Unfit(f"{name} must be one of {', '.join(filter(None, words))}")
    return word


def _error(text: str) -> str:
    """An SQLSTATE in capitals, as databases write it; other kinds of ends are as they are."""
    return text.upper() if _STATE.fullmatch(text) else text


def _milliseconds(asked: Mapping[str, str], name: str, default: int) -> int:
    if not asked.get(name):
        return default
    try:
        value = float(asked[name])
    except ValueError:
        value = -1
    if not 0 <= value < 1e12:
        raise Unfit(f"{name} must be a number of milliseconds")
    return int(value * 1e6)


def _number(asked: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = asked.get(name, "")
    if not text:
        return default
    if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise Unfit(f"{name} must be a number from {least} to {most}")
    return int(text)


def _moment(asked: Mapping[str, str], name: str, now: int, default: int) -> int:
    text = asked.get(name, "")
    if not text:
        return default
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - int(float(ago[1]) * _UNITS[ago[2]])
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1e6) * 1000
    except (ValueError, OverflowError):
        raise Unfit(f"{name} must be 30s, 15m, 2h or 1d ago, or 2026-11-28T14:00 (UTC)") from None
