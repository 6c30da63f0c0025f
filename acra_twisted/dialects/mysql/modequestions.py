"""Asks a session's database how it reads texts, where that is not known and matters.

MySQL tells of double quotes in nothing that it says by itself.  What it and MariaDB tell is unknown
behind a routine that has changed it.  The session's own variables are what a server reads by.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.mysql.texts import reads_alike
from acra_twisted.question import Question
from acra_twisted.sql.mysqlleft import shows_before

#: It means the same in all modes and character sets.
TEXT: Final = (
    b"SELECT @@SESSION.sql_mode, @@SESSION.character_set_client, @@SESSION.character_set_results"
)
#: Words of texts that may have rows of tables for an answer.
_SHOWING: Final = (b"select", b"returning", b"table")
_is_modes: Final = re.compile(rb"[A-Z0-9_,]*", re.I).fullmatch
_is_name: Final = re.compile(rb"[a-z][a-z0-9_]*", re.I).fullmatch


def must_wait(
    state: MysqlState, text: bytes, ask: Callable[[Question], bool], reads_rows: bool
) -> bool:
    """Return True while a text has to wait for the database's word about how it is read, which is
    unknown.  The same text comes again then.

    ``ask`` puts a question, and returns False if something is owed.  ``reads_rows``: a stage reads
    the characters of results, whose set must be known.
    """
    if state.question is None:
        if state.changing or shows_before(text):
            return False
        if reads_alike(text) and not (reads_rows and state.lacks_characters and _may_show(text)):
            return False
    return _is_asked(state, ask)


def must_know_characters(state: MysqlState, text: bytes, ask: Callable[[Question], bool]) -> bool:
    """Return True while an execution has to wait for the database's word about the characters of
    its values and of its result.  ``text`` is that of its statement; ``ask`` as in must_wait."""
    if state.question is None:
        if state.changing or not state.lacks_characters or shows_before(text):
            return False
    return _is_asked(state, ask)


def _may_show(text: bytes) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in _SHOWING)


def _is_asked(state: MysqlState, ask: Callable[[Question], bool]) -> bool:
    """Put the question, and take its answer in; return True until that is done."""
    question = state.question
    if question is None:
        question = Question(TEXT)
        if ask(question):
            state.question = question
        return True
    if not question.is_over:
        return True
    rows = question.rows
    state.question = None
    if not question.failure and len(rows) == 1 and len(rows[0]) == 3:
        # In UCS-2, UTF-16 and UTF-32 a letter has zeros beside it.
        modes, charset, results = (
            None if cell is None else cell.replace(b"\0", b"") for cell in rows[0]
        )
        if modes is not None and charset is not None and _is_modes(modes) and _is_name(charset):
            state.answered(modes, charset, results or b"")
    return False
