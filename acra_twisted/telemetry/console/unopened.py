"""Values that could not be opened, as the console tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.people import NAMELESS, Names, who
from acra_twisted.telemetry.console.sentences import SLOW, Piece, Sentence, link, sentence, strong

#: Statements that are named.
_NAMED: Final = 2


def said(told: Any, since: int, shape: str = "", names: Names = NAMELESS) -> Sentence | None:
    """Tell of the client for which most values could not be opened, by statements of which none had
    failed so before a moment: by all of them, or by that of a shape's id.  ``told`` is what
    `pages.unopened` knows, and ``names`` name clients.

    What has always been so is no news: rows of others look like that.
    """
    clients: dict[str, list[Mapping[str, Any]]] = {}
    for one in told or ():
        if one["first"] >= since and shape in ("", one["shape"]):
            clients.setdefault(one["client_id"], []).append(one)
    if not clients:
        return None
    client = max(clients, key=lambda name: sum(one["values"] for one in clients[name]))
    some = sorted(clients[client], key=lambda one: -one["values"])
    number = sum(one["values"] for one in some)
    first = "" if number == 1 else "the first "
    begin = formats.clock(min(one["first"] for one in some))
    named = names.of(client) if client else who(client)
    pieces: list[str | Piece] = [
        strong(f"{formats.several(number, 'value')} for {named} could not be opened"),
        f", {first}at {begin}",
    ]
    if not shape:
        pieces += [" (", *_statements(some), ")"]
    others = len(clients) - 1
    if others:
        pieces.append(f"; the same for {formats.several(others, 'other client')}")
    return sentence("unopened", SLOW, *pieces, ".")


def _statements(some: Sequence[Mapping[str, Any]]) -> list[str | Piece]:
    found: list[str | Piece] = []
    for one in some[:_NAMED]:
        found += [", "] if found else []
        where = f"/console/statement?id={quote(one['shape'])}"
        found.append(link(formats.name(one["summary"]), where))
    if len(some) > _NAMED:
        found.append(f" and {formats.several(len(some) - _NAMED, 'other statement')}")
    return found
