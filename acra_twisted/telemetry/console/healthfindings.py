"""Find what is wrong with a daemon, or will be soon, in the facts that it tells of itself.

Each finding has the id of its rule, and the name of the alert (``acra-rules.yml``) that says the
same, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.pages.changes import NOT_RELOADED, RELOADED
from acra_twisted.telemetry.tracing.spans import iso_time

#: The classes of findings, the weightiest first: it fails, it will or may fail, it should be known.
BAD, SOON, NOTE = "deny", "slow", "info"
LOOKS: Final = (BAD, SOON, NOTE)
_DAY: Final = 86_400
#: A certificate that ends within so many days, and a revocation list within so many seconds.
CERTIFICATE_DAYS: Final = 14
LIST_SECONDS: Final = 3600
#: The part of a peer's certificate's life in which it ends soon.
_LAST: Final = 0.25
#: Seconds for which a stage that failed counts as one that fails.
_FRESH: Final = 600
#: Milliseconds by which the event loop may be late.
_LATE_MS: Final = 500
#: A part of a bound from which on it is nearly reached.
_FULL: Final = 0.9
#: Pools that are full by their nature: they keep the newest.
_RINGS: Final = frozenset(
    (
        "security events",
        "traces of the pages",
        "bytes of statements' figures",
        "bytes of the history",
        "ways of requests",
    )
)
_TEXT_MAX: Final = 300


class Finding(NamedTuple):
    """A finding: the id of its rule, its class, a word, a sentence, and the alert that says so."""

    rule: str
    look: str
    word: str
    text: str
    alert: str = ""

    def as_json(self) -> dict[str, str]:
        """Return it as plain values, with where the view of health has more of it."""
        return {**self._asdict(), "href": f"/console/health#{_CARDS[self.rule]}"}


#: Parts of the view of health that have more of a finding, by its rule.
_CARDS: Final = {
    "unreachable": "c-listeners",
    "authentication": "c-listeners",
    "certificate": "c-certificates",
    "certificate-expired": "c-certificates",
    "peer-certificate": "c-certificates",
    "revocation-list": "c-certificates",
    "stage": "c-flow",
    "no-history": "c-history",
    "history": "c-history",
    "history-new": "c-history",
    "exporter": "c-exporters",
    "exporter-dropped": "c-exporters",
    "reload": "c-changes",
    "late": "c-process",
    "log": "c-process",
    "bound": "c-pools",
    "weak": "c-settings",
    "idle": "c-settings",
}
#: Facts of a daemon that findings are made from.
FACTS: Final = (
    "process",
    "certificates",
    "peers_certificates",
    "authentication",
    "stages",
    "revocation",
    "exporters",
    "history",
    "pools",
    "warnings",
    "log",
    "changes",
)


def facts_of(
    fact: Callable[[str], Any], names: Sequence[str] = FACTS
) -> Generator[str, None, dict[str, Any]]:
    """Return facts by their names, in steps."""
    facts = {}
    for name in names:
        facts[name] = fact(name)
        yield ""
    return facts


def findings(facts: Mapping[str, Any], problem: str, now: float) -> list[Finding]:
    """Return all that is found, the weightiest first.  ``problem`` says why what stands behind the
    daemon cannot be reached; ``now`` is Unix time."""
    found = [
        *_reached(problem),
        *_secrets(facts.get("authentication") or ()),
        *_stages(facts.get("stages") or (), now),
        *_certificates(facts.get("certificates") or (), now),
        *_peers(facts.get("peers_certificates") or (), now),
        *_lists(facts.get("revocation") or (), now),
        *_history(facts.get("history")),
        *_exporters(facts.get("exporters") or ()),
        *_reloads(facts.get("changes") or ()),
        *_process(facts.get("process") or {}, facts.get("log") or {}),
        *_pools(facts.get("pools") or {}),
        *_settings(facts.get("warnings") or {}),
    ]
    return sorted(found, key=lambda one: LOOKS.index(one.look))


def _cut(text: str) -> str:
    return formats.cut(text, _TEXT_MAX)


def _reached(problem: str) -> Iterator[Finding]:
    if problem:
        yield Finding("unreachable", BAD, "away", _cut(f"The {problem}."), "AcraDatabaseErrors")


def ends_soon(certificate: Mapping[str, Any], now: float) -> bool:
    """Return True if a certificate has ended, or ends soon.

    Those of peers say when they began: some are made anew each day, and end soon in the last
    quarter of their lives."""
    soon: float = CERTIFICATE_DAYS * _DAY
    if "begins" in certificate:
        soon = min(soon, _LAST * (certificate["ends"] - certificate["begins"]))
    return bool(certificate["ends"] - now < soon)


def _certificates(told: Sequence[Mapping[str, Any]], now: float) -> Iterator[Finding]:
    for one in told:
        left = one["ends"] - now
        about = f"The certificate of {one['setting']} ({one['subject']})"
        if left <= 0:
            yield Finding(
                "certificate-expired",
                BAD,
                "expired",
                f"{about} has expired: connections fail.",
                "AcraCertificateExpired",
            )
        elif ends_soon(one, now):
            yield Finding(
                "certificate",
                SOON,
                "soon",
                f"{about} ends in {days(left)}. SIGHUP takes a new one, and sessions go on.",
                "AcraCertificateExpires",
            )


def _peers(told: Sequence[Mapping[str, Any]], now: float) -> Iterator[Finding]:
    for one in told:
        left = one["ends"] - now
        whose = "client" if one["is_client"] else "server"
        about = f"The certificate of a {whose} ({one['subject']}, verified by {one['setting']})"
        if left <= 0:
            text = f"{about} has expired since it was shown: its owner needs a new one."
            yield Finding("peer-certificate", SOON, "expired", text)
        elif ends_soon(one, now):
            text = f"{about} ends in {days(left)}: its owner should renew it."
            yield Finding("peer-certificate", SOON, "soon", text)


def _secrets(told: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for one in told:
        if one["trouble"]:
            at = f" of the listener {one['listener']}" if one["listener"] else ""
            text = f"Secrets of users{at} cannot be looked up: {one['trouble']}."
            more = " Users whose secret is kept can log in for a time; others cannot."
            yield Finding("authentication", BAD, "away", _cut(text) + more, "AcraSecretsAway")


def _stages(told: Sequence[Mapping[str, Any]], now: float) -> Iterator[Finding]:
    for one in told:
        last = one["last"]
        is_fresh = now - last / 1e9 < _FRESH
        text = (
            f"Stage {one['stage']} failed {formats.several(one['failures'], 'time')} since the "
            f"start, last at {formats.clock_s(last)}: what it would have judged was refused, "
            "unless it is advisory. The log's event 2000 says where."
        )
        look = BAD if is_fresh else NOTE
        yield Finding("stage", look, "fails" if is_fresh else "failed", text, "AcraStageFails")


def days(seconds: float) -> str:
    """Return how long a certificate lasts: whole days, or hours on the last one."""
    if seconds < _DAY:
        return formats.several(max(int(seconds // 3600), 0), "hour")
    return formats.several(int(seconds // _DAY), "day")


def _lists(told: Sequence[Mapping[str, Any]], now: float) -> Iterator[Finding]:
    for one in told:
        left = one["list_ends"] - now
        if one["lists"] and left < LIST_SECONDS:
            ends = f"ends in {formats.long(left)}" if left > 0 else "has ended"
            yield Finding(
                "revocation-list",
                BAD if left <= 0 else SOON,
                "ended" if left <= 0 else "soon",
                f"A revocation list for {one['leg']} {ends}, and there is no newer one.",
                "AcraRevocationListEnds",
            )


def _history(told: Mapping[str, Any] | None) -> Iterator[Finding]:
    if told is None:
        yield Finding(
            "no-history",
            NOTE,
            "note",
            "No history is kept: what was before the start is not known here (trace_store_file).",
        )
    elif told["trouble"]:
        yield Finding("history", SOON, "waits", f"{told['trouble']}.", "AcraHistoryNotWritten")
    elif told["set_aside"]:
        when, name = told["set_aside"]
        aside = f"damaged, or of a later release, and is set aside beside it as {_cut(name)}"
        text = f"A new history was begun at {_minute(when)}: the file of the old one was {aside}."
        yield Finding("history-new", NOTE, "new", text)


def _minute(seconds: float) -> str:
    return iso_time(int(seconds * 1e9))[:16].replace("T", " ")


def _exporters(told: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for one in told:
        dropped = dropped_by(one)
        lost = f"; {formats.several(dropped, 'span')} dropped" if dropped else ""
        if one["trouble"]:
            text = f"Spans cannot be sent to {one['name']}: {one['trouble']}{lost}."
            yield Finding("exporter", SOON, "retries", _cut(text), "AcraSpansDropped")
        elif dropped:
            text = f"{formats.several(dropped, 'span')} for {one['name']} dropped since the start."
            yield Finding("exporter-dropped", NOTE, "dropped", text, "AcraSpansDropped")


def dropped_by(exporter: Mapping[str, Any]) -> int:
    """Return the number of spans that an exporter has dropped."""
    counts = exporter["counts"].items()
    return sum(number for result, number in counts if result.startswith("dropped"))


def _reloads(told: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Tell of parts that could not be read anew; changes come the newest first."""
    for one in told:
        if one["kind"] == RELOADED:
            return
        if one["kind"] == NOT_RELOADED:
            yield Finding(
                "reload",
                SOON,
                "refused",
                f"{one['text']} ({formats.clock(one['time'])}): what was in force stays in force.",
            )
            return


