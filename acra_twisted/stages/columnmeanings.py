"""The meaning of results, and of the statements of all sessions, by one reading of a schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.results import Columns

_MEANINGS: Final = 1_000
#: Planners of bypasses that are kept.
_PLANNERS: Final = 50


class Meaning:
    """The meaning of a result: `Columns.meaning`.  ``results`` are its columns by the statement's
    tree, None if they are not known.  ``doubt`` is called if the schema must be another one."""

    __slots__ = ("protection", "results", "_doubt")

    def __init__(
        self,
        protection: Protection,
        doubt: Callable[[], None],
        results: Sequence[ResultColumn] | None = None,
    ) -> None:
        self.protection = protection
        self.results = results
        self._doubt = doubt

    def settings(self, columns: Columns) -> list[ColumnSetting | None]:
        """The setting of each column of a result: by its table as the database says, by the tree
        where the column is no table's, or that of a table that was made since."""
        by_column = self.protection.by_column
        found = [
            by_column.get((table, attribute)) if table else None
            for table, attribute in zip(columns.tables, columns.attributes, strict=True)
        ]
        results = self.results
        if results is not None and len(results) == len(found):
            relations = self.protection.schema.relations
            for at, table in enumerate(columns.tables):
                setting = results[at].setting
                if setting is not None and table not in relations:
                    found[at] = setting
                    if table:
                        self._doubt()
        return found


class Snapshot:
    """The protected columns by one reading of a schema, and the plans that hold for it."""

    def __init__(self, protection: Protection, doubt: Callable[[], None]) -> None:
        self.protection = protection
        self.planner = Planner(protection, Comparisons())
        self.meaning = Meaning(protection, doubt)
        self._doubt = doubt
        self._meanings: dict[tuple[ResultColumn, ...], Meaning] = {}
        self._without: dict[frozenset[str], Planner] = {}

    def meaning_of(self, results: Sequence[ResultColumn] | None) -> Meaning:
        """The meaning of a statement's result, the same for the same columns."""
        if results is None or not any(one.setting for one in results):
            return self.meaning
        key = tuple(results)
        found = self._meanings.get(key)
        if found is None:
            if len(self._meanings) >= _MEANINGS:
                self._meanings.clear()
            found = self._meanings[key] = Meaning(self.protection, self._doubt, key)
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
