"""Tell whether what stands behind the daemon answers, by its requests, or else by trying it."""

from __future__ import annotations

from collections.abc import Generator

from acra_twisted.telemetry.console.ranges import DEFAULT, range_of
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.waiting import Wait


def is_answered(column: Row) -> bool:
    """Return True if what stands behind the daemon has answered requests of a column: those that
    were denied did not go there."""
    return column.calls > column.errors + column.lost + column.denied


def problem(sources: Sources) -> Generator[Piece, None, str]:
    """Return why what stands behind the daemon cannot be reached, in steps; empty if it can be.  It
    is not tried where requests of this minute, or of the one before, have been answered."""
    minutes = yield from sources.sums.by_column(range_of(DEFAULT, sources.clock()))
    if any(map(is_answered, minutes[-2:])):
        return ""
    return (yield from tried(sources)) or ""


def tried(sources: Sources) -> Generator[Piece, None, str | None]:
    """Return why what stands behind the daemon cannot be reached, in steps; empty if it can be,
    None if nothing stands there."""
    reach = sources.reach()
    if reach is None:
        return None
    wait = Wait(reach.problem())
    yield wait
    return str(wait.result)
