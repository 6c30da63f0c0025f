"""The keys of a configuration of protected columns, each declared once for YAML and ini.

Source: the transparent-encryption reference, section 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.configuration.kinds import (
    Day,
    Flag,
    Name,
    Names,
    Owner,
    Several,
    Text,
    Whole,
    Word,
)
from acra_twisted.encryption.settings import (
    CIPHERTEXT,
    DATA_TYPES,
    DEFAULT_VALUE,
    ERROR,
    NULL,
    RETURN,
    TOKEN_TYPES,
)
from acra_twisted.options import Option

ENVELOPES: Final = ("acrablock", "acrastruct")
#: Acra's text for types of both kinds.
_UNKNOWN_TYPE: Final = "{text}: unknown token type"


class Given(NamedTuple):
    """A value that somebody has written; ``where`` is the place, ``file:line``."""

    value: Any
    where: str


Keys = Mapping[str, Given]


class Level(NamedTuple):
    """A mapping of the file: ``place`` is where it stands, ``options`` are its keys that have one
    value or a list of them, ``inner`` those that have more below them."""

    place: str
    options: Sequence[Option] = ()
    inner: Sequence[str] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """The names of all keys."""
        return (*(option.name for option in self.options), *self.inner)

    def option(self, name: str) -> Option | None:
        """Return the declaration of a key that has a value."""
        return next((option for option in self.options if option.name == name), None)


TOP: Final = Level("at the top level", inner=("database_settings", "defaults", "schemas", "bypass"))
DATABASES: Final = Level("in database_settings", inner=("mysql", "postgresql"))
MYSQL: Final = Level(
    "in database_settings, mysql",
    (
        Option(
            "case_sensitive_table_identifiers",
            Flag(),
            False,
            "MySQL only. The names of tables are compared with regard to case.",
        ),
        Option(
            "prepared_statements_set_arg_delimiter",
            Text(),
            "__",
            "MySQL only. It stands between table and column in the name of a variable that "
            "EXECUTE uses.",
        ),
    ),
)
POSTGRESQL: Final = Level("in database_settings, postgresql")

_ENVELOPE: Final = Option(
    "crypto_envelope",
    Word(*ENVELOPES, wrong="invalid CryptoEnvelopeType"),
    "acrablock",
    "The container of the values. Tokens always have AcraBlocks in their store.",
)
_REENCRYPTS: Final = Option(
    "reencrypting_to_acrablocks",
    Flag(),
    True,
    "An AcraStruct that a client writes becomes an AcraBlock. False is for columns that are only "
    "encrypted and have no data type.",
)
_CONSISTENT: Final = Option(
    "consistent_tokenization",
    Flag(),
    False,
    "Equal values of a client get equal tokens, so that they can be compared and joined.",
)
DEFAULTS: Final = Level("in defaults", (_ENVELOPE, _REENCRYPTS, _CONSISTENT))

TABLE: Final = Level(
    "in an entry of schemas",
    (
        Option(
            "table",
            Names("TABLE or SCHEMA.TABLE", 1, 2),
            (),
            "The name of the table, as the database has it. The schema may stand in front.",
        ),
        Option(
            "schema",
            Name(),
            "",
            "The schema of the table. Without it every table of that name is meant.",
        ),
        Option(
            "columns",
            Several("a list of names", Name()),
            (),
            "All columns in the order of the table. The order in the database is what counts.",
        ),
    ),
    ("encrypted",),
)

COLUMN: Final = Level(
    "in an entry of encrypted",
    (
        Option("column", Name(), "", "The name of the column, as the database has it."),
        Option(
            "client_id",
            Owner(),
            "",
            "The client whose keys encrypt, and who alone can read and search. Without it that is "
            "the client of the session.",
        ),
        Option("searchable", Flag(), False, "The column can be compared for equality."),
        Option(
            "token_type",
            Word(*TOKEN_TYPES, wrong=_UNKNOWN_TYPE),
            "",
            "The database holds a token of this type in place of the value.",
        ),
        Option("tokenized", Flag(), False, "Needs no mention: token_type alone makes tokens."),
        _CONSISTENT,
        Option(
            "masking",
            Text(),
            "",
            "The text that stands in place of the encrypted part for those who cannot open it.",
        ),
        Option(
            "plaintext_length",
            Whole(),
            0,
            "With masking: the number of bytes of the value that are not encrypted.",
        ),
        Option(
            "plaintext_side",
            Word("left", "right", wrong="plaintext side must be left or right"),
            "",
            "With masking: the end of the value where the clear bytes are.",
        ),
        _ENVELOPE,
        _REENCRYPTS,
        Option(
            "data_type",
            Word(*(word for word in DATA_TYPES if word), wrong=_UNKNOWN_TYPE),
            "",
            "The type of the column for applications. Without it they see bytes.",
        ),
        Option(
            "data_type_db_identifier",
            Whole(),
            0,
            "The same by the database's own number of the type.",
        ),
        Option(
            "response_on_fail",
            Word(
                *(CIPHERTEXT, DEFAULT_VALUE, ERROR),
                wrong="unknown response_on_fail value: '{text}'",
            ),
            CIPHERTEXT,
            "The answer where a value does not open or is not of the type.",
        ),
        Option(
            "default_data_value",
            Text(verbatim=True),
            "",
            "The value for response_on_fail: default_value; bytes in base64.",
        ),
        Option(
            "search_keys",
            Word("shared", "column"),
            "shared",
            "column: equal values of two columns do not look equal in the database. Such columns "
            "cannot be joined, and Acra cannot read them.",
        ),
        Option(
            "normalize",
            Word("none", "lower", "nfc", "lower+nfc"),
            "none",
            "Values that are equal after this are found as equal. They are stored as they are.",
        ),
        Option(
            "on_plaintext",
            Word(RETURN, NULL, ERROR, DEFAULT_VALUE),
            "",
            "The answer where the database holds a value that is not encrypted. Without it that is "
            "the same as response_on_fail where that is error or default_value, and else return.",
        ),
        Option(
            "read",
            Several("a list of client ids", Owner(), counts=True),
            (),
            "The clients that may read the column in clear. Others get the answer of "
            "response_on_fail, or the mask.",
        ),
        Option(
            "allow_mask_writes",
            Flag(),
            False,
            "With masking: a value that looks like the mask may be written.",
        ),
    ),
)

BYPASS: Final = Level(
    "in an entry of bypass",
    (
        Option(
            "name",
            Text(),
            "",
            "Its name in events and metrics. Without it that is its line, such as line 12.",
        ),
        Option("client_id", Owner(), "", "The only client that may use it."),
        Option(
            "statement",
            Text(verbatim=True),
            "",
            "The whole statement. A question mark that stands alone is any value: a literal or a "
            "parameter. Comments and white space do not count.",
        ),
        Option(
            "columns",
            Several("a list of TABLE.COLUMN", Names("TABLE.COLUMN or SCHEMA.TABLE.COLUMN", 2, 3)),
            (),
            "The columns that the statement may leave unprotected.",
        ),
        Option("until", Day(), "", "The last day on which it can be used, in UTC."),
        Option("reason", Text(verbatim=True), "", "Each event of its use shows this text."),
    ),
)
LEVELS: Final = (TOP, DATABASES, MYSQL, POSTGRESQL, DEFAULTS, TABLE, COLUMN, BYPASS)
