"""Comparisons with protected columns: those that can be answered by what is stored.

A searchable column is compared by its prefix, in a form for which a key on its first 33 bytes
serves; consistent tokens are compared as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from acra_twisted.encryption import refusals, searching
from acra_twisted.encryption.mysql import nodes, values
from acra_twisted.encryption.mysql.analysis import FOLDED, Analysis, unsure
from acra_twisted.encryption.mysql.nodes import Node
from acra_twisted.encryption.mysql.plan import EQUAL, NULL_SAFE, Part
from acra_twisted.encryption.mysql.scopes import Scope
from acra_twisted.encryption.mysql.values import Leaf, Value
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting

#: Walks through an expression that is compared.
Walk = Callable[[Analysis, Node, Scope], Value]

_EQUAL: Final = frozenset(("=", "<=>"))
_UNEQUAL: Final = frozenset(("<>", "!="))
_TEXTS: Final = frozenset(("str", "email"))
_FOLDING: Final = frozenset(("lower", "lcase", "upper", "ucase"))
#: Signs of a pattern that match more than themselves.
_WILD: Final = (b"%", b"_", b"\\")


def compare(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> None:
    """Take ``a = b`` and its like.  Raises StatementRefusedError."""
    left, right = (_operand(analysis, item, scope, walk) for item in node.items)
    if not (values.is_protected(left) or values.is_protected(right)):
        return
    column, other = _column(left), right
    if column is None:
        column, other = _column(right), left
    if column is None or column.node is None or column.setting is None:
        raise _unclear(left, right)
    setting = column.setting
    if node.word not in _EQUAL | _UNEQUAL:
        raise refused(refusals.ORDER, setting, f"is compared by {node.word}")
    if len(other) != 1:
        raise _expression(setting)
    leaf = other[0]
    if leaf.kind == values.NULL:
        return
    if leaf.kind == values.GIVEN:
        check(setting)
        form = NULL_SAFE if node.word == "<=>" else EQUAL
        found: list[Part] = [analysis.compare(setting, column.node, leaf, form)]
        if node.word in _UNEQUAL:
            found = [b"(NOT ", *found, b")"]
        analysis.edit(node, found)
    elif leaf.kind == values.PROTECTED and leaf.node is not None and leaf.setting is not None:
        _match(analysis, node, column, leaf)
    else:
        raise _expression(setting)


def _match(analysis: Analysis, node: Node, one: Leaf, other: Leaf) -> None:
    """Compare what two columns store."""
    assert one.setting is not None and other.setting is not None  # noqa: S101 - the caller has asked for them
    for setting in (one.setting, other.setting):
        check(setting)
    if not values.is_alike(one.setting, other.setting):
        raise refused(
            refusals.COMPARISON,
            one.setting,
            f"is compared with column {other.setting.label}, which is not protected alike",
        )
    for leaf in (one, other):
        assert leaf.node is not None and leaf.setting is not None  # noqa: S101 - the caller has asked for them
        analysis.edit(leaf.node, [same(leaf.setting, analysis.shown(leaf.node))])
        match(analysis, leaf.setting)


def match(analysis: Analysis, setting: ColumnSetting) -> None:
    """Note that the stored values of a column are compared with each other."""
    analysis.matched[setting] = None
    analysis.asked[setting] = None


def same(setting: ColumnSetting, column: bytes) -> bytes:
    """An expression that is equal for equal values of a column."""
    if setting.kind == SEARCHABLE:
        return b"LEFT(%b, %d)" % (column, searching.SIZE)
    return b"CAST(%b AS BINARY)" % column if setting.token_type in _TEXTS else column


def among(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> None:
    """Take ``a IN (b, c)``.  Raises StatementRefusedError."""
    found = [_operand(analysis, item, scope, walk) for item in node.items]
    if not any(map(values.is_protected, found)):
        return
    column = _column(found[0])
    if column is None or column.node is None or column.setting is None:
        raise _unclear(*found)
    setting = column.setting
    check(setting)
    parts: list[Part] = [b"(NOT (" if node.flag else b"("]
    for number, value in enumerate(found[1:]):
        if number:
            parts.append(b" OR ")
        if len(value) != 1:
            raise _expression(setting)
        if value[0].kind == values.NULL:
            parts.append(b"NULL")
        elif value[0].kind == values.GIVEN:
            parts.append(analysis.compare(setting, column.node, value[0], EQUAL))
        else:
            raise _expression(setting)
    parts.append(b"))" if node.flag else b")")
    analysis.edit(node, parts)


def like(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> None:
    """Take ``a LIKE b``: equality, if the pattern matches one text alone.  Raises
    StatementRefusedError."""
    found = [_operand(analysis, item, scope, walk) for item in node.items]
    if not any(map(values.is_protected, found)):
        return
    column = _column(found[0])
    if column is None or column.node is None or column.setting is None:
        raise _unclear(*found)
    setting, pattern = column.setting, found[1]
    check(setting)
    leaf = pattern[0]
    text = analysis.string(leaf) if len(pattern) == 1 and leaf.kind == values.GIVEN else None
    if text is None or len(found) > 2 or any(sign in text for sign in _WILD):
        raise refused(
            refusals.PATTERN,
            setting,
            "is compared with a pattern",
            "Only whole values can be found.",
        )
    parts: list[Part] = [analysis.compare(setting, column.node, leaf, EQUAL)]
    analysis.edit(node, [b"(NOT ", *parts, b")"] if node.flag else parts)


def is_null(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> None:
    """Take ``a IS NULL``: NULL is stored as it is.  Raises StatementRefusedError."""
    value = walk(analysis, node.items[0], scope)
    if values.is_protected(value) and _column(value) is None:
        raise _unclear(value)


def check(setting: ColumnSetting) -> None:
    """Raise StatementRefusedError if equal values of a column cannot be told."""
    if setting.kind == TOKENIZED:
        if not setting.consistent:
            raise refused(
                refusals.COMPARISON,
                setting,
                "is compared, but each value has tokens of its own",
                "consistent_tokenization makes it comparable.",
            )
    elif setting.kind != SEARCHABLE:
        raise refused(
            refusals.COMPARISON,
            setting,
            "is compared, but is not searchable",
            "searchable makes it comparable.",
        )


def _operand(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> Value:
    """Tell what an operand is.  A column that is searched for without regard to case is the same in
    LOWER and UPPER, and so is a value that it is compared with."""
    while node.kind == nodes.ROW and len(node.items) == 1:
        node = node.items[0]
    if node.kind != nodes.CALL or node.word not in _FOLDING or len(node.items) != 1:
        return walk(analysis, node, scope)
    found = _operand(analysis, node.items[0], scope, walk)
    leaf = found[0]
    if len(found) == 1 and leaf.kind == values.GIVEN:
        return (leaf._replace(node=node, casts=(*leaf.casts, FOLDED)),)
    column = _column(found)
    if column is not None and column.setting is not None and "lower" in column.setting.normalize:
        return found
    if values.is_protected(found):
        raise refused(
            refusals.EXPRESSION,
            values.setting_of(found),
            f"is in {node.word.upper()}",
            "normalize: lower makes it comparable so.",
        )
    return values.PLAIN


def _column(value: Value) -> Leaf | None:
    """The protected column that an expression is; None if it is anything else."""
    if len(value) == 1 and value[0].kind == values.PROTECTED and value[0].node is not None:
        return value[0]
    return None


def _unclear(*found: Value) -> refusals.StatementRefusedError:
    setting = next((one for one in map(values.setting_of, found) if one is not None), None)
    if any(leaf.kind == values.UNSURE for value in found for leaf in value):
        return unsure(setting, "a comparison")
    return _expression(setting)


def _expression(setting: ColumnSetting | None) -> refusals.StatementRefusedError:
    return refused(
        refusals.COMPARISON, setting, "is compared with an expression", "Compare it with a value."
    )


#: What is done with each kind of comparison.
TAKEN: Final = {
    nodes.COMPARE: compare,
    nodes.AMONG: among,
    nodes.LIKE: like,
    nodes.IS_NULL: is_null,
}
