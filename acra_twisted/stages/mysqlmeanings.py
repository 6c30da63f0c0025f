"""The meaning of results, and the plans of texts, by one reading of a MySQL server's schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from acra_twisted.encryption.mysql.encodings import result_codec_of
from acra_twisted.encryption.mysql.plan import Plan
from acra_twisted.encryption.mysql.planner import Planner
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.results import Columns
from acra_twisted.sql.mysqlnames import fold
from acra_twisted.stages.mysqlmodes import ends_tables
from acra_twisted.stages.mysqltemporary import may_end_some

_MEANINGS: Final = 1_000
#: Planners of bypasses that are kept.
_PLANNERS: Final = 50


class MysqlMeaning:
    """The meaning of a result: `Columns.meaning`.  ``results`` are its columns by the statement's
    tree, None if none of them shows a protected column.  ``character_set`` is that of
    results, empty for one that is not known."""

    __slots__ = ("snapshot", "results", "character_set", "_encoding")

    def __init__(
        self,
        snapshot: MysqlSnapshot,
        results: Sequence[ResultColumn] | None,
        character_set: str,
    ) -> None:
        self.snapshot = snapshot
        self.results = results
        self.character_set = character_set
        self._encoding = result_codec_of(character_set) or "ascii"

    @property
    def readers(self) -> Any:
        """The lists of clients that may read some column."""
        return self.snapshot.readers

    def settings(self, columns: Columns) -> list[ColumnSetting | None] | None:
        """The setting of each column of a result, None if it is not that of the statement as it
        was planned.

        The server tells table and name of a plain column; what it tells of columns that come
        through derived tables is not used."""
        stored = [self.snapshot.setting(columns, at, self._encoding) for at in range(len(columns))]
        if self.results is None:
            if not any(stored):
                return stored
            # The statement was thought to show none.
            self.snapshot.doubt()
            return None
        placed = _placed(self.results, len(columns))
        if placed is None:
            self.snapshot.doubt()
            return None
        found: list[ColumnSetting | None] = []
        for one, own in zip(placed, stored, strict=True):
            if one.rest:
                found.append(own)
                continue
            if one.named and one.setting != own:
                self.snapshot.doubt()
                return None
            found.append(one.setting)
        return found


def _placed(results: Sequence[ResultColumn], count: int) -> Sequence[ResultColumn] | None:
    """The columns of a result by the tree, in their places; None if it cannot be the tree's."""
    rests = [at for at, one in enumerate(results) if one.rest]
    if not rests:
        return results if len(results) == count else None
    if count < len(results) - len(rests):
        return None
    first, last = rests[0], rests[-1] + 1
    if any(one.setting is not None for one in results[first:last] if not one.rest):
        if len(rests) > 1:
            # Nobody knows which of the columns between two of them it is.
            behind = count - len(results) + last
            return [*results[:first], *[_REST] * (behind - first), *results[last:]]
    between = count - len(results) + last - first
    return [*results[:first], *[_REST] * between, *results[last:]]


_REST: Final = ResultColumn(None, True, True)


class MysqlSnapshot:
    """The protected columns by one reading of a schema, and the plans that hold for it.  ``doubt``
    is called when the schema may be another.  ``may_end_temporary``: code of the database may drop
    tables that a session alone has; ``may_end_tables``: those that all see."""

    def __init__(self, protection: Protection, doubt: Callable[[], None]) -> None:
        self.protection = protection
        self.planner = Planner(protection)
        self.doubt = doubt
        self.readers = {
            one.readers for one in protection.settings.columns if one.readers is not None
        }
        code = protection.schema.code
        self.may_end_temporary = may_end_some(code)
        self.may_end_tables = any(
            one.text is None or ends_tables(one.text.lower().encode()) for one in code
        )
        self._settings: Mapping[tuple[str, str], Mapping[str, ColumnSetting]] = {
            (protection.compared(one.table.database), protection.compared(one.table.name)): (
                one.settings
            )
            for one in protection.tables
        }
        self._meanings: dict[Any, MysqlMeaning] = {}
        self._without: dict[frozenset[str], Planner] = {}

    def setting(self, columns: Columns, at: int, encoding: str) -> ColumnSetting | None:
        """The setting of a result's column by the table and name that the server tells, in the
        codec of results."""
        table, name = columns.tables[at], columns.attributes[at]
        if not table or not name:
            return None
        compared = self.protection.compared
        database, own = (part.decode(encoding, "replace") for part in table)
        found = self._settings.get((compared(database), compared(own)))
        return None if found is None else found.get(fold(name.decode(encoding, "replace")))

    def meaning(self, results: Sequence[ResultColumn] | None, character_set: str) -> MysqlMeaning:
        """The meaning of a result, the same for the same columns."""
        key = (None if results is None else tuple(results), character_set)
        found = self._meanings.get(key)
        if found is None:
            if len(self._meanings) >= _MEANINGS:
                self._meanings.clear()
            found = self._meanings[key] = MysqlMeaning(self, key[0], character_set)
        return found

    def meanings(self, plan: Plan, character_set: str) -> list[MysqlMeaning]:
        """The meanings of the results of a text's statements."""
        return [self.meaning(one, character_set) for one in plan.results]

    def planner_without(self, columns: frozenset[str]) -> Planner:
        """Return what plans texts as if the columns with these labels were not protected, the same
        for the same columns: there are as many as a configuration has bypasses."""
        found = self._without.get(columns)
        if found is None:
            if len(self._without) >= _PLANNERS:
                self._without.clear()
            left = self.protection.settings.without(columns)
            found = self._without[columns] = Planner(Protection(self.protection.schema, left))
        return found
