"""Makes rules of captured statements: an allow list of patterns, for a person to review.

What was cut out of a captured text becomes %%VALUE%%.  Ours and Acra's have marks of their own for
it: ``?`` here; ``:replaced1``, ``::replaced1`` for a whole list behind IN, and ``:v1`` there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import count, repeat
from typing import Any

import yaml

from acra_twisted.censor.patterns import holds_placeholder, read_pattern
from acra_twisted.errors import ConfigError, LexError
from acra_twisted.sql import lexer
from acra_twisted.sql.languages import LANGUAGES

_VALUE = b"%%VALUE%%"
_LIST = b"(%%LIST_OF_VALUES%%)"
#: Names that Acra gives to what it has cut out, and to parameters written as ``?``.
_REPLACED = re.compile(rb"(?:replaced|redacted|bv|v)[0-9]{1,6}")
#: Operators of PostgreSQL with a question mark, where something stands before them.
_JSON_OPERATORS = frozenset((b"?|", b"?&", b"@?"))
#: Behind these words stands a value or a name, and no operator.
_NO_OPERANDS = frozenset(
    b"select distinct all from where and or not in limit offset values between then else when like "
    b"ilike on set case by as returning is having using any some fetch first next similar".split()
)
_LEFT_SHOWN = 5


def learn(texts: Iterable[str], db: str, source: str) -> str:
    """A rule file that allows what was captured and denies the rest.

    Raises ConfigError if no text can be used: such a file would deny everything.
    """
    language = LANGUAGES[db]
    patterns: dict[str, None] = {}
    left: dict[str, None] = {}
    for text in texts:
        pattern = None if holds_placeholder(text) else pattern_of(text, language)
        if pattern is None:
            # Of a text with placeholders, too: no application writes so, and who sent it may hope
            # that it becomes a rule.
            left.setdefault(text)
        else:
            patterns.setdefault(pattern)
    unusable = [f"Not usable as a pattern, left out: {json.dumps(text)}" for text in left]
    if not patterns:
        shown = "".join(f"\n{line}" for line in unusable[:_LEFT_SHOWN])
        raise ConfigError(
            f"no captured statement can be made a rule ({len(left)} texts){shown}", source
        )
    head = [
        f"# Learned from {source}: {len(patterns)} patterns. Review each before use.",
        "# Everything that is not listed is denied by the last handler.",
        *(f"# {line}" for line in unusable),
    ]
    body = yaml.safe_dump(
        {
            "version": "0.85.0",
            "ignore_parse_error": False,
            "handlers": [
                {"handler": "allow", "patterns": sorted(patterns)},
                {"handler": "denyall"},
            ],
        },
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )
    return "\n".join(head) + "\n" + str(body)


def pattern_of(text: str, language: Any) -> str | None:
    """Return the pattern of a captured text; None if none can be made of it."""
    raw = text.encode("utf-8", "replace")
    try:
        tokens = language.tokens(raw, language.mode)
    except LexError:
        return None
    # A question mark behind a name may be an operator: where it cannot be a value, it is one.
    for operators in (False, True):
        pattern = _pattern(raw, tokens, operators)
        try:
            read_pattern(language, pattern, "learned")
        except ConfigError:
            continue
        return pattern
    return None


def with_parameters(text: str, db: str) -> str:
    """Return a captured text with parameters in the place of what was cut out; a text of which no
    pattern can be made is as it was."""
    pattern = None if holds_placeholder(text) else pattern_of(text, LANGUAGES[db])
    if pattern is None:
        return text
    value = _VALUE.decode()
    first, *others = pattern.replace(_LIST.decode(), f"({value})").split(value)
    marks = repeat("?") if db == "mysql" else map("${}".format, count(1))
    return first + "".join(mark + part for mark, part in zip(marks, others, strict=False))


def _pattern(raw: bytes, tokens: list[tuple[str, int, int]], operators: bool) -> str:
    """Literals, and what was left in their place, become placeholders.

    ``operators``: a question mark behind an operand is an operator.  A minus in front of a value is
    a part of it.
    """
    parts: list[bytes] = []
    position = 0
    behind_operand = False
    sign = -1
    for number, (kind, start, end) in enumerate(tokens):
        if start < position:
            continue
        word, instead = raw[start:end], b""
        if kind in lexer.LITERALS or (kind == lexer.PARAMETER and word == b"?"):
            instead = _VALUE
        elif kind == lexer.OPERATOR and b"?" in word:
            is_operator = word in _JSON_OPERATORS or (operators and word == b"?")
            if not (is_operator and behind_operand):
                instead = _with_values(word, behind_operand)
        elif kind == lexer.OPERATOR and word in (b":", b"::"):
            instead, end = _acras(raw, tokens, number)
        if instead:
            parts += (raw[position : start if sign < 0 else sign], instead)
            position = end
        is_sign = kind == lexer.OPERATOR and word == b"-" and not behind_operand
        sign = start if is_sign else -1
        behind_operand = bool(instead) or _is_operand(kind, word)
    parts.append(raw[position:])
    return " ".join(b"".join(parts).decode("utf-8", "replace").split())


def _with_values(operator: bytes, behind_operand: bool) -> bytes:
    """Operators that stand close to question marks, as in ``=?`` or ``=-?``."""
    if operator == b"?":
        return _VALUE
    *between, last = operator.split(b"?")
    found = b""
    for number, part in enumerate(between):
        signed = part[-1:] == b"-" and (len(part) > 1 or not (behind_operand or number))
        found += (part[:-1] if signed else part) + b" " + _VALUE + b" "
    return found + last


def _acras(raw: bytes, tokens: list[tuple[str, int, int]], number: int) -> tuple[bytes, int]:
    """A placeholder of Acra's that begins with this token: what stands for it, and its end.

    Empty if it is none: ``::`` is a cast, unless it stands behind IN.
    """
    colons, end = 0, tokens[number][1]
    behind = number
    while behind < len(tokens):
        kind, start, stop = tokens[behind]
        if start != end:
            break
        end = stop
        if kind == lexer.OPERATOR and raw[start:stop] in (b":", b"::"):
            colons += stop - start
        elif kind == lexer.WORD and _REPLACED.fullmatch(raw[start:stop]):
            if colons == 1:
                return _VALUE, stop
            before = tokens[number - 1] if number else None
            is_list = before is not None and raw[before[1] : before[2]].lower() == b"in"
            return (_LIST if colons == 2 and is_list else b""), stop
        else:
            break
        behind += 1
    return b"", end


def _is_operand(kind: str, word: bytes) -> bool:
    if kind == lexer.WORD:
        return word.lower() not in _NO_OPERANDS
    return kind != lexer.OPERATOR or word in (b")", b"]")
