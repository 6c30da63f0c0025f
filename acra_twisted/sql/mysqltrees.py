"""Classification of nodes in a MySQL tree, as patterns need it."""

from __future__ import annotations

from typing import Any, Final

from sqlglot import exp

from acra_twisted.sql import mysqlcalls, tree
from acra_twisted.sql.tree import Literal, Node, Table

WHERE: Final = ("where",)
SELECT_LIST: Final = "expressions"
SUBQUERIES: Final = frozenset(("Subquery", "Exists"))
#: Clauses that change nothing that a denial is about when they are added to what it denies.
ADDED: Final = frozenset(
    (tree.ASIDE, "db", "hints", "into", "locks", "operation_modifiers", "returning", "with_")
)
#: Clauses behind WHERE that %%WHERE%% of a denial leaves open.
BEHIND_WHERE: Final = frozenset(("group", "having", "windows", "order", "limit", "offset"))


def relation(node: Node) -> Table | None:
    """The table that the node names; None for the name of a common table expression."""
    if node.kind != "Table" or "hidden" in node.fields:
        return None
    names = [
        part.fields["name"] if type(part) is Node and part.kind == "Identifier" else ""
        for part in (node.fields.get("db"), node.fields.get("this"))
    ]
    return None if names == ["", "dual"] else Table(*names)


def is_writing(node: Node) -> bool:
    """Tell whether the node is a statement that writes, or makes a table."""
    return node.kind in ("Insert", "Update", "Delete", "Into")


def is_star(node: Any) -> bool:
    """An unqualified ``*`` in a select list."""
    return type(node) is Node and node.kind == "Star"


_PLAIN_ORDER = frozenset(("this", "nulls_first"))


def name_of(node: Any) -> str | None:
    """The name if the node is an unqualified column."""
    if type(node) is Node and node.kind == "Where":
        node = node.fields.get("this")
    if type(node) is Node and node.kind == "Ordered" and set(node.fields) <= _PLAIN_ORDER:
        node = node.fields["this"]
    if type(node) is Node and node.kind == "Column" and set(node.fields) == {"this"}:
        inner = node.fields["this"]
        return str(inner.fields["name"]) if inner.kind == "Identifier" else None
    return None


def is_value(node: Any) -> bool:
    """A literal, a placeholder, NULL, TRUE or FALSE."""
    return type(node) is Literal or (
        type(node) is Node and node.kind in ("Placeholder", "Null", "Boolean", "Constant")
    )


def is_column(node: Any) -> bool:
    """Tell whether %%COLUMN%% may stand for the node: a column, ``*``, literal, subquery, function
    or CASE."""
    if type(node) is Node and node.kind in ("Alias", "Ordered"):
        return is_column(node.fields.get("this"))
    if is_value(node):
        return True
    return type(node) is Node and (
        node.kind in ("Column", "Star", "Subquery", "Case") or is_function(node)
    )


def is_function(node: Node) -> bool:
    """Tell whether the node calls a function; AND and OR are functions to sqlglot."""
    kind = getattr(exp, node.kind, None)
    return kind is not None and issubclass(kind, exp.Func) and not issubclass(kind, exp.Binary)


def is_opaque_call(node: Node) -> bool:
    """Tell whether the node calls a function that reads files or runs SQL given as text."""
    if not is_function(node):
        return False
    if node.kind == "Anonymous":
        name = str(node.fields["this"])
    else:
        name = str(getattr(exp, node.kind).sql_name()).lower()
    return mysqlcalls.is_opaque(name)


def may_hide(name: str) -> bool:
    """Tell whether a word, of a text that is not parsed, may be a function that hides what it
    reads."""
    return mysqlcalls.may_hide(name)
