"""Keeps figures for hours by minute and for weeks by hour, within a fixed number of bytes.

Rows are kept encoded.  Where they would take more, the oldest minutes, or hours, keep the sums of
all their shapes alone, as those of `OTHERS`: no request is lost before its time is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from acra_twisted.telemetry.figures.counting import SHAPES_MAX, Minute
from acra_twisted.telemetry.figures.rows import Row, add_encoded, calls_of
from acra_twisted.telemetry.figures.shapes import OTHERS, Shape

#: How many minutes, and how many hours, are kept.
MINUTES: Final = 180
HOURS: Final = 720
_HOUR: Final = 60
_NEVER: Final = 1 << 62
#: Bytes of minutes and of hours, with the texts of their shapes.
MINUTES_SIZE: Final = 16 << 20
HOURS_SIZE: Final = 32 << 20
SIZE_MAX: Final = MINUTES_SIZE + HOURS_SIZE
#: What Python takes for an encoded row and its place in a slot, beside its bytes.
_ROW_SIZE: Final = 190


#: Takes the number of a minute since the epoch, a shape, and its encoded figures of that minute.
Sink = Callable[[int, Shape, bytes], None]


class Kept(NamedTuple):
    """Encoded figures of a shape in one slot."""

    shape: Shape
    encoded: bytes


class Slot(NamedTuple):
    """A minute or an hour: ``minutes`` long, beginning with the minute ``number`` since the epoch.
    ``rows`` are by the ids of their shapes."""

    number: int
    minutes: int
    rows: Mapping[str, Kept]


class Ring:
    """Rows of the last ``count`` slots, each ``minutes`` long, within ``size`` bytes.

    Methods that are iterators do a little between two items.
    """

    def __init__(self, minutes: int, count: int, size: int) -> None:
        self.minutes = minutes
        self._count = count
        self._size = size
        self._slots: dict[int, dict[str, Kept]] = {}
        # Numbers of slots that were given to somebody as they are.
        self._given: set[int] = set()
        # Slots by the id of a shape that is in them: its text is there once.
        self._uses: dict[str, int] = {}
        self._bytes = 0
        #: Every minute from here on is there, if it had any requests.
        self.complete_from = 0

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return self._bytes

    def first(self) -> int:
        """Return the first minute of the oldest slot; a large number if there is none."""
        return min(self._slots) * self.minutes if self._slots else _NEVER

    def slots(self, since: int, until: int) -> list[Slot]:
        """Return the slots with any of the minutes from ``since`` up to before ``until``, oldest
        first, as they are at this moment.  Nothing is copied: a slot that changes later changes
        in a copy."""
        first = since // self.minutes
        found = [
            number
            for number in sorted(self._slots)
            if first <= number and number * self.minutes < until
        ]
        self._given.update(found)
        return [Slot(n * self.minutes, self.minutes, self._slots[n]) for n in found]

    def _own(self, number: int) -> dict[str, Kept]:
        """Return the rows of a slot, to be changed before anything else has its turn."""
        if number in self._given:
            self._given.discard(number)
            self._slots[number] = dict(self._slots[number])
        return self._slots[number]

    def add(self, minute: int, shape: Shape, encoded: bytes) -> Iterator[None]:
        """Add figures to the slot that a minute is in, as the last thing that it does."""
        number = minute // self.minutes
        rows = self._slots.get(number)
        if rows is None:
            self._slots[number] = {}
        elif len(rows) > SHAPES_MAX and shape.id not in rows:
            yield from self._make_room(number)
        # Nothing else has its turn from here on.
        self._merge(number, shape, encoded)

    def _merge(self, number: int, shape: Shape, encoded: bytes) -> None:
        rows = self._own(number)
        before = rows.get(shape.id)
        if before is None:
            rows[shape.id] = Kept(shape, encoded)
            self._bytes += len(encoded) + _ROW_SIZE
            uses = self._uses.get(shape.id, 0)
            self._uses[shape.id] = uses + 1
            if not uses:
                self._bytes += shape.size
            return
        row = Row()
        add_encoded(row, before.encoded)
        add_encoded(row, encoded)
        merged = row.encode()
        rows[shape.id] = Kept(before.shape, merged)
        self._bytes += len(merged) - len(before.encoded)

    def _make_room(self, number: int) -> Iterator[None]:
        """Give a quarter of a full slot to the others: the shapes with the fewest calls."""
        rows = self._slots[number]
        by_calls = sorted(rows, key=lambda shape_id: calls_of(rows[shape_id].encoded))
        yield None
        for shape_id in by_calls[: SHAPES_MAX // 4]:
            self._give_up(number, shape_id)
            yield None

    def _give_up(self, number: int, shape_id: str) -> None:
        if shape_id != OTHERS.id:
            self._merge(number, OTHERS, self._remove(number, shape_id).encoded)

    def _remove(self, number: int, shape_id: str) -> Kept:
        kept = self._own(number).pop(shape_id)
        self._bytes -= len(kept.encoded) + _ROW_SIZE
        uses = self._uses[shape_id] - 1
        if uses:
            self._uses[shape_id] = uses
        else:
            del self._uses[shape_id]
            self._bytes -= kept.shape.size
        return kept

    def trim(self, minute: int) -> Iterator[None]:
        """Drop the slots that are too old at a minute, then fold old ones until the rest fits."""
        oldest = minute // self.minutes - self._count
        self.complete_from = (oldest + 1) * self.minutes
        for number in [number for number in self._slots if number <= oldest]:
            for shape_id in list(self._slots[number]):
                self._remove(number, shape_id)
            del self._slots[number]
            yield None
        for number in sorted(self._slots):
            for shape_id in list(self._slots[number]):
                if self._bytes <= self._size:
                    return
                self._give_up(number, shape_id)
                yield None


class FigureHistory:
    """Minutes and hours that are over, and the hour at hand."""

    def __init__(self, minutes_size: int = MINUTES_SIZE, hours_size: int = HOURS_SIZE) -> None:
        self.minutes = Ring(1, MINUTES, minutes_size)
        self.hours = Ring(_HOUR, HOURS, hours_size)

    def __len__(self) -> int:
        """Bytes that it holds."""
        return self.minutes.size + self.hours.size

    def keep(self, minute: Minute, also: Sink | None = None) -> Iterator[None]:
        """Take the figures of a minute that is over, one shape after the other.

        What is taken is no longer the minute's; ``also`` is given the same.
        """
        number = minute.number
        while minute.counted:
            counted = minute.counted[-1]
            shape, encoded = counted.shape, counted.figures().encode()
            yield from self.hours.add(number, shape, encoded)
            yield from self.minutes.add(number, shape, encoded)
            minute.counted.pop()
            if also is not None:
                also(number, shape, encoded)
            yield None
        yield from self.minutes.trim(number)
        yield from self.hours.trim(number)

    def first(self) -> int:
        """Return the first minute of which anything is kept; a large number if nothing is."""
        first = self.hours.first()
        return first if first < self._hours_end() else self.minutes.first()

    def _hours_end(self) -> int:
        """Return the minute from which on minutes are shown; the hour at hand is still made."""
        return -(-self.minutes.complete_from // _HOUR) * _HOUR

    def slots(self, since: int, until: int) -> list[Slot]:
        """Return what is kept of the minutes from ``since`` up to before ``until``, oldest first.

        Hours are whole, so that there may be more at the beginning; no minute is in two slots.
        """
        begin = self._hours_end()
        hours = self.hours.slots(since, min(until, begin))
        return hours + self.minutes.slots(max(since, begin), until)
