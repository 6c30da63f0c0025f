"""Other servers as their own pages tell of them: their health, and figures that add up with ours.

What comes from them is not trusted: it is bounded, of the right types, and nothing in it acts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from acra_twisted.errors import AcraError
from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.healthfindings import LOOKS, NOTE
from acra_twisted.telemetry.figures.rows import Row, of_json

#: The range of what is asked for.
RANGE: Final = "1h"
#: Paths of the pages that are read.  None of those that are read asks other servers in its turn,
#: so servers that name each other do not go round in circles.
HEALTH: Final = "/console/health?format=json"
FIGURES: Final = f"/console/overview?range={RANGE}&format=json"
#: Bytes of each at most.
LIMIT: Final = 256 * 1024
#: Characters of a name in them at most.
NAME_MAX: Final = 300
INSTANCE: Final = "service.instance.id"
_INSTANCE_MAX: Final = 255
_FINDINGS_MAX: Final = 1000
_FINE: Final = "good"
_ToldT = TypeVar("_ToldT")


class Unreadable(AcraError):
    """An answer that is not a server's page."""


class Question(NamedTuple, Generic[_ToldT]):
    """A question to other servers: the paths of their pages, the function that reads the bodies and
    raises Unreadable, and the seconds for which an answer holds."""

    paths: tuple[str, ...]
    read: Callable[..., _ToldT]
    holds: float = 5.0


class Told(NamedTuple):
    """A server by its own words: its instance (empty if it has none), the class of the weightiest
    finding of its health ("good" without any), its health's sentence, and its figures of the last
    hour."""

    instance: str
    look: str
    said: str
    row: Row


class Other(NamedTuple, Generic[_ToldT]):
    """Another server at ``host:port``, with its console's address.  Without an answer ``told`` is
    None, and ``problem`` says why."""

    at: str
    href: str
    told: _ToldT | None
    problem: str = ""


def read(health: bytes, figures: bytes) -> Told:
    """Read the bodies of both pages.  Raises Unreadable for whatever else they are."""
    told, known = mapping_of(health), mapping_of(figures)
    said = _mapping(told.get("answer")).get("text")
    if not isinstance(said, str):
        raise Unreadable("its page of health has no sentence")
    try:
        row = of_json(_mapping(known.get("figures")))
    except ValueError:
        raise Unreadable("its figures cannot be read") from None
    return Told(instance_of(told.get("origin")), _look(told), formats.name(said), row)


def instance_of(origin: object) -> str:
    """Return the instance of a daemon whose attributes these are; empty if it has no usable one."""
    found = origin.get(INSTANCE) if isinstance(origin, Mapping) else None
    if isinstance(found, str) and 0 < len(found) <= _INSTANCE_MAX and found.isprintable():
        return found
    return ""


#: How a server is, and its figures.
STANDING: Final = Question((HEALTH, FIGURES), read)


def counted(instance: str, others: Iterable[Other[Any]]) -> list[bool]:
    """Tell which of the others have something to add to what the server of an instance has: each
    server once, however often it is named, and never itself.  Each answer has an instance."""
    seen = {instance} - {""}
    found = []
    for other in others:
        own = "" if other.told is None else other.told.instance
        found.append(other.told is not None and own not in seen)
        if own:
            seen.add(own)
    return found


def counting(
    instance: str, others: Sequence[Other[_ToldT]]
) -> Iterator[tuple[Other[_ToldT], _ToldT]]:
    """Give the others that are `counted`, with what they told."""
    for other, counts in zip(others, counted(instance, others), strict=True):
        if counts and other.told is not None:
            yield other, other.told


def together(row: Row, instance: str, others: Sequence[Other[Told]]) -> Row:
    """Return the figures of a server, and of the others, added up."""
    whole = Row()
    whole.add(row)
    for _, told in counting(instance, others):
        whole.add(told.row)
    return whole


def _look(told: Mapping[str, Any]) -> str:
    found = told.get("findings")
    if not isinstance(found, list) or len(found) > _FINDINGS_MAX:
        raise Unreadable("its page of health has no findings")
    looks = [_mapping(one).get("look") for one in found]
    for look in LOOKS:
        if look != NOTE and look in looks:
            return look
    return _FINE


def mapping_of(body: bytes) -> Mapping[str, Any]:
    """Return the object that a body is.  Raises Unreadable."""
    try:
        return _mapping(json.loads(body))
    except (ValueError, RecursionError):
        raise Unreadable("its answer is no JSON") from None


def list_of(value: object, most: int) -> list[Any]:
    """Return a list that is not too long.  Raises Unreadable."""
    if not isinstance(value, list) or len(value) > most:
        raise Unreadable("its answer has no list where one belongs, or too long a one")
    return value


def text_of(value: object, most: int) -> str:
    """Return a whole text of so many characters at most.  Raises Unreadable."""
    if not isinstance(value, str) or len(value) > most:
        raise Unreadable("its answer has no text where one belongs, or too long a one")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unreadable("its answer has half a character in it") from None
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable("its answer is not that of a console")
    return value
