"""Values as a client gives them for the uses of a plan, in their canonical form.

Nothing here waits or knows a session: it may run in a worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.making import TokenValues
from acra_twisted.encryption.plan import (
    ARRAYS,
    STORING,
    LiteralUse,
    ParameterUse,
    StatementPlan,
    Use,
)
from acra_twisted.encryption.postgresql import arrays
from acra_twisted.encryption.postgresql.plaintexts import (
    TEXT_FORMAT,
    Literal,
    Way,
    characters_of,
    from_literal,
    from_parameter,
)
from acra_twisted.encryption.settings import TOKENIZED
from acra_twisted.sql import lexer

#: The value of one use, or the elements of an array; None for NULL.
Given = Sequence[bytes | None]

_NULL: Final[Given] = (None,)


def of_literal(one: LiteralUse, raw: bytes, encoding: str, conforming: bool) -> Given:
    """Return the value of a literal.  ``conforming``: backslashes are ordinary characters in it.
    Raises ValueRefusedError, which names the column."""
    use = one.use
    try:
        literal = Literal(_kind(raw, conforming), raw, one.negative, one.decoding)
        if use.role in ARRAYS:
            text = characters_of(literal, encoding, conforming)
            return arrays.from_array(text, 0, TEXT_FORMAT, _way(use))
        return (from_literal(literal, _way(use), encoding, conforming),)
    except ValueRefusedError as error:
        raise about(use, error) from None


def _kind(raw: bytes, conforming: bool) -> str:
    """The kind of a literal by `sql.lexer`, which need not be asked where the only quotes are those
    at its ends."""
    if conforming and raw[:1] == b"'" and raw.find(b"'", 1) == len(raw) - 1:
        return lexer.STRING
    kind: str = lexer.tokens(raw, conforming)[0][0]
    return kind


def of_parameter(
    use: Use, value: bytes | None, form: int, kind: int, encoding: str
) -> Given | None:
    """Return the value of a parameter, None for an array that is NULL.  ``kind`` is the type that
    the client has been told, 0 for an open one.  Raises ValueRefusedError, which names the
    column."""
    if value is None:
        return None if use.role in ARRAYS else _NULL
    try:
        if use.role in ARRAYS:
            return arrays.from_array(value, kind, form, _way(use), encoding)
        return (from_parameter(value, kind, form, _way(use), encoding),)
    except ValueRefusedError as error:
        raise about(use, error) from None


def tokens_of_text(
    plans: Sequence[StatementPlan], literals: Sequence[bytes], encoding: str, conforming: bool
) -> TokenValues:
    """Return the literals of some plans that belong to columns with tokens; ``literals`` are the
    client's own.  Raises ValueRefusedError."""
    found = TokenValues({}, {})
    for plan in plans:
        given = [*literals, *plan.added]
        for one in plan.literals:
            if one.use.column.kind == TOKENIZED:
                _add(found, one.use, of_literal(one, given[one.ordinal], encoding, conforming))
    return found


def tokens_of_parameters(
    uses: Sequence[ParameterUse],
    given: Sequence[bytes | None],
    formats: Sequence[int],
    kinds: Sequence[int],
    encoding: str,
) -> TokenValues:
    """Return the parameters that belong to columns with tokens; ``kinds`` are the types that the
    client has been told.  Raises ValueRefusedError."""
    found = TokenValues({}, {})
    for source, use in uses:
        if use is not None and use.column.kind == TOKENIZED:
            value, form = given[source - 1], formats[source - 1]
            _add(found, use, of_parameter(use, value, form, kinds[source - 1], encoding) or ())
    return found


def elements_of_text(literals: Sequence[bytes]) -> int:
    """Return a number that the elements of arrays in literals do not exceed."""
    return sum(arrays.most_elements(one, TEXT_FORMAT) for one in literals)


def elements_of_parameters(
    uses: Sequence[ParameterUse], given: Sequence[bytes | None], formats: Sequence[int]
) -> int:
    """Return a number that the elements of arrays in parameters do not exceed."""
    return sum(
        arrays.most_elements(given[source - 1], formats[source - 1])
        for source, use in uses
        if use is not None and use.role in ARRAYS
    )


def about(use: Use, error: ValueRefusedError) -> ValueRefusedError:
    """Return the same error with the column that it is about."""
    label = use.column.label
    text = f"column {label} is protected by AcraServer: {error}"
    return ValueRefusedError(error.sqlstate, error.reason, text, label)


def _add(found: TokenValues, use: Use, values: Given) -> None:
    to = found.stored if use.role in STORING else found.compared
    to.setdefault(use.column, []).extend(value for value in values if value is not None)


def _way(use: Use) -> Way:
    return Way(use.column.data_type, use.cast, use.cut)
