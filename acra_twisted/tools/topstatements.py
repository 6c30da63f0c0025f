"""``acra-top --statements``: figures of statements, of all daemons together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from acra_twisted.lines import printable
from acra_twisted.telemetry.figures.rows import Row, of_json
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.statements import Found
from acra_twisted.telemetry.figures.summary import ORDERS, described, ordered
from acra_twisted.telemetry.pages.exports import table
from acra_twisted.telemetry.pages.statements import COLUMNS, RANGES
from acra_twisted.tools.commandline import Parser
from acra_twisted.tools.pages import Pages, understood

_PAGE: Final = "/debug/statements"
#: As many are asked for; others are in the sum.
_ASKED: Final = "1001"
_SHOWN: Final = 30
_LINE: Final = "{:>6} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7}  {}"
_HEAD: Final = ("TIME", "CALLS", "AVG MS", "P95 MS", "P99 MS", "HERE", "DATABASE", "ERRORS")


def add_options(parser: Parser) -> None:
    """Add those of ``--statements``."""
    parser.switch("statements", help="show what each shape of statement costs, of all daemons")
    parser.add_argument(
        "--range", default="1h", choices=tuple(RANGES), help="--statements: time up to now"
    )
    parser.add_argument(
        "--order", default=ORDERS[0], choices=ORDERS, help="--statements: the largest first"
    )


def look(pages: Pages, span: str, order: str) -> list[dict[str, Any]]:
    """Return the statements of all daemons, each once.  Raises ConfigError."""
    found: dict[str, Found] = {}
    for source in pages.sources:
        told = pages.get(source, _PAGE, {"range": span, "limit": _ASKED}) or {}
        with understood(source):
            _add(found, told.get("statements", ()))
    return [described(*one) for one in ordered(found.values(), order)]


def _add(found: dict[str, Found], told: Iterable[Mapping[str, Any]]) -> None:
    for one in told:
        row = of_json(one)
        shape_id = str(one["id"])
        if shape_id not in found:
            names = ("system", "database", "kind", "summary", "statement")
            shape = Shape(*(str(one[name]) for name in names))
            # Others have the id of others.
            shape.id = shape_id
            found[shape_id] = Found(shape, Row())
        found[shape_id].row.add(row)


def as_csv(seen: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Give lines of CSV, with the columns of the page."""
    return table(COLUMNS, seen)


def draw(seen: list[dict[str, Any]], span: str) -> list[str]:
    """Return lines of text."""
    whole = sum(one["total_ms"] for one in seen) or 1.0
    calls = sum(one["calls"] for one in seen)
    lines = [f"{len(seen)} shapes of statements, {calls} requests in {span}", ""]
    lines.append(_LINE.format(*_HEAD, "DENIED", "STATEMENT"))
    for one in seen[:_SHOWN]:
        count = one["calls"] or 1
        lines.append(
            _LINE.format(
                f"{100 * one['total_ms'] / whole:.1f}%",
                one["calls"],
                *(f"{one[name]:.3f}" for name in ("mean_ms", "p95_ms", "p99_ms")),
                f"{one['ours_ms'] / count:.3f}",
                f"{one['database_ms'] / count:.3f}",
                one["errors"],
                one["denied"],
                printable(one["statement"] or one["summary"], " "),
            )
        )
    if len(seen) > _SHOWN:
        lines.append(f"{len(seen) - _SHOWN} more")
    return [*lines, ""]
