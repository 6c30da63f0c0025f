"""A view: what it needs, and the steps from a request's arguments to what is shown."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from acra_twisted.session import Session
from acra_twisted.telemetry.console.otherservers import Other, Question
from acra_twisted.telemetry.console.sums import Sums
from acra_twisted.telemetry.figures.edges import Edges
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.logs.recent import RecentEvents
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.pages.readiness import Reach, ReachAll
from acra_twisted.telemetry.pages.rendering import Piece


def _nothing(name: str) -> Any:
    """No facts are told."""


def _unreached() -> None:
    """Nothing stands behind the daemon."""


class Sources(NamedTuple):
    """Views are made from these; ``clock`` gives nanoseconds.

    ``events`` is None where they are not kept, ``edges`` where ways of requests are not counted.
    ``fact`` gives what the page of facts has under a name, None if it has nothing.  ``sessions``
    gives those of the moment, and ``link_template`` is that of the addresses of traces in another
    viewer.  ``reach`` gives what reaches the destination behind the daemon, None if that cannot be
    tried.  ``others`` asks other servers a question and never fails; it is None where none are
    named.
    """

    figures: StatementFigures
    sums: Sums
    clock: Callable[[], int]
    traces: KeptTraces
    events: RecentEvents | None = None
    fact: Callable[[str], Any] = _nothing
    sessions: Callable[[], Iterable[Session]] = tuple
    link_template: str = ""
    reach: Callable[[], Reach | ReachAll | None] = _unreached
    edges: Edges | None = None
    others: Callable[[Question[Any]], Deferred[list[Other[Any]]]] | None = None


class View(NamedTuple):
    """``name`` is the last part of its address, and of its template's name; ``here`` the entry of
    the list at the side that it belongs to.

    ``asked`` reads arguments, at a moment in nanoseconds, and raises Unfit.  ``gather`` returns
    what is known, in steps, and raises NotKept before it has any.  ``as_json`` makes plain values
    of it at once; those that are many are an iterator, each item of which is a step.  ``shown``
    returns the values of the template, in steps.  ``exports`` make files of it, by their forms
    (`pages.exports`).  Its live parts are made anew after ``live`` seconds; 0 where it has none.
    """

    name: str
    title: str
    here: str
    asked: Callable[[Mapping[str, str], int], Any]
    gather: Callable[[Sources, Any], Generator[Piece, None, Any]]
    as_json: Callable[[Any], dict[str, Any]]
    shown: Callable[[Any], Generator[str, None, dict[str, Any]]]
    exports: Mapping[str, Callable[[Any], Iterator[str]]] = MappingProxyType({})
    live: float = 0.0
