"""A run of requests: the durations that it has to count, gathered and then counted by one call.

Whoever counts durations has a place in a run, once it is there: the number of its first
distribution among those of the run.  See `fast.counts` for the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acra_twisted.fast.byteswriter import BytesWriter, write_i64_le
from acra_twisted.fast.counts import Adding, Counts
from acra_twisted.telemetry.figures.buckets import BOUNDS

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Stands for no time, and for nobody, in a record.
NONE: Final = -1
#: A request has the places of its statement (`Counted`), its kind (`Method`) and its way (`Tally`).
#: Its times are the whole, that in the proxy, that to the first byte, that of the rows, and that of
#: the database.  Each is counted in these distributions of theirs.
_REQUEST: Final = (
    ((0, 0), (1, 0), (2, 0)),
    ((0, 1),),
    ((0, 2),),
    ((0, 3),),
    ((1, 1), (2, 1)),
)
#: A stage has its place, and a time that is counted in both of its distributions.
_STAGE: Final = (((0, 0), (0, 1)),)


class Placed:
    """Has distributions, whose ``counts`` it sets.  It is at ``place`` in the run ``run``."""

    __slots__ = ("counts", "place", "run")

    place: i64
    run: i64

    def __init__(self) -> None:
        self.counts: list[Counts] = []
        self.place = 0
        self.run = -1


class Run:
    """Holds what is to be counted of the run ``number``, which goes on until `count`.

    Whoever adds a request writes its record to ``requests``: three places, and five times.
    """

    __slots__ = ("number", "requests", "_stages", "_counts", "_adding", "_adding_stages")

    number: i64

    def __init__(self) -> None:
        self.number = 0
        self.requests = BytesWriter()
        self._stages = BytesWriter()
        self._counts: list[Counts] = []
        self._adding = Adding(BOUNDS, 3, _REQUEST)
        self._adding_stages = Adding(BOUNDS, 1, _STAGE)

    def admit(self, one: Placed) -> None:
        """Give a place to one that has none in this run."""
        one.place = len(self._counts)
        one.run = self.number
        self._counts += one.counts

    def stage(self, one: Placed, took: i64) -> None:
        """Add the time that a stage took for a request."""
        if one.run != self.number:
            self.admit(one)
        write_i64_le(self._stages, one.place)
        write_i64_le(self._stages, took)

    def count(self) -> None:
        """Count what was added, and begin the next run."""
        counts = self._counts
        if not counts:
            return
        requests, stages = self.requests.getvalue(), self._stages.getvalue()
        self.number += 1
        self._counts = []
        self.requests.truncate(0)
        self._stages.truncate(0)
        self._adding.add(requests, counts)
        if stages:
            self._adding_stages.add(stages, counts)
