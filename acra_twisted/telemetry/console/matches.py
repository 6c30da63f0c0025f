"""Traces that a search has found: their verdicts, and what is written of them into files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from acra_twisted import __version__
from acra_twisted.events import GENERAL
from acra_twisted.telemetry.console import requests
from acra_twisted.telemetry.pages import search
from acra_twisted.telemetry.pages.exports import table
from acra_twisted.telemetry.pages.matching import Match
from acra_twisted.telemetry.tracing.spans import iso_time
from acra_twisted.wire.formats import cef

#: Verdicts as the console says them, by the words of a search.
WORDS: Final[Mapping[str, str]] = {
    search.POISON: requests.POISON,
    search.DENY: requests.DENIED,
    search.ERROR: requests.FAILED,
    search.SLOW: requests.SLOW,
    search.ALLOW: requests.ALLOWED,
}
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
    """Return the weightiest verdict of a trace."""
    return WORDS[match.verdicts[0]] if match.verdicts else requests.ALLOWED


def verdicts_of(match: Match) -> list[str]:
    """Return the verdicts of the requests of a trace, the weightiest first; none if it has no
    request and has not failed."""
    return [WORDS[one] for one in match.verdicts]


def _plain(match: Match) -> dict[str, Any]:
    return {
        **match.as_json(),
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
