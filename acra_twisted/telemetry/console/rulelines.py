"""The lines of the table of AcraCensor's rules."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from acra_twisted.telemetry.console import charts, formats, rulefindings
from acra_twisted.telemetry.console.incidents import ADDRESS
from acra_twisted.telemetry.console.people import NAMELESS, Names
from acra_twisted.telemetry.console.ranges import day
from acra_twisted.telemetry.figures.counting import MINUTE

_DAY: Final = 1440 * MINUTE
#: The range of which most events are there.
_LONGEST: Final = "30d"
#: Characters of the clients that a rule has decided about.
_TITLE: Final = 240
_LOOKS: Final = {
    rulefindings.IN_USE: "good",
    rulefindings.NEVER: "slow",
    rulefindings.UNREACHED: "slow",
    rulefindings.DENIES: "deny",
    rulefindings.QUIET: "",
}

#: What a rule decides, where it is not a part of a handler.
_PARTS: Final = {"handler": "the whole handler", "": "whatever no rule decides"}


def rule_line(
    rule: rulefindings.Rule, decided: int, now: int, names: Names = NAMELESS
) -> dict[str, Any]:
    """Return a line for the template.  ``decided`` are the decisions of all rules, and ``names``
    name clients."""
    is_denial = rule.kind.startswith("deny")
    clients, door = list(rule.clients), ""
    if is_denial and rule.decided:
        # Decisions are counted from the start on.
        door = f"{ADDRESS}?{urlencode({'range': _LONGEST, 'rule': rule.place or rule.kind})}"
    named = [f"{names.of(one)} {formats.count(rule.clients[one])}" for one in clients]
    return {
        "listener": rule.listener or "main",
        "number": str(rule.handler) if rule.handler else formats.NOTHING,
        "kind": rule.kind,
        "part": _PARTS.get(rule.part, rule.part),
        "place": formats.name(rule.place),
        "count": formats.count(rule.decided),
        "events": door,
        "gauge": charts.gauge(rule.decided, decided or 1),
        "spark": charts.spark([float(number) for number in rule.by_hour], is_denial)
        if any(rule.by_hour)
        else "",
        "last": _moment(rule.last, now),
        "look": _LOOKS[rule.found],
        "words": rule.words,
        "href": f"{door}&by=client" if door else "",
        "title": formats.cut(", ".join(named), _TITLE),
    }


def _moment(nanoseconds: int, now: int) -> str:
    if not nanoseconds:
        return "never"
    if now - nanoseconds < _DAY:
        return formats.clock_s(nanoseconds)
    return day(nanoseconds // MINUTE)
