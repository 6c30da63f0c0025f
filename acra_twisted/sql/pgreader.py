"""Reads the parse tree of one PostgreSQL statement: what it is, what it reaches, its literals.

Sources: PostgreSQL's parsenodes.h for the names of nodes and fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from acra_twisted.errors import LexError
from acra_twisted.sql import pgsettings, pgstatements, tree
from acra_twisted.sql.pgcalls import Calls, string, strings
from acra_twisted.sql.tree import ANY_SCHEMA, Literal, Nested, Node, Parsed, Table

_KINDS = {
    "SelectStmt": tree.SELECT,
    "InsertStmt": tree.INSERT,
    "UpdateStmt": tree.UPDATE,
    "DeleteStmt": tree.DELETE,
    "MergeStmt": tree.MERGE,
}
_TRANSACTIONS = {
    "TRANS_STMT_BEGIN": tree.BEGIN,
    "TRANS_STMT_START": tree.BEGIN,
    "TRANS_STMT_COMMIT": tree.COMMIT,
    "TRANS_STMT_ROLLBACK": tree.ROLLBACK,
}
_STATEMENTS = frozenset(_KINDS)
# Here a SelectStmt is a value or a table and not a statement of its own.
_SUBQUERY_PARENTS = frozenset(("SubLink", "RangeSubselect", "SelectStmt", "InsertStmt"))
_TABLE_OBJECTS = frozenset(
    f"OBJECT_{word}"
    for word in ("TABLE", "VIEW", "MATVIEW", "FOREIGN_TABLE", "SEQUENCE", "INDEX", "STATISTIC_EXT")
)
# The last name is the column's, trigger's, policy's ...; the ones before it are the table's.
_OBJECTS_ON_TABLES = frozenset(
    f"OBJECT_{word}" for word in ("COLUMN", "TRIGGER", "POLICY", "RULE", "TABCONSTRAINT")
)
#: Levels of a tree; each takes three frames of Python's stack.
_MAX_DEPTH = 150
#: Names that the session itself gave to something of its own, often with a number in them: no
#: rule can list them, and they mean nothing beyond the session.
_HANDLES = {
    "TransactionStmt": "savepoint_name",
    "DeclareCursorStmt": "portalname",
    "FetchStmt": "portalname",
    "ClosePortalStmt": "portalname",
    "DeallocateStmt": "name",
}
_ACTIONS = {"CMD_INSERT": tree.INSERT, "CMD_UPDATE": tree.UPDATE, "CMD_DELETE": tree.DELETE}
_TEMPORARY = "t"
_POSITIONS = frozenset(("location", "stmt_location", "stmt_len", "list_start", "list_end"))


class Reader:
    """Reads one statement of a text."""

    def __init__(
        self, text: bytes, places: dict[int, int], signs: dict[int, int], start: int, end: int
    ) -> None:
        self._text = text
        self._places = places
        self._signs = signs
        self._expected = {n for at, n in places.items() if start <= at < end}
        self._tables: set[Table] = set()
        self._nested: list[Nested] = []
        self._parsed = Parsed(tree.OTHER, None)
        self._calls = Calls(self._parsed, self._tables)
        self._chosen: str | None = None
        self._depth = 0

    def read(self, raw: dict[str, Any]) -> Parsed:
        """The statement under ``raw``, the only key of a dict."""
        parsed = self._parsed
        name, fields = next(iter(raw.items()))
        parsed.kind = _kind(name, fields)
        converted = self._convert(raw, (), "", top=True)
        parsed.tree = converted
        parsed.tables = frozenset(self._tables)
        parsed.nested = tuple(self._nested)
        self._calls.finish()
        if name == "PrepareStmt":
            parsed.prepares = fields.get("name", "")
        elif name == "VariableSetStmt":
            self._setting(fields)
        seen = {item.ordinal for item in tree.walk(converted) if type(item) is Literal}
        if seen != self._expected:
            parsed.whole = False
        return parsed

    # -- conversion ---------------------------------------------------------------------------

    def _convert(self, item: Any, hidden: tuple[str, ...], parent: str, top: bool = False) -> Any:
        """``hidden`` are the names that common table expressions hide here."""
        if type(item) is list:
            return [self._convert(part, hidden, parent) for part in item]
        if type(item) is not dict:
            return item
        if len(item) == 1:
            name, fields = next(iter(item.items()))
            if name[:1].isupper() and type(fields) is dict:
                return self._node(name, fields, hidden, parent, top)
        return self._struct("", item, hidden, parent)

    def _node(
        self, name: str, fields: dict[str, Any], hidden: tuple[str, ...], parent: str, top: bool
    ) -> Any:
        if name == "A_Const":
            return self._constant(fields)
        visit = _VISITS.get(name)
        if visit is not None:
            visit(self, fields)
        if name == "A_Expr" and "A_Expr" in fields.get("lexpr", ()):
            return self._chain(fields, hidden, parent)
        if name[-4:] == "Stmt":
            self._statement(name, fields)
        node = self._struct(name, fields, hidden, parent)
        if name in _STATEMENTS and not top and not _only_values(fields):
            self._nested.append(Nested(_kind(name, fields), node, parent in _SUBQUERY_PARENTS))
        elif name == "MergeWhenClause" and fields.get("commandType") in _ACTIONS:
            self._nested.append(Nested(_ACTIONS[fields["commandType"]], node, False))
        return node

    def _struct(
        self, name: str, fields: dict[str, Any], hidden: tuple[str, ...], parent: str
    ) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            # A counter of ours: the verdict must not depend on how deep the stack was before.
            raise LexError("nested too deeply", 0)
        converted: dict[str, Any] = {}
        inside = parent if name in ("ResTarget", "List", "A_Expr", "BoolExpr", "") else name
        if "relname" in fields and "relpersistence" in fields:
            schema, table = fields.get("schemaname", ""), fields["relname"]
            target = name == "" and parent in (
                "InsertStmt",
                "UpdateStmt",
                "DeleteStmt",
                "MergeStmt",
            )
            if fields["relpersistence"] == _TEMPORARY and not schema:
                # It is made there, and hides any other table of that name.
                schema = "pg_temp"
            if schema or target or table not in hidden:
                self._tables.add(Table(schema, table))
            else:
                converted["hidden"] = True
        chosen = self._chosen
        if name == "SelectStmt":
            self._chosen = _chosen_setting(fields)
        with_clause = fields.get("withClause")
        if with_clause:
            hidden, converted["withClause"] = self._with(with_clause, hidden)
        for key, value in fields.items():
            if key in _POSITIONS or key == "withClause":
                continue
            if name == "SelectStmt" and key in ("larg", "rarg"):
                # A branch of a set operation: a struct, and a SELECT of its own.
                # Many of them nest to the left; the parser has its own limit for that.
                left = key == "larg"
                self._depth -= left
                branch = self._struct("SelectStmt", value, hidden, "SelectStmt")
                self._depth += left
                self._nested.append(Nested(_kind("SelectStmt", value), branch, True))
                converted[key] = branch
            elif _HANDLES.get(name) == key:
                converted[key] = True
            elif key == "onConflictClause" and value.get("action") == "ONCONFLICT_UPDATE":
                converted[key] = self._convert(value, hidden, inside)
                self._nested.append(Nested(tree.UPDATE, converted[key], False))
            else:
                converted[key] = self._convert(value, hidden, inside)
        self._depth -= 1
        self._chosen = chosen
        return Node(name, converted)

    def _chain(self, fields: dict[str, Any], hidden: tuple[str, ...], parent: str) -> Node:
        """``a || b || c ...``, which nests to the left, without a level of ours for each."""
        links = []
        while "A_Expr" in fields.get("lexpr", ()):
            links.append(fields)
            fields = fields["lexpr"]["A_Expr"]
            self._calls.expression(fields)
        node = self._struct("A_Expr", fields, hidden, parent)
        for fields in reversed(links):
            converted: dict[str, Any] = {}
            for key, value in fields.items():
                if key == "lexpr":
                    converted[key] = node
                elif key not in _POSITIONS:
                    converted[key] = self._convert(value, hidden, parent)
            node = Node("A_Expr", converted)
        return node

    def _with(self, clause: dict[str, Any], hidden: tuple[str, ...]) -> tuple[tuple[str, ...], Any]:
        """A name hides tables in later expressions and in the statement, never in its own."""
        expressions = clause.get("ctes", [])
        names = tuple(e["CommonTableExpr"]["ctename"] for e in expressions)
        if clause.get("recursive"):
            hidden = (*hidden, *names)
        converted = []
        for name, expression in zip(names, expressions, strict=True):
            converted.append(self._convert(expression, hidden, "CommonTableExpr"))
            hidden = (*hidden, name)
        rest = {k: v for k, v in clause.items() if k not in _POSITIONS and k != "ctes"}
        return hidden, Node("WithClause", {**rest, "ctes": converted})

    def _constant(self, fields: dict[str, Any]) -> Any:
        place = fields.get("location", 0)
        if place in self._places:
            return Literal(self._places[place])
        if place in self._signs and ("ival" in fields or "fval" in fields):
            return Literal(self._signs[place], True)
        # The grammar itself inserts these: TRUE, NULL, the field of EXTRACT.
        return Node("A_Const", {k: repr(v) for k, v in fields.items() if k != "location"})

    # -- what a statement reaches -----------------------------------------------------------------

    def _statement(self, name: str, fields: dict[str, Any]) -> None:
        """Read a statement, at the top or inside another."""
        parsed = self._parsed
        parsed.opaque = parsed.opaque or pgstatements.opaque(name, fields)
        for names in pgstatements.bound(name, fields):
            self._calls.bind(names)
        self._calls.move(pgstatements.moved(name, fields))
        self._moved_schema(name, fields)
        parsed.moves = parsed.moves or pgsettings.moves_names(name, fields)
        parsed.refused = parsed.refused or pgsettings.changes_unreported(name, fields)
        if name == "ExecuteStmt":
            parsed.executes = fields.get("name", "")

    def _copy(self, fields: dict[str, Any]) -> None:
        if fields.get("is_program"):
            self._parsed.beyond = "COPY runs a program"
        elif fields.get("filename"):
            self._parsed.beyond = "COPY uses a file of the server"

    def _element(self, fields: dict[str, Any]) -> None:
        behind = {"owned_by": 1, "sequence_name": 0}.get(fields.get("defname", ""))
        if behind is not None:
            items = fields.get("arg", {}).get("List", {}).get("items", ())
            self._table_of_list(items, behind)

    def _sample(self, fields: dict[str, Any]) -> None:
        self._calls.function({"funcname": fields.get("method", ())})

    def _link(self, fields: dict[str, Any]) -> None:
        if "operName" in fields:
            self._calls.operator(strings(fields["operName"]))

    def _order(self, fields: dict[str, Any]) -> None:
        if "useOp" in fields:
            self._calls.operator(strings(fields["useOp"]))

    def _function(self, fields: dict[str, Any]) -> None:
        if strings(fields["funcname"])[-1] != "set_config":
            self._calls.function(fields)
            return
        arguments = fields.get("args", [])
        self._parsed.whole = False
        setting = self._setting_named(arguments[0]) if arguments else None
        value = string(arguments[1]) if len(arguments) > 1 else None
        # Where it is no literal the server's report tells, and until then nothing is known.
        self._check_setting(setting, [] if value is None else [value])
        self._permit_setting(setting)
        # One that is known is no more than SET does, and ORMs call it on each connection.
        if setting is None:
            self._parsed.opaque = (
                "function set_config changes a setting that the text does not name"
            )

    def _permit_setting(self, setting: str | None) -> None:
        """A permission for what a statement reads covers no change of what later ones mean."""
        parsed = self._parsed
        moves = pgsettings.setting_moves_names(setting or "search_path")
        parsed.moves = parsed.moves or moves
        if moves or (setting or "").lower() in pgsettings.READING_SETTINGS:
            parsed.apart = "function set_config changes what later statements mean"

    def _setting_named(self, argument: dict[str, Any]) -> str | None:
        found = string(argument)
        if found is None and _is_name(argument.get("ColumnRef", {})):
            found = self._chosen
        return found

    def _setting(self, fields: dict[str, Any]) -> None:
        self._parsed.whole = False
        values = [string(arg) for arg in fields.get("args", [])]
        self._check_setting(fields.get("name"), values)

    def _check_setting(self, name: str | None, values: list[str | None]) -> None:
        if name is None or name.lower() not in ("client_encoding", "names"):
            return
        for value in values:
            if value is None or pgsettings.is_unsafe_encoding(value.encode()):
                self._parsed.refused = "a client encoding that cannot be read safely"

    def _named_objects(self, fields: dict[str, Any]) -> None:
        kind = fields.get("removeType") or fields.get("objtype") or fields.get("renameType")
        behind = 1 if kind in _OBJECTS_ON_TABLES else 0
        if not behind and kind not in _TABLE_OBJECTS:
            return
        for item in [*fields.get("objects", ()), fields.get("object", {})]:
            self._table_of_list(item.get("List", {}).get("items", ()), behind)
        # A new name opens the table under another: it counts as named.
        relation, new = fields.get("relation"), fields.get("newname")
        if kind in _TABLE_OBJECTS and relation and new:
            self._tables.add(Table(relation.get("schemaname", ""), new))

    def _moved_schema(self, name: str, fields: dict[str, Any]) -> None:
        if name == "RenameStmt" and fields.get("renameType") == "OBJECT_SCHEMA":
            self._parsed.schemas |= {fields.get("subname", "")}
        elif name == "AlterObjectSchemaStmt" and fields.get("objectType") == "OBJECT_EXTENSION":
            # Its tables go with it, wherever they are.
            self._parsed.schemas |= {ANY_SCHEMA}

    def _table_of_list(self, items: Any, behind: int) -> None:
        names = [item["String"]["sval"] for item in items if "String" in item]
        names = names[: len(names) - behind] if behind else names
        if names:
            self._tables.add(Table(names[-2] if len(names) > 1 else "", names[-1]))


def _kind(name: str, fields: dict[str, Any]) -> str:
    if name == "SelectStmt" and fields.get("op", "SETOP_NONE") != "SETOP_NONE":
        return tree.UNION
    if name == "TransactionStmt":
        return _TRANSACTIONS.get(fields.get("kind", "TRANS_STMT_BEGIN"), tree.OTHER)
    return _KINDS.get(name, tree.OTHER)


def _only_values(fields: dict[str, Any]) -> bool:
    return "valuesLists" in fields and "fromClause" not in fields


def _chosen_setting(fields: dict[str, Any]) -> str | None:
    """The setting that ``SELECT ... FROM pg_settings WHERE name = '...'`` chooses."""
    sources = fields.get("fromClause", ())
    if len(sources) != 1 or sources[0].get("RangeVar", {}).get("relname") != "pg_settings":
        return None
    where = fields.get("whereClause", {}).get("A_Expr", {})
    if where.get("kind") != "AEXPR_OP" or strings(where["name"]) != ["="]:
        return None
    column = where.get("lexpr", {}).get("ColumnRef", {})
    return string(where.get("rexpr", {})) if _is_name(column) else None


def _is_name(column: dict[str, Any]) -> bool:
    """Return True if a ColumnRef is the column ``name``."""
    return strings(column.get("fields", ()))[-1:] == ["name"]


_VISITS: Final[dict[str, Callable[[Reader, dict[str, Any]], None]]] = {
    "FuncCall": Reader._function,
    "A_Indirection": lambda reader, fields: reader._calls.field(fields),
    "ColumnRef": lambda reader, fields: reader._calls.column(fields),
    "A_Expr": lambda reader, fields: reader._calls.expression(fields),
    "SubLink": Reader._link,
    "SortBy": Reader._order,
    "RangeTableSample": Reader._sample,
    "VariableShowStmt": lambda reader, fields: reader._calls.show(fields),
    "CopyStmt": Reader._copy,
    "DefElem": Reader._element,
    **dict.fromkeys(
        ("DropStmt", "CommentStmt", "AlterObjectSchemaStmt", "RenameStmt", "SecLabelStmt")
        + ("AlterExtensionContentsStmt",),
        Reader._named_objects,
    ),
}
