"""The values of a plan as PostgreSQL gets them: literals in the text, and parameters.

Nothing here waits or knows a session: it may run in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.plan import (
    ARRAYS,
    STORE,
    STORE_EACH,
    LiteralUse,
    ParameterUse,
    StatementPlan,
    Use,
)
from acra_twisted.encryption.postgresql import arrays, forms, types
from acra_twisted.encryption.postgresql.givenvalues import about, of_literal, of_parameter
from acra_twisted.encryption.postgresql.plaintexts import BINARY_FORMAT
from acra_twisted.encryption.sealing import Stored
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.exchange import ToldType
from acra_twisted.themis.cell import Random

# What becomes of a value.
ENCRYPTED: Final = "encrypted"
#: It was encrypted already.
PASSED: Final = "passed_as_is"
#: A token is stored in its place.
REPLACED: Final = "tokenized"
#: It is searched for.
SEARCHED: Final = "searched"

_Counts = dict[tuple[ColumnSetting, str], int]


class Sealer(Protocol):
    """Makes the stored values of a column: `sealing.ColumnSealer` and `issuing.IssuedTokens` do."""

    def store(self, plaintext: bytes, random_bytes: Random) -> Stored:
        """Return what is stored of a canonical plaintext.  Raises ValueRefusedError."""


class Searcher(Protocol):
    """Makes the forms in which a column stores a value: `finding.ColumnSearcher` and
    `issuing.FoundTokens` do.  ``width`` is the number of forms of a value that is not empty."""

    @property
    def width(self) -> int: ...

    def forms(self, plaintext: bytes) -> list[bytes]:
        """Return the forms of a canonical plaintext.  Raises ValueRefusedError."""


class Tools(NamedTuple):
    """All that is needed for the values of one statement: ``sealers`` of the columns that it writes
    and ``searchers`` of those that it searches, the client's ``encoding``, a source of random
    bytes, and whether backslashes are ordinary characters in the strings of the statement."""

    sealers: Mapping[ColumnSetting, Sealer]
    random_bytes: Random
    encoding: str
    conforming: bool
    searchers: Mapping[ColumnSetting, Searcher] = MappingProxyType({})

    @property
    def width(self) -> int:
        """The number of forms of each value that is searched for."""
        return max([one.width for one in self.searchers.values()], default=1)


class Written(NamedTuple):
    """A text as it is sent.  ``counts``: of what has become of values, by column."""

    text: bytes
    counts: _Counts


class Bound(NamedTuple):
    """Parameters as they are sent, each with its format."""

    values: list[bytes | None]
    formats: list[int]
    counts: _Counts


def write_text(plans: Sequence[StatementPlan], literals: Sequence[bytes], tools: Tools) -> Written:
    """The text of some plans with their values encoded; ``literals`` are the client's own.  Raises
    ValueRefusedError for a value that cannot be stored or searched for, CryptoError."""
    counts: _Counts = {}
    texts = []
    for plan in plans:
        given = list(literals)
        given += plan.added
        for one in plan.literals:
            given[one.ordinal] = _literal(one, given[one.ordinal], tools, counts)
        texts.append(plan.text(given))
    return Written(b"".join(texts), counts)


def write_parameters(
    uses: Sequence[ParameterUse],
    given: Sequence[bytes | None],
    formats: Sequence[int],
    kinds: Sequence[int],
    tools: Tools,
) -> Bound:
    """Encode parameters; ``kinds`` are the types that the client has been told, 0 for open ones.
    Raises ValueRefusedError, CryptoError."""
    found = Bound([], [], {})
    for source, use in uses:
        value, form = given[source - 1], formats[source - 1]
        if use is not None:
            value = _parameter(use, value, form, kinds[source - 1], tools, found.counts)
            form = BINARY_FORMAT
        found.values.append(value)
        found.formats.append(form)
    return found


def declared(uses: Sequence[ParameterUse], kinds: Sequence[int]) -> list[int]:
    """The types that the database is told of its parameters; ``kinds`` are the client's."""
    return [
        _sent_type(use) if use is not None else kinds[source - 1] if source <= len(kinds) else 0
        for source, use in uses
    ]


def told(uses: Sequence[ParameterUse], kinds: Sequence[int]) -> list[ToldType]:
    """The types that the client is told of its parameters: those that it has declared (``kinds``),
    as a database does, and those of the columns for others."""
    found: dict[int, ToldType] = {}
    for number, (source, use) in enumerate(uses, 1):
        kind = kinds[source - 1] if source <= len(kinds) else 0
        if use is None:
            kind = 0
        elif kind in (0, types.UNKNOWN):
            kind = _seen_type(use)
        found.setdefault(source, ToldType(number, kind))
    return [found[source] for source in sorted(found)]


def _sent_type(use: Use) -> int:
    element = forms.element_type(use.column)
    return element if use.role == STORE else arrays.array_type(element)


def _seen_type(use: Use) -> int:
    data_type = use.column.data_type
    described = arrays.described_array if use.role in ARRAYS else types.described
    return described(data_type).oid


def _literal(one: LiteralUse, raw: bytes, tools: Tools, counts: _Counts) -> bytes:
    use = one.use
    given = of_literal(one, raw, tools.encoding, tools.conforming)
    try:
        if use.role == STORE:
            [plaintext] = given
            return forms.stored_literal(use.column, _stored(use, plaintext or b"", tools, counts))
        return forms.array_literal(use.column, _elements(use, given, tools, counts))
    except ValueRefusedError as error:
        raise about(use, error) from None


def _parameter(
    use: Use, value: bytes | None, form: int, kind: int, tools: Tools, counts: _Counts
) -> bytes | None:
    """A parameter's value in binary format."""
    given = of_parameter(use, value, form, kind, tools.encoding)
    if given is None:
        return None
    try:
        if use.role != STORE:
            return forms.array_binary(use.column, _elements(use, given, tools, counts))
        [plaintext] = given
        if plaintext is None:
            return None
        return forms.stored_binary(use.column, _stored(use, plaintext, tools, counts))
    except ValueRefusedError as error:
        raise about(use, error) from None


def _stored(use: Use, plaintext: bytes, tools: Tools, counts: _Counts) -> bytes:
    column = use.column
    stored = tools.sealers[column].store(plaintext, tools.random_bytes)
    made = REPLACED if column.kind == TOKENIZED else ENCRYPTED
    _count(counts, column, PASSED if stored.passed else made, 1)
    return stored.data


def _count(counts: _Counts, column: ColumnSetting, action: str, values: int) -> None:
    key = (column, action)
    counts[key] = counts.get(key, 0) + values


def _elements(
    use: Use, given: Sequence[bytes | None], tools: Tools, counts: _Counts
) -> list[bytes | None]:
    """The elements of the array that is sent."""
    if use.role != STORE_EACH:
        return _forms(use, given, tools, counts)
    return [None if one is None else _stored(use, one, tools, counts) for one in given]


def _forms(
    use: Use, elements: Sequence[bytes | None], tools: Tools, counts: _Counts
) -> list[bytes | None]:
    """The forms of values that are compared with a column."""
    searcher = tools.searchers.get(use.column)
    if searcher is None:
        raise ValueRefusedError(
            errors.NOT_SUPPORTED, errors.WRONG_TYPE, f"it cannot be compared in {use.place}"
        )
    _count(counts, use.column, SEARCHED, len(elements))
    return forms.spread(elements, searcher.forms, tools.width)
