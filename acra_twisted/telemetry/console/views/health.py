"""Health: does it work as it should, and is it set up as I think?"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import charts, formats, healthfindings
from acra_twisted.telemetry.console.behind import tried
from acra_twisted.telemetry.console.healthfindings import BAD, NOTE, Finding, findings
from acra_twisted.telemetry.console.layers import LAYERS, by_layer, per_call
from acra_twisted.telemetry.console.ranges import DEFAULT, day, range_of
from acra_twisted.telemetry.console.room import Room
from acra_twisted.telemetry.console.sentences import BAD as FAILS
from acra_twisted.telemetry.console.sentences import (
    GOOD,
    SLOW,
    Answer,
    answer,
    sentence,
    strong,
)
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.pages.arguments import chosen, given
from acra_twisted.telemetry.pages.changes import NOT_RELOADED
from acra_twisted.telemetry.pages.rendering import Piece

QUESTION: Final = "Does it work as it should, and is it set up as I think?"
SET, ALL = "set", "all"
ARGUMENTS: Final[Mapping[str, str]] = {
    "show": f"settings: {SET} (those that somebody has made, the default) or {ALL}"
}
#: Facts of a daemon that the view is made from.
FACTS: Final = (*healthfindings.FACTS, "listeners", "keys", "origin", "settings")
_CHANGES: Final = 12
#: Bytes of a page for all tables.
_ROOM: Final = 46_000
_VALUE: Final = 60
_SECRETS: Final = 200
_YEAR: Final = 365 * 86_400
_MS: Final = 1e6


class Gathered(NamedTuple):
    """All that the view shows.  ``problem`` says why what is behind the daemon cannot be reached;
    it is None where that was not tried.  ``row`` has the figures of the last hour."""

    show: str
    facts: Mapping[str, Any]
    problem: str | None
    found: Sequence[Finding]
    row: Row
    now: int
    said: Answer


def asked(arguments: Mapping[str, str], now: int) -> str:
    """Read the arguments.  Raises Unfit."""
    return chosen("show", given(arguments, ARGUMENTS).get("show") or SET, (SET, ALL))


def gather(sources: Sources, wanted: str) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps; it waits for an answer from behind the daemon."""
    facts = yield from healthfindings.facts_of(sources.fact, FACTS)
    problem = yield from tried(sources)
    now = sources.clock()
    row = Row()
    for column in (yield from sources.sums.by_column(range_of(DEFAULT, now))):
        row.add(column)
    found = findings(facts, problem or "", now / 1e9)
    yield ""
    return Gathered(wanted, facts, problem, found, row, now, _answer(found))


