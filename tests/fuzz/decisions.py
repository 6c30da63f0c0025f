"""Fuzzing of lexers, trees and decisions: ``make fuzz``.

The first byte of an input chooses database and settings, the rest is the text.  Wrong is: any
exception, tokens out of order, a decision that takes longer than the limit, and one that differs
from the one that was kept.

    python -m tests.fuzz.decisions FOLDER -max_total_time=60     (FOLDER: inputs, kept and extended)
"""

from __future__ import annotations

import re

from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import DICTIONARY, instrumented, start
from tests.fuzz.words import Mutator

with instrumented("acra_twisted.sql", "acra_twisted.censor"):
    from acra_twisted.errors import LexError
    from acra_twisted.sql.languages import LANGUAGES
    from tests.fuzz import rules

from tests.support.callforms import pairs as call_forms
from tests.support.evasions import EVASIONS

_MODES = {
    "postgresql": [
        {},
        {"standard_conforming_strings": "off"},
        {"client_encoding": "LATIN1"},
        {"client_encoding": "SJIS"},
    ],
    "mysql": [
        {},
        {"sql_mode": "ANSI_QUOTES"},
        {"sql_mode": "NO_BACKSLASH_ESCAPES"},
        {"character_set_client": "gbk"},
    ],
}
_CHOICES = [
    (name, LANGUAGES[name].mode_of(settings)) for name in _MODES for settings in _MODES[name]
]
# While a setting may be changing.
_CHOICES += [
    (name, mode._replace(backslash=None))
    for name, mode in _CHOICES
    if name == "postgresql" and not mode.backslash
]
_LONG_NUMBER = re.compile(rb"[0-9]{10,}")
_WARM = {name: rules.make(name) for name in _MODES}
_COLD = {name: rules.make(name) for name in _MODES}


def check(data: bytes) -> None:
    """One input.  Raises AssertionError, Slow, or what a defect raises."""
    if not data:
        return
    name, mode = _CHOICES[data[0] % len(_CHOICES)]
    text = data[1:]
    try:
        tokens = LANGUAGES[name].tokens(text, mode)
    except LexError:
        tokens = []
    position = 0
    for _, first, end in tokens:
        assert position <= first < end <= len(text), "tokens overlap"
        position = end
    fresh = rules.decide_anew(_COLD[name], text, mode)
    expected = [fresh]
    if fresh.by == "parse_error":
        # Kept for another number; the database has the error: it takes none so long in this place.
        expected.append(rules.decide_anew(_COLD[name], _LONG_NUMBER.sub(b"7", text), mode))
    for _ in range(2):
        assert _WARM[name].decide(text, mode) in expected, "a kept decision differs"


def inputs() -> Inputs:
    """Texts, each for the database that it is for."""
    texts = [(name, text) for name, pairs in EVASIONS.items() for pair in pairs for text in pair]
    texts += [("postgresql", text) for pair in call_forms() for text in pair[1:]]
    for handler in rules.HANDLERS:
        for text in (*handler.get("queries", ()), *handler.get("patterns", ())):
            texts += [(name, text) for name in _MODES]
    found = []
    for name, text in texts:
        first = next(n for n, choice in enumerate(_CHOICES) if choice[0] == name)
        found.append(bytes([first]) + text.encode())
    mutator = Mutator([one[1:] for one in found], 1)
    return Inputs(found, 3000, mutator, DICTIONARY, found=kept("decisions"))


if __name__ == "__main__":
    start(check, inputs())
