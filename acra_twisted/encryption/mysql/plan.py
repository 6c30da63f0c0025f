"""The plan of a text of MySQL that touches protected columns: what happens to each of its values.

A plan is one of three: it has a ``refusal``, or ``parts``, or neither, and then the text goes on as
it is.  The values come with each text; a plan holds none but the words TRUE and FALSE.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.mysql.storage import ANY, Room
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.encryption.plan import Refusal, ResultColumn, Use
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.wire.mysql.filepatterns import InfileFormat


class Source(NamedTuple):
    """The place where the client gives a value: a literal or a parameter.

    ``ordinal`` is the number of the literal in the client's text, from 0, -1 for none; ``strings``
    literals beside each other are one.  ``parameter`` is the number of the ``?``, from 1, 0 for
    none.  ``negative``: a minus sign before a number belongs to it.  ``introducer`` is the
    character set that stands before a string, in small letters, or ``date`` for a day written so.
    ``word`` is TRUE or FALSE, in small letters.
    """

    ordinal: int = -1
    strings: int = 1
    parameter: int = 0
    negative: bool = False
    introducer: str = ""
    word: bytes = b""


class Given(NamedTuple):
    """A value of the client that is encoded.

    For the role STORE it has one form: what is stored.  For COMPARE it has a form for each key of
    the session's client, or the token.  NULL has none.  ``room`` is what a column holds that it is
    stored in, as `storage.room` tells.
    """

    source: Source
    use: Use
    room: Room = ANY


# Forms of a comparison.
#: ``column = value``.
EQUAL: Final = "equal"
#: ``column <=> value``.
NULL_SAFE: Final = "null-safe"


class Stored(NamedTuple):
    """A part of the text that is sent: the stored form of the value with this number."""

    value: int


class Compared(NamedTuple):
    """A part of the text that is sent: a condition in brackets, true where a column holds the value
    with this number.  ``column`` is the column as the text names it; ``form`` is EQUAL or
    NULL_SAFE."""

    value: int
    column: bytes
    form: str = EQUAL


class Literal(NamedTuple):
    """A part of the text that is sent: a literal of the client's, as it is."""

    ordinal: int


class Parameter(NamedTuple):
    """A part of the text that is sent: a parameter of the client's, as it is; its number is from
    1."""

    number: int


Part = bytes | Stored | Compared | Literal | Parameter


class Loaded(NamedTuple):
    """A file that a text loads into protected columns: the ``columns`` of its fields, None for what
    is not protected, and its format.  ``charset`` is the character set that the text gives it,
    empty for that of the session's database.  ``rooms`` are what the columns hold, as
    `storage.room` tells: a server would cut what is longer, and only warn."""

    columns: Sequence[ColumnSetting | None]
    form: InfileFormat
    charset: str
    rooms: Sequence[Room]


class Plan(NamedTuple):
    """All that happens to a text.

    ``values`` are those that ``parts`` number.  ``results`` has one item for each statement of the
    text, None for one whose result has nothing of a protected column.  A ResultColumn that is
    ``named`` is a column itself, and the database gives its table and name (org_table, org_name);
    one with ``rest`` stands for any number of columns, each a column of a table itself.

    ``matched`` are columns whose stored values the text compares with each other, which tells
    the truth only while the session's client has one search key.  ``asked`` are these and all
    others whose values the answer depends on: a client that may not read them must not learn it.
    ``renews``: the schema is to be read anew when the text has been run.  ``schema`` is the number
    of the schema that the plan holds for.  ``targets`` are tables and routines that the text gives
    values to, or a table that it is refused for because nobody knows it.  ``load`` is set for a
    text that loads a file: it is one statement.
    """

    refusal: Refusal | None = None
    parts: Sequence[Part] = ()
    values: Sequence[Given] = ()
    results: Sequence[Sequence[ResultColumn] | None] = ()
    matched: Sequence[ColumnSetting] = ()
    asked: Sequence[ColumnSetting] = ()
    renews: bool = False
    schema: int = 0
    targets: Sequence[Target] = ()
    load: Loaded | None = None

    @property
    def is_untouched(self) -> bool:
        """Tell whether the text goes on as it is, its results too, and changes nothing here."""
        return not (self.refusal or self.parts or any(self.results) or self.renews)


#: The plan of a text that concerns no protected column.
UNTOUCHED: Final = Plan()


class Planned(NamedTuple):
    """The plan of a text and the text's literals, as they are written, in their order.

    ``moves`` is for whoever has it planned: what it may change of what its session sees."""

    plan: Plan
    literals: Sequence[bytes] = ()
    moves: int = 0
