"""A question of ours between the requests of a client: how it is put, and how its reply is read.

It goes by the extended protocol, as a prepared statement of its own.  A simple query would do away
with the client's unnamed statement, and what the question leaves behind must be nothing: the
statement is closed behind it, and before it, where the one before has failed.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.postgresql.rows import DataRows
from acra_twisted.errors import WireError
from acra_twisted.question import Question
from acra_twisted.results import Columns
from acra_twisted.wire.postgres import backend, frames, frontend

_NAME: Final = b"acra: question"
_CLOSE: Final = frontend.encode_close(b"S", _NAME)
_BIND: Final = frontend.encode_bind(frontend.Bind(_NAME, _NAME, [], [], b"\0\0"))
_RUN: Final = b"".join(
    (_BIND, frontend.encode_execute(_NAME), frontend.encode_close(b"P", _NAME), _CLOSE)
)
#: Bytes of a text from which on its server must not compile its expressions: where a setting of the
#: session's makes them seem expensive, that takes longer than anybody waits.
_LONG: Final = 1000
#: Switches compiling off, where a server has it, and keeps what it was; has no rows.
_SWITCH: Final = (
    b"SELECT WHERE CASE WHEN pg_catalog.current_setting('jit', true) IS NULL THEN false ELSE "
    b"pg_catalog.concat(pg_catalog.set_config('acra_twisted.jit', "
    b"pg_catalog.current_setting('jit'), true), pg_catalog.set_config('jit', 'off', true)) "
    b"IS NULL END"
)
#: Makes it again what it was, which in a client's transaction nothing else does.
_SWITCH_BACK: Final = (
    b"SELECT WHERE CASE WHEN pg_catalog.current_setting('jit', true) IS NULL THEN false ELSE "
    b"pg_catalog.set_config('jit', pg_catalog.current_setting('acra_twisted.jit'), true) "
    b"IS NULL END"
)
_NO_COLUMNS: Final = Columns((), (), (), ())
#: Messages for the client, whatever is asked.
_CLIENTS: Final = frozenset((frames.NOTIFICATION, frames.PARAMETER_STATUS))
#: Messages of a reply without anything to know.
_STEPS: Final = frozenset(
    (
        frames.PARSE_COMPLETE,
        frames.BIND_COMPLETE,
        frames.CLOSE_COMPLETE,
        frames.COMMAND_COMPLETE,
        frames.EMPTY_QUERY,
        frames.NOTICE,
    )
)
_ENDS_SESSION: Final = (b"FATAL", b"PANIC")


def encode(question: Question) -> bytes:
    """The messages that ask it."""
    asked = _asked(question.text)
    if len(question.text) >= _LONG:
        asked = _asked(_SWITCH) + asked + _asked(_SWITCH_BACK)
    return asked + frontend.SYNC


def _asked(text: bytes) -> bytes:
    return _CLOSE + frontend.encode_parse(frontend.Parse(_NAME, text, b"\0\0")) + _RUN


def is_clients(data: bytes, start: int, end: int) -> bool:
    """Return True if a message is for the client and no part of the reply: an error that ends the
    session, too.  Raises WireError."""
    kind = data[start]
    if kind == frames.ERROR_RESPONSE:
        fields = backend.decode_error(data[start + 5 : end])
        return fields.get("V", fields.get("S", b"")) in _ENDS_SESSION
    return kind in _CLIENTS


def read(question: Question, data: bytes, start: int, end: int) -> None:
    """Take a message of the reply, but the ReadyForQuery at its end.  Raises WireError."""
    kind = data[start]
    if kind == frames.DATA_ROW:
        if end - start < 7:
            raise WireError("database", "DataRow is too short")
        question.add(DataRows(data, _NO_COLUMNS, start, end).cells(0), end - start)
    elif kind == frames.ERROR_RESPONSE:
        sqlstate = backend.decode_error(data[start + 5 : end]).get("C", b"")
        known = sqlstate if len(sqlstate) == 5 and sqlstate.isalnum() else b"XX000"
        question.fail("the database says " + known.decode("ascii", "replace"), known)
    elif kind not in _STEPS:
        raise WireError("database", f"message type {chr(kind)!r} answers no question")
