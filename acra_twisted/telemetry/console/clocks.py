"""Find out from a trace whether the clocks of two daemons differ."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple

#: Spans that are looked at between two turns.
_STEP: Final = 64
#: Names of daemons whose spans lie within each other.
_OURS: Final = "acra-"


class Apart(NamedTuple):
    """Two daemons whose clocks differ by so many nanoseconds, or somewhat more."""

    above: str
    below: str
    by: int


def apart(records: Sequence[Mapping[str, Any]]) -> Generator[str, None, Apart | None]:
    """Return daemons whose clocks differ, in steps: a request in AcraServer has no moment in common
    with the same request in a connector, which waited for it.  None if there are none."""
    known = {record["span_id"]: record for record in records}
    most: Apart | None = None
    for number, record in enumerate(records, 1):
        above = known.get(record["parent_id"])
        if above is not None and above["service"] != record["service"]:
            by = max(record["start"] - above["end"], above["start"] - record["end"])
            services = str(above["service"]), str(record["service"])
            if by > (most.by if most is not None else 0) and all(
                name.startswith(_OURS) for name in services
            ):
                most = Apart(*services, int(by))
        if not number % _STEP:
            yield ""
    return most
