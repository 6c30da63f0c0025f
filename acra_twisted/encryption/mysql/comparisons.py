"""Comparisons with protected columns: those that can be answered by what is stored.

A searchable column is compared by its prefix, in a form for which a key on its first 33 bytes
serves; consistent tokens are compared as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.encryption import refusals, searching
from acra_twisted.encryption.mysql import nodes, values
from acra_twisted.encryption.mysql.analysis import FOLDED, Analysis, unfit, unsure
from acra_twisted.encryption.mysql.filling import as_bytes
from acra_twisted.encryption.mysql.nodes import Node, Query
from acra_twisted.encryption.mysql.plan import EQUAL, NULL_SAFE, Part
from acra_twisted.encryption.mysql.scopes import Scope
from acra_twisted.encryption.mysql.splicing import Copied
from acra_twisted.encryption.mysql.values import Leaf, Value
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import SEARCHABLE, TEXT_TOKENS, TOKENIZED, ColumnSetting

#: Walks through an expression that is compared.
Walk = Callable[[Analysis, Node, Scope], Value]

_EQUAL: Final = frozenset(("=", "<=>"))
_UNEQUAL: Final = frozenset(("<>", "!="))
_FOLDING: Final = frozenset(("lower", "lcase", "upper", "ucase"))
#: Signs of a pattern that match more than themselves.
_WILD: Final = (b"%", b"_", b"\\")
#: First signs of numbers.
_NUMERIC: Final = frozenset(bytes((sign,)) for sign in b"+-.0123456789")
_HEXADECIMAL: Final = (b"0x", b"0b")
_QUOTES: Final = (b"'", b'"')


def compare(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> None:
    """Take ``a = b`` and its like, and rows of them.  Raises StatementRefusedError."""
    left, right = node.items
    is_negated = node.word in _UNEQUAL
    found = _condition(analysis, "=" if is_negated else node.word, left, right, scope, walk)
    if found is not None:
        analysis.edit(node, _negated(found) if is_negated else found)


def _negated(condition: list[Part | Copied]) -> list[Part | Copied]:
    if len(condition) == 1:
        # It has brackets of its own.
        return [b"(NOT ", *condition, b")"]
    return [b"(NOT (", *condition, b"))"]


def _condition(
    analysis: Analysis, word: str, left: Node, right: Node, scope: Scope, walk: Walk
) -> list[Part | Copied] | None:
    """The condition to send for a comparison; None if it goes on, with the edits in it."""
    lefts, rights = _row(left), _row(right)
    if not lefts or len(lefts) != len(rights):
        operands = [_operand(analysis, item, scope, walk) for item in (left, right)]
        return _scalar(analysis, word, operands[0], operands[1])
    pairs = list(zip(lefts, rights, strict=True))
    conditions = [_condition(analysis, word, *pair, scope, walk) for pair in pairs]
    if not any(conditions):
        return None
    found: list[Part | Copied] = [b"("]
    sign = f" {word} ".encode()
    for number, (one, other) in enumerate(pairs):
        found.append(b" AND (" if number else b"(")
        found += conditions[number] or [
            Copied(one.start, one.end),
            sign,
            Copied(other.start, other.end),
        ]
        found.append(b")")
    return [*found, b")"]


def _row(node: Node) -> Sequence[Node]:
    """The values of a row, none for a single value."""
    bare = nodes.bare(node)
    return bare.items if bare.kind == nodes.ROW else ()


def _scalar(analysis: Analysis, word: str, left: Value, right: Value) -> list[Part | Copied] | None:
    """The condition to send for two values; None if theirs goes on, with the edits in it."""
    if not (values.is_protected(left) or values.is_protected(right)):
        return None
    column, other = _column(left), right
    if column is None:
        column, other = _column(right), left
    if column is None or column.node is None or column.setting is None:
        raise _unclear(left, right)
    setting = column.setting
    if word not in _EQUAL:
        raise refused(refusals.ORDER, setting, f"is compared by {word}")
    if len(other) != 1:
        raise _expression(setting)
    leaf = other[0]
    if leaf.kind == values.NULL:
        return None
    if leaf.kind == values.GIVEN:
        check(setting, column.misfit)
        form = NULL_SAFE if word == "<=>" else EQUAL
        return [analysis.compare(setting, column.node, leaf, form)]
    if leaf.kind == values.PROTECTED and leaf.node is not None and leaf.setting is not None:
        _match(analysis, column, leaf)
        return None
    raise _expression(setting)


def _match(analysis: Analysis, one: Leaf, other: Leaf) -> None:
    """Have two columns compared by what is equal in what they store."""
    assert one.setting is not None and other.setting is not None  # noqa: S101 - the caller has asked for them
    for setting, misfit in ((one.setting, one.misfit), (other.setting, other.misfit)):
        check(setting, misfit)
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


def is_stored_alike(setting: ColumnSetting) -> bool:
    """Tell whether a server finds stored values of a column equal just where the values are: not
    those of texts, whose collations may make two tokens one."""
    return (
        setting.kind == TOKENIZED and setting.consistent and setting.token_type not in TEXT_TOKENS
    )


def same(setting: ColumnSetting, column: bytes) -> bytes:
    """An expression that is equal for equal values of a column."""
    if setting.kind == SEARCHABLE:
        return b"LEFT(%b, %d)" % (column, searching.SIZE)
    return as_bytes(column) if setting.token_type in TEXT_TOKENS else column


def among(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> None:
    """Take ``a IN (b, c)``, and rows of them.  Raises StatementRefusedError."""
    columns = _row(node.items[0])
    if columns and all(item.kind == nodes.COLUMN for item in columns):
        _among_rows(analysis, node, scope, walk)
        return
    found = [_operand(analysis, item, scope, walk) for item in node.items]
    if not any(map(values.is_protected, found)):
        return
    column = _column(found[0])
    if column is None or column.node is None or column.setting is None:
        raise _unclear(*found)
    setting = column.setting
    check(setting, column.misfit)
    if len(found) == 2 and found[1][0].inner:
        _match(analysis, column, found[1][0])
        return
    parts: list[Part | Copied] = [b"(NOT (" if node.flag else b"("]
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


def _among_rows(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> None:
    """Take ``(a, b) IN ((c, d), (e, f))``: one of the rows is equal."""
    columns = _row(node.items[0])
    lefts = [walk(analysis, item, scope) for item in columns]
    if not any(map(values.is_protected, lefts)):
        for item in node.items[1:]:
            walk(analysis, item, scope)
        return
    setting = next((one for one in map(values.setting_of, lefts) if one is not None), None)
    parts: list[Part | Copied] = [b"(NOT (" if node.flag else b"("]
    kinds: dict[int, str] = {}
    for number, item in enumerate(node.items[1:]):
        row = _row(item)
        if len(row) != len(columns):
            raise _expression(setting)
        parts.append(b" OR (" if number else b"(")
        for at, (column, value) in enumerate(zip(columns, row, strict=True)):
            operand = _operand(analysis, value, scope, walk)
            condition = _scalar(analysis, "=", lefts[at], operand)
            if condition is None and value.kind not in (nodes.VALUE, nodes.NULL):
                raise _expression(setting)
            if condition is None and value.kind == nodes.VALUE:
                kind = _kind(analysis, value)
                if kinds.setdefault(at, kind) != kind:
                    # The server would compare all of them in one way.
                    raise _expression(setting)
            parts.append(b" AND " if at else b"")
            shown = b"(%b = " % analysis.shown(column)
            parts += condition or [shown, Copied(value.start, value.end), b")"]
        parts.append(b")")
    parts.append(b"))" if node.flag else b")")
    analysis.edit(node, parts)


def _kind(analysis: Analysis, value: Node) -> str:
    """Tell values apart that a server compares in different ways."""
    source, shown = value.source, analysis.shown(value)
    assert source is not None  # noqa: S101 - a value has one
    if source.parameter or source.word:
        return "parameter" if source.parameter else "number"
    if shown[:2] in _HEXADECIMAL or shown[:1] not in _NUMERIC:
        return f"text {source.introducer} {shown[:1] in _QUOTES}"
    return "number"


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
    check(setting, column.misfit)
    leaf = pattern[0]
    text = analysis.string(leaf) if len(pattern) == 1 and leaf.kind == values.GIVEN else None
    if text is None or len(found) > 2 or any(sign in text for sign in _WILD):
        raise refused(
            refusals.PATTERN,
            setting,
            "is compared with a pattern",
            "Only whole values can be found.",
        )
    parts: list[Part | Copied] = [analysis.compare(setting, column.node, leaf, EQUAL)]
    analysis.edit(node, _negated(parts) if node.flag else parts)


def is_null(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> None:
    """Take ``a IS NULL``: NULL is stored as it is.  Raises StatementRefusedError."""
    value = walk(analysis, node.items[0], scope)
    if values.is_protected(value) and _column(value) is None:
        raise _unclear(value)


def check(setting: ColumnSetting, misfit: str) -> None:
    """Raise StatementRefusedError if equal values of a column cannot be told: also of one
    whose type cannot hold what is stored, as ``misfit`` tells, "" for any other."""
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
    if misfit:
        raise unfit(setting, misfit)


def _operand(analysis: Analysis, node: Node, scope: Scope, walk: Walk) -> Value:
    """Tell what an operand is.  A column that is searched for without regard to case is the same in
    LOWER and UPPER, and so is a value that it is compared with."""
    node = nodes.bare(node)
    if node.kind == nodes.SUBQUERY and node.query is not None and nodes.is_plain(node.query):
        return _selected(analysis, node.query, scope)
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


def _selected(analysis: Analysis, query: Query, scope: Scope) -> Value:
    """Tell what a query in brackets gives: a column in it can be compared, if it is all."""
    columns = analysis.query(query, scope)
    if len(columns) == 1 and not columns[0].rest:
        column = _column(columns[0].value)
        if column is not None:
            return (column._replace(inner=True),)
        return values.exposed(columns)[0].value
    if values.holds_protected(columns):
        raise refused(refusals.EXPRESSION, None, "is in a subquery of several columns")
    return values.PLAIN


def _column(value: Value) -> Leaf | None:
    """The protected column that an expression is; None if it is anything else."""
    leaf = value[0]
    if len(value) == 1 and leaf.kind == values.PROTECTED and leaf.node is not None:
        return None if leaf.inner else leaf
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
