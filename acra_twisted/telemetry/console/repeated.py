"""One statement that a trace has many times: an application that asks for rows one by one."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console.requests import is_request

#: A statement is repeated if it ran so many times, and took such a part of the requests' time.
_TIMES: Final = 10
_MOST: Final = 0.5
#: Such a part of its runs may begin before the one before has ended.
_AT_ONCE: Final = 0.1
#: Spans that are looked at between two turns.
_STEP: Final = 128


class Repeated(NamedTuple):
    """A statement, how often it ran, and nanoseconds: of its runs, and of all requests."""

    name: str
    number: int
    spent: int
    whole: int


def repeated(records: Sequence[Mapping[str, Any]]) -> Generator[str, None, Repeated | None]:
    """Return the statement of a trace that ran many times, one run behind the other, in steps; None
    if there is none."""
    asked = []
    for number, record in enumerate(records, 1):
        if is_request(record):
            asked.append(record)
        if not number % _STEP:
            yield ""
    above = {record["parent_id"] for record in asked}
    # A request in AcraServer and in the connector is one, of which AcraServer's knows the text.
    lowest = [record for record in asked if record["span_id"] not in above]
    runs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for number, record in enumerate(lowest, 1):
        text = str(record["attributes"].get("db.query.text", ""))
        runs.setdefault((str(record["name"]), text), []).append(record)
        if not number % _STEP:
            yield ""
    if not runs:
        return None
    (name, text), some = max(runs.items(), key=lambda item: len(item[1]))
    spent, whole = _spent(some), _spent(lowest)
    if len(some) < _TIMES or not text or spent < _MOST * whole:
        return None
    some.sort(key=lambda record: int(record["start"]))
    at_once = sum(
        later["start"] < earlier["end"] for earlier, later in zip(some, some[1:], strict=False)
    )
    if at_once > _AT_ONCE * len(some):
        return None
    return Repeated(name, len(some), spent, whole)


def _spent(some: Sequence[Mapping[str, Any]]) -> int:
    return sum(max(int(record["end"] - record["start"]), 0) for record in some)
