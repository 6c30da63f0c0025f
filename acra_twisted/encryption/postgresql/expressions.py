"""Tells the value of each expression, and the use that it makes of the values inside.

An expression that hands a value on unchanged (a cast, CASE, COALESCE, a subquery) has the value of
what it may come from.  Any other one uses the values inside: one with a protected column in it is
refused unless somebody claims it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from acra_twisted.encryption import plan, refusals
from acra_twisted.encryption.postgresql import casts, values
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.scopes import Scope
from acra_twisted.encryption.postgresql.syntax import Fields, node, strings
from acra_twisted.encryption.postgresql.values import SOMETHING, Leaf, Value
from acra_twisted.encryption.refusals import refused
from acra_twisted.sql import lexer
from acra_twisted.sql.literals import postgresql_value

_PATTERNS: Final = ("AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_SIMILAR")
_COMPARING: Final = frozenset(("=", "<>", "!=", "<", ">", "<=", ">="))
#: The parts of a call that is nothing but its arguments.
_BARE: Final = frozenset(("funcname", "args", "funcformat", "location"))
_AGGREGATES: Final = frozenset(
    ("min", "max", "sum", "avg", "array_agg", "string_agg", "json_agg", "jsonb_agg", "count")
    + ("bool_and", "bool_or", "every", "mode", "percentile_disc", "percentile_cont", "any_value")
)
_IN_EXPRESSION: Final = "stands in an expression"
_IN_COMPARISON: Final = "is compared in a way that finds nothing in what is stored"
_IN_WINDOW: Final = "divides or sorts a window"
_IN_ROW: Final = "is compared as a part of a row: compare each column by itself"
_MISSING: Final = (
    "a column is compared that is in none of the statement's tables, as far as AcraServer knows; "
    "one of them is protected"
)
_DECODED: Final = {b"hex": plan.HEX, b"base64": plan.BASE64, b"escape": plan.ESCAPE}
_CONVERTED: Final = {b"utf8": plan.CHARACTERS, b"utf-8": plan.CHARACTERS}


def value(analysis: Analysis, item: Any, scope: Scope) -> Value:
    """The value of an expression.  Raises StatementRefusedError."""
    kind, fields = node(item)
    read = _VALUES.get(kind)
    if read is not None:
        analysis.deeper()
        found = read(analysis, fields, scope)
        analysis.higher()
        return found
    return _used(analysis, kind, fields, scope)


def use(analysis: Analysis, item: Any, scope: Scope, reason: str, text: str) -> None:
    """Walk through an expression whose value has nothing to do with protected columns."""
    analysis.ignore(value(analysis, item, scope), reason, text)


def condition(analysis: Analysis, item: Any, scope: Scope) -> None:
    """Walk through a condition, None for one that is not there."""
    if item is not None:
        use(analysis, item, scope, refusals.EXPRESSION, "is used as a condition")


def everything(
    analysis: Analysis,
    item: Any,
    scope: Scope,
    reason: str = refusals.EXPRESSION,
    text: str = _IN_EXPRESSION,
) -> None:
    """Walk through whatever a part of the tree holds."""
    if type(item) is list:
        for one in item:
            everything(analysis, one, scope, reason, text)
        return
    kind, fields = node(item)
    if kind in _VALUES or kind in _QUERIES:
        use(analysis, item, scope, reason, text)
    elif type(item) is dict:
        analysis.deeper()
        for one in (fields if kind else item).values():
            everything(analysis, one, scope, reason, text)
        analysis.higher()


# -- expressions that hand a value on -------------------------------------------------------------


def _constant(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    location = fields.get("location", 0)
    text = analysis.text
    if fields.get("isnull"):
        token = text.at(location)
        return values.NOTHING if token is None else (Leaf(values.NULL, location, -1, token[2]),)
    start, negative = text.literal(location)
    if start >= 0:
        token = text.at(start)
        end = token[2] if token is not None else start
        begin = text.sign(start) if negative else start
        if text.shown(text.place(start) + 1) == b"uescape":
            # Its value is told by two literals.
            return SOMETHING
        return (Leaf(values.LITERAL, start, begin, end, negative=negative),)
    token = text.at(location)
    if "boolval" in fields and token is not None and token[0] == lexer.WORD:
        return (Leaf(values.WORD, location, location, token[2]),)
    return SOMETHING


def _parameter(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    start = fields.get("location", 0)
    token = analysis.text.at(start)
    if token is None or token[0] != lexer.PARAMETER:
        return SOMETHING
    return (Leaf(values.PARAMETER, start, start, token[2]),)


def _default(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    return (Leaf(values.DEFAULT),)


def _column(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    names = strings(fields.get("fields"))
    if names == ["*"]:
        return values.UNSURE
    return scope.column(names)


def _cast(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    inner = value(analysis, fields.get("arg"), scope)
    around = casts.read(analysis.text, fields.get("typeName", {}))
    if around.modifier >= 0:
        analysis.deciding.add(around.modifier)
    return values.cast(inner, around)


def _case(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    compared = "arg" in fields
    claimed = compared and analysis.claims.claim("CaseExpr", fields, scope, analysis)
    if compared and not claimed:
        use(analysis, fields["arg"], scope, refusals.COMPARISON, _IN_COMPARISON)
    found = []
    for one in fields.get("args", ()):
        _, when = node(one)
        if not claimed:
            reason = refusals.COMPARISON if compared else refusals.EXPRESSION
            use(analysis, when.get("expr"), scope, reason, "stands in a condition of CASE")
        found.append(value(analysis, when.get("result"), scope))
    last = fields.get("defresult")
    found.append(values.NOTHING if last is None else value(analysis, last, scope))
    return values.merged(found)


def _coalesce(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    return values.merged([value(analysis, one, scope) for one in fields.get("args", ())])


def _operator(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    """A_Expr.  A chain of operators nests to the left: it is walked through without a level of
    its own for each."""
    while True:
        kind = fields.get("kind", "AEXPR_OP")
        if kind == "AEXPR_NULLIF":
            return _nullif(analysis, fields, scope)
        for side in ("lexpr", "rexpr"):
            operand, inner = node(fields.get(side))
            if operand == "ColumnRef" and scope.is_missing(strings(inner.get("fields"))):
                raise refused(refusals.SCHEMA_MISMATCH, None, _MISSING)
        if analysis.claims.claim("A_Expr", fields, scope, analysis):
            return SOMETHING
        positive = _positive(analysis, fields, scope)
        if positive is not None:
            return positive
        reason, text = _reason(kind, strings(fields.get("name")))
        if "RowExpr" in (node(fields.get("lexpr"))[0], node(fields.get("rexpr"))[0]):
            text = _IN_ROW
        everything(analysis, fields.get("rexpr"), scope, reason, text)
        left, inner = node(fields.get("lexpr"))
        if left != "A_Expr" or inner.get("kind") == "AEXPR_NULLIF":
            everything(analysis, fields.get("lexpr"), scope, reason, text)
            return SOMETHING
        fields = inner


def _positive(analysis: Analysis, fields: Fields, scope: Scope) -> Value | None:
    """The value of a number with a plus sign before it; None for any other operator."""
    kind, inner = node(fields.get("rexpr"))
    sign = strings(fields.get("name")) == ["+"] and "lexpr" not in fields
    if not sign or kind != "A_Const" or not inner.keys() & {"ival", "fval"}:
        return None
    start = fields.get("location", 0)
    return tuple(
        leaf._replace(begin=start) if leaf.kind == values.LITERAL else leaf
        for leaf in value(analysis, fields["rexpr"], scope)
    )


def _reason(kind: str, names: list[str]) -> tuple[str, str]:
    if kind in _PATTERNS:
        return refusals.PATTERN, "is matched with a pattern"
    if kind != "AEXPR_OP" or (names and names[-1] in _COMPARING):
        return refusals.COMPARISON, _IN_COMPARISON
    return refusals.EXPRESSION, _IN_EXPRESSION


def _nullif(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    """NULLIF gives its first value on; compared with '', which is stored as it is, it may be
    encrypted."""
    first = value(analysis, fields.get("lexpr"), scope)
    for leaf in first:
        if leaf.setting is not None:
            analysis.asked[leaf.setting] = None
    second = value(analysis, fields.get("rexpr"), scope)
    leaf = second[0]
    text = analysis.text
    if len(second) == 1 and leaf.kind == values.LITERAL and not leaf.casts:
        analysis.deciding.add(leaf.start)
        token = text.at(leaf.start)
        if token is not None and token[0] != lexer.NUMBER and not meaning(analysis, leaf):
            analysis.ignore(second, refusals.COMPARISON, _IN_COMPARISON)
            return values.merged([first, values.NOTHING])
    for one in (first, second):
        analysis.ignore(one, refusals.COMPARISON, _IN_COMPARISON)
    return SOMETHING


def _subquery(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    kind = fields.get("subLinkType", "EXISTS_SUBLINK")
    test = fields.get("testexpr")
    if test is not None:
        if analysis.claims.claim("SubLink", fields, scope, analysis):
            return SOMETHING
        text = _IN_ROW if node(test)[0] == "RowExpr" else _IN_COMPARISON
        everything(analysis, test, scope, refusals.COMPARISON, text)
    columns = analysis.query(fields.get("subselect"), scope)
    if kind == "EXISTS_SUBLINK":
        return SOMETHING
    if kind == "EXPR_SUBLINK":
        if len(columns) == 1 and not values.is_open(columns):
            return values.merged([columns[0].value])
        for column in columns:
            analysis.ignore(column.value, refusals.EXPRESSION, "stands in a subquery of several")
        return SOMETHING
    reason = refusals.COMPARISON if test is not None else refusals.EXPRESSION
    for column in columns:
        analysis.ignore(column.value, reason, "is compared with what a subquery gives")
    return SOMETHING


def _call(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    names = strings(fields.get("funcname"))
    arguments = fields.get("args", [])
    if names and names[-1] in analysis.names.functions:
        raise refused(
            refusals.OPAQUE_CODE, None, f"function {names[-1]} uses its table: its code is not seen"
        )
    own = len(names) == 1 or names[:-1] == ["pg_catalog"]
    if own and len(arguments) == 2 and names[-1] in ("decode", "convert_to"):
        table = _DECODED if names[-1] == "decode" else _CONVERTED
        worked_out = _worked_out(analysis, fields, scope, table)
        if worked_out is not None:
            return worked_out
    if own and names[-1] == "count" and len(arguments) == 1 and not fields.get("agg_distinct"):
        for leaf in value(analysis, arguments[0], scope):
            # It counts what is not NULL, encrypted or not.
            if leaf.kind != values.PROTECTED or leaf.casts:
                analysis.ignore((leaf,), refusals.AGGREGATE, "is aggregated")
        fields = {key: part for key, part in fields.items() if key != "args"}
    elif own and names[-1] == "count" and len(arguments) == 1 and "agg_order" not in fields:
        if analysis.claims.group(arguments[0], scope, analysis):
            fields = {key: part for key, part in fields.items() if key != "args"}
    elif own and names[-1] == "any_value" and len(arguments) == 1 and fields.keys() <= _BARE:
        found = value(analysis, arguments[0], scope)
        if values.is_protected(found):
            # It gives what is stored.
            return values.merged([found])
        analysis.ignore(found, refusals.AGGREGATE, "is aggregated")
        return SOMETHING
    reason = refusals.AGGREGATE if names and names[-1] in _AGGREGATES else refusals.EXPRESSION
    name = ".".join(names)
    for key, part in fields.items():
        if key == "over":
            window(analysis, part, scope)
        elif key != "funcname":
            everything(analysis, part, scope, reason, f"is given to function {name}")
    return SOMETHING


def window(analysis: Analysis, fields: Fields, scope: Scope) -> None:
    """Walk through a WindowDef."""
    for key, part in fields.items():
        for one in part if key == "partitionClause" else ():
            if not analysis.claims.group(one, scope, analysis):
                everything(analysis, one, scope, refusals.ORDER, _IN_WINDOW)
        if key != "partitionClause":
            everything(analysis, part, scope, refusals.ORDER, _IN_WINDOW)


def _worked_out(
    analysis: Analysis, fields: Fields, scope: Scope, table: dict[bytes, str]
) -> Value | None:
    """The value of a call whose arguments are literals."""
    span = analysis.text.call_span(fields.get("location", 0))
    if any(node(one)[0] != "A_Const" for one in fields["args"]):
        return None
    found = [value(analysis, one, scope) for one in fields["args"]]
    if span is None or any(len(one) != 1 for one in found):
        return None
    first, second = found[0][0], found[1][0]
    if first.kind != values.LITERAL or second.kind != values.LITERAL:
        return None
    if first.negative:
        return None
    analysis.deciding.add(second.start)
    decoding = table.get(meaning(analysis, second).lower())
    if decoding is None:
        return None
    return (first._replace(begin=span[0], end=span[1], decoding=decoding),)


def meaning(analysis: Analysis, leaf: Leaf) -> bytes:
    token = analysis.text.at(leaf.start)
    if token is None:
        return b""
    return postgresql_value(token[0], analysis.text.text[token[1] : token[2]])[1]


def _null_test(analysis: Analysis, fields: Fields, scope: Scope) -> Value:
    for leaf in value(analysis, fields.get("arg"), scope):
        # NULL is stored as NULL.
        if leaf.kind != values.PROTECTED or leaf.casts:
            analysis.ignore((leaf,), refusals.COMPARISON, _IN_COMPARISON)
    return SOMETHING


def _used(analysis: Analysis, kind: str, fields: Fields, scope: Scope) -> Value:
    """Any other node: all that stands in it is used."""
    analysis.deeper()
    if kind in _QUERIES:
        columns = analysis.query({kind: fields}, scope)
        for column in columns:
            analysis.ignore(column.value, refusals.EXPRESSION, _IN_EXPRESSION)
    else:
        for part in fields.values():
            everything(analysis, part, scope)
    analysis.higher()
    return SOMETHING


_QUERIES: Final = ("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt")
_VALUES: Final[dict[str, Callable[[Analysis, Fields, Scope], Value]]] = {
    "A_Const": _constant,
    "ParamRef": _parameter,
    "SetToDefault": _default,
    "ColumnRef": _column,
    "TypeCast": _cast,
    "CaseExpr": _case,
    "CoalesceExpr": _coalesce,
    "A_Expr": _operator,
    "SubLink": _subquery,
    "FuncCall": _call,
    "NullTest": _null_test,
}
