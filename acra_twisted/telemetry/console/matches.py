"""Traces that a search has found: their verdicts, and what is written of them into files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from acra_twisted import __version__
from acra_twisted.events import GENERAL
from acra_twisted.telemetry.console import requests
from acra_twisted.telemetry.pages.exports import table
from acra_twisted.telemetry.pages.search import Match
from acra_twisted.telemetry.tracing.spans import iso_time
from acra_twisted.wire.formats import cef

#: Columns of CSV.
_COLUMNS: Final = (
    *("start", "took_ms", "trace_id", "name", "verdict", "error", "client_id", "spans"),
)
#: Severities of CEF by verdicts.
_SEVERITIES: Final = {
    requests.POISON: 8,
    requests.DENIED: 6,
    requests.FAILED: 4,
    requests.SLOW: 3,
    requests.ALLOWED: 1,
}
_MS: Final = 1e6


def verdict_of(match: Match) -> str:
    """Return the verdict of a trace."""
    if match.mark == "poison":
        return requests.POISON
    if match.verdict in ("deny", "hangup"):
        return requests.DENIED
    if match.error:
        return requests.FAILED
    return requests.SLOW if match.mark else requests.ALLOWED


def _plain(match: Match) -> dict[str, Any]:
    known = match._asdict()
    return {
        **known,
        "start": iso_time(match.start),
        "took_ms": match.took / _MS,
        "verdict": verdict_of(match),
    }


def as_csv(found: Iterable[Match]) -> Iterator[str]:
    """Give lines of CSV."""
    return table(_COLUMNS, map(_plain, found))


def as_cef(service: str, found: Iterable[Match]) -> Iterator[str]:
    """Give lines of CEF; ``service`` is the daemon's name."""
    for match in found:
        verdict = verdict_of(match)
        fields = {
            "start": int(match.start / _MS),
            "end": int((match.start + match.took) / _MS),
            "client_id": match.client_id,
            "action": verdict,
            "error": match.error,
            "query": match.name,
            "trace_id": match.trace_id,
        }
        line = cef.encode_dictionary(
            service,
            __version__,
            GENERAL,
            f"Request {verdict}",
            _SEVERITIES[verdict],
            cef.to_dictionary((match.start + match.took) / 1e9, fields),
        )
        yield f"{line}\n"
