"""Findings about each rule of AcraCensor, by how often it decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.sentences import (
    GOOD,
    PLAIN,
    SLOW,
    Answer,
    Sentence,
    answer,
    sentence,
    strong,
)

_HOUR: Final = 3600 * 10**9
_DAY: Final = 24
#: Handlers behind which nothing is decided.
_WHOLE: Final = ("allowall", "denyall")
#: Lines that are shown of rules that decided, and of those that did not.
_USED, _UNUSED = 40, 20
#: Rules that a sentence names.
_NAMED: Final = 3

IN_USE, NEVER, UNREACHED, QUIET, DENIES = "in-use", "never", "unreached", "quiet", "denies"


class Rule(NamedTuple):
    """A rule with its figures; ``found`` is one of the findings, ``by_hour`` the last day's."""

    listener: str
    handler: int
    kind: str
    part: str
    place: str
    decided: int
    last: int
    clients: Mapping[str, int]
    by_hour: Sequence[int]
    found: str
    words: str


class Rules(NamedTuple):
    """Rules in the order of their file; ``left`` were left out, none of which ever decided."""

    shown: Sequence[Rule]
    left: int
    decided: int


def judged(told: Iterable[Mapping[str, Any]], now: int) -> Rules:
    """Judge each rule by what it decided: see `censor.hits`."""
    rules = []
    # By listener the number of the handler that decides everything.
    ends: dict[str, int] = {}
    for one in told:
        listener, handler = one["listener"], one["handler"]
        if one["part"] == "handler" and one["kind"] not in _WHOLE and not one["count"]:
            # The handler as a whole decides nothing: its entries do.
            continue
        end = ends.get(listener, 0)
        found, words = _finding(one, end if handler > end else 0)
        if one["part"] == "handler" and one["kind"] in _WHOLE:
            ends.setdefault(listener, handler)
        rules.append(
            Rule(
                listener,
                handler,
                one["kind"],
                one["part"],
                # Without its folders.
                one["where"].rpartition("/")[2],
                one["count"],
                one["last"],
                one["clients"],
                _day(one["hours"], now),
                found,
                words,
            )
        )
    decided = sum(rule.decided for rule in rules)
    most = sorted((rule.decided for rule in rules if rule.decided), reverse=True)[:_USED]
    least = most[-1] if most else 1
    kept, unused = [], 0
    for rule in rules:
        if rule.decided >= least and rule.decided:
            kept.append(rule)
        elif not rule.decided:
            unused += 1
            if unused <= _UNUSED:
                kept.append(rule)
    shown = kept[: _USED + _UNUSED]
    return Rules(shown, len(rules) - len(shown), decided)


def said_of(rules: Rules) -> Answer:
    """Return the sentences that tell whether the rules are right.

    Rules that were left out are not told of: none of them ever decided.
    """
    if not rules.shown:
        otherwise = sentence("no-rules", PLAIN, "No rules of AcraCensor are in force.")
    else:
        denies = sum(rule.found == DENIES for rule in rules.shown)
        otherwise = sentence(
            "right",
            GOOD,
            strong("Each rule that allows is in use, and each rule is reached."),
            f" {formats.several(denies, 'rule')} denied something.",
        )
    return answer([_of(rules, UNREACHED), _of(rules, NEVER)], otherwise)


def _of(rules: Rules, found: str) -> Sentence | None:
    """Tell of the rules with a finding."""
    places = [rule.place for rule in rules.shown if rule.found == found]
    if not places:
        return None
    number = formats.several(len(places), "rule")
    names = ", ".join(formats.name(place) for place in places[:_NAMED])
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    if found == UNREACHED:
        text = f"{number} {'is' if len(places) == 1 else 'are'} never reached:"
        why = f"a handler before {'it' if len(places) == 1 else 'them'} decides everything."
        return sentence("unreached", SLOW, strong(text), f" {names}{more}; {why}")
    text = f"{number} that {'allows' if len(places) == 1 else 'allow'} never decided:"
    return sentence("never", SLOW, strong(text), f" {names}{more}.")


def _finding(one: Mapping[str, Any], end: int) -> tuple[str, str]:
    denies = one["kind"].startswith("deny")
    if end and one["handler"] and not one["count"]:
        return UNREACHED, f"never reached: handler {end} decides first"
    if one["count"]:
        if denies:
            return DENIES, f"{formats.several(len(one['clients']), 'client')}, look"
        return IN_USE, "in use"
    if denies:
        return QUIET, "quiet, as a denial should be"
    return NEVER, "never matched: remove?"


def _day(hours: Iterable[Mapping[str, int]], now: int) -> list[int]:
    """Return decisions of each hour of the last day."""
    counts = [0] * _DAY
    this = now // _HOUR
    for hour in hours:
        before = this - hour["start"] // _HOUR
        if 0 <= before < _DAY:
            counts[_DAY - 1 - before] += hour["count"]
    return counts
