"""Says what stands in the place of a view that cannot be shown: why, and where to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.ranges import RANGES
from acra_twisted.telemetry.console.sentences import SLOW, Answer, answer, sentence
from acra_twisted.telemetry.console.view import View

#: The template of such a page.
TEMPLATE: Final = "instead.html"
_PREFIX: Final = "/console/"
_TRACES: Final = ("All kept traces", _PREFIX + "traces")
_STATEMENTS: Final = ("All statements", _PREFIX + "statements")
_SESSIONS: Final = ("All sessions", _PREFIX + "sessions")
#: Views of one thing, with the lists in which such things are.
_LISTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "trace": (_TRACES, ("Statements, which have sample traces", _PREFIX + "statements")),
    "compare": (_TRACES,),
    "statement": (_STATEMENTS,),
    "session": (_SESSIONS, ("Security events", _PREFIX + "security")),
}
#: The argument that names the thing of such a view.
_ID: Final = "id"
_RANGE: Final = "range"
_LONGEST: Final = tuple(RANGES)[-1]


class Instead(NamedTuple):
    """A sentence, and links to go on with."""

    said: Answer
    links: list[tuple[str, str]]


def of_unfit(view: View, arguments: Mapping[str, str], why: str) -> Instead:
    """Say why arguments cannot be; ``why`` begins with the name of the one that is wrong."""
    name = why.partition(" ")[0]
    links = []
    text = f"{why[:1].upper()}{why[1:]}."
    value = formats.name(arguments.get(name, "").strip())
    if value:
        text = f"{name} is “{value}”, but {why.removeprefix(name).strip()}."
        others = {one: given for one, given in arguments.items() if one != name}
        if others and not (view.name in _LISTS and name == _ID):
            links.append((f"Without {name}", _address(view.name, others)))
    return Instead(_said("unfit", text), links + _ways_on(view))


def of_missing(view: View, arguments: Mapping[str, str], why: str) -> Instead:
    """Say why a view is not there."""
    links = []
    if view.name == "statement" and arguments.get(_RANGE) != _LONGEST:
        address = _address(view.name, {**arguments, _RANGE: _LONGEST})
        links.append((f"In the last {RANGES[_LONGEST][0]}", address))
    return Instead(_said("missing", f"{why}."), links + _ways_on(view))


def _said(rule: str, text: str) -> Answer:
    return answer([], sentence(rule, SLOW, text))


def _ways_on(view: View) -> list[tuple[str, str]]:
    if view.name in _LISTS:
        return list(_LISTS[view.name])
    return [("The view without arguments", _PREFIX + view.name)]


def _address(name: str, arguments: Mapping[str, str]) -> str:
    return f"{_PREFIX}{name}?{urlencode(arguments)}"
