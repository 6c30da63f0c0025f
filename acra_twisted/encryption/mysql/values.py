"""Meanings of an expression: a value of the client, a protected column, or anything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.mysql.nodes import Node
from acra_twisted.encryption.mysql.plan import Source
from acra_twisted.encryption.settings import ColumnSetting

# Kinds of leaves.
#: A value of the client, which nothing else uses.
GIVEN: Final = "given"
NULL: Final = "null"
DEFAULT: Final = "default"
#: A protected column as it is stored.
PROTECTED: Final = "protected"
#: Perhaps one, perhaps another of the same name.
UNSURE: Final = "unsure"
#: Anything that is not protected.
OTHER: Final = "other"


class Leaf(NamedTuple):
    """One of the things that an expression can be.

    ``node`` is the place of a value, with the casts around it, or of a column that stands there
    itself.  ``source`` is where the value is, ``casts`` are the types that it is cast to.
    ``inner``: the column is that of a query in brackets, and stands in there.  ``misfit`` tells why
    the column's type cannot hold what is stored, "" where it can.
    """

    kind: str
    setting: ColumnSetting | None = None
    node: Node | None = None
    source: Source | None = None
    casts: Sequence[str] = ()
    inner: bool = False
    misfit: str = ""


#: All that an expression can be.
Value = Sequence[Leaf]
PLAIN: Final[Value] = (Leaf(OTHER),)
NOT_SURE: Final[Value] = (Leaf(UNSURE),)


class Output(NamedTuple):
    """A column of a query or of a table: ``name`` as names of columns are compared.  ``rest``: it
    stands for any number of columns.  ``named``: the server tells its table and name."""

    name: str
    value: Value
    rest: bool = False
    named: bool = False


Columns = Sequence[Output]
#: The columns of a table that nobody knows.
OPEN: Final[Columns] = (Output("", PLAIN, True, True),)


def is_protected(value: Value) -> bool:
    """Tell whether a value may be what a protected column stores."""
    return any(leaf.kind in (PROTECTED, UNSURE) for leaf in value)


def setting_of(value: Value) -> ColumnSetting | None:
    """The setting of one of the protected columns that a value may be."""
    return next((leaf.setting for leaf in value if leaf.setting is not None), None)


def misfit_of(value: Value) -> str:
    """The ``misfit`` of one of the protected columns that a value may be, "" if none has any."""
    return next((leaf.misfit for leaf in value if leaf.misfit), "")


def exposed(columns: Columns) -> Columns:
    """The columns of a query as those see them that read it: where their values stand is not
    theirs to change, and the server tells no tables' names."""
    return [one._replace(value=tuple(map(_exposed, one.value)), named=False) for one in columns]


def _exposed(leaf: Leaf) -> Leaf:
    kind = OTHER if leaf.kind == GIVEN else leaf.kind
    return Leaf(kind, leaf.setting, misfit=leaf.misfit)


def holds_protected(columns: Columns) -> bool:
    """Tell whether some column may be protected."""
    return any(is_protected(one.value) for one in columns)


def is_alike(one: ColumnSetting, other: ColumnSetting) -> bool:
    """Tell whether two columns store equal values in forms that serve either."""
    if one.scoped or other.scoped:
        return one._replace(line=0) == other._replace(line=0)
    here, there = (
        setting._replace(schema="", table="", name="", line=0, readers=None)
        for setting in (one, other)
    )
    return here == there and one.readers == other.readers
