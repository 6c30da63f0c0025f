"""The values of a plan as PostgreSQL gets them: literals in the text, and parameters.

Nothing here waits or knows a session: it may run in a worker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.plan import STORE, LiteralUse, ParameterUse, StatementPlan, Use
from acra_twisted.encryption.postgresql import bytea, types
from acra_twisted.encryption.postgresql.plaintexts import (
    BINARY_FORMAT,
    Literal,
    Way,
    from_literal,
    from_parameter,
)
from acra_twisted.encryption.sealing import ColumnSealer
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import ToldType
from acra_twisted.sql import lexer
from acra_twisted.themis.cell import Random

# What becomes of a value.
ENCRYPTED: Final = "encrypted"
#: It was encrypted already.
PASSED: Final = "passed_as_is"


class Tools(NamedTuple):
    """All that is needed for the values of one statement: ``sealers`` of its columns, the client's
    ``encoding``, a source of random bytes, and whether backslashes are ordinary characters in the
    strings of its session."""

    sealers: Mapping[ColumnSetting, ColumnSealer]
    random_bytes: Random
    encoding: str
    conforming: bool


class Written(NamedTuple):
    """A text as it is sent.  ``counts``: of what has become of values, by column."""

    text: bytes
    counts: Counter[tuple[ColumnSetting, str]]


class Bound(NamedTuple):
    """Parameters as they are sent, each with its format."""

    values: list[bytes | None]
    formats: list[int]
    counts: Counter[tuple[ColumnSetting, str]]


def columns_of(plans: Sequence[StatementPlan]) -> Iterator[ColumnSetting]:
    """The columns that get a literal of a text."""
    for plan in plans:
        for one in plan.literals:
            yield one.use.column


def write_text(plans: Sequence[StatementPlan], literals: Sequence[bytes], tools: Tools) -> Written:
    """The text of some plans with their values encoded; ``literals`` are the client's own.  Raises
    ValueRefusedError for a value that cannot be stored, CryptoError."""
    counts: Counter[tuple[ColumnSetting, str]] = Counter()
    texts = []
    for plan in plans:
        given = [*literals, *plan.added]
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
    found = Bound([], [], Counter())
    for source, use in uses:
        value, form = given[source - 1], formats[source - 1]
        if value is not None and use is not None:
            try:
                value = from_parameter(value, kinds[source - 1], form, _way(use), tools.encoding)
            except ValueRefusedError as error:
                raise _about(use, error) from None
            value, form = _stored(use, value, tools, found.counts), BINARY_FORMAT
        elif use is not None:
            form = BINARY_FORMAT
        found.values.append(value)
        found.formats.append(form)
    return found


def declared(uses: Sequence[ParameterUse], kinds: Sequence[int]) -> list[int]:
    """The types that the database is told of its parameters; ``kinds`` are the client's."""
    return [
        types.BYTEA if use is not None else kinds[source - 1] if source <= len(kinds) else 0
        for source, use in uses
    ]


def told(uses: Sequence[ParameterUse]) -> list[ToldType]:
    """The types that the client is told of its parameters."""
    found: dict[int, ToldType] = {}
    for number, (source, use) in enumerate(uses, 1):
        kind = 0 if use is None else types.described(use.column.data_type).oid
        found.setdefault(source, ToldType(number, kind))
    return [found[source] for source in sorted(found)]


def _literal(
    one: LiteralUse, raw: bytes, tools: Tools, counts: Counter[tuple[ColumnSetting, str]]
) -> bytes:
    use = one.use
    literal = Literal(_kind(raw), raw, one.negative, one.decoding)
    try:
        plaintext = from_literal(literal, _way(use), tools.encoding, tools.conforming)
    except ValueRefusedError as error:
        raise _about(use, error) from None
    text = bytea.encode(_stored(use, plaintext, tools, counts))
    # A word may stand right before it, which an E would belong to.
    return b"'%b'" % text if tools.conforming else b" E'\\%b'" % text


def _stored(
    use: Use, plaintext: bytes, tools: Tools, counts: Counter[tuple[ColumnSetting, str]]
) -> bytes:
    if use.role != STORE:
        refused = ValueRefusedError(
            errors.NOT_SUPPORTED, errors.WRONG_TYPE, f"it cannot be compared in {use.place}"
        )
        raise _about(use, refused)
    try:
        stored = tools.sealers[use.column].store(plaintext, tools.random_bytes)
    except ValueRefusedError as error:
        raise _about(use, error) from None
    counts[use.column, PASSED if stored.passed else ENCRYPTED] += 1
    return stored.data


def _about(use: Use, error: ValueRefusedError) -> ValueRefusedError:
    """The same error with the column that it is about."""
    text = f"column {use.column.label} is protected by AcraServer: {error}"
    return ValueRefusedError(error.sqlstate, error.reason, text)


def _way(use: Use) -> Way:
    return Way(use.column.data_type, use.cast, use.cut)


def _kind(raw: bytes) -> str:
    """The kind of a literal by its text."""
    return lexer.tokens(raw, True)[0][0]