def _answer(found: Sequence[Finding]) -> Answer:
    weighty = [one for one in found if one.look != NOTE]
    if not weighty:
        notes = f" {found[0].text}" if found else ""
        return answer([], sentence("nothing", GOOD, strong("All is as it should be."), notes))
    fails = [one for one in weighty if one.look == BAD]
    number = len(weighty)
    if fails:
        head = f"Not working as it should: {formats.several(number, 'warning')}."
    else:
        head = f"Working, with {formats.several(number, 'warning')}."
    kinds = [FAILS if one.look == BAD else SLOW for one in weighty]
    made = [
        sentence(one.rule, kind, one.text) for one, kind in zip(weighty[1:], kinds[1:], strict=True)
    ]
    first = sentence(weighty[0].rule, kinds[0], strong(head), f" {weighty[0].text}")
    return answer([first, *made], first)


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "findings": [one.as_json() for one in gathered.found],
        "behind": gathered.problem,
        "layers_ms": per_call(gathered.row),
        "calls": gathered.row.calls,
        **gathered.facts,
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    facts = gathered.facts
    settings = facts["settings"] or []
    made = [one for one in settings if one["origin"] != "default"]
    wanted = settings if gathered.show == ALL else made
    yield ""
    room = Room(_ROOM)
    found = yield from room.fitted((one.as_json() for one in gathered.found), 300, 8_000)
    listeners = yield from room.fitted(
        ({**one, "at": formats.name(one["at"])} for one in facts["listeners"] or ()), 300, 4_000
    )
    secrets = yield from room.fitted(map(_secrets, facts["authentication"] or ()), 200, 3_000)
    exporters = yield from room.fitted(map(_exporter, facts["exporters"] or ()), 300, 4_000)
    seen = [*(facts["certificates"] or ()), *(facts["peers_certificates"] or ())]
    # Those that end first come first.
    seen.sort(key=lambda one: float(one["ends"]))
    now = gathered.now / 1e9
    certificates = yield from room.fitted((_certificate(one, now) for one in seen), 120, 7_000)
    changes = (facts["changes"] or ())[:_CHANGES]
    latest = yield from room.fitted(map(_change, changes), 200, 3_000)
    bounded = facts["pools"] or {}
    pools = yield from room.fitted(
        (_pool(name, size, limit) for name, (size, limit) in bounded.items()), 140, 8_000
    )
    rows = yield from room.fitted(map(_setting, wanted), 120)
    return {
        "said": gathered.said,
        "findings": found,
        "findings_left": len(gathered.found) - len(found),
        "flow": list(_flow(gathered)),
        "listeners": listeners,
        "behind": _behind(gathered.problem),
        "exporters": exporters,
        "settings": rows,
        "settings_note": f"{formats.count(len(made))} of {formats.count(len(settings))} are set; "
        "keys and passwords are never shown",
        "settings_left": len(wanted) - len(rows),
        "shows": [(one, f"?show={one}", one == gathered.show) for one in (SET, ALL)],
        "certificates": certificates,
        "certificates_left": len(seen) - len(certificates),
        "authentication": secrets,
        "revocation": [_leg(one, gathered.now) for one in facts["revocation"] or ()],
        "history": list(_history(facts["history"])),
        "history_gauge": charts.gauge(facts["history"]["size"], facts["history"]["limit"])
        if facts["history"]
        else "",
        "pools": pools,
        "pools_left": len(bounded) - len(pools),
        "changes": latest,
        "process": list(_process(facts["process"], facts["keys"])),
    }


def _flow(gathered: Gathered) -> Iterator[dict[str, str]]:
    """The layers that took any time, in the order of a request's way."""
    calls = gathered.row.calls or 1
    for layer, spent in by_layer(gathered.row).items():
        yield {"layer": layer, "name": LAYERS[layer], "mean": formats.ms(spent / calls)}


def _behind(problem: str | None) -> tuple[str, str, str]:
    if problem is None:
        return "mute", "not tried", "What is behind this daemon was not tried."
    if problem:
        return "deny", "away", f"The {formats.name(problem)}."
    return "good", "answers", "What is behind this daemon answers."


def _exporter(one: Mapping[str, Any]) -> dict[str, Any]:
    look, word = ("fail", "retries") if one["trouble"] else ("good", "sends")
    return {
        "name": ", ".join(filter(None, (one["name"], formats.name(one["where"])))),
        "look": look,
        "word": word,
        "sent": formats.count(one["counts"].get("sent", 0)),
        "queue": f"{formats.count(one['queued'])} of {formats.count(one['limit'])}"
        if one["limit"]
        else formats.NOTHING,
        "dropped": formats.count(healthfindings.dropped_by(one)),
        "trouble": formats.name(one["trouble"]),
    }


def _setting(one: Mapping[str, Any]) -> dict[str, str]:
    section = one["section"]
    of = f"{section.partition(':')[2]}: " if section.startswith("listener:") else ""
    return {
        "name": f"{of}{one['name']}",
        "value": formats.name(one["value"][:_VALUE]) or formats.NOTHING,
        "origin": one["origin"],
        "where": formats.name(one["where"].rpartition("/")[2]) or one["origin"],
        "whole": formats.name(one["where"]) if "/" in one["where"] else "",
    }


