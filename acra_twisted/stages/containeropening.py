"""Opens the containers in a run of rows, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from acra_twisted.crypto import cells
from acra_twisted.crypto.cells import Sighting
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.results import RowBatch
from acra_twisted.stages.containers import LOOK, cost, looking

_UNUSUAL: Final = "unusual form"


class Opened:
    """The results for the containers of a run: whether the run was changed, and numbers by kind,
    opened and failed, and by reason of failure."""

    __slots__ = ("changed", "kinds", "reasons")

    def __init__(self) -> None:
        self.changed = False
        self.kinds: dict[str, list[int]] = {}
        self.reasons: dict[str, int] = {}

    def failed(self, counts: list[int], reason: str) -> None:
        """Count a container that stays closed."""
        counts[1] += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


def opening(batch: RowBatch, opener: Opener, opened: Opened) -> Iterator[int]:
    """Open what can be opened in a run, in the rows and in their findings; yield the cost of each
    container."""
    for cell in looking(batch):
        if cell is None:
            yield LOOK
            continue
        contents: list[tuple[Sighting, bytes]] = []
        done = 0
        for sighting in cell.sightings:
            # Inside one that was opened: ciphertext that looked like something.
            if sighting.start < done:
                continue
            counts = opened.kinds.get(sighting.kind)
            if counts is None:
                counts = opened.kinds[sighting.kind] = [0, 0]
            if sighting.form == cells.UNUSUAL:
                opened.failed(counts, _UNUSUAL)
                continue
            price = cost(opener, sighting)
            try:
                content = opener.open(sighting.kind, sighting.data, batch.findings.points)
            except Closed as closed:
                opened.failed(counts, closed.reason)
            else:
                counts[0] += 1
                contents.append((sighting, content))
                done = sighting.end
            yield price
        if contents:
            cell.opened = contents
            batch.set_cell(cell.row, cell.column, cells.replace(cell.value, contents))
            opened.changed = True
