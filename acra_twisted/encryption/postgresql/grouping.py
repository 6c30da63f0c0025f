"""Groups of equal values of searchable columns: GROUP BY and DISTINCT by the part that is compared.

Equal values stand behind equal search prefixes, as long as there is one search key.  So
``GROUP BY c`` becomes ``GROUP BY substr(c, 1, 33)``, and of each group the first value that is
stored is shown; ``DISTINCT`` becomes ``DISTINCT ON``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.postgresql import trees, values
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.extents import Extent, reference
from acra_twisted.encryption.postgresql.operands import Column, column, compared
from acra_twisted.encryption.postgresql.scopes import Scope
from acra_twisted.encryption.postgresql.syntax import Fields, is_star, node, strings
from acra_twisted.encryption.postgresql.values import Columns
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import SEARCHABLE

_SHOWN: Final = "is grouped by, and used in another way than by its name alone"
_NAME: Final = "name the column alone in the list of SELECT, or compare it with a value"
#: Clauses that see the groups.
_BEHIND: Final = ("targetList", "havingClause", "windowClause")


class Grouping:
    """The groups of one query, whose output columns are ``found``.

    Rows are grouped by some columns first (`by`), then the query shows them (`shown`)."""

    def __init__(self, analysis: Analysis, fields: Fields, scope: Scope, found: Columns) -> None:
        self._analysis = analysis
        self._scope = scope
        self._query = fields
        self._found = found
        self._targets = [node(one)[1] for one in fields.get("targetList", ())]
        #: Targets and output columns are not in the same places.
        self._has_star = any(is_star(one.get("val")) for one in self._targets)
        #: The expressions of output columns, by their names.
        self._outputs: dict[str, list[Any]] = {}
        for target, output in zip(self._targets, found, strict=False):
            self._outputs.setdefault(output.name, []).append(target.get("val"))
        #: References to columns that rows are grouped by, by the last of their names.
        self._keys: dict[str, dict[tuple[str, ...], None]] = {}
        #: Offsets of the columns that show the first value of a group.
        self._first: set[int] = set()

    def by(self, item: Any, outputs_first: bool) -> bool:
        """Take a part of GROUP BY or DISTINCT ON, if it is a searchable column.

        ``outputs_first``: a name means an output column rather than one of a table.
        """
        referred = self._referred(item, outputs_first)
        one = self._searchable(referred)
        kind, fields = node(item)
        if kind == "A_Const":
            number = self._analysis.text.place(fields.get("location", 0))
            place: Extent | None = Extent(number, number)
        else:
            place = reference(self._analysis.text, fields) if kind == "ColumnRef" else None
        if one is None or place is None:
            return False
        self._edit(place, self._stored(one))
        self._analysis.match(one.setting)
        names = tuple(_names(referred))
        self._keys.setdefault(names[-1], {})[names] = None
        return True

    def shown(self) -> Columns:
        """The output columns of the query.  Each group shows its first value of a column that rows
        are grouped by.  Raises StatementRefusedError if one is used in another way."""
        if not self._keys:
            return self._found
        if self._has_star:
            raise self._used(list(next(iter(self._keys.values())))[0])
        found = list(self._found)
        for number, target in enumerate(self._targets):
            names = _names(target.get("val"))
            one = self._searchable(target.get("val"))
            if one is None or not self._is_key(tuple(names)):
                continue
            start, end = self._offsets(one.name)
            name = self._analysis.text.text[start:end]
            first = b"(pg_catalog.array_agg(" + name + b"))[1]"
            if "name" not in target:
                first += b" AS " + self._last(one.name)
            self._edit(one.name, first)
            self._first.add(start)
            found[number] = found[number]._replace(value=values.merged([found[number].value]))
        self._check()
        return tuple(found)

    def distinct(self) -> bool:
        """Take DISTINCT, if searchable columns are shown, all by their names alone."""
        ordinals: list[bytes] = []
        ones: list[Column] = []
        for number, target in enumerate(self._targets):
            one = self._searchable(target.get("val"))
            ordinals.append(b"%d" % (number + 1) if one is None else self._stored(one))
            ones += [] if one is None else [one]
        if not ones or self._has_star or self._keys:
            return False
        text = self._analysis.text
        place = text.place(self._targets[0].get("location", 0)) - 1
        if text.shown(place) != b"distinct":
            return False
        end = text.tokens[place][2]
        self._analysis.edit(end, end, b" ON (" + b", ".join(ordinals) + b")")
        for one in ones:
            self._analysis.match(one.setting)
        return True

    def others(self) -> Columns:
        """The output columns that are no searchable columns."""
        pairs = zip(self._targets, self._found, strict=True)
        return tuple(one for target, one in pairs if self._searchable(target.get("val")) is None)

    # -- parts ------------------------------------------------------------------------------------

    def _referred(self, item: Any, outputs_first: bool) -> Any:
        """The expression that a part of GROUP BY means, None if that is not known."""
        kind, fields = node(item)
        if kind == "A_Const":
            number = fields.get("ival", {}).get("ival", 0)
            start = fields.get("location", 0)
            if self._analysis.text.ordinal(start) < 0:
                return None
            self._analysis.deciding.add(start)
            if self._has_star or not 0 < number <= len(self._targets):
                return None
            return self._targets[number - 1].get("val")
        names = _names(item)
        if len(names) != 1:
            return item
        outputs = self._outputs.get(names[0], [])
        if not outputs_first and self._scope.has(names[0]):
            return item
        if self._has_star or len(outputs) > 1:
            return None
        if not outputs:
            return item
        # It may be a column of a table that is not known.
        return None if self._scope.is_open and not outputs_first else outputs[0]

    def _searchable(self, item: Any) -> Column | None:
        """The searchable column that an expression is, None for any other."""
        one = column(self._analysis, item, self._scope)
        if one is None or one.function or one.casts or one.setting.kind != SEARCHABLE:
            return None
        return one

    def _is_key(self, names: tuple[str, ...]) -> bool:
        """Tell whether a reference means a column of a table that rows are grouped by."""
        keys = self._keys.get(names[-1], {})
        if names in keys or not keys:
            return names in keys
        # One with its table and one without may mean the same.
        if len(names) > 1 and names[-1:] not in keys:
            return False
        return self._scope.tells(names[-1])

    def _check(self) -> None:
        """Refuse a column that rows are grouped by where it stands as it is: there the database
        knows only what it is grouped by."""
        for key in _BEHIND:
            for item in trees.dicts(self._query.get(key), _is_counted):
                names = _names(item)
                if not names or names[-1] not in self._keys:
                    continue
                offset = item["ColumnRef"].get("location", 0)
                if offset in self._first or offset in self._analysis.taken:
                    continue
                if values.is_protected(self._scope.column(names)):
                    raise self._used(names)

    def _used(self, names: Sequence[str]) -> refusals.StatementRefusedError:
        setting = values.setting_of(self._scope.column(names))
        return refused(refusals.GROUP, setting, _SHOWN, _NAME)

    def _stored(self, one: Column) -> bytes:
        start, end = self._offsets(one.name)
        return compared(one.setting, self._analysis.text.text[start:end])

    def _last(self, place: Extent) -> bytes:
        _, start, end = self._analysis.text.tokens[place.last]
        return self._analysis.text.text[start:end]

    def _offsets(self, place: Extent) -> tuple[int, int]:
        tokens = self._analysis.text.tokens
        return tokens[place.first][1], tokens[place.last][2]

    def _edit(self, place: Extent, new: bytes) -> None:
        self._analysis.edit(*self._offsets(place), new)


def _names(item: Any) -> list[str]:
    """The names of a column reference, none for any other expression."""
    kind, fields = node(item)
    return strings(fields.get("fields")) if kind == "ColumnRef" else []


def _is_counted(item: dict[str, Any]) -> bool:
    """Tell whether a node is a count: it has all the values of a group."""
    call = item.get("FuncCall", {})
    return strings(call.get("funcname"))[-1:] == ["count"] and "over" not in call
