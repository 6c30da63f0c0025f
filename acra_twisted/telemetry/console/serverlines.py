"""This server beside the others that it was told of, as rows of a table."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.otherservers import (
    RANGE,
    STANDING,
    Other,
    Told,
    counted,
    instance_of,
    together,
)
from acra_twisted.telemetry.console.ranges import RANGES, range_of
from acra_twisted.telemetry.console.sentences import SLOW, Sentence, link, sentence
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.summary import mean_ms, percentiles
from acra_twisted.telemetry.pages.arguments import chosen
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.waiting import Wait

#: The servers that views which add up are of.
ALL, THIS = "all", "this"
SERVERS: Final = (ALL, THIS)
_SECONDS: Final = 60 * RANGES[RANGE][1]
_WORDS: Final = {"good": "well", "slow": "warns", "deny": "fails"}


class Servers(NamedTuple):
    """This server with its instance and its figures of the last hour, and the others."""

    instance: str
    row: Row
    others: Sequence[Other[Told]]


def gather(sources: Sources) -> Generator[Piece, None, Servers | None]:
    """Return the servers, in steps; None where no others are named.  It waits for answers."""
    if sources.others is None:
        return None
    wait = Wait(sources.others(STANDING))
    yield wait
    row = Row()
    span = range_of(RANGE, sources.clock())
    for column in (yield from sources.sums.by_column(span)):
        row.add(column)
    return Servers(instance_of(sources.fact("origin")), row, wait.result)


def chosen_servers(found: Mapping[str, str]) -> str:
    """Read the argument ``servers``.  Raises Unfit."""
    return chosen("servers", found.get("servers") or ALL, SERVERS)


def choice(are_named: bool, here: str, arguments: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """Return the choice between all servers and this one, empty where no others are named: titles,
    addresses and which is chosen."""
    if not are_named and here == ALL:
        return []
    titles = {ALL: "all servers", THIS: "this one"}
    return [
        (titles[one], f"?{urlencode({**arguments, 'servers': one})}", one == here)
        for one in SERVERS
    ]


def missing(others: Sequence[Other[Any]]) -> Sentence | None:
    """Tell of others that do not answer."""
    silent = [one for one in others if one.told is None]
    if not silent:
        return None
    first = silent[0]
    number = f"{len(silent)} of {formats.several(len(others), 'other server')}"
    verb = "does" if len(silent) == 1 else "do"
    return sentence(
        "away",
        SLOW,
        f"{number} {verb} not answer: ",
        link(formats.name(first.at), first.href),
        "." if len(silent) == 1 else " is the first.",
    )


def as_json(servers: Servers | None) -> dict[str, Any]:
    """The servers as plain values; ``counted`` tells whose figures are in the sum."""
    if servers is None:
        return {"servers": [], "together": None}
    counts = counted(servers.instance, servers.others)
    return {
        "servers": [
            {
                "at": other.at,
                "problem": other.problem,
                "counted": counts[place],
                "health": other.told and {"look": other.told.look, "text": other.told.said},
                "figures": other.told and _figures(other.told.row),
            }
            for place, other in enumerate(servers.others)
        ],
        "together": _figures(together(servers.row, servers.instance, servers.others)),
    }


def _figures(row: Row) -> dict[str, Any]:
    return {"mean_ms": mean_ms(row), **percentiles(row, WHOLE), **row.as_json()}


def shown(servers: Servers | None) -> list[dict[str, Any]]:
    """Rows of the table: this server, the others, and all of them together."""
    if servers is None:
        return []
    rows = [_row("This server", "/console/health", servers.row, "info", "here", "")]
    counts = counted(servers.instance, servers.others)
    for other, counts_too in zip(servers.others, counts, strict=True):
        if other.told is None:
            rows.append(_row(other.at, other.href, None, "mute", "away", other.problem))
            continue
        told = other.told
        said = told.said if counts_too else f"Counted already under another name. {told.said}"
        rows.append(_row(other.at, other.href, told.row, told.look, _WORDS[told.look], said))
    number = 1 + sum(counts)
    whole = together(servers.row, servers.instance, servers.others)
    said = f"{formats.several(number, 'server')}, added up"
    return [*rows, _row("Together", "", whole, "info", "sum", said)]


def _row(name: str, href: str, row: Row | None, look: str, word: str, said: str) -> dict[str, str]:
    made = {
        "name": formats.name(name),
        "href": href,
        "look": look,
        "word": word,
        "said": formats.name(said),
    }
    if row is None:
        return {**made, **dict.fromkeys(("rate", "mean", "p95", "errors", "denied"), "")}
    return {
        **made,
        "rate": formats.rate(row.calls / _SECONDS),
        "mean": formats.ms(mean_ms(row), False),
        "p95": formats.ms(percentiles(row, WHOLE)["p95_ms"], False),
        "errors": formats.share(row.errors + row.lost, row.calls),
        "denied": formats.count(row.denied),
    }
