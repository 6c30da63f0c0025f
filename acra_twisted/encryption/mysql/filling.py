"""A plan and its values to the text that is sent, and to what its parameters are."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.mysql.plan import (
    NULL_SAFE,
    Compared,
    Given,
    Literal,
    Parameter,
    Plan,
    Stored,
)
from acra_twisted.encryption.settings import NUMBER_TOKENS, TEXT_TOKENS, TOKENIZED, ColumnSetting

# Edges of a form.
#: The form itself.
WHOLE: Final = "whole"
#: The first bytes behind all that begin with the form.
BEHIND: Final = "behind"

_WORDLIKE: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@.")


class Sent(NamedTuple):
    """A parameter of the text that is sent: the client's ``parameter``, from 1, as it is if
    ``value`` is -1; else the ``form`` of the value with that number, at one of its edges."""

    parameter: int
    value: int = -1
    form: int = 0
    edge: str = WHOLE


class Filled(NamedTuple):
    """The text that is sent, and its parameters in their order."""

    text: bytes
    parameters: Sequence[Sent]


#: The forms of a value, by its number: those of a literal, or how many a parameter will have.
#: NULL has none, and no width.
Forms = Callable[[int], Sequence[bytes] | int]


def fill(plan: Plan, literals: Sequence[bytes], forms: Forms) -> Filled:
    """Put the values of literals, and marks for those of parameters, in a plan's text.

    ``literals`` are the client's own.  ``forms`` is asked once for each place of a value.
    """
    pieces: list[bytes] = []
    sent: list[Sent] = []
    for part in plan.parts:
        if isinstance(part, bytes):
            pieces.append(part)
        elif isinstance(part, Literal):
            pieces.append(literals[part.ordinal])
        elif isinstance(part, Parameter):
            pieces.append(b"?")
            sent.append(Sent(part.number))
        elif isinstance(part, Stored):
            given = plan.values[part.value]
            found = forms(part.value)
            pieces.append(_operand(given, part.value, found, 0, WHOLE, sent))
        else:
            pieces.append(_condition(part, plan.values[part.value], forms(part.value), sent))
    return Filled(b"".join(pieces), sent)


def _condition(
    part: Compared, given: Given, forms: Sequence[bytes] | int, sent: list[Sent]
) -> bytes:
    width = forms if isinstance(forms, int) else len(forms)
    alternatives = [_one(part, given, forms, number, sent) for number in range(width)]
    joined = b" OR ".join(alternatives)
    if part.form == NULL_SAFE:
        # The comparison is NULL if either is; then they are one if both are.
        operand = _operand(given, part.value, forms, 0, WHOLE, sent)
        return b"COALESCE(%b, %b <=> %b)" % (joined, part.column, operand)
    return b"(%b)" % joined


def _one(
    part: Compared, given: Given, forms: Sequence[bytes] | int, number: int, sent: list[Sent]
) -> bytes:
    """The condition that a column holds one form."""
    column, setting = part.column, given.use.column
    whole = _operand(given, part.value, forms, number, WHOLE, sent)
    if setting.kind != TOKENIZED:
        behind = _operand(given, part.value, forms, number, BEHIND, sent)
        return b"%b >= %b AND %b < %b" % (column, whole, column, behind)
    if setting.token_type not in TEXT_TOKENS:
        return b"%b = %b" % (column, whole)
    # The first finds the row by an index, the second tells letters apart by case.
    if isinstance(forms, int):
        again = as_bytes(_operand(given, part.value, forms, number, WHOLE, sent))
    else:
        again = b"x'%b'" % hexlify(forms[number])
    return b"%b = %b AND %b = %b" % (column, whole, as_bytes(column), again)


def as_bytes(characters: bytes) -> bytes:
    """Return an expression of characters as bytes, which are equal just where the characters are,
    in whatever sets columns, texts and values have them."""
    return b"CAST(CONVERT(%b USING utf8mb4) AS BINARY)" % characters


def _operand(
    given: Given,
    value: int,
    forms: Sequence[bytes] | int,
    number: int,
    edge: str,
    sent: list[Sent],
) -> bytes:
    if isinstance(forms, int):
        sent.append(Sent(given.source.parameter, value, number, edge))
        return b"?"
    return literal(given.use.column, at_edge(forms[number], edge))


def at_edge(form: bytes, edge: str) -> bytes:
    """Return a form, or the first bytes that are greater than all that begin with it: for the
    empty form, those that are greater than it alone."""
    if edge == WHOLE:
        return form
    if not form:
        return b"\0"
    # The first byte of a prefix tells its kind, and is never the last of all.
    return (int.from_bytes(form, "big") + 1).to_bytes(len(form), "big")


def literal(setting: ColumnSetting, stored: bytes) -> bytes:
    """Return what a column stores or is compared with as a literal, which says the same in every
    sql_mode and character set."""
    if setting.kind == TOKENIZED:
        if setting.token_type in NUMBER_TOKENS:
            return b"%d" % int(stored)
        if setting.token_type in TEXT_TOKENS and _WORDLIKE.issuperset(stored):
            return b"'%b'" % stored
    return b"x'%b'" % hexlify(stored)