def _process(told: Mapping[str, Any], log: Mapping[str, Any]) -> Iterator[Finding]:
    late = told.get("lag_p99_ms", 0.0)
    if late > _LATE_MS:
        yield Finding(
            "late",
            SOON,
            "late",
            f"The event loop is {formats.ms(late)} late at the 99th percentile of the last 5 min: "
            "the processor is busy or starved.",
            "AcraEventLoopLags",
        )
    if log.get("lost"):
        yield Finding(
            "log",
            BAD,
            "lost",
            f"{formats.several(log['lost'], 'log line')} could not be written: a full disk, or "
            "syslog is away.",
            "AcraLogLinesLost",
        )


def _pools(told: Mapping[str, Sequence[int]]) -> Iterator[Finding]:
    for name, (size, limit) in told.items():
        if limit and size >= _FULL * limit and name not in _RINGS:
            yield Finding(
                "bound",
                SOON,
                "full",
                f"{formats.count(size)} of {formats.count(limit)}: {name}. The bound is nearly "
                "reached.",
            )


def _settings(told: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    for text in told.get("insecure", ()):
        yield Finding("weak", SOON, "weak", f"{_cut(text)}.")
    for text in told.get("advice", ()):
        yield Finding("idle", NOTE, "no effect", f"{_cut(text)}.")
