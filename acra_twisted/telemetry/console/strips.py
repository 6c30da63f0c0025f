"""The last minute of sessions as strips: their kept requests, and what they do now."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.gathering import kept_spans
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.tracing.spans import Span

#: Nanoseconds that a strip shows, and requests of a session in it at most: the newest.
LENGTH: Final = 60 * 10**9
REQUESTS_MAX: Final = 16
#: Cells of a strip, and how high its parts are: what waits is low.
_CELLS: Final = 240
_BASE, _HIGH, _LOW = 17, 12, 3
_IDLE: Final = ("other", "deny")
#: Classes of the colours of requests.
LOOKS: Final = ("deny", "dbfirst", "censor")
_MS: Final = 1e6
_SVG: Final = Markup(
    '<svg class="strip" width="100%" height="18" viewBox="0 0 {} 18" preserveAspectRatio="none" '
    'role="img"><title>{}</title>{}<path class="f-mute" d="M0 17h{}v1H0z"/></svg>'
)
_PATH: Final = Markup('<path class="f-{}" d="{}"/>')


class Part(NamedTuple):
    """A request, in nanoseconds since the epoch; ``look`` is the class of its colour."""

    start: int
    end: int
    look: str


def recent(
    sources: Sources, connections: Mapping[str, int], now: int
) -> Generator[str, None, dict[int, list[Part]]]:
    """Return the kept requests of the last minute by sessions, in steps.  ``connections`` has the
    numbers of sessions by the ids of their spans."""
    found: dict[int, list[Part]] = {}
    since = now - LENGTH

    def session_of(span: Span) -> int | None:
        """Return the number of a recent request's session."""
        if span.end < since:
            return None
        number = connections.get(span.parent_id)
        for link in span.links:
            number = number or connections.get(link[1])
        return number

    for span in kept_spans(sources.traces, lambda one: session_of(one.span) is not None):
        if span is None:
            yield ""
            continue
        known, number = span.attributes, session_of(span)
        if number is not None and "acra.verdict" in known and "acra.stage" not in known:
            found.setdefault(number, []).append(Part(span.start, span.end, _look(known)))
    return {number: sorted(parts)[-REQUESTS_MAX:] for number, parts in found.items()}


def _look(known: Mapping[str, Any]) -> str:
    """Return the colour of a request: refused, longer in the database, or longer here."""
    if known.get("acra.verdict") != "allow":
        return "deny"
    theirs, whole = known.get("acra.time.database_ms"), known.get("acra.time.proxy_ms")
    if isinstance(theirs, int | float) and isinstance(whole, int | float):
        return "dbfirst" if theirs >= whole else "censor"
    return "dbfirst"


def draw(parts: Sequence[Part], now: int, state: str, since_ms: float) -> Markup:
    """Return a strip; ``state`` is the class of what the session does now, empty where that is
    nothing, and for how many milliseconds it has."""
    paths: dict[str, str] = {}
    covered = -1
    for part in sorted(parts):
        begin, end = _place(part.start, part.end, now)
        begin = max(begin, covered)
        if begin < end:
            paths[part.look] = paths.get(part.look, "") + _box(begin, end, _HIGH)
            covered = end
    if state:
        begin, end = _place(now - int(min(since_ms * _MS, LENGTH)), now, now)
        height = _LOW if state in _IDLE else _HIGH
        paths[state] = paths.get(state, "") + _box(begin, end, height)
    name = f"{formats.several(len(parts), 'kept request')} in the last minute"
    drawn = Markup("").join(_PATH.format(look, path) for look, path in paths.items())
    return _SVG.format(_CELLS, name, drawn, _CELLS)


def _place(start: int, end: int, now: int) -> tuple[int, int]:
    """Return where a time begins and ends; it is one cell wide at least."""
    low = now - LENGTH
    first = min(max(_CELLS * (start - low) // LENGTH, 0), _CELLS - 1)
    return first, min(max(-(-_CELLS * (end - low) // LENGTH), first + 1), _CELLS)


def _box(begin: int, end: int, height: int) -> str:
    return f"M{begin} {_BASE - height}h{end - begin}v{height}h-{end - begin}z"
