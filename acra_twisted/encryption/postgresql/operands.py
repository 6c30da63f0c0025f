"""The operands of comparisons with protected columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import COMPARE_ANY, Use
from acra_twisted.encryption.postgresql import casts, expressions, values
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.casts import Cast
from acra_twisted.encryption.postgresql.extents import Extent, extent, reference
from acra_twisted.encryption.postgresql.scopes import Scope
from acra_twisted.encryption.postgresql.syntax import Fields, Text, node, strings
from acra_twisted.encryption.postgresql.values import Value
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting

_INTEGERS: Final = frozenset(("int2", "int4", "int8"))
#: Casts of a column, by its data type, that change no value.
_KEEPING: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset(("bytea",)),
    "bytes": frozenset(("bytea",)),
    "str": frozenset(("text", "varchar")),
    "int16": _INTEGERS,
    "int32": frozenset(("int4", "int8")),
    "int64": frozenset(("int8",)),
    "bool": frozenset(("bool",)),
    "float8": frozenset(("float8",)),
    "uuid": frozenset(("uuid",)),
    "date": frozenset(("date",)),
}
_FOLDING: Final = ("lower", "upper")
_CONSTANTS: Final = (values.LITERAL, values.PARAMETER, values.WORD)
COMPARED: Final = "is compared with something that only the database can work out"
CONSTANT: Final = "compare it with a literal or a parameter"
_PLACE: Final = "a comparison"
_OTHER_ARRAY: Final = "is compared with an array of another type"


class Column(NamedTuple):
    """A protected column as an operand: ``name`` is the place of its name alone, ``whole`` with
    casts and brackets around it (None in a form that is not known).  ``call`` is the place of the
    function that folds its case, ``function`` its name."""

    setting: ColumnSetting
    name: Extent
    whole: Extent | None
    casts: tuple[Cast, ...] = ()
    function: str = ""
    call: int = -1


def column(analysis: Analysis, item: Any, scope: Scope) -> Column | None:
    """Return the protected column that an operand is; None for any other operand, and for a column
    with something around it that changes its values."""
    kind, fields = node(item)
    if kind == "FuncCall":
        return _folded(analysis, fields, scope)
    around: list[Cast] = []
    while kind == "TypeCast":
        around.append(casts.read(analysis.text, fields.get("typeName", {})))
        kind, fields = node(fields.get("arg"))
    name = reference(analysis.text, fields) if kind == "ColumnRef" else None
    if name is None:
        return None
    setting = _setting(scope.column(strings(fields.get("fields"))))
    if setting is None or not _keep(setting, around):
        return None
    return Column(setting, name, extent(analysis.text, item), tuple(around))


def _folded(analysis: Analysis, fields: Fields, scope: Scope) -> Column | None:
    """A column inside lower() or upper(), if it is searched without regard to case."""
    function = folding(fields)
    found = column(analysis, fields["args"][0], scope) if function else None
    if found is None or found.function or "lower" not in found.setting.normalize:
        return None
    return found._replace(function=function, call=fields.get("location", 0))


def folding(fields: Fields) -> str:
    """Return the name of the function of a FuncCall that folds the case of its argument; empty for
    any other call."""
    names = strings(fields.get("funcname"))
    plain = fields.keys() <= {"funcname", "args", "funcformat", "location"}
    own = len(names) == 1 or names[:-1] == ["pg_catalog"]
    if own and plain and names[-1] in _FOLDING and len(fields.get("args", ())) == 1:
        return names[-1]
    return ""


def _setting(value: Value) -> ColumnSetting | None:
    """The setting of a value that comes from protected columns alone, as they are."""
    if any(leaf.kind != values.PROTECTED or leaf.casts for leaf in value):
        return None
    return values.setting_of(value)


def _keep(setting: ColumnSetting, around: list[Cast]) -> bool:
    allowed = _KEEPING[setting.data_type]
    return all(one.type in allowed and one.length < 0 for one in around)


def is_searchable(setting: ColumnSetting) -> bool:
    """Tell whether equal values of a column can be found."""
    return setting.kind == SEARCHABLE or setting.kind == TOKENIZED and setting.consistent


def check(setting: ColumnSetting) -> None:
    """Raises StatementRefusedError for a column whose equal values cannot be found."""
    if not is_searchable(setting):
        tokens = setting.kind == TOKENIZED
        key = "consistent_tokenization: true" if tokens else "searchable: true"
        raise refused(
            refusals.COMPARISON,
            setting,
            "cannot be searched",
            f"set {key} and write the values again",
        )


def constant(analysis: Analysis, item: Any, scope: Scope, setting: ColumnSetting) -> Value:
    """Return the value of a constant operand: one literal or parameter, or NULL.  Raises
    StatementRefusedError for any other."""
    if _is_constant(item):
        found = expressions.value(analysis, item, scope)
        leaf = found[0]
        # Types such as char and citext compare by rules of their own.
        alike = {one.type for one in leaf.casts} <= _comparing(setting)
        if len(found) == 1 and leaf.kind in (*_CONSTANTS, values.NULL) and alike:
            return found
    raise refused(refusals.COMPARISON, setting, COMPARED, CONSTANT)


def _comparing(setting: ColumnSetting) -> frozenset[str]:
    """The types of values that are compared with a column as with one of its own."""
    kept = _KEEPING[setting.data_type]
    return _INTEGERS if kept <= _INTEGERS else kept


def _is_constant(item: Any) -> bool:
    kind, fields = node(item)
    while kind == "TypeCast":
        kind, fields = node(fields.get("arg"))
    return kind in ("A_Const", "ParamRef")


def is_null(value: Value) -> bool:
    """Tell whether a constant is NULL."""
    return value[0].kind == values.NULL


def elements(
    analysis: Analysis, item: Any, setting: ColumnSetting
) -> Sequence[dict[str, Any]] | None:
    """Return the elements of an operand that is ARRAY[...], with or without a cast that keeps them;
    None for any other operand.  Raises StatementRefusedError for another cast."""
    kind, fields = node(item)
    around = fields if kind == "TypeCast" else None
    if around is not None:
        kind, fields = node(around.get("arg"))
    if kind != "A_ArrayExpr":
        return None
    if around is not None:
        element, length, places = _array_type(analysis, around, setting)
        if length >= 0 or element not in _comparing(setting):
            raise refused(refusals.COMPARISON, setting, _OTHER_ARRAY)
        _retype(analysis, places, Use(setting, COMPARE_ANY, _PLACE))
    found: Sequence[dict[str, Any]] = fields.get("elements", ())
    return found


def give_array(analysis: Analysis, item: Any, scope: Scope, setting: ColumnSetting) -> None:
    """Note an operand that is an array of values to compare: a literal or parameter, with or
    without a cast.  Raises StatementRefusedError for any other."""
    kind, fields = node(item)
    element, places, length = "", None, -1
    if kind == "TypeCast":
        element, length, places = _array_type(analysis, fields, setting)
        item = fields.get("arg")
    found = constant(analysis, item, scope, setting)
    leaf = found[0]
    if leaf.casts or leaf.kind == values.WORD:
        raise refused(refusals.COMPARISON, setting, COMPARED, CONSTANT)
    use = Use(setting, COMPARE_ANY, _PLACE, length, element)
    analysis.give(use, found)
    if places is not None:
        _retype(analysis, places, use)
        # The cast of the text stands for one of its own.
        analysis.edits.pop((leaf.end, leaf.end), None)


def _array_type(
    analysis: Analysis, fields: Fields, setting: ColumnSetting
) -> tuple[str, int, tuple[int, int]]:
    """The type of the elements that a cast to an array gives, their length, and where it stands.
    Raises StatementRefusedError if that is no type of values to compare."""
    type_name = fields.get("typeName", {})
    places = analysis.text.type_places(type_name.get("location", 0), True)
    element, length = (strings(type_name.get("names")) or [""])[-1], -1
    allowed = {*_comparing(setting), *(("bytea",) if setting.data_type == "str" else ())}
    modifiers = type_name.get("typmods", ())
    if modifiers:
        length, decides = casts.read_length(analysis.text, element, modifiers)
        if decides >= 0:
            analysis.deciding.add(decides)
    if places is None or element not in allowed or (modifiers and length < 0):
        raise refused(refusals.COMPARISON, setting, _OTHER_ARRAY)
    return element, length, places


def _retype(analysis: Analysis, places: tuple[int, int], use: Use) -> None:
    tokens = analysis.text.tokens
    analysis.edit(tokens[places[0]][1], tokens[places[1]][2], casts.sent_type(use))


def only_target(text: Text, query: Fields) -> Extent | None:
    """Return the place of the only output column of a SelectStmt, a column by its name; None for
    any other query."""
    targets = query.get("targetList", ())
    if len(targets) != 1:
        return None
    kind, fields = node(node(targets[0])[1].get("val"))
    while kind == "TypeCast":
        kind, fields = node(fields.get("arg"))
    if kind != "ColumnRef" or "*" in strings(fields.get("fields")):
        return None
    return reference(text, fields)


def compared(setting: ColumnSetting, name: bytes) -> bytes:
    """Return the text of the part of a column that is compared: its search prefix, or its token."""
    if setting.kind == SEARCHABLE:
        return b"pg_catalog.substr(" + name + b", 1, 33)"
    return name


def operator_name(fields: Fields) -> str:
    """Return the name of an A_Expr's operator; empty for one of another schema."""
    names = strings(fields.get("name"))
    own = len(names) == 1 or names[:-1] == ["pg_catalog"]
    return names[-1] if own and names else ""
