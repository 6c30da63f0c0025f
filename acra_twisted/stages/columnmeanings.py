"""The meaning of results, and of the statements of all sessions, by one reading of a schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from acra_twisted.encryption.facts import Facts
from acra_twisted.encryption.plan import ResultColumn, StatementPlan
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.keeper import DOUBT, STALE
from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.fast.beginnings import beginnings
from acra_twisted.results import Columns

_MEANINGS: Final = 1_000
_UNPROTECTED: Final = ResultColumn(None)
#: Planners of bypasses that are kept.
_PLANNERS: Final = 50


class Meaning:
    """The meaning of a result: `Columns.meaning`.  ``results`` are its columns by the statement's
    tree, None if they are not known.  ``told`` takes what a result tells of the schema: DOUBT if it
    may be another one, STALE if it is."""

    __slots__ = ("protection", "results", "_told")

    def __init__(
        self,
        protection: Protection,
        told: Callable[[str], None],
        results: Sequence[ResultColumn] | None = None,
    ) -> None:
        self.protection = protection
        self.results = results
        self._told = told

    def settings(self, columns: Columns) -> list[ColumnSetting | None] | None:
        """The setting of each column of a result: by its table as the database says, by the tree
        where the column is no table's.

        Tables may have been made since, and not by this server.  Then the tree counts if the names
        of the columns agree with it; None if they do not."""
        by_column = self.protection.by_column
        found = [
            by_column.get((table, attribute)) if table else None
            for table, attribute in zip(columns.tables, columns.attributes, strict=True)
        ]
        if self.results is None:
            return found
        told = _placed(self.results, found)
        if told is None:
            self._told(STALE)
            return None
        strange: set[int] = set()
        for at, one in enumerate(told):
            if one.setting is not None and found[at] is None:
                if one.named and not columns.tables[at] and self.protection.readers:
                    # It is the result of something else, and of a column that not all may read.
                    self._told(STALE)
                    return None
                found[at] = one.setting
                strange.add(columns.tables[at])
        strange.discard(0)
        if strange and not self._agree(columns, found, strange):
            self._told(STALE)
            return None
        if strange:
            self._told(DOUBT)
        return found

    def _agree(
        self,
        columns: Columns,
        found: Sequence[ColumnSetting | None],
        strange: set[int],
    ) -> bool:
        """Tell whether the columns of some tables that are not known are those of the tree, by
        their names."""
        tables = {setting.table for setting in found if setting is not None}
        names = {one.name for one in self.protection.by_column.values() if one.table in tables}
        for name, table, setting in zip(columns.names, columns.tables, found, strict=True):
            shown = name.decode("utf-8", "replace")
            if table not in strange:
                continue
            if shown != setting.name if setting is not None else shown in names:
                return False
        return True


def _placed(
    results: Sequence[ResultColumn], found: Sequence[ColumnSetting | None]
) -> Sequence[ResultColumn] | None:
    """The columns of a result by the tree, in their places.

    ``found`` are those by their tables: the protected columns between two that stand for any number
    must be among them, for their places are not known.  None if the result cannot be the tree's."""
    rests = [at for at, one in enumerate(results) if one.rest]
    if not rests:
        return results if len(results) == len(found) else None
    if len(found) < len(results) - len(rests):
        return None
    first, last = rests[0], rests[-1] + 1
    between = found[first : len(found) - len(results) + last]
    named = Counter(one.setting for one in results[first:last] if one.setting is not None)
    if named - Counter(filter(None, between)):
        return None
    return [*results[:first], *[_UNPROTECTED] * len(between), *results[last:]]


class Snapshot:
    """The protected columns by one reading of a schema, and the plans that hold for it."""

    def __init__(self, protection: Protection, told: Callable[[str], None]) -> None:
        self.protection = protection
        self.planner = Planner(protection, Comparisons())
        self.meaning = Meaning(protection, told)
        #: See `Unconcerned.beginning`.
        self.beginning: Callable[[bytes], int] = self.planner.unconcerned.quick
        #: Short ways of statements: see `shortcuts`.
        self.beginnings: Any = beginnings()
        self._told = told
        self._meanings: dict[tuple[ResultColumn, ...], Meaning] = {}
        self._without: dict[frozenset[str], Planner] = {}

    def meanings_of(self, plans: Sequence[StatementPlan]) -> list[Meaning]:
        """The meanings of the results of a text's statements."""
        return [self.meaning_of(plan.results) for plan in plans]

    def kept_meanings(self, plans: Sequence[StatementPlan], facts: Facts) -> Sequence[Meaning]:
        """Return the same for plans of this reading of the schema with these facts, which keep
        them."""
        found = facts.meanings
        if found is None:
            found = facts.meanings = tuple(self.meanings_of(plans))
        return found

    def meaning_of(self, results: Sequence[ResultColumn] | None) -> Meaning:
        """The meaning of a statement's result, the same for the same columns."""
        if results is None or not any(one.setting for one in results):
            return self.meaning
        key = tuple(results)
        found = self._meanings.get(key)
        if found is None:
            if len(self._meanings) >= _MEANINGS:
                self._meanings.clear()
            found = self._meanings[key] = Meaning(self.protection, self._told, key)
        return found

    def planner_without(self, columns: frozenset[str]) -> Planner:
        """Return what plans statements as if the columns with these labels were not protected, the
        same for the same columns: there are as many as a configuration has bypasses."""
        found = self._without.get(columns)
        if found is None:
            if len(self._without) >= _PLANNERS:
                self._without.clear()
            protection = self.protection
            left = Protection(protection.schema, protection.settings.without(columns))
            found = self._without[columns] = Planner(left, Comparisons())
        return found
