"""Calls in a PostgreSQL statement: what ends in a function, however it is written.

A call is a name with arguments, a field after an expression (``('x'::text).f``), a column of an
alias (``a.f`` is f(a) if a has no such column), an operator, or a function that a definition
binds to something else.  `pgtable` says what each function can reach.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.sql import names as identifiers
from acra_twisted.sql import pgtable
from acra_twisted.sql.pgtable import Decision, Decisions
from acra_twisted.sql.tree import Node, Parsed, Table, fold

_ADMITTED: Final = (pgtable.HARMLESS, pgtable.TELLS)
_NAME = re.compile(r'\s*("(?:[^"]|"")+"|[^\s."]+)\s*(\.|$)')
#: Calls that pass their argument's name on: casts are written like functions, too.
_SAME_NAME: Final = frozenset(("regclass", "to_regclass", "text", "name", "varchar", "unknown"))
_NO_ROWS: Final = frozenset(
    ("A_Const", "BoolExpr", "NullTest", "BooleanTest", "SQLValueFunction", "A_ArrayExpr")
)
#: Operators by their sign; the other kinds of expression have fixed ones.
_BY_SIGN: Final = frozenset(("AEXPR_OP", "AEXPR_OP_ANY", "AEXPR_OP_ALL"))


class Calls:
    """Collects what a statement's calls reach, for ``parsed``; ``tables`` are its relations."""

    def __init__(self, parsed: Parsed, tables: set[Table]) -> None:
        self._parsed = parsed
        self._tables = tables
        self._table = pgtable.decisions()
        self._views: set[Table] = set()
        self._unknown: set[str] = set()
        self._unsure: set[str] = set()

    def finish(self) -> None:
        """Give the statement what was found."""
        parsed = self._parsed
        shown: set[Table] = set()
        for table in self._tables:
            if table.schema in ("", "pg_catalog"):
                shown.update(Table("", name) for name in self._table.shown_by(table.name))
                if table.name in self._table.statistics:
                    parsed.values = f"{table.name} shows values of tables"
            if table.schema == "pg_toast" or table.name.startswith("pg_toast_"):
                parsed.opaque = "a TOAST table holds values of a table that the text does not name"
        parsed.views, parsed.shown = frozenset(self._views), frozenset(shown)
        parsed.unknown, parsed.unsure = frozenset(self._unknown), frozenset(self._unsure)

    # -- forms of calls -------------------------------------------------------------------------

    def function(self, fields: dict[str, Any]) -> None:
        """FuncCall."""
        names, arguments = strings(fields["funcname"]), fields.get("args", [])
        if fields.get("func_variadic"):
            # The number of arguments is not in the text.
            self._call(names, [], self._table.worst(names[-1]))
        else:
            self._call(names, arguments, self._table.function(names[-1], len(arguments)))

    def field(self, fields: dict[str, Any]) -> None:
        """A_Indirection: each name after the expression is a field of it, or a function."""
        argument = fields.get("arg", {})
        for item in fields.get("indirection", ()):
            if "String" in item:
                self._field(item["String"]["sval"], argument)
            argument = {}

    def _field(self, name: str, argument: dict[str, Any]) -> None:
        decision = self._table.function(name, 1)
        if decision is not None:
            self._call([name], [argument], decision)
        elif name not in self._table.types:
            if _has_no_fields(argument, self._table):
                self._unknown.add(f"function {name}")
            else:
                self._unsure.add(f"function {name}")

    def column(self, fields: dict[str, Any]) -> None:
        """ColumnRef: the last of several names can be a function of what the others name."""
        items = fields["fields"]
        if len(items) > 1 and "String" in items[-1]:
            name = items[-1]["String"]["sval"]
            decision = self._table.function(name, 1)
            if decision is not None and decision.kind not in _ADMITTED:
                self._call([name], [{}], decision)

    def operator(self, names: Sequence[str]) -> None:
        """An operator by its qualified name."""
        if not self._table.knows_operator(names):
            self._unknown.add(f"operator {names[-1]}")

    def expression(self, fields: dict[str, Any]) -> None:
        """A_Expr."""
        if fields.get("kind") in _BY_SIGN:
            self.operator(strings(fields.get("name", ())))

    def bind(self, names: Sequence[str]) -> None:
        """A definition's function, which can then be called by another name or none."""
        if not names:
            return
        decision = self._table.worst(names[-1])
        if decision is not None and decision.kind not in _ADMITTED:
            self._parsed.opaque = f"function {names[-1]} gets another name"
        elif not self._table.knows(names):
            self._unknown.add(f"function {names[-1]}")

    def move(self, names: Sequence[str]) -> None:
        """A routine that gets another name, owner or way of running."""
        if names:
            decision = self._table.worst(names[-1])
            if decision is None or decision.kind not in _ADMITTED or not self._table.knows(names):
                self._parsed.opaque = f"routine {names[-1]} can be another by its name, or as whom"

    def show(self, fields: dict[str, Any]) -> None:
        """VariableShowStmt."""
        if fields.get("name") == "all":
            self._views.add(Table("", "pg_settings"))

    # -- what a call reaches --------------------------------------------------------------------

    def _call(self, names: Sequence[str], arguments: list[Any], decision: Decision | None) -> None:
        parsed, name = self._parsed, names[-1]
        kind = pgtable.HARMLESS if decision is None else decision.kind
        if kind == pgtable.HARMLESS or decision is None:
            if not self._table.knows(names):
                self._unknown.add(f"function {name}")
        elif kind in (pgtable.NAMES, pgtable.TELLS):
            if any(map(_has_literal, arguments)):
                # The relation may stand there.
                parsed.whole = False
            found = self._relation(arguments, decision.place)
            if found is not None:
                self._tables.add(found)
            elif kind == pgtable.NAMES:
                parsed.opaque = f"function {name} {pgtable.REASONS[kind]}"
            self._views.update(Table("", view) for view in decision.views)
        elif kind == pgtable.BEHIND:
            self._views.update(Table("", view) for view in decision.views)
        elif kind == pgtable.ACTS:
            parsed.apart = f"function {name} acts beyond tables"
        else:
            parsed.opaque = f"function {name} {pgtable.REASONS[kind]}"

    def _relation(self, arguments: list[Any], place: str) -> Table | None:
        """The relation that an argument names.  ``=`` marks plain text, ``:`` the key before it."""
        if any("NamedArgExpr" in argument for argument in arguments):
            return None
        if place.startswith(":"):
            keys = [string(key) for key in arguments[::2]]
            if None in keys or keys.count(place[1:]) != 1 or len(arguments) % 2:
                return None
            return _plain(string(arguments[2 * keys.index(place[1:]) + 1]))
        number = int(place.lstrip("="))
        if not -len(arguments) <= number < len(arguments):
            return None
        argument = arguments[number]
        return _plain(string(argument)) if place.startswith("=") else self._named(argument)

    def _named(self, argument: dict[str, Any]) -> Table | None:
        call = argument.get("FuncCall")
        if call is not None:
            names, inner = strings(call["funcname"]), call.get("args", [])
            if len(names) > 1 and names[0] != "pg_catalog":
                return None
            if names[-1] == "pg_get_serial_sequence" or (
                names[-1] in _SAME_NAME and len(inner) == 1
            ):
                return self._named(inner[0]) if inner else None
            return None
        cast = argument.get("TypeCast")
        if cast is not None:
            return self._named(cast["arg"]) if _keeps_text(cast) else None
        text = string(argument)
        return None if text is None else qualified(text)


