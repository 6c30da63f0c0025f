"""Refuses statements that may switch off the CHECKs of a MariaDB, by which it refuses plaintext
itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.refusals import StatementRefusedError
from acra_twisted.sql import lexer, mysqltokens
from acra_twisted.sql.lexer import Token

#: The variable by which CHECKs are switched, for a session or for all.
NAME: Final = "check_constraint_checks"
_names: Final = re.compile(NAME.encode(), re.I).search
#: Kinds of tokens by which a variable can be named.
_NAMING: Final = frozenset((lexer.WORD, lexer.QUOTED, lexer.VARIABLE, lexer.HINT))
#: First words of statements that only read variables.
_READING: Final = frozenset(("select", "show"))
_SCOPES: Final = frozenset(("global", "session", "local"))
_VARIABLES: Final = (NAME, f"@@{NAME}", *(f"@@{scope}.{NAME}" for scope in sorted(_SCOPES)))
_ON: Final = frozenset(
    f"{variable}{sign}{value}"
    for variable in _VARIABLES
    for sign in ("=", ":=")
    for value in ("1", "on", "true", "'on'")
)


def is_named(text: bytes) -> bool:
    """Tell whether a text may name the variable."""
    return _names(text) is not None


def judge(text: bytes, tokens: Sequence[Token], statements: Sequence[list[Token]]) -> None:
    """Judge the statements of a text; ``tokens`` are those of the whole.  Raises
    StatementRefusedError where the variable is named, except where it is read or switched on."""
    if any(token[0] == lexer.HINT and _is_naming(text, token) for token in tokens):
        raise _refused()
    for part in statements:
        if any(_is_naming(text, token) for token in part) and not _is_harmless(text, part):
            raise _refused()


def _is_naming(text: bytes, token: Token) -> bool:
    kind, start, end = token
    return kind in _NAMING and is_named(text[start:end])


def _is_harmless(text: bytes, part: list[Token]) -> bool:
    first = mysqltokens.first_word(text, part)
    if first in _READING:
        return True
    if first != "set":
        return False
    words = [mysqltokens.word(text, token) for token in part]
    for start, end in mysqltokens.assignments(words):
        item, own = words[start:end], part[start:end]
        if not any(_is_naming(text, token) for token in own):
            continue
        is_kept = own[0][0] == lexer.VARIABLE and not item[0].startswith("@@")
        item = item[1:] if item[0] in _SCOPES else item
        if not is_kept and "".join(item).lower() not in _ON:
            return False
    return True


def _refused() -> StatementRefusedError:
    return StatementRefusedError(
        Refusal(
            refusals.CHECKS_OFF,
            "",
            f"the statement may switch off {NAME}, and with it the CHECKs by which the database"
            " refuses plaintext in protected columns",
            f"Leave {NAME} on.",
        )
    )
