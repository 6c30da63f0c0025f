"""The value of an expression: every constant, parameter and column that it may come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql.casts import Cast
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting

# Kinds of leaf.
LITERAL: Final = "literal"
PARAMETER: Final = "parameter"
#: A literal or parameter that is an array, and gives each of its elements in a row of its own.
EACH: Final = "each"
#: TRUE or FALSE.
WORD: Final = "word"
NULL: Final = "null"
DEFAULT: Final = "default"
#: A protected column.
PROTECTED: Final = "protected"
#: A column or row that may be protected, or hold such a column.
UNCLEAR: Final = "unclear"
#: A column that is not protected.
OPEN: Final = "open"
#: Anything else.
OTHER: Final = "other"
#: Values that the text or the client gives.
GIVEN: Final = (LITERAL, PARAMETER, WORD, EACH)


class Leaf(NamedTuple):
    """One thing that a value may come from, unchanged but for casts.

    ``start`` is where its token begins in the text; what is replaced by its encoded value is
    ``text[begin:end]``: a sign or a function around it belongs to it.  ``casts`` are around it, the
    innermost first.  ``direct``: the column that it is stored in gives it its type.  ``named``: the
    database tells which table's column it is, if it is one.  ``decoding`` is the function around a
    literal (see `encryption.plan`).  The first cast of EACH is that to an array, with the type of
    its elements.
    """

    kind: str
    start: int = -1
    begin: int = -1
    end: int = -1
    setting: ColumnSetting | None = None
    casts: tuple[Cast, ...] = ()
    direct: bool = True
    named: bool = True
    negative: bool = False
    decoding: str = ""


Value = tuple[Leaf, ...]

NOTHING: Final[Value] = (Leaf(NULL),)
SOMETHING: Final[Value] = (Leaf(OTHER),)
PLAIN_COLUMN: Final[Value] = (Leaf(OPEN),)
UNSURE: Final[Value] = (Leaf(UNCLEAR),)


class Output(NamedTuple):
    """A column of a query, table or view.  ``name`` is empty if it is not known for sure.
    ``rest``: it stands for any number of columns of unknown names, none of them protected."""

    name: str
    value: Value
    rest: bool = False


#: Columns in their order.
Columns = tuple[Output, ...]

#: The columns of a relation that has nothing to do with protected columns.
REST: Final[Columns] = (Output("", PLAIN_COLUMN, True),)


def merged(values: Iterable[Value]) -> Value:
    """The value that may be any of several."""
    leaves: dict[Leaf, None] = {}
    for value in values:
        for leaf in value:
            leaves[leaf._replace(direct=False, named=False)] = None
    return tuple(leaves)


def is_one_column(value: Value) -> bool:
    """Tell whether a value is that of one column of a table, with or without casts."""
    return len(value) == 1 and value[0].named


def is_named(value: Value) -> bool:
    """Tell whether the database says of a result's column with this value which table's column it
    is, if it is one."""
    return is_one_column(value) and not value[0].casts


def is_open(columns: Columns) -> bool:
    """Tell whether there may be more columns than those that are named."""
    return any(one.rest for one in columns)


def holds_protected(columns: Columns) -> bool:
    """Tell whether any of some columns is, or may be, protected."""
    return any(is_protected(one.value) for one in columns)


def cast(value: Value, around: Cast) -> Value:
    """A value with one more cast around it."""
    return tuple(leaf._replace(casts=(*leaf.casts, around)) for leaf in value)


def is_protected(value: Value) -> bool:
    """Tell whether a value is, or may be, that of a protected column."""
    return any(leaf.kind in (PROTECTED, UNCLEAR) for leaf in value)


def setting_of(value: Value) -> ColumnSetting | None:
    """The setting by which a value is read: that of protected columns and NULL alone."""
    found: ColumnSetting | None = None
    for leaf in value:
        if leaf.kind == NULL:
            continue
        if leaf.kind != PROTECTED or leaf.setting is None:
            return None
        if found is not None and not _shown_alike(found, leaf.setting):
            return None
        found = found or leaf.setting
    return found


def is_told(value: Value) -> bool:
    """Tell whether equal values of a protected column are equal as they are stored: consistent
    tokens, without a cast."""
    return all(
        leaf.setting is not None
        and (leaf.setting.kind, leaf.setting.consistent) == (TOKENIZED, True)
        and not leaf.casts
        for leaf in value
        if leaf.kind != NULL
    )


def _shown_alike(one: ColumnSetting, other: ColumnSetting) -> bool:
    """Tell whether a result may show values of two columns in one: each of their settings counts
    for what a client sees."""
    return one == other or not one.scoped and _nameless(one) == _nameless(other)


def _nameless(setting: ColumnSetting) -> ColumnSetting:
    return setting._replace(schema="", table="", name="", line=0)


def may_copy(target: ColumnSetting, source: ColumnSetting) -> bool:
    """Tell whether what is stored in a column may be stored in another as it is.  Those who may
    read it stay the same."""
    return alike(target, source) and target.readers == source.readers


def alike(one: ColumnSetting, other: ColumnSetting) -> bool:
    """Tell whether equal values of two columns can be found as equal by what is stored."""
    if one == other:
        return True
    if one.scoped or other.scoped:
        return False
    if one.kind == TOKENIZED and one.consistent != other.consistent:
        return False
    return (one.kind, one.owner, one.data_type, one.token_type, one.masking, one.normalize) == (
        *(other.kind, other.owner, other.data_type),
        *(other.token_type, other.masking, other.normalize),
    )
