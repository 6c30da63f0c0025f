"""Fuzzing of PostgreSQL's sessions behind their login, from both sides: ``make fuzz
TARGET=pgsession``.

The first byte of an input chooses what stages look at, and what is handed on; the second how the
rest is cut.  The rest is what the sides say in turns, the client first.  Wrong is: any exception
that is not of `errors`, bytes for either side or an end that differ when the same bytes come in
pieces, or while verdicts are awaited, a refused statement or row that arrives all the same, an
exchange that is not closed, or twice.

    python -m tests.fuzz.pgsession FOLDER -max_total_time=60     (FOLDER: inputs that are kept)
"""

from __future__ import annotations

import re
from typing import Any

from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import instrumented, start

with instrumented("acra_twisted.wire", "acra_twisted.dialects", "acra_twisted.proxy"):
    from acra_twisted.dialects.postgresql.farewells import encode_farewell
    from acra_twisted.dialects.postgresql.request import RequestFlow
    from acra_twisted.dialects.postgresql.response import ResponseFlow
    from acra_twisted.dialects.propagation import NOTHING, Propagation
    from acra_twisted.exchange import MESSAGES, ROWS, STATEMENT
    from acra_twisted.pipeline.hooks import Pipeline
    from acra_twisted.session import Session
    from tests.fuzz import sessions
    from tests.fuzz.sessions import CHANGED, DENIED

from acra_twisted.dialects.postgresql.contextsettings import ContextSettings
from acra_twisted.dialects.postgresql.prepared import Prepared
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import message
from tests.fuzz.framed import POSTGRESQL, TURN, Mutator, split
from tests.support import sessions as said
from tests.support.sessions import FLUSH, SYNC, TERMINATE

_LIMIT = 1 << 14
_CONTEXT = TraceContext("ab" * 16, "cd" * 8, True)
_PARENT = _CONTEXT.traceparent().encode()
_CARRYING = Propagation(
    lambda exchange: _CONTEXT, lambda exchange: _CONTEXT, to_acra=True, errors=True, notices=True
)
_COMMENT = re.compile(rb"/\*.*?\*/|--[^\n]*", re.S)
#: Bits of the first byte above those of `sessions.INSPECTS`.
_CARRIES, _CALLS, _NAMES, _SMALL = 0x10, 0x20, 0x40, 0x80
#: Few statements and portals have names, and little is held back.
_FEW, _HELD = 4, 300


def _flows(session: Session, pipeline: Pipeline, first: int) -> tuple[Any, Any]:
    """The flows of a session."""
    propagation = _CARRYING if first & _CARRIES else NOTHING
    if first & _CARRIES:
        session.settings = ContextSettings(session, {})
        session.notices = True
    session.prepared = Prepared(_FEW if first & _SMALL else 1000)
    requests = RequestFlow(
        session,
        pipeline.inspects,
        pipeline.loads,
        pipeline.looks_at,
        pipeline.judges,
        message_limit=_LIMIT,
        hold_limit=_HELD if first & _SMALL else _LIMIT,
        function_call=bool(first & _CALLS),
        propagation=propagation,
    )
    replies = ResponseFlow(
        session,
        pipeline.results,
        messages=MESSAGES in pipeline.inspects,
        message_limit=_LIMIT,
        propagation=propagation,
    )
    return requests, replies


def _kept_back(played: sessions.Played, inspects: frozenset[str]) -> None:
    """Nothing has arrived that was refused."""
    if STATEMENT in inspects:
        for kind, body in split(played.to_database, POSTGRESQL):
            if kind in (b"Q", b"P"):
                text = body.split(b"\0")[kind == b"P"]
                assert DENIED not in _COMMENT.sub(b"", text), body
    if ROWS in inspects:
        for kind, body in split(played.to_client, POSTGRESQL):
            assert kind not in (b"D", b"d") or DENIED not in body, body


def _joined(data: bytes) -> list[tuple[bytes, bytes]]:
    """Messages; copy data is the same however it is cut into messages."""
    found: list[tuple[bytes, bytes]] = []
    for kind, body in split(data, POSTGRESQL):
        if kind == b"d" and found and found[-1][0] == b"d":
            found[-1] = kind, found[-1][1] + body
        elif kind != b"d" or body:
            found.append((kind, body))
    return found


def check(data: bytes) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    if len(data) < 2:
        return
    first, talk = data[0], sessions.turns(data[2:])
    all_played, shown = [], []
    for settings in sessions.forms(first, data[1]):
        played = sessions.play(
            lambda session, pipeline: _flows(session, pipeline, first),
            settings,
            talk,
            lambda reason, text, number: encode_farewell(reason, text),
        )
        _kept_back(played, settings.inspects)
        all_played.append(played)
        shown.append((_joined(played.to_client), _joined(played.to_database)))
    sessions.compare(all_played, shown if settings.is_exact(data) else [])


