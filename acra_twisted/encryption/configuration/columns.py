"""The protection of one column: the keys that go together, and the setting that they make.

Source: the transparent-encryption reference, sections 1.2, 1.3 and 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.configuration.defaults import canonical_default
from acra_twisted.encryption.configuration.keys import Given, Keys
from acra_twisted.encryption.settings import (
    CIPHERTEXT,
    DEFAULT_VALUE,
    ERROR,
    MASKED,
    PLAIN,
    RETURN,
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    Masking,
)
from acra_twisted.errors import ConfigError

#: Numbers of types in each database, by its name.
IDENTIFIERS: Final[Mapping[str, Mapping[int, str]]] = {
    "PostgreSQL": {17: "bytes", 20: "int64", 23: "int32", 25: "str"},
    "MySQL": {3: "int32", 8: "int64", 252: "bytes", 254: "str"},
}
#: Acra's text for keys that do not go together.
INVALID: Final = "invalid encryptor config"

_EVERYWHERE: Final = (
    "column",
    "client_id",
    "crypto_envelope",
    "reencrypting_to_acrablocks",
    "read",
)
_TYPED: Final = ("data_type", "data_type_db_identifier", "on_plaintext")
_FAILING: Final = ("response_on_fail", "default_data_value")
#: The keys that have an effect on each kind of column.
EFFECTIVE: Final[Mapping[str, frozenset[str]]] = {
    PLAIN: frozenset((*_EVERYWHERE, *_TYPED, *_FAILING)),
    SEARCHABLE: frozenset(
        (*_EVERYWHERE, *_TYPED, *_FAILING, "searchable", "search_keys", "normalize")
    ),
    MASKED: frozenset(
        (*_EVERYWHERE, *_TYPED)
        + ("masking", "plaintext_length", "plaintext_side", "allow_mask_writes")
    ),
    TOKENIZED: frozenset((*_EVERYWHERE, "token_type", "tokenized", "consistent_tokenization")),
}
#: Values that say that something is as it is without them.
_OFF: Final[Mapping[str, Any]] = {
    "searchable": False,
    "tokenized": False,
    "consistent_tokenization": False,
    "plaintext_length": 0,
    "data_type_db_identifier": 0,
    "search_keys": "shared",
    "normalize": "none",
    "on_plaintext": RETURN,
    "allow_mask_writes": False,
}
#: The answers to plaintext where nothing is said, by the answers to failures.
_ON_PLAINTEXT: Final[Mapping[str, str]] = {
    CIPHERTEXT: RETURN,
    DEFAULT_VALUE: DEFAULT_VALUE,
    ERROR: ERROR,
}
#: The type of tokens where it is not the type's own name.
_TOKENS_LIKE: Final = {"email": "str"}
_NEEDS: Final = {
    "search_keys": "searchable: true",
    "normalize": "searchable: true",
    "consistent_tokenization": "token_type",
    "plaintext_length": "masking",
    "allow_mask_writes": "masking",
}


class Defaults(NamedTuple):
    """The values for columns that do not say otherwise."""

    crypto_envelope: str = "acrablock"
    reencrypting_to_acrablocks: bool = True
    consistent_tokenization: bool = False


class Owner(NamedTuple):
    """The table of a column."""

    schema: str
    table: str


class ColumnReader:
    """Makes settings of columns.  ``database`` is a name of IDENTIFIERS; mistakes are added to
    ``wrong``."""

    def __init__(self, database: str, defaults: Defaults, wrong: list[ConfigError]) -> None:
        self._database, self._defaults, self._wrong = database, defaults, wrong

    def read(self, owner: Owner, name: str, keys: Keys, where: str) -> ColumnSetting | None:
        """Return the setting of a column, whose entry stands at ``where``; None if there are
        mistakes in it."""
        reading = _Column(keys, self._defaults, where, self._database)
        mistakes = list(reading.mistakes())
        self._wrong += mistakes
        return None if mistakes else reading.setting(owner, name, line_of(where))


def line_of(where: str) -> int:
    """Return the line of a place, 0 if it has none."""
    number = where.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


class _Column:
    def __init__(self, keys: Keys, defaults: Defaults, where: str, database: str) -> None:
        self._keys, self._where, self._database = keys, where, database
        self._defaults = defaults
        chosen = {
            SEARCHABLE: self._value("searchable", False),
            MASKED: bool(keys.keys() & {"masking", "plaintext_side"}),
            TOKENIZED: self._value("tokenized", False) or "token_type" in keys,
        }
        self._kinds = [kind for kind, is_chosen in chosen.items() if is_chosen] or [PLAIN]
        self._kind = self._kinds[0]
        self._reencrypts = self._value(
            "reencrypting_to_acrablocks", defaults.reencrypting_to_acrablocks
        )
        self._envelope = self._value("crypto_envelope", defaults.crypto_envelope)
        number = self._value("data_type_db_identifier", 0)
        named = IDENTIFIERS[database].get(number, "")
        self._data_type = self._value("data_type", named)

    def _value(self, key: str, default: Any) -> Any:
        given = self._keys.get(key)
        return default if given is None else given.value

    def _wrong(self, key: str, text: str) -> ConfigError:
        """Return a mistake at a key, or at the column if that key is not given."""
        return ConfigError(text, self._keys.get(key, Given(None, self._where)).where)

    def mistakes(self) -> Iterator[ConfigError]:
        """Yield everything that is wrong."""
        if len(self._kinds) > 1:
            # More about its keys would be guesses.
            kinds = " and ".join(self._kinds)
            yield self._wrong("", f"{INVALID}: a column cannot be {kinds} at once")
            return
        yield from self._mistakes_of_type()
        yield from {
            PLAIN: self._mistakes_of_plain,
            SEARCHABLE: self._mistakes_of_searchable,
            MASKED: self._mistakes_of_masked,
            TOKENIZED: self._mistakes_of_tokenized,
        }[self._kind]()
        yield from self._without_effect()
        key = "reencrypting_to_acrablocks"
        if not self._reencrypts and (self._kind != PLAIN or self._data_type):
            kind = "column with a data type" if self._kind == PLAIN else f"{self._kind} column"
            told = f"{key} must be true in a {kind}; it is false here or in defaults"
            yield self._wrong(key, f"{INVALID}: {told}")
        if self._value("on_plaintext", "") == DEFAULT_VALUE:
            if "default_data_value" not in self._keys:
                told = "on_plaintext: default_value needs default_data_value"
                yield self._wrong("on_plaintext", told)
        readers = self._value("read", None)
        if readers is not None and not (readers and all(readers)):
            yield self._wrong("read", "read: name at least one client id")

    def _mistakes_of_type(self) -> Iterator[ConfigError]:
        key = "data_type_db_identifier"
        number = self._value(key, 0)
        if not number:
            return
        for other in ("data_type", "token_type"):
            if other in self._keys:
                told = "data_type can`t be used along with data_type_db_identifier option"
                yield self._wrong(key, f"{told}: {other} is given")
        if number not in IDENTIFIERS[self._database]:
            known = ", ".join(f"{n} ({t})" for n, t in IDENTIFIERS[self._database].items())
            of = next((name for name, types in IDENTIFIERS.items() if number in types), "")
            told = f"; {number} is a type of {of}" if of else ""
            told += f"; {self._database} has {known}"
            yield self._wrong(key, f"unsupported data_type_db_identifier option{told}")

    def _mistakes_of_plain(self) -> Iterator[ConfigError]:
        key = "response_on_fail"
        if not self._data_type and key in self._keys:
            yield self._wrong(key, f"{INVALID}: response_on_fail needs data_type")
        yield from self._mistakes_of_default()

    def _mistakes_of_searchable(self) -> Iterator[ConfigError]:
        key = "default_data_value"
        if key in self._keys and "response_on_fail" not in self._keys:
            told = "default_data_value of a searchable column needs response_on_fail: default_value"
            yield self._wrong(key, f"{INVALID}: {told}")
        if self._value("normalize", "none") != "none" and self._data_type != "str":
            yield self._wrong("normalize", "normalize needs data_type: str")
        yield from self._mistakes_of_default()

    def _mistakes_of_masked(self) -> Iterator[ConfigError]:
        if not self._value("masking", ""):
            yield self._wrong("masking", "masking pattern can't be empty: give masking")
        if self._value("plaintext_length", 0) < 0:
            yield self._wrong("plaintext_length", "plaintext length cannot be negative")
        if "plaintext_side" not in self._keys:
            yield self._wrong("", "plaintext side must be left or right: give plaintext_side")
        if self._data_type not in ("", "str", "bytes"):
            told = "masking configuration error: data type not supported: masks need str or bytes"
            yield self._wrong("data_type", told)
        elif self._data_type and self._envelope != "acrablock":
            told = "a masked column with a data type needs crypto_envelope: acrablock"
            yield self._wrong("crypto_envelope", f"{INVALID}: {told}")

    def _mistakes_of_tokenized(self) -> Iterator[ConfigError]:
        if "token_type" not in self._keys:
            yield self._wrong("tokenized", "`tokenized` is provided without `token_type`")
        elif not self._value("tokenized", True):
            told = "`tokenized` is disabled, but `token_type` is provided"
            yield self._wrong("tokenized", told)
        key = "crypto_envelope"
        if self._value(key, "acrablock") != "acrablock":
            yield self._wrong(key, f"{key} has no effect: tokens always have AcraBlocks")

    def _mistakes_of_default(self) -> Iterator[ConfigError]:
        key = "default_data_value"
        response = self._value("response_on_fail", "")
        if key not in self._keys:
            if response == DEFAULT_VALUE:
                told = "response_on_fail: default_value needs default_data_value"
                yield self._wrong("response_on_fail", told)
            return
        if response not in ("", DEFAULT_VALUE):
            told = "default data value is defined, but `response_on_fail` operation is not"
            yield self._wrong(key, f'{told} "default" ({response})')
        if not self._data_type:
            told = "default_data_value used without data_type_id: it needs data_type"
            yield self._wrong(key, told)
            return
        try:
            self._default()
        except ValueError as error:
            yield self._wrong(key, f"invalid default value: {error}")

    def _without_effect(self) -> Iterator[ConfigError]:
        for key, given in self._keys.items():
            if key in EFFECTIVE[self._kind] or _OFF.get(key) == given.value:
                continue
            if key in _NEEDS:
                yield self._wrong(key, f"{key} has no effect without {_NEEDS[key]}")
            elif key != "data_type_db_identifier":
                told = f"{key} cannot be used in a {self._kind} column"
                yield self._wrong(key, f"{INVALID}: {told}")

    def _default(self) -> bytes | None:
        given = self._keys.get("default_data_value")
        return None if given is None else canonical_default(self._data_type, given.value)

    def setting(self, owner: Owner, name: str, line: int) -> ColumnSetting:
        """Return the setting, of keys without mistakes."""
        tokens = self._kind == TOKENIZED
        token_type = self._value("token_type", "")
        default = self._default()
        on_failure = self._value(
            "response_on_fail", CIPHERTEXT if default is None else DEFAULT_VALUE
        )
        readers = self._value("read", None)
        normalize = self._value("normalize", "none")
        return ColumnSetting(
            owner.schema,
            owner.table,
            name,
            self._kind,
            owner=self._value("client_id", ""),
            envelope="acrablock" if tokens else self._envelope,
            data_type=_TOKENS_LIKE.get(token_type, token_type) or self._data_type,
            token_type=token_type,
            consistent=tokens
            and self._value("consistent_tokenization", self._defaults.consistent_tokenization),
            masking=self._masking() if self._kind == MASKED else None,
            on_failure=on_failure,
            default=default,
            on_plaintext=self._value("on_plaintext", _ON_PLAINTEXT[on_failure]),
            normalize=frozenset(normalize.split("+")) - {"none"},
            scoped=self._value("search_keys", "shared") == "column",
            readers=None if readers is None else frozenset(readers),
            reencrypts=self._reencrypts,
            mask_writes=self._value("allow_mask_writes", False),
            line=line,
        )

    def _masking(self) -> Masking:
        return Masking(
            self._value("masking", "").encode(),
            self._value("plaintext_length", 0),
            self._value("plaintext_side", "") == "left",
        )
