"""The settings of protected columns, as every reader of a configuration makes them.

Source: the transparent-encryption reference, section 1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

# Kinds of protection: a column has exactly one.
PLAIN: Final = "plain"
SEARCHABLE: Final = "searchable"
MASKED: Final = "masked"
TOKENIZED: Final = "tokenized"

# Reactions to a value that does not open or is not of the column's type.
CIPHERTEXT: Final = "ciphertext"
DEFAULT_VALUE: Final = "default_value"
ERROR: Final = "error"

# Reactions to a stored value that is no container.
RETURN: Final = "return"
NULL: Final = "null"

#: The types that an application sees, "" for none.
DATA_TYPES: Final = (
    *("", "bytes", "str", "int32", "int64"),
    *("bool", "int16", "float8", "uuid", "date"),
)
TOKEN_TYPES: Final = ("int32", "int64", "str", "bytes", "email")
# Those of them that are numbers, and those that are texts.
NUMBER_TOKENS: Final = frozenset(("int32", "int64"))
TEXT_TOKENS: Final = frozenset(("str", "email"))


class Masking(NamedTuple):
    """``mask`` stands for the encrypted part; ``length`` bytes of the value stay readable at the
    left or the right."""

    mask: bytes
    length: int
    left: bool


class ColumnSetting(NamedTuple):
    """The protection of one column.

    ``schema`` is empty where the configuration names none: then every table of that name is meant.
    Names are as the database compares them.  ``owner`` is the client id whose keys encrypt, "" for
    the session's.  ``envelope`` is "acrablock" or "acrastruct".  ``data_type`` is one of DATA_TYPES
    and is that of the tokens where there are any ("str" for those of "email").  ``on_failure`` is
    CIPHERTEXT, DEFAULT_VALUE or ERROR; ``default`` is the value's canonical form (see
    `encryption.canonical`), None if there is none.  ``on_plaintext`` is RETURN, NULL, ERROR, or
    DEFAULT_VALUE if there is a default.  ``normalize`` has some of "lower" and "nfc".  ``scoped``:
    the search prefix is the column's own.  ``readers``: the client ids that may read it in clear,
    None for everybody whose keys open it.  ``reencrypts``: an AcraStruct that a client writes
    becomes an AcraBlock.  ``mask_writes``: a value that looks masked may be written.  ``line`` is
    where the configuration says so.
    """

    schema: str
    table: str
    name: str
    kind: str = PLAIN
    owner: str = ""
    envelope: str = "acrablock"
    data_type: str = ""
    token_type: str = ""
    consistent: bool = False
    masking: Masking | None = None
    on_failure: str = CIPHERTEXT
    default: bytes | None = None
    on_plaintext: str = RETURN
    normalize: frozenset[str] = frozenset()
    scoped: bool = False
    readers: frozenset[str] | None = None
    reencrypts: bool = True
    mask_writes: bool = False
    line: int = 0

    @property
    def label(self) -> str:
        """``table.column`` or ``schema.table.column``: for messages, metrics and search keys."""
        if self.table and not self.schema:
            return f"{self.table}.{self.name}"
        return ".".join(filter(None, (self.schema, self.table, self.name)))


class TableSetting(NamedTuple):
    """A table with protected columns.  ``columns`` is its order in the configuration, () if that
    is not given."""

    schema: str
    name: str
    columns: Sequence[str]
    protected: Mapping[str, ColumnSetting]
    line: int = 0

    @property
    def label(self) -> str:
        """``table`` or ``schema.table``: for messages."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


class Bypass(NamedTuple):
    """A statement that may leave columns unprotected: ``until`` is the end as seconds since the
    epoch, ``columns`` are labels, ``name`` tells it from all others."""

    client_id: str
    statement: str
    columns: frozenset[str]
    until: float
    reason: str
    line: int = 0
    name: str = ""


class EncryptionSettings(NamedTuple):
    """A whole configuration of protected columns.  ``remarks`` are sentences for the operator.
    ``allow_text``: columns of text may hold what is stored, written as text.  ``trusted`` are names
    of functions that may use protected tables, though nobody sees their code.  ``strict_copies``:
    no table may be made of what protected columns store.  ``retypes``: a definition of a protected
    column gets the type of what is stored."""

    tables: Sequence[TableSetting]
    bypasses: Sequence[Bypass] = ()
    remarks: Sequence[str] = ()
    allow_text: bool = False
    trusted: frozenset[str] = frozenset()
    strict_copies: bool = False
    retypes: bool = False

    def is_same(self, other: EncryptionSettings) -> bool:
        """Tell whether another configuration says the same, wherever its lines stand."""
        return self._unplaced() == other._unplaced()

    def leave_out(self, client: str) -> bool:
        """Tell whether there is a column that a client may not read, although its keys open
        values of that column."""
        return any(
            one.readers is not None and client not in one.readers and one.owner in ("", client)
            for one in self.columns
        )

    def _unplaced(self) -> EncryptionSettings:
        tables = [
            table._replace(
                columns=list(table.columns),
                protected={name: one._replace(line=0) for name, one in table.protected.items()},
                line=0,
            )
            for table in self.tables
        ]
        bypasses = [bypass._replace(line=0) for bypass in self.bypasses]
        return self._replace(tables=tables, bypasses=bypasses, remarks=())

    @property
    def columns(self) -> Sequence[ColumnSetting]:
        """Every protected column."""
        return [column for table in self.tables for column in table.protected.values()]

    def without(self, labels: Collection[str]) -> EncryptionSettings:
        """Return the settings of all columns but those with these labels, without bypasses."""
        tables = []
        for table in self.tables:
            left = {n: one for n, one in table.protected.items() if one.label not in labels}
            if left:
                tables.append(table._replace(protected=left))
        return self._replace(tables=tables, bypasses=(), remarks=())
