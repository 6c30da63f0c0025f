"""Facts of a schema that are in its stored expressions: views, defaults, keys of indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acra_twisted.crypto import envelopes
from acra_twisted.encryption import searching
from acra_twisted.encryption.postgresql import nodetree
from acra_twisted.encryption.postgresql.nodetree import TreeLimitError, TreeNode
from acra_twisted.encryption.postgresql.schema import (
    EXPRESSION,
    PREFIX,
    SUBSTRING,
    Key,
)

#: OIDs of the functions of bytea, integer and integer.
_FORMS: Final = {"2085": PREFIX, "2012": SUBSTRING}
#: Nodes that change a value's type and not the value.
_RETYPED: Final = frozenset(("RELABELTYPE", "COERCETODOMAIN"))
#: The length of a bytea stands before its bytes.
_HEADER: Final = 4


def shown(rule: str) -> Mapping[int, tuple[int, int]]:
    """The columns that a view shows unchanged, by the action of its rule: for the number of each
    the OID of the relation and the attribute number there.

    The database marks them itself, as it does for a result's description: through joins,
    subqueries and common table expressions, and not through another view.  Raises TreeLimitError
    for a rule that is too large to be read.
    """
    found: dict[int, tuple[int, int]] = {}
    for query in nodetree.read(rule)[:1]:
        for entry in query.nodes("targetList"):
            source = entry.number("resorigtbl"), entry.number("resorigcol")
            if source[0] > 0 and source[1] > 0 and entry.word("resjunk") == "false":
                found[entry.number("resno")] = source
    return found


def is_in_clear(default: str) -> bool:
    """Tell whether a default gives something other than NULL, nothing or a container, as one does
    that is too large to be read; an empty text is no default."""
    if not default:
        return False
    try:
        nodes = nodetree.read(default)
    except TreeLimitError:
        return True
    node = _value(nodes[0]) if len(nodes) == 1 else None
    if node is None or node.kind != "CONST":
        return True
    if node.word("constisnull") == "true":
        return False
    value = (node.content("constvalue") or b"")[_HEADER:]
    return bool(value) and not _is_container(value)


def keys(columns: Sequence[int], expressions: str) -> Sequence[Key]:
    """The keys of an index: ``columns`` has the number of each, 0 for the next expression.  Those
    that are too large to be read are of no known form."""
    try:
        trees = iter(nodetree.read(expressions))
    except TreeLimitError:
        trees = iter(())
    return tuple(Key(column) if column else _key(next(trees, None)) for column in columns)


def _key(node: TreeNode | None) -> Key:
    form = _FORMS.get(node.word("funcid")) if node and node.kind == "FUNCEXPR" else None
    arguments = node.nodes("args") if node and form else ()
    if form is None or len(arguments) != 3:
        return Key(0, EXPRESSION)
    column = _value(arguments[0])
    bounds = [_integer(argument) for argument in arguments[1:]]
    if column.kind != "VAR" or bounds != [1, searching.SIZE]:
        return Key(0, EXPRESSION)
    return Key(column.number("varattno"), form)


def _value(node: TreeNode) -> TreeNode:
    while node.kind in _RETYPED and len(node.nodes("arg")) == 1:
        node = node.nodes("arg")[0]
    return node


def _integer(node: TreeNode) -> int:
    value = node.content("constvalue") if node.kind == "CONST" else None
    return int.from_bytes(value[:4], "little") if value else 0


def _is_container(value: bytes) -> bool:
    """Tell whether a container, with the prefix of searches or without, is the whole value."""
    return any(
        found.start in (0, searching.SIZE) and found.end == len(value)
        for found in envelopes.find(value)
    )
