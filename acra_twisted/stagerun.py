"""The work of a stage for a recorded request: the only form in which it is reported.

`Exchange.add_run` keeps them; observers read them when the exchange has closed.
"""

from __future__ import annotations

from typing import Any

from acra_twisted.fast.compiled import mypyc_attr


# Nothing that it holds leads back to it: the collector need not know.
@mypyc_attr(acyclic=True)
class StageRun:
    """A verdict of the stage named ``stage`` and when it was given.

    ``kind`` is that of the `Work`.  ``started`` and ``ended`` are nanoseconds of the session's
    clock.  All runs of rows of one request are one, and so are all of sets of values: it starts
    with the first, lasts as long as all of them together, ``runs`` says how many there were, and
    ``verdict`` is the last one that was not PASS, if there was one.
    """

    __slots__ = ("stage", "kind", "verdict", "started", "ended", "runs")

    def __init__(self, stage: str, kind: str, verdict: Any, started: int, ended: int) -> None:
        self.stage = stage
        self.kind = kind
        self.verdict = verdict
        self.started = started
        self.ended = ended
        self.runs = 1
