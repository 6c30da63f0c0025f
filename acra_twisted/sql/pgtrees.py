"""Classification of nodes in a PostgreSQL tree, as patterns need it."""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.sql import pgcalls
from acra_twisted.sql.tree import ASIDE, Literal, Node, Table

_WRITES = frozenset(("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"))
WHERE: Final = ("whereClause",)
SELECT_LIST: Final = "targetList"
SUBQUERIES: Final = frozenset(("SubLink",))
#: Clauses that change nothing that a denial is about when they are added to what it denies.
ADDED: Final = frozenset(
    (ASIDE, "catalogname", "intoClause", "lockingClause", "returningList")
    + ("schemaname", "withClause")
)
#: Clauses behind WHERE that %%WHERE%% of a denial leaves open.
BEHIND_WHERE: Final = frozenset(
    ("groupClause", "groupDistinct", "havingClause", "windowClause", "sortClause")
    + ("limitCount", "limitOffset", "limitOption")
)


def relation(node: Node) -> Table | None:
    """The relation that the node names; None for the name of a common table expression."""
    fields = node.fields
    if "relname" not in fields or "relpersistence" not in fields or "hidden" in fields:
        return None
    return Table(fields.get("schemaname", ""), fields["relname"])


def is_writing(node: Node) -> bool:
    """Tell whether the node is a statement that writes, or makes a table."""
    return node.kind in _WRITES or "intoClause" in node.fields


def is_star(node: Any) -> bool:
    """An unqualified ``*`` in a select list."""
    if type(node) is not Node or node.kind != "ResTarget" or len(node.fields) != 1:
        return False
    column = node.fields.get("val")
    if type(column) is not Node or column.kind != "ColumnRef":
        return False
    names = column.fields["fields"]
    return len(names) == 1 and type(names[0]) is Node and names[0].kind == "A_Star"


def name_of(node: Any) -> str | None:
    """The name if the node is an unqualified column, possibly as an item of a select list."""
    if type(node) is Node and node.kind == "ResTarget" and set(node.fields) == {"val"}:
        node = node.fields["val"]
    if type(node) is Node and node.kind == "ColumnRef":
        names = node.fields["fields"]
        if len(names) == 1 and names[0].kind == "String":
            return str(names[0].fields["sval"])
    return None


def is_value(node: Any) -> bool:
    """A literal, a parameter, NULL, TRUE or FALSE."""
    return type(node) is Literal or (type(node) is Node and node.kind in ("ParamRef", "A_Const"))


def is_column(node: Any) -> bool:
    """Tell whether %%COLUMN%% stands for it: column, ``*``, literal, subquery, function or CASE."""
    if type(node) is Node and node.kind in ("ResTarget", "SortBy"):
        inner = node.fields.get("val", node.fields.get("node"))
        return set(node.fields) <= {"val", "name"} and is_column(inner)
    return is_value(node) or (type(node) is Node and node.kind in _COLUMN_LIKE)


_COLUMN_LIKE = frozenset(
    ("ColumnRef", "SubLink", "FuncCall", "CaseExpr", "CoalesceExpr")
    + ("MinMaxExpr", "SQLValueFunction")
)


def is_function(node: Node) -> bool:
    """Tell whether the node calls a function by name."""
    return node.kind == "FuncCall"


def is_opaque_call(node: Node) -> bool:
    """Tell whether the node calls, in any form, what reaches more than a permission shows."""
    return pgcalls.is_opaque(node)


def may_hide(name: str) -> bool:
    """Tell whether a word, of a text that is not parsed, may be a function that hides what it
    reads."""
    return pgcalls.may_hide(name)
