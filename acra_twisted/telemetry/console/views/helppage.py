"""Help: which keys are there, and where is everything?"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console.sentences import PLAIN, Answer, answer, sentence
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views import (
    compare,
    health,
    overview,
    security,
    sessions,
    statements,
    topology,
    traces,
)
from acra_twisted.telemetry.pages.arguments import given

QUESTION: Final = "Which keys are there, and where is everything?"
ARGUMENTS: Final[Mapping[str, str]] = {}


class Place(NamedTuple):
    """A view: the key behind ``g``, its name, its address, and the question that it answers."""

    key: str
    name: str
    address: str
    question: str


def _place(key: str, view: View, question: str) -> Place:
    return Place(key, view.title, view.name, question)


#: The views with their keys.  The script of the pages has the same ones.
PLACES: Final = (
    _place("o", overview.VIEW, overview.QUESTION),
    _place("s", statements.VIEW, statements.QUESTION),
    _place("t", traces.VIEW, traces.QUESTION),
    _place("c", compare.VIEW, compare.QUESTION),
    _place("e", sessions.VIEW, sessions.QUESTION),
    _place("y", security.VIEW, security.QUESTION),
    _place("p", topology.VIEW, topology.QUESTION),
    _place("h", health.VIEW, health.QUESTION),
)
#: Other keys.
KEYS: Final[Mapping[str, str]] = {
    "/": "to the search of the view, or to the traces if it has none",
    "Escape": "out of the search",
    "j": "to the next row",
    "k": "to the row before",
    "[": "to the request that the same session sent before",
    "]": "to the one behind it",
    "?": "to this page",
}
#: Forms of the pages, by the argument ``format``.
FORMS: Final[Mapping[str, str]] = {
    "json": "each view, with its sentence",
    "csv": "statements, traces and security events",
    "cef": "traces and security events",
}


def asked(arguments: Mapping[str, str], now: int) -> None:
    """Read the arguments, of which there are none.  Raises Unfit."""
    given(arguments, ARGUMENTS)


def gather(sources: Sources, wanted: None) -> Generator[str, None, Answer]:
    """Return the sentence."""
    yield ""
    text = "Each view begins with the answer to its question, and its numbers lead on."
    return answer([], sentence("help", PLAIN, text))


def as_json(said: Answer) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    return {
        "question": QUESTION,
        "answer": said.as_json(),
        "views": [place._asdict() for place in PLACES],
        "keys": dict(KEYS),
        "forms": dict(FORMS),
    }


def shown(said: Answer) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    yield ""
    return {"said": said, "places": PLACES, "keys": KEYS, "forms": FORMS}


VIEW: Final = View("help", "Help", "help", asked, gather, as_json, shown)