def qualified(text: str) -> Table | None:
    """The relation that a text names, as PostgreSQL reads a regclass; None for anything else."""
    parts: list[str] = []
    position = 0
    while True:
        match = _NAME.match(text, position)
        if match is None:
            return None
        part, more = match.groups()
        plain = part[1:-1].replace('""', '"') if part[0] == '"' else fold(part)
        parts.append(identifiers.cut(plain))
        if not more:
            break
        position = match.end()
    if len(parts) > 3 or (len(parts) == 1 and parts[0].isdigit()):
        # A number is a relation's oid.
        return None
    return Table(parts[-2] if len(parts) > 1 else "", parts[-1])


def string(argument: dict[str, Any]) -> str | None:
    """The value of a string constant, None for anything else."""
    cast = argument.get("TypeCast")
    if cast is not None:
        return string(cast["arg"]) if _keeps_text(cast) else None
    value = argument.get("A_Const", {}).get("sval")
    return None if value is None else str(value.get("sval", ""))


def _has_literal(item: Any) -> bool:
    waiting = [item]
    while waiting:
        part = waiting.pop()
        if type(part) is dict:
            if "A_Const" in part:
                return True
            waiting.extend(part.values())
        elif type(part) is list:
            waiting.extend(part)
    return False


def _keeps_text(cast: dict[str, Any]) -> bool:
    """Tell whether a cast of a text is the same text: not if it cuts, as varchar(3) does."""
    kind = cast["typeName"]
    if "typmods" in kind or "arrayBounds" in kind or kind.get("setof"):
        return False
    names = strings(kind.get("names", ()))
    return not _SAME_NAME.isdisjoint(names[-1:]) and names[:-1] in ([], ["pg_catalog"])


def strings(items: Any) -> list[str]:
    """A qualified name's parts."""
    return [item["String"]["sval"] for item in items if "String" in item]


def is_opaque(node: Node) -> bool:
    """Tell whether a node of a converted tree calls what a wildcard of a permission must not
    admit."""
    table = pgtable.decisions()
    fields = node.fields
    if node.kind == "FuncCall":
        name = str(fields["funcname"][-1].fields["sval"])
        if name == "set_config":
            return True
        variadic = fields.get("func_variadic")
        found = table.worst(name) if variadic else table.function(name, len(fields.get("args", ())))
        return found is not None and found.kind not in _ADMITTED
    if node.kind == "A_Indirection":
        return any(_is_opaque_field(item, table) for item in fields.get("indirection", ()))
    if node.kind == "ColumnRef":
        names = fields["fields"]
        return len(names) > 1 and _is_opaque_field(names[-1], table)
    return False


def may_hide(name: str) -> bool:
    """Tell whether a word may be a function, or a catalog, that shows what the text does not
    name."""
    table = pgtable.decisions()
    found = table.worst(name)
    return found is not None and found.kind not in _ADMITTED or name in table.statistics


def _is_opaque_field(item: Any, table: Decisions) -> bool:
    if type(item) is not Node or item.kind != "String":
        return False
    found = table.function(str(item.fields["sval"]), 1)
    return found is not None and found.kind not in _ADMITTED


def _has_no_fields(argument: dict[str, Any], table: Decisions) -> bool:
    """Tell whether an expression is no row for certain."""
    if not _NO_ROWS.isdisjoint(argument) or argument.get("A_Expr", {}).get("kind") in _BY_SIGN:
        return True
    names = strings(argument.get("TypeCast", {}).get("typeName", {}).get("names", ()))
    return bool(names) and names[-1] in table.types and names[-1] != "record"


def _plain(text: str | None) -> Table | None:
    return None if text is None else Table("", text)
