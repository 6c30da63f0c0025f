"""Names of requests' spans: a summary of the statement, behind the kind of a request that does
something else with the statement than to run it as it is.
"""

from __future__ import annotations

from typing import Final

#: The kind of what has no such word before its summary.
_PLAIN: Final = "query"
#: A statement is prepared, its cursor's rows are fetched, it runs for many rows of values at once,
#: or what was left of its last run is dropped.
_WORDS: Final = frozenset(("prepare", "fetch", "bulk", "reset"))
_OTHERWISE: Final = {"startup": "startup", "call": "FunctionCall"}
#: Characters of a name.
NAME_MAX: Final = 255


def name_of(kind: str, summary: str | None) -> str:
    """Return the name of a request of a kind of exchange, with its statement's summary if it has a
    statement."""
    if summary is None:
        return _OTHERWISE.get(kind, kind)
    name = f"{kind} {summary}" if kind in _WORDS else summary
    return name[:NAME_MAX]


def kind_of(name: str) -> str:
    """Return the kind of exchange of a request with a statement, by its name: that of a query for
    all kinds that have the statement's summary alone."""
    word, _, summary = name.partition(" ")
    return word if summary and word in _WORDS else _PLAIN
