"""The canonical plaintext of a value: what is sealed, searched for and tokenised.

One value has one form, however it was written: bytes as they are, characters as UTF-8, everything
else as the text that SQL prints for it: ``-5``, ``t``, ``1.5``, ``2026-11-29`` and a UUID in lower
case.  The functions take text in common forms, and raise ValueRefusedError for any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from math import isinf, nextafter
from typing import Final

from acra_twisted.encryption import dates, errors
from acra_twisted.encryption.errors import ValueRefusedError

#: Bits of the integer types.
BITS: Final = {"int16": 16, "int32": 32, "int64": 64}
#: Names of the types in messages.
NAMES: Final = {
    "": "bytea",
    "bytes": "bytea",
    "str": "text",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "bool": "boolean",
    "float8": "double precision",
    "uuid": "uuid",
    "date": "date",
}
#: Days without end have names instead of numbers.
FOREVER: Final = b"infinity"
NEVER: Final = b"-infinity"

_INTEGER: Final = re.compile(rb"([+-]?)(?=[0-9])0*+([0-9]*+)")
_REAL: Final = re.compile(rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]{1,6})?")
_NO_NUMBERS: Final = {
    b"nan": b"NaN",
    b"inf": b"Infinity",
    b"infinity": b"Infinity",
    b"+inf": b"Infinity",
    b"+infinity": b"Infinity",
    b"-inf": b"-Infinity",
    b"-infinity": b"-Infinity",
}
_UUID: Final = re.compile(rb"(?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}")
_ZONE: Final = rb"[+-](?:(?:0?[0-9]|1[0-5])(?::[0-5][0-9]){0,2}|(?:0[0-9]|1[0-5])[0-5][0-9])"
_TIME: Final = rb"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:[.]([0-9]{0,60}))?)?"
#: A day with a time and a time zone, which mean nothing to it: pgJDBC sends days with a zone,
#: postgres.js with both.
_DATE: Final = re.compile(
    rb"([0-9]{3,7})-([0-9]{1,2})-([0-9]{1,2})(?:[ ]+(ad|bc))?"
    rb"(?:(?:(?<=[0-9])T|[ ]+)" + _TIME + rb"(?:[ ]*(?:Z|" + _ZONE + rb"))?|[ ]+" + _ZONE + rb")?",
    re.I,
)
#: Digits of the longest integer, and numbers of digits that are an integer of a type for certain.
_DIGITS: Final = 19
_SURE: Final = {"int16": 4, "int32": 9, "int64": 18}
#: Characters of the longest number that is looked at.
_LONGEST: Final = 1000


def invalid(data_type: str, sqlstate: bytes = errors.INVALID_TEXT) -> ValueRefusedError:
    """The error for text that is no value of a type."""
    text = f"invalid input syntax for type {NAMES[data_type]}"
    return ValueRefusedError(sqlstate, errors.INVALID, text)


def out_of_range(data_type: str, sqlstate: bytes = errors.NUMBER_RANGE) -> ValueRefusedError:
    """The error for a value that is too large for a type, or too small."""
    text = f"value out of range for type {NAMES[data_type]}"
    return ValueRefusedError(sqlstate, errors.OUT_OF_RANGE, text)


def integer(data_type: str, number: int) -> bytes:
    """The canonical form of a number.  Raises ValueRefusedError if the type does not have it."""
    half = 1 << (BITS[data_type] - 1)
    if not -half <= number < half:
        raise out_of_range(data_type)
    return b"%d" % number


def integer_text(data_type: str, text: bytes) -> bytes:
    """The canonical form of decimal digits, behind a sign or not."""
    if len(text) <= _SURE[data_type] and text.isdigit() and (text[0] != 0x30 or len(text) == 1):
        # Nearly all are in their canonical form, and this takes a tenth of the time.
        return text
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise invalid(data_type)
    sign, digits = match.groups()
    if len(digits) > _DIGITS:
        raise out_of_range(data_type)
    return integer(data_type, int(sign + (digits or b"0")))


def boolean_text(text: bytes) -> bytes:
    """``t`` or ``f`` for these, ``true`` and ``false``."""
    lower = text.lower()
    if lower in (b"t", b"true"):
        return b"t"
    if lower in (b"f", b"false"):
        return b"f"
    raise invalid("bool")


def real_text(text: bytes) -> bytes:
    """The canonical form of a decimal number that is read as a double."""
    name = _NO_NUMBERS.get(text.lower())
    if name is not None:
        return name
    if len(text) > _LONGEST or _REAL.fullmatch(text) is None:
        raise invalid("float8")
    number = float(text)
    digits = text.lower().partition(b"e")[0]
    if isinf(number) or (not number and digits.strip(b"+-.0")):
        raise out_of_range("float8")
    return real(number)


def real(number: float) -> bytes:
    """The fewest digits that stand for a double and for no other, as databases print them."""
    text = repr(number)
    if number != number or isinf(number):
        return _NO_NUMBERS[text.encode()]
    precision = 0
    while _is_between(number, text):
        # Only the rule for rounding tells the two doubles apart: more digits do without it.
        text, precision = f"{number:.{precision}e}", precision + 1
    sign = "-" if text[0] == "-" else ""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = len(whole) - 1 + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return (sign + "0").encode()
    return (sign + _written(digits, power)).encode()


def _written(digits: str, power: int) -> str:
    """A number of these digits, the first of which counts ``10 ** power``."""
    if not -4 <= power < 15:
        point = "." if len(digits) > 1 else ""
        return f"{digits[0]}{point}{digits[1:]}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power < 0:
        return "0." + "0" * (-power - 1) + digits
    whole = digits[: power + 1].ljust(power + 1, "0")
    return f"{whole}.{digits[power + 1 :]}" if len(digits) > power + 1 else whole


def _is_between(number: float, text: str) -> bool:
    """Return True if a text is half way from a double to the next one, or stands for another."""
    if len(text) < 15 and "e" not in text:
        return False
    exact, written = Decimal(number), Decimal(text)
    if exact == written:
        return False
    if float(text) != number:
        return True
    other = Decimal(nextafter(number, float("inf") if written > exact else float("-inf")))
    return other.is_finite() and written * 2 == exact + other


def uuid_text(text: bytes) -> bytes:
    """A UUID in lower case with four hyphens.  Hyphens may stand between any groups of four
    digits, and braces around the whole."""
    if text[:1] == b"{" and text[-1:] == b"}":
        text = text[1:-1]
    if len(text) > 39 or _UUID.fullmatch(text) is None:
        raise invalid("uuid")
    return uuid(text.replace(b"-", b"").lower())


def uuid(digits: bytes) -> bytes:
    """A UUID of 32 digits."""
    ends = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    return b"-".join([digits[begin:end] for begin, end in ends])


def date_text(text: bytes) -> bytes:
    """A day in its ISO form, ``BC`` behind it before the year 1; ``infinity`` and ``-infinity``.
    A time and a time zone behind it are read and count for nothing, as in PostgreSQL."""
    lower = text.lower()
    if lower in (FOREVER, NEVER):
        return lower
    match = _DATE.fullmatch(text)
    if match is None:
        raise invalid("date", errors.DATE_SYNTAX)
    if match[5] is not None and not _is_time(*match.group(5, 6, 7, 8)):
        raise out_of_range("date", errors.DATE_RANGE)
    before = match[4] is not None and match[4].lower() == b"bc"
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not year:
        raise out_of_range("date", errors.DATE_RANGE)
    if before:
        year = 1 - year
    if not dates.is_day(year, month, day):
        raise out_of_range("date", errors.DATE_RANGE)
    days = dates.to_days(year, month, day)
    if not dates.FIRST <= days <= dates.LAST:
        raise out_of_range("date", errors.DATE_RANGE)
    return date(days)


def _is_time(hour: bytes, minute: bytes, second: bytes | None, fraction: bytes | None) -> bool:
    """Tell whether a day has such a time, its end and a leap second among them."""
    minutes, seconds = int(minute), int(second or b"0")
    passed = 3600 * int(hour) + 60 * minutes + seconds
    after = bool(fraction and fraction.strip(b"0"))
    return minutes < 60 and seconds <= 60 and passed + after <= 86_400


def date(days: int) -> bytes:
    """The day that is so many days behind 1 January 2000.  Raises ValueRefusedError."""
    if not dates.FIRST <= days <= dates.LAST:
        raise out_of_range("date", errors.DATE_RANGE)
    year, month, day = dates.from_days(days)
    if year > 0:
        return b"%04d-%02d-%02d" % (year, month, day)
    return b"%04d-%02d-%02d BC" % (1 - year, month, day)


def days(canonical: bytes) -> int:
    """The days from 1 January 2000 to a day in its canonical form, which is not an infinite one."""
    text, _, before = canonical.partition(b" ")
    year, month, day = text.split(b"-")
    return dates.to_days(1 - int(year) if before else int(year), int(month), int(day))


def characters(text: bytes) -> bytes:
    """Characters as they are, if they are UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        raise ValueRefusedError(
            errors.BAD_CHARACTER, errors.ENCODING, "invalid byte sequence for encoding UTF8"
        ) from None
    return text


