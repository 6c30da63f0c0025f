"""The page of statements: what each shape of statement costs, as HTML, JSON and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.figures.statements import Found, StatementFigures
from acra_twisted.telemetry.figures.summary import ORDERS, described, layers_ms, ordered
from acra_twisted.telemetry.pages.arguments import chosen, given
from acra_twisted.telemetry.pages.exports import CSV, exported, table
from acra_twisted.telemetry.pages.rendering import NotKept, Page, Templates, as_json, made
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.tracing.spans import iso_time

#: Minutes of each range of time.
RANGES: Final = {
    "1m": 1,
    "15m": 15,
    "1h": 60,
    "3h": 180,
    "24h": 1440,
    "7d": 7 * 1440,
    "30d": 30 * 1440,
}
_DEFAULT: Final = "1h"
#: The page's arguments, with their meanings.
ARGUMENTS: Final[Mapping[str, str]] = {
    "range": f"time up to now: {', '.join(RANGES)}; {_DEFAULT} by default",
    "sort": f"largest first: {', '.join(ORDERS)}; {ORDERS[0]} by default",
    "limit": "number of statements, 50 by default, 1001 at most",
    "database": "statements of this database",
    "text": "statements with this text, in any case; values are ?",
    "id": "the id of one statement: its figures minute by minute, as JSON",
}
_FORMATS: Final = ("", "html", "json", "csv")
_SHOWN, _SHOWN_MAX = 50, 1001
#: Columns of CSV: what `described` has, but for what is no number or text.
COLUMNS: Final = (
    *("id", "system", "database", "kind", "summary", "statement", "calls", "errors", "denied"),
    *("aborted", "lost", "poisoned", "prepared", "in_transaction", "rows", "received", "sent"),
    *("total_ms", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "link_ms", "ours_ms", "database_ms"),
)


class Asked(NamedTuple):
    """The arguments of a page; ``text`` is in lower case."""

    minutes: int
    order: str
    limit: int
    database: str | None
    text: str
    one: str


def asked(arguments: Mapping[str, str]) -> Asked:
    """Read a page's arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    if arguments.get("format", "") not in _FORMATS:
        raise Unfit("format must be html, json or csv")
    span, order = found.get("range") or _DEFAULT, found.get("sort") or ORDERS[0]
    chosen("range", span, RANGES)
    chosen("sort", order, ORDERS)
    limit = found.get("limit") or str(_SHOWN)
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= _SHOWN_MAX):
        raise Unfit(f"limit must be a number from 1 to {_SHOWN_MAX}")
    text = found.get("text", "").lower()
    return Asked(RANGES[span], order, int(limit), found.get("database"), text, found.get("id", ""))


class StatementPages:
    """Renders the page from a daemon's figures; ``clock`` gives nanoseconds."""

    def __init__(
        self,
        service: str,
        figures: StatementFigures,
        templates: Templates,
        clock: Callable[[], int],
    ) -> None:
        self._service = service
        self._figures = figures
        self._templates = templates
        self._clock = clock

    def page(self, arguments: Mapping[str, str]) -> Page:
        """The statements that were asked for, or one of them by minute.  Raises Unfit."""
        wanted = asked(arguments)
        until = self._clock() // MINUTE + 1
        since = until - wanted.minutes
        if wanted.one:
            return made({"format": "json"}, self._one(wanted.one, since, until))
        if arguments.get("format") == "csv":
            return exported("statements", CSV, self._csv(wanted, since, until))
        return made(arguments, self._all(arguments, wanted, since, until))

    def _found(self, wanted: Asked, since: int, until: int) -> Iterator[list[Found] | None]:
        """Nothing, step by step; at last the figures in their order."""
        found: dict[str, Found] = {}
        for some in self._figures.total(since, until):
            found = some
            yield None
        fitting = [
            one
            for one in found.values()
            if (wanted.database is None or one.shape.database == wanted.database)
            and wanted.text in one.shape.text.lower()
        ]
        yield None
        yield ordered(fitting, wanted.order)

    def _all(
        self, arguments: Mapping[str, str], wanted: Asked, since: int, until: int
    ) -> Iterator[str]:
        found: list[Found] = []
        for some in self._found(wanted, since, until):
            found = some or found
            yield ""
        whole = Row()
        for one in found:
            whole.add(one.row)
            yield ""
        shown = found[: wanted.limit]
        begin = max(since, min(self._figures.reach(), until))
        if arguments.get("format") == "json":
            yield from as_json(
                {
                    "service": self._service,
                    "since": begin * MINUTE,
                    "until": self._clock(),
                    "shapes": len(found),
                    "all": whole.as_json(),
                    "statements": (described(*one) for one in shown),
                }
            )
            return
        yield from self._templates.render(
            "statements.html",
            title="Statements",
            ranges=RANGES,
            orders=ORDERS,
            arguments=arguments,
            default=_DEFAULT,
            shapes=len(found),
            since=iso_time(begin * MINUTE),
            whole=layers_ms(whole, ("whole",)) or 1.0,
            calls=whole.calls,
            rows=(described(*one) for one in shown),
        )

    def _csv(self, wanted: Asked, since: int, until: int) -> Iterator[str]:
        found: list[Found] = []
        for some in self._found(wanted, since, until):
            found = some or found
            yield ""
        yield from table(COLUMNS, (described(*one) for one in found[: wanted.limit]))

    def _one(self, shape_id: str, since: int, until: int) -> Iterator[str]:
        found: Found | None = None
        for some in self._figures.total(since, until):
            found = some.get(shape_id, found)
            yield ""
        if found is None:
            raise NotKept
        yield from as_json(
            {
                "service": self._service,
                "statement": described(*found),
                "series": self._series(shape_id, since, until),
            }
        )

    def _series(self, shape_id: str, since: int, until: int) -> Iterator[dict[str, Any]]:
        for part in self._figures.series(shape_id, since, until):
            if part is not None:
                start = part.number * MINUTE
                yield {"start": start, "minutes": part.minutes, **part.row.as_json()}
