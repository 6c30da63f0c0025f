"""A result as stages see it: its columns, what is planned for them, and runs of its rows.

A run is a part of the chunk that arrived: rows are split only when a stage asks for their cells,
and nothing is copied before a row changes.  A dialect says how its rows are laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from acra_twisted.fast.compiled import mypyc_attr

# How bulk data is laid out: lines of text, which may be CSV; messages of whole tuples in binary
# form; or anything at all, such as a base backup or a stream of replication.
LINES: Final = "lines"
TUPLES: Final = "tuples"
STREAM: Final = "stream"
#: The format of a column of which nobody has said whether it is text or binary.
UNKNOWN_FORMAT: Final = -1

#: Meanings for which a result's columns are kept.
_MEANINGS_MAX: Final = 8

#: A function of bytes and of where a run of rows begins and ends in them: False if nothing in it
#: concerns the stage.
Search = Callable[[bytes, int, int], bool]


class Values(Protocol):
    """A dialect's knowledge of its types, for the stages that look for containers in values."""

    def can_hold(self, columns: Columns) -> bool:
        """Return True if a value of some column can hold a container: numbers and dates cannot."""

    def is_laborious(self, columns: Columns) -> bool:
        """Return True if values must be taken apart for it, which takes long."""

    def find(self, columns: Columns, column: int, value: bytes) -> Sequence[Any]:
        """Return the `crypto.cells.Sighting` of whatever looks like a container in one cell; one
        that cannot be changed safely where it stands is marked as unusual."""


class Columns:
    """The description of a result: parallel sequences, one entry a column.

    ``tables`` are the identifiers of the tables that the columns come from, ``attributes`` the
    columns' own there, 0 where they come from none; a dialect has its own form of both.
    ``types``, ``sizes`` and ``modifiers`` are as the database gives them; a type is 0 where it is
    not known.  ``formats``: 0 text, 1 binary,
    UNKNOWN_FORMAT.  ``values`` knows the types; None: nobody does.
    ``layout``: LINES, TUPLES or STREAM if the rows are messages of bulk data, each a single cell as
    it is on the wire, else empty.  ``plan``: the stages' plan, once it has been made.
    ``meaning``: what a stage knows of the result from its session and its statement, hashable and
    as good as a part of the description; None if there is nothing (see `Session.meaning`).
    """

    __slots__ = (
        "names",
        "tables",
        "attributes",
        "types",
        "sizes",
        "modifiers",
        "formats",
        "layout",
        "values",
        "plan",
        "meaning",
        "_reformatted",
        "_meaningful",
        "_meant",
    )

    def __init__(
        self,
        names: Sequence[bytes],
        tables: Sequence[Any],
        types: Sequence[int],
        formats: Sequence[int],
        layout: str = "",
        attributes: Sequence[Any] = (),
        sizes: Sequence[int] = (),
        modifiers: Sequence[int] = (),
        values: Values | None = None,
        meaning: Any = None,
    ) -> None:
        self.names = names
        self.tables = tables
        self.types = types
        self.formats = formats
        self.layout = layout
        self.values = values
        self.attributes = attributes or [0] * len(names)
        self.sizes = sizes or [-1] * len(names)
        self.modifiers = modifiers or [-1] * len(names)
        self.plan: Plan | None = None
        self.meaning = meaning
        self._reformatted: Columns | None = None
        self._meaningful: dict[Any, Columns] | None = None
        # The last of these that was asked for: nearly every result has the meaning of the last.
        self._meant: Columns | None = None

    def __len__(self) -> int:
        return len(self.names)

    def in_formats(self, formats: Sequence[int]) -> Columns:
        """The same columns in other formats; the last ones made are kept, and so is their plan."""
        if formats == self.formats:
            return self
        made = self._reformatted
        if made is None or made.formats != formats:
            made = self._reformatted = Columns(
                self.names,
                self.tables,
                self.types,
                formats,
                self.layout,
                self.attributes,
                self.sizes,
                self.modifiers,
                self.values,
                self.meaning,
            )
        return made

    def with_meaning(self, meaning: Any) -> Columns:
        """The same columns with what a stage knows of them; the last ones made are kept, and so are
        their plans."""
        meant = self._meant
        if meant is not None and meant.meaning is meaning:
            return meant
        made = self._meaningful
        if made is None:
            made = self._meaningful = {}
        found = made.get(meaning)
        if found is None:
            if len(made) >= _MEANINGS_MAX:
                made.clear()
            found = made[meaning] = Columns(
                self.names,
                self.tables,
                self.types,
                self.formats,
                self.layout,
                self.attributes,
                self.sizes,
                self.modifiers,
                self.values,
                meaning,
            )
        self._meant = found
        return found

    def with_type(self, column: int, kind: int, size: int = -1, modifier: int = -1) -> Columns:
        """The same columns, one of them of another type: for stages that change the cells so."""
        types, sizes = list(self.types), list(self.sizes)
        modifiers = list(self.modifiers)
        types[column], sizes[column], modifiers[column] = kind, size, modifier
        return Columns(
            self.names,
            self.tables,
            types,
            self.formats,
            self.layout,
            self.attributes,
            sizes,
            modifiers,
            self.values,
            self.meaning,
        )


