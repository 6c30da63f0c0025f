"""Facts that the plans of a text tell whatever its values are, worked out once for all texts of a
skeleton."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from acra_twisted.encryption.plan import ARRAYS, STORE, STORING, StatementPlan, Use
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting


class Wanted:
    """The columns whose keys or tokens are needed for ``count`` values.

    ``stored`` are those to which values are written, ``compared`` those that values are compared
    with; columns with tokens are among neither, and make it ``is_tokenized``.  ``matched`` are
    searchable columns whose stored values are compared with each other; ``owned`` are all columns
    of a named owner that values are compared with.  ``has_arrays``: one value may be any number of
    values.  It is equal to itself alone, so that keys can be kept by it.
    """

    __slots__ = ("count", "stored", "compared", "matched", "owned", "is_tokenized", "has_arrays")

    def __init__(self, uses: Sequence[Use], matched: Iterable[ColumnSetting] = ()) -> None:
        stored: dict[ColumnSetting, None] = {}
        compared: dict[ColumnSetting, None] = {}
        tokenized: dict[ColumnSetting, None] = {}
        self.count = len(uses)
        self.has_arrays = False
        for use in uses:
            column = use.column
            if column.kind == TOKENIZED:
                tokenized[column] = None
            elif use.role in STORING:
                stored[column] = None
            else:
                compared[column] = None
            self.has_arrays = self.has_arrays or use.role in ARRAYS
        self.stored = tuple(stored)
        self.compared = tuple(compared)
        self.is_tokenized = bool(tokenized)
        self.matched = tuple(one for one in dict.fromkeys(matched) if one.kind == SEARCHABLE)
        self.owned = tuple(
            dict.fromkeys(
                use.column for use in uses if use.column.owner and use.role not in STORING
            )
        )


#: No columns at all.
NOTHING: Final = Wanted(())


def storing(settings: Iterable[ColumnSetting]) -> Wanted:
    """Return these columns as ones to which values are written."""
    return Wanted([Use(one, STORE, "") for one in settings])


class Facts:
    """The facts of some plans.

    ``uses`` are those of their literals, ``matched`` their columns whose stored values are compared
    with each other, and ``wanted`` what both need.  ``is_plain``: none of them is refused or
    prepares, executes or copies anything or declares a cursor, none asks for a column that not
    every client may read, and the client is told nothing.  ``notices`` are what it is told, each
    behind the number of its plan.  ``meanings`` is for those of their results, and ``fillings`` for
    their texts, once somebody has found them.
    """

    __slots__ = ("uses", "matched", "wanted", "is_plain", "notices", "meanings", "fillings")

    def __init__(self, plans: Sequence[StatementPlan]) -> None:
        self.uses = tuple(one.use for plan in plans for one in plan.literals)
        self.matched = tuple(setting for plan in plans for setting in plan.matched)
        self.wanted = Wanted(self.uses, self.matched)
        self.is_plain = not any(map(_is_special, plans))
        self.notices = tuple((at, plan.notice) for at, plan in enumerate(plans) if plan.notice)
        self.meanings: Sequence[Any] | None = None
        self.fillings: Sequence[Any] | None = None


def _is_special(plan: StatementPlan) -> bool:
    return bool(
        plan.refusal is not None
        or any(one.readers is not None for one in plan.asked)
        or plan.prepares is not None
        or plan.executes
        or plan.copies is not None
        or plan.declares is not None
        or plan.notice
    )
