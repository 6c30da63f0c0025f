"""The sentences of the view of topology, and their rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from acra_twisted.telemetry.console import formats, gone
from acra_twisted.telemetry.console.firststatement import EMPTY
from acra_twisted.telemetry.console.gone import Gone
from acra_twisted.telemetry.console.sentences import (
    BAD,
    DATABASE,
    GOOD,
    PLAIN,
    SLOW,
    Answer,
    Piece,
    Sentence,
    answer,
    link,
    sentence,
    strong,
)
from acra_twisted.telemetry.console.ways import (
    BASE,
    CLIENT,
    CONNECTOR,
    SERVER,
    Box,
    Picture,
    database_ms,
    of_kind,
)
from acra_twisted.telemetry.pages.search import DENY, ERROR

#: Errors of a client that are many: so many, and such a part of its requests.
MANY, PART = 5, 0.05
#: A database is slower if its mean has grown so much, and by milliseconds.
_GROWN, _GROWN_MS = 1.25, 0.2
#: A share that differs so much from an even one is uneven, where so many requests tell of it.
_UNEVEN: Final = 0.15
_TELLING: Final = 50


def said(
    span: tuple[str, str],
    seen: Picture,
    silent: Sequence[str],
    away: Sentence | None,
    missing: Sequence[Gone] = (),
    here: bool = True,
) -> Answer:
    """Return the sentences about a picture of a time, which has a key and a title.  ``away`` tells
    of servers that do not answer; ``missing`` are connectors that are gone, from ``here`` or from
    all servers."""
    (key, title), lost = span, gone.said(missing, here=here)
    if not seen.boxes:
        text = f"No request in the last {title}."
        return answer([away, lost, _silent(silent)], sentence(EMPTY, PLAIN, text))
    clients, bases = of_kind(seen.boxes, CLIENT), of_kind(seen.boxes, BASE)
    over = ""
    for kind, name, least in ((CONNECTOR, "connector", 1), (SERVER, "server", 2)):
        number = len(of_kind(seen.boxes, kind))
        if number >= least:
            over += f"{' and' if over else ' over'} {formats.several(number, name)}"
    before = "as in the hour before" if seen.before else "and nothing in the hour before"
    return answer(
        [_failing(seen, key), _slower(seen), away, lost, _uneven(seen), _silent(silent)],
        sentence(
            "nothing",
            GOOD,
            strong("Nothing stands out"),
            f": {formats.several(len(clients), 'client')} and "
            f"{formats.several(len(bases), 'database')}{over}, {before}.",
        ),
    )


def address(box: Box) -> str:
    """Return where a box leads."""
    if box.kind == CLIENT and box.given:
        return f"/console/traces?{urlencode({'client_id': box.given})}"
    if box.kind == CLIENT:
        return "/console/traces"
    if box.kind == BASE and box.given:
        return f"/console/statements?{urlencode({'db': box.given})}"
    if box.kind == SERVER and box.given:
        return box.given
    return "/console/statements" if box.kind == BASE else "/console/sessions"


def doors(box: Box, seen: Picture, key: str) -> dict[str, str]:
    """Return where the errors and the denials of a box lead, of a time up to now; nothing where the
    traces of this server are not those of its requests."""
    named = {CLIENT: "client_id", BASE: "database"}.get(box.kind)
    if named is None or not box.given or len(of_kind(seen.boxes, SERVER)) > 1:
        return {}
    asked = {named: box.given, "since": key}
    return {
        verdict: f"/console/traces?{urlencode({**asked, 'verdict': verdict})}"
        for verdict in (ERROR, DENY)
    }


def is_slower(seen: Picture, box: Box) -> bool:
    """Return True if a database takes longer than in the hour before."""
    now = database_ms(seen.boxes[box])
    before = database_ms(seen.before[box]) if box in seen.before else 0.0
    return bool(before) and now >= _GROWN * before and now - before >= _GROWN_MS


def by_calls(calls: Mapping[Box, int]) -> list[Box]:
    """Return boxes by their calls, the busiest first."""
    return sorted(calls, key=lambda box: -calls[box])


def _failing(seen: Picture, key: str) -> Sentence | None:
    """Tell of the client with most errors and denials."""
    failed = {
        box: row.errors + row.denied
        for box, row in seen.boxes.items()
        if box.kind == CLIENT
        and row.errors + row.denied >= MANY
        and row.errors + row.denied >= PART * row.calls
    }
    if not failed:
        return None
    box = max(failed, key=lambda one: failed[one])
    row = seen.boxes[box]
    part, known = formats.share(failed[box], row.calls), doors(box, seen, key)
    became: list[str | Piece] = []
    for number, verdict, was in ((row.errors, ERROR, "failed"), (row.denied, DENY, "were denied")):
        if number:
            text = formats.count(number)
            became += [" and " if became else "", link(text, known[verdict]) if known else text]
            became.append(f" {was}")
    return sentence(
        "failing",
        BAD,
        link(formats.name(box.name), address(box)),
        f": {part} of its {formats.several(row.calls, 'request')} did not succeed; ",
        *became,
        ".",
    )


def _slower(seen: Picture) -> Sentence | None:
    slower = [box for box in of_kind(seen.boxes, BASE) if is_slower(seen, box)]
    if not slower:
        return None
    box = max(slower, key=lambda one: seen.boxes[one].calls)
    now, before = database_ms(seen.boxes[box]), database_ms(seen.before[box])
    return sentence(
        "slower",
        DATABASE,
        "The database ",
        link(formats.name(box.name), address(box)),
        " takes ",
        strong(f"{formats.ms(now)} a request instead of {formats.ms(before)}"),
        " in the hour before.",
    )


def _uneven(seen: Picture) -> Sentence | None:
    """Tell of servers, or else connectors, that do not have even shares."""
    for kind, name in ((SERVER, "servers"), (CONNECTOR, "connectors")):
        calls = {box: seen.boxes[box].calls for box in of_kind(seen.boxes, kind)}
        whole = sum(calls.values())
        if len(calls) < 2 or whole < _TELLING:
            continue
        most = max(calls, key=lambda one: calls[one])
        if calls[most] / whole - 1 / len(calls) < _UNEVEN:
            continue
        shares = " : ".join(str(round(100 * calls[box] / whole)) for box in by_calls(calls))
        return sentence(
            "uneven",
            SLOW,
            strong(f"The load is spread {shares} over {len(calls)} {name}, not evenly."),
            f" {formats.name(most.name)} has most of it.",
        )
    return None


def _silent(silent: Sequence[str]) -> Sentence | None:
    if not silent:
        return None
    names = ", ".join(formats.name(one) for one in silent[:3])
    more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
    return sentence("silent", SLOW, f"Silent since the hour before: {names}{more}.")
