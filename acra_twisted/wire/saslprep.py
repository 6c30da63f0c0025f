"""Passwords as PostgreSQL and its clients prepare them before they are hashed.

Source: RFC 4013 (SASLprep) over the tables of RFC 3454, in Unicode 3.2, and PostgreSQL's
``saslprep.c``: a password that cannot be prepared is used as it is.  Normal forms are those of
today's Unicode, which has corrected five characters.
"""

from __future__ import annotations

import stringprep
from typing import Final
from unicodedata import normalize

_PROHIBITED: Final = (
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def prepare(password: bytes) -> bytes:
    """Return the bytes to hash for a password in UTF-8: ``password`` itself if it is ASCII, is not
    UTF-8, or has characters or an order of characters that SASLprep does not allow."""
    if password.isascii():
        return password
    try:
        text = password.decode()
    except UnicodeDecodeError:
        return password
    mapped = "".join(_mapped(one) for one in text)
    # PostgreSQL looks for what is not allowed before it normalizes, and not behind that.
    if not mapped or _is_prohibited(mapped):
        return password
    return normalize("NFKC", mapped).encode()


def _mapped(one: str) -> str:
    if stringprep.in_table_c12(one):
        return " "
    return "" if stringprep.in_table_b1(one) else one


def _is_prohibited(text: str) -> bool:
    if any(table(one) for one in text for table in _PROHIBITED):
        return True
    right = [stringprep.in_table_d1(one) for one in text]
    if not any(right):
        return False
    # A text that is written from right to left is so from end to end.
    return any(map(stringprep.in_table_d2, text)) or not (right[0] and right[-1])