def _as_it_is(text: bytes) -> bytes:
    return text


_READ: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": _as_it_is,
    "bytes": _as_it_is,
    "str": characters,
    "int16": partial(integer_text, "int16"),
    "int32": partial(integer_text, "int32"),
    "int64": partial(integer_text, "int64"),
    "bool": boolean_text,
    "float8": real_text,
    "uuid": uuid_text,
    "date": date_text,
}


def whole(data_type: str, text: bytes, exact: bool = False) -> bytes:
    """The canonical form of a value that is there already, which must lose nothing.  ``exact`` is
    as in `check_whole`.  Raises ValueRefusedError as `canonical` and `check_whole` do."""
    found = canonical(data_type, text)
    check_whole(data_type, text, found, exact)
    return found


def check_whole(data_type: str, text: bytes, found: bytes, exact: bool = False) -> None:
    """Check that the canonical form ``found`` of a text has all of it.  Raises ValueRefusedError
    for a day with a time or a time zone, and for digits that a double does not have.

    ``exact``: the text is that of an exact number; any other may be a double with more digits
    than it needs.
    """
    if data_type == "date":
        match = _DATE.fullmatch(text.strip())
        if match is not None and text.strip()[match.end(4 if match[4] else 3) :].strip(b" tT:.0"):
            raise ValueRefusedError(
                errors.DATE_RANGE, errors.OUT_OF_RANGE, "its time of day would be lost"
            )
    elif data_type == "float8" and not _has_digits(text.strip().lower(), found, exact):
        raise ValueRefusedError(
            errors.NUMBER_RANGE, errors.OUT_OF_RANGE, "its last digits would be lost"
        )


def _has_digits(text: bytes, found: bytes, exact: bool) -> bool:
    """Tell whether a double has the digits of a decimal number; True for any other text."""
    if len(text) > _LONGEST or _REAL.fullmatch(text) is None:
        return True
    number = Decimal(text.decode())
    if number == Decimal(found.decode()):
        return True
    digits = text.partition(b"e")[0].lstrip(b"+-0.").replace(b".", b"")
    return not exact and Decimal(f"{float(found):.{len(digits) - 1}e}") == number


def canonical(data_type: str, text: bytes) -> bytes:
    """The canonical form of a value in a common form, such as a setting's default or an opened
    container has it.  Raises ValueRefusedError."""
    return _READ[data_type](text)