class Plan:
    """The stages' treatment of the rows of a result.

    ``shown``: the columns as the client is told of them; ``hooks``: the transforms of the stages
    that these columns concern, in the order in which they run; ``searches``: how to see that a run
    of rows concerns none of them, None if some stage must get every run.  ``lasting``: it may serve
    the next result as well.  ``time``: see Planner.  ``described``: the description of ``shown``,
    once a dialect has encoded it.
    """

    __slots__ = ("shown", "hooks", "searches", "lasting", "time", "described")

    def __init__(
        self,
        shown: Columns,
        hooks: tuple[Any, ...] = (),
        searches: tuple[Search, ...] | None = (),
        lasting: bool = True,
    ) -> None:
        self.shown = shown
        self.hooks = hooks
        self.searches = searches
        self.lasting = lasting
        self.time: object = None
        self.described = b""

    def concerns(self, data: bytes, start: int, end: int) -> bool:
        """Return True if some stage must see the rows in ``data[start:end]``."""
        searches = self.searches
        if searches is None:
            return True
        for search in searches:  # noqa: SIM110 - a generator would take as long as the searches
            if search(data, start, end):
                return True
        return False


class Planner:
    """Gives the stages' plan for a result.  ``make`` is asked once for the same columns: its answer
    is kept with them."""

    __slots__ = ("_make", "_time")

    def __init__(self, make: Callable[[Columns], Plan]) -> None:
        self._make = make
        # Plans of another time, or of another planner, do not hold.
        self._time = object()

    def plan(self, columns: Columns) -> Plan:
        """The plan for a result with these columns."""
        plan = columns.plan
        if plan is None or plan.time is not self._time:
            plan = self._make(columns)
            if plan.lasting:
                plan.time = self._time
                columns.plan = plan
        return plan

    def forget(self) -> None:
        """Make every plan anew when it is wanted: a stage may have read other settings."""
        self._time = object()


@mypyc_attr(allow_interpreted_subclasses=True)
class RowBatch:
    """A run of complete rows, ``data[start:end]``.  A dialect's own say how rows are laid out.

    ``before``: rows of the result that came before it; -1 where nobody counts them.
    ``findings``: results that one stage leaves to the next, so that it need not look again (see
    `stages.containers`); None before.
    """

    __slots__ = (
        "data",
        "start",
        "end",
        "columns",
        "before",
        "findings",
        "_offsets",
        "_rows",
        "_changed",
        "_encoded",
    )

    def __init__(self, data: bytes, columns: Columns, start: int = 0, end: int = -1) -> None:
        self.data = data
        self.start = start
        self.end = end if end >= 0 else len(data)
        self.columns = columns
        self.before = -1
        self.findings: Any = None
        self._offsets: list[int] | None = None
        # Rows that were split, and those of them that were changed.
        self._rows: dict[int, list[bytes | None]] = {}
        self._changed: set[int] = set()
        self._encoded: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of the run."""
        return self.end - self.start

    @property
    def offsets(self) -> list[int]:
        """Where each row begins in ``data``, and the end behind the last."""
        if self._offsets is None:
            self._offsets = self._find_offsets()
        return self._offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def cells(self, row: int) -> Sequence[bytes | None]:
        """The values of one row, changes included.  Raises WireError on a malformed row."""
        found = self._rows.get(row)
        if found is None:
            found = self._rows[row] = self._split(self.offsets[row])
        return found

    @property
    def is_changed(self) -> bool:
        """True if some value was changed."""
        return bool(self._changed)

    def set_cell(self, row: int, column: int, value: bytes | None) -> None:
        """Change one value."""
        self.cells(row)
        self._rows[row][column] = value
        self._changed.add(row)
        self._encoded = None

    def encode(self) -> bytes:
        """The run with its changes.  Kept: a worker may do it before it is asked for."""
        if self._encoded is not None:
            return self._encoded
        data, offsets = self.data, self.offsets
        parts = []
        done = self.start
        for row in sorted(self._changed):
            parts += [data[done : offsets[row]], self._encode_row(self._rows[row])]
            done = offsets[row + 1]
        parts.append(data[done : self.end])
        self._encoded = encoded = b"".join(parts)
        return encoded

    def _find_offsets(self) -> list[int]:
        raise NotImplementedError  # pragma: no cover - abstract

    def _split(self, start: int) -> list[bytes | None]:
        raise NotImplementedError  # pragma: no cover - abstract

    def _encode_row(self, values: Sequence[bytes | None]) -> bytes:
        raise NotImplementedError  # pragma: no cover - abstract
