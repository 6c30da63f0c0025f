"""The plan of a statement that touches protected columns: what happens to each of its values.

A planner makes it from the statement's text and the schema alone, so that it serves every statement
of the same skeleton; the values come with each statement.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.settings import ColumnSetting

# Roles of a value.
#: It is stored in the column.
STORE: Final = "store"
#: It is compared with the column for equality.  An array is sent in its place: each form in which
#: an equal value may be stored, as far as the text compares it (the search prefixes by all keys of
#: the session's client, or the token).  All arrays of a statement have equally many elements, since
#: the text may put several into one: the empty value is repeated, and NULL is an array of NULLs.
COMPARE: Final = "compare"
#: It is an array whose elements are compared with the column: the forms of all elements are sent in
#: one array, and NULL for NULL.
COMPARE_ANY: Final = "compare any"
#: It is an array whose elements are stored, each in a row of its own.
STORE_EACH: Final = "store each"
#: Roles of values that are stored.
STORING: Final = (STORE, STORE_EACH)
#: Roles of arrays.
ARRAYS: Final = (COMPARE_ANY, STORE_EACH)


#: Stands in the text of a refusal for the table that the statement may concern.
SOME_TABLE: Final = "a table that AcraServer protects"


class Refusal(NamedTuple):
    """A statement that must not reach the database.

    ``reason`` is one of a small fixed set, the label of a metric; ``text`` is for the client: it
    names the column and the clause, never a value; ``hint`` tells how to write it instead.
    """

    reason: str
    column: str
    text: str
    hint: str = ""


class Use(NamedTuple):
    """The role of one value: ``cut`` is the number of characters to which a cast such as
    ``varchar(80)`` cuts it before (-1: none); ``cast`` the type that it is cast to, as the database
    names it ("" for none), whose input rules the text has passed; ``place`` the clause, for
    messages."""

    column: ColumnSetting
    role: str
    place: str
    cut: int = -1
    cast: str = ""


# Functions around a literal that are worked out before it is encoded.
#: ``decode(literal, 'hex')`` and its like.
HEX: Final = "hex"
BASE64: Final = "base64"
ESCAPE: Final = "escape"
#: ``convert_to(literal, 'UTF8')``: the bytes of its characters.
CHARACTERS: Final = "characters"


class LiteralUse(NamedTuple):
    """A literal of the text, by its number in order of appearance.  ``negative``: a minus sign
    before it belongs to it and goes with it.  ``decoding`` is one of HEX, BASE64, ESCAPE and
    CHARACTERS if its value is a constant call's, "" for the literal's own."""

    ordinal: int
    use: Use
    negative: bool = False
    decoding: str = ""


class ParameterUse(NamedTuple):
    """A parameter of the text that is sent: ``source`` is the number that the client knows it by,
    from 1; ``use`` is None if the value goes on as it is."""

    source: int
    use: Use | None


class ResultColumn(NamedTuple):
    """A result column by the statement's tree: ``setting`` is None if it is not protected.
    ``rest``: it stands for any number of columns that are not protected, as ``*`` of a table that
    is not known does.  ``named``: the database says which table's column it is."""

    setting: ColumnSetting | None
    rest: bool = False
    named: bool = False


class Prepared(NamedTuple):
    """A statement that SQL's PREPARE made: the uses of its parameters, from the first, and the
    columns of its result.  Its plan holds for the schema with the number ``schema``, where bare
    names are looked up by ``path``.  ``declared`` are the names of the types that it gives to its
    first parameters, empty for those of no protected column."""

    name: str
    uses: Sequence[Use | None] = ()
    results: Sequence[ResultColumn] | None = None
    schema: int = 0
    path: Hashable = None
    declared: Sequence[str] = ()


class Copied(NamedTuple):
    """The columns of COPY FROM STDIN or TO STDOUT in the order of its fields, None for those that
    are not protected; ``options`` as the statement has them, by their names: None for one without
    a value.  ``names`` are the names of the columns, as far as they are known.

    ``is_out``: it is COPY TO; ``types`` are then the types by which the database has what is
    stored, 0 for columns that are not protected."""

    columns: Sequence[ColumnSetting | None]
    options: Mapping[str, str | Sequence[str] | None]
    names: Sequence[str] = ()
    types: Sequence[int] = ()
    is_out: bool = False


class StatementPlan(NamedTuple):
    """One statement of a text, and all that happens to it.

    ``refusal`` is set alone.  ``parts`` are the pieces of the text that is sent; between them stand
    the literals, in the order in which they appear there: ``slots`` gives for each the ordinal of
    the literal of the client's text (a literal may stand twice, or be left out).  ``literals`` are
    those of them that are encoded.  ``parameters`` are those of the text that is sent, () if the
    client's stay as they are.  ``results`` are the output columns, None if none matters.
    ``schema`` is the number of the schema that it holds for.  ``added`` are literals that stand for
    words of the client's text, such as ``'true'`` for TRUE: their ordinals go on behind those of
    the client's literals.  ``prepares`` and ``copies`` are set for PREPARE and COPY, ``executes``
    is the name that EXECUTE has, ``declares`` are the columns of the cursor of DECLARE.
    ``changes``: what is sent is another text than the client's, or has other parameters.

    ``matched`` are columns whose stored values the statement compares with each other, which tells
    the truth only as long as the keys of these values are the same: the session's client must have
    one search key.  ``asked`` are these and all others whose values the answer depends on: a client
    that may not read them must not learn it.

    ``notice`` is what the client is told when it is done, "" for nothing.

    The texts of the plans of a text, one after the other, are the whole text.
    """

    refusal: Refusal | None = None
    parts: Sequence[bytes] = ()
    slots: Sequence[int] = ()
    literals: Sequence[LiteralUse] = ()
    parameters: Sequence[ParameterUse] = ()
    results: Sequence[ResultColumn] | None = None
    schema: int = 0
    added: Sequence[bytes] = ()
    prepares: Prepared | None = None
    copies: Copied | None = None
    matched: Sequence[ColumnSetting] = ()
    asked: Sequence[ColumnSetting] = ()
    changes: bool = False
    executes: str = ""
    declares: Sequence[ResultColumn] | None = None
    notice: str = ""

    def text(self, literals: Sequence[bytes]) -> bytes:
        """The text that is sent.  ``literals`` are the client's, in the order in which they appear
        in its text, and ``added``, those of ``literals`` encoded."""
        pieces = [self.parts[0]]
        for slot, part in zip(self.slots, self.parts[1:], strict=True):
            pieces += (literals[slot], part)
        return b"".join(pieces)