def _secrets(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """How the sources of users' secrets of a listener are."""
    at = f" of {formats.name(one['listener'])}" if one["listener"] else ""
    waiting = f", {formats.several(one['waiting'], 'question')} open" if one["waiting"] else ""
    text = formats.cut(f"Secrets of users{at}: {' and '.join(one['sources'])}{waiting}", _SECRETS)
    return ("deny", "away", text) if one["trouble"] else ("good", "answers", text)


def _certificate(one: Mapping[str, Any], now: float) -> dict[str, Any]:
    """A certificate of this side, or one that a peer has shown."""
    left = one["ends"] - now
    setting = one["setting"]
    if "is_client" in one:
        setting = f"{'client' if one['is_client'] else 'server'}, by {setting}"
    return {
        "subject": formats.name(one["subject"]),
        "setting": setting,
        "left": healthfindings.days(left) if left > 0 else "expired",
        "soon": healthfindings.ends_soon(one, now),
        "gauge": charts.gauge(max(left, 0), _YEAR),
    }


def _leg(one: Mapping[str, Any], now: int) -> dict[str, str]:
    lists = "no list"
    if one["lists"]:
        lists = f"{formats.several(one['lists'], 'list')}, the first ends "
        lists += day(int(one["list_ends"]) // 60)
    answers = "responders are not asked"
    if one["asks"]:
        last = one["last_answer"]
        answers = f"last answer {day(int(last) // 60)}" if last else "no answer yet"
    return {"leg": one["leg"], "text": f"{lists}; {answers}"}


def _history(told: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if told is None:
        return
    counts = told["counts"]
    yield "Size", f"{formats.size(told['size'])} of {formats.size(told['limit'])}"
    yield "State", told["trouble"] or "written every second"
    yield (
        "Waiting",
        f"{formats.count(told['waiting'])} of {formats.count(told['waiting_limit'])} pieces",
    )
    yield "Stored", f"{formats.several(counts.get('stored', 0), 'piece')} since the start"
    yield "Given up", f"{formats.count(counts.get('given_up', 0))} old ones for younger ones"
    left = sum(number for name, number in counts.items() if name.startswith("left_out"))
    yield "Left out", f"{formats.count(left)}, for a reason that the metrics name"
    troubles = ", ".join(
        f"{name} {formats.count(number)}" for name, number in told["troubles"].items() if number
    )
    yield "Troubles", troubles or "none since the start"


def _pool(name: str, size: int, limit: int) -> dict[str, Any]:
    is_size = name.startswith("bytes of ")
    show = formats.size if is_size else formats.count
    return {
        "name": name.removeprefix("bytes of "),
        "size": show(size),
        "limit": show(limit) if limit else "no limit",
        "gauge": charts.gauge(size, limit) if limit else "",
    }


def _change(one: Mapping[str, Any]) -> dict[str, str]:
    failed = one["kind"] == NOT_RELOADED
    return {
        "look": "deny" if failed else "good",
        "word": "refused" if failed else one["kind"],
        "text": formats.name(one["text"]),
        "when": day(one["time"] // MINUTE),
    }


def _process(
    told: Mapping[str, Any] | None, keys: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    if told is None:
        return
    yield "acra-twisted", f"{told['acra_twisted']}, {'' if told['compiled'] else 'not '}compiled"
    yield "Python, Twisted", f"{told['python']}, {told['twisted']}"
    yield "OpenSSL", told["openssl"]
    yield "Up for", formats.long(told["seconds"])
    yield "Memory", formats.size(told["memory"])
    busy = formats.share(told["cpu_seconds"], told["seconds"])
    yield "Processor", f"{formats.long(told['cpu_seconds'])} in all, {busy} of one"
    lag = f"{formats.ms(told['lag_p99_ms'])} late at the 99th percentile"
    yield "Event loop", f"{lag}, {formats.ms(told['lag_max_ms'])} at most, in the last 5 min"
    if keys is not None:
        yield (
            "Keys",
            f"{formats.several(keys['kept'], 'key')} in memory, "
            f"{formats.count(keys['hit'])} found there, {formats.count(keys['miss'])} read",
        )


VIEW: Final = View("health", "Health", "health", asked, gather, as_json, shown, live=10)