_TEXTS = (
    *(b"SELECT 1", b"SELECT secret", b"SELECT altered", b"BEGIN", b"COMMIT", b"ROLLBACK", b""),
    *(b"COPY t FROM STDIN", b"COPY taken FROM STDIN", b"COPY t TO STDOUT", b"DISCARD ALL"),
    *(b"SET application_name = 'traceparent=%b'" % _PARENT, b"RESET ALL", b"BEGIN; SELECT 1"),
    *(b"SET standard_conforming_strings = off", b"SELECT 'a\\' -- '", b"DEALLOCATE ALL"),
    *(b"DECLARE c CURSOR FOR SELECT 1", b"FETCH 1 FROM c", b"MOVE c", b"CLOSE c"),
    *(b"PREPARE p AS SELECT $1", b"EXECUTE p(1)", b"DEALLOCATE p", b"SAVEPOINT s"),
    *(b"ROLLBACK TO s", b"SELECT 1 /*traceparent='%b'*/" % _PARENT, b"COMMIT AND CHAIN"),
    *(b"SELECT set_config('acra.traceparent', '%b', false)" % _PARENT, b"LISTEN c"),
    *(b"COPY secret FROM STDIN; SELECT 1", b"SELECT altered; COPY t FROM STDIN"),
)


def inputs() -> Inputs:
    """Conversations with all messages, under some settings."""
    done = said.complete(b"SELECT 1") + said.ready()
    shown = said.columns(b"a") + said.row(b"1") + said.row(b"altered")
    extended = (
        said.parse(b"", b"SELECT $1") + said.bind(b"", b"", (b"altered", None)) + said.execute()
    )
    replied = said.PARSE_COMPLETE + said.BIND_COMPLETE
    copy_in, copy_out = message(b"G", b"\0\0\1\0\0"), message(b"H", b"\0\0\1\0\0")
    copied = message(b"d", b"1\taltered\n2") + message(b"d", b"\n") + message(b"c", b"")
    status = message(b"S", b"standard_conforming_strings\0off\0") + message(b"A", b"\0\0\0\1c\0\0")
    talks = [
        (said.query(b"SELECT 1"), shown + done),
        (said.query(b"SELECT secret") + said.query(b"SELECT altered"), shown + done),
        (said.query(b"BEGIN"), said.complete(b"BEGIN") + said.ready(b"T"))
        + (said.query(b"SELECT secret"), said.error() + said.ready(b"E"))
        + (said.query(b"ROLLBACK"), said.complete(b"ROLLBACK") + said.ready()),
        (extended + SYNC, replied + said.row(b"1") + done),
        (extended + FLUSH, replied + said.row(b"secret"))
        + (SYNC + said.query(b"SELECT 1"), said.complete(b"SELECT 1") + said.ready() + done),
        (
            said.parse(b"s", b"SELECT altered")
            + said.describe(b"S", b"s")
            + said.bind(b"p", b"s", (b"x",), True)
            + said.describe(b"P", b"p")
            + said.execute(b"p", 1)
            + SYNC,
            replied[:5]
            + message(b"t", b"\0\1\0\0\0\x17")
            + shown[:-16]
            + replied[5:]
            + said.columns(b"a")
            + said.row(b"1")
            + message(b"s", b"")
            + said.ready(),
        )
        + (
            said.execute(b"p") + said.close(b"S", b"s") + said.close(b"P", b"p") + SYNC,
            said.complete(b"SELECT 0") + said.CLOSE_COMPLETE * 2 + said.ready(),
        ),
        (said.query(b"COPY t FROM STDIN"), copy_in, copied, said.complete(b"COPY 2"))
        + (b"", said.ready()),
        (said.query(b"COPY taken FROM STDIN"), copy_in, copied, done),
        (said.query(b"COPY t FROM STDIN"), copy_in, message(b"d", b"secret\n"))
        + (said.error() + said.ready(), copied, b"")
        + (said.query(b""), message(b"I", b"") + said.ready()),
        (said.query(b"COPY t FROM STDIN"), copy_in, message(b"f", b"why\0"))
        + (said.error() + said.ready(),),
        (said.query(b"COPY t TO STDOUT"), copy_out + copied + done),
        (said.parse(b"", b"COPY t FROM STDIN") + said.bind(b"", b"") + said.execute() + SYNC,)
        + (replied + copy_in, copied + SYNC, done),
        (said.call(1, (b"x", None)), message(b"V", b"\0\0\0\1x") + said.ready(b"T")),
        (said.query(b"SELECT 1; SELECT 2"), shown + said.complete(b"SELECT 1") + shown + done),
        (extended * 2 + SYNC, said.error() + said.ready()),
        (said.parse(b"n", b"SELECT secret") + extended + SYNC + extended + SYNC, replied + done),
        (said.parse(b"n", b"SELECT secret") + SYNC + said.parse(b"", b"SELECT 1") + SYNC, b""),
        (TERMINATE, b""),
        (said.query(b"SET x"), status + said.complete(b"SET") + said.ready()),
        (said.query(b"SELECT 1"), said.backend.encode_notice("n") + said.error(b"57P01")),
        (said.close(b"S", b"traceparent=" + _PARENT) + extended + SYNC, replied + done),
    ]
    talks += [(said.query(text), done) for text in _TEXTS]
    talks += [
        (said.parse(b"", text) + said.bind(b"", b"") + said.execute() + SYNC, replied + done)
        for text in _TEXTS
    ]
    firsts = ((0x0F, 2), (0x10, 9), (0x1D, 0))
    seeds = [
        bytes(heads) + TURN.join(talk)
        for number, talk in enumerate(talks)
        for heads in (firsts if number < 20 else firsts[:1])
    ]
    mutator = Mutator(seeds, POSTGRESQL, 2, (*_TEXTS, DENIED, CHANGED))
    return Inputs(seeds, 1200, mutator, found=kept("pgsession"))


if __name__ == "__main__":
    start(check, inputs())
