"""Fuzzing of MySQL's sessions behind their login, from both sides: ``make fuzz
TARGET=mysqlsession``.

The first byte of an input chooses what stages look at, and capabilities; the second how the rest is
cut, and whether contexts are handed on.  The rest is what the sides say in turns, the client first.
Wrong is: any exception that is not of `errors`, bytes for either side or an end that differ when
the same bytes come in pieces, or while verdicts are awaited, a refused statement that arrives all
the same, a packet in part at the end, an exchange that is not closed, or twice.

    python -m tests.fuzz.mysqlsession FOLDER -max_total_time=60     (FOLDER: inputs that are kept)
"""

from __future__ import annotations

import re
from typing import Any

from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import instrumented, start

with instrumented("acra_twisted.wire", "acra_twisted.dialects", "acra_twisted.proxy"):
    from acra_twisted.dialects.mysql.authentication import LegsPolicy
    from acra_twisted.dialects.mysql.farewells import encode_farewell
    from acra_twisted.dialects.mysql.sessions import Sessions
    from acra_twisted.dialects.propagation import NOTHING, Propagation
    from acra_twisted.errors import AcraError
    from acra_twisted.exchange import STATEMENT
    from acra_twisted.pipeline.hooks import Pipeline
    from acra_twisted.session import Session
    from acra_twisted.wire.mysql import commands, parameters
    from acra_twisted.wire.mysql.capabilities import InForce
    from tests.fuzz import sessions
    from tests.fuzz.sessions import CHANGED, DENIED

from acra_twisted.wire.link.tracecontext import TraceContext
from tests.fuzz.framed import MYSQL, TURN, Mutator
from tests.fuzz.mysqltexts import TEXTS, asked
from tests.support.mysqltalk import turns, whole_packets
from tests.support.mysqlvectors import CLIENT, conversations

_LIMIT = 1 << 14
_CONTEXT = TraceContext("ab" * 16, "cd" * 8, True)
_CARRYING = Propagation(
    lambda exchange: _CONTEXT, lambda exchange: _CONTEXT, to_acra=True, errors=True
)
_COMMENT = re.compile(rb"/\*.*?\*/|(?:--|#)[^\n]*", re.S)
_DEPRECATES_EOF, _TRACKS, _ATTRIBUTES, _LOCAL = 1 << 24, 1 << 23, 1 << 27, 1 << 7
#: Capabilities by the upper bits of the first byte.
_CAPABILITIES = (_DEPRECATES_EOF, _TRACKS, _ATTRIBUTES, _LOCAL)
#: MariaDB's, which MySQL has not: bulk executions, longer definitions, definitions that are kept.
_EXTENDED = 4 | 8 | 16
#: Bits of the second byte above those that tell how the rest is cut.
_CARRIES, _IS_MARIADB, _FEW = 0x20, 0x40, 0x80


def _in_force(first: int, second: int) -> InForce:
    chosen = (bit for place, bit in enumerate(_CAPABILITIES) if first >> 4 + place & 1)
    is_mariadb = bool(second & _IS_MARIADB)
    return InForce(sum(chosen), _EXTENDED if is_mariadb else 0, is_mariadb)


def _flows(session: Session, pipeline: Pipeline, first: int, second: int) -> tuple[Any, Any]:
    """The flows of a session."""
    made = Sessions(
        message_limit=_LIMIT,
        max_prepared=2 if second & _FEW else 100,
        propagation=_CARRYING if second & _CARRIES else NOTHING,
    )
    session.system = session.language = "mysql"
    legs = LegsPolicy(exposed=True)
    return made.flows(session, _in_force(first, second), 2, 45, (), pipeline, legs)


def _kept_back(data: bytes, with_attributes: bool) -> None:
    """No statement has arrived that was refused; nor has a part of a packet, but of a file."""
    for number, payload in whole_packets(data)[0]:
        if number or payload[:1] not in (b"\x03", b"\x16"):
            continue
        text = payload[1:]
        if payload[0] == commands.QUERY:
            try:
                text = parameters.decode_query(payload, with_attributes).text
            except AcraError:
                continue
        assert DENIED not in _COMMENT.sub(b"", text), payload


def check(data: bytes) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    if len(data) < 2:
        return
    first, second, talk = data[0], data[1], sessions.turns(data[2:])
    all_played, shown = [], []
    for settings in sessions.forms(first, second):
        played = sessions.play(
            lambda session, pipeline: _flows(session, pipeline, first, second),
            settings,
            talk,
            lambda reason, text, number: encode_farewell(reason, text, number=number),
        )
        if STATEMENT in settings.inspects:
            _kept_back(played.to_database, bool(_in_force(first, second).query_attributes))
        all_played.append(played)
        shown.append((played.to_client, played.to_database))
    sessions.compare(all_played, shown if settings.is_exact(data) else [])


def inputs() -> Inputs:
    """Recorded conversations, and texts that are asked, under some settings."""
    found = []
    for one in conversations().values():
        talk: list[bytes] = []
        for leg, data in turns(one, True):
            if (leg == CLIENT) == bool(len(talk) % 2):
                talk.append(b"")
            talk.append(data[:400])
        bits = sum(bool(one.capabilities & bit) << 4 + n for n, bit in enumerate(_CAPABILITIES))
        mariadb = _IS_MARIADB if one.extended else 0
        for inspects, second in ((0, 1), (0x0F, 9 | _CARRIES)):
            found.append(bytes((bits | inspects, second | mariadb)) + TURN.join(talk[:8]))
    ok = b"\x07\0\0\1\0\0\0\2\0\0\0"
    for number, said in enumerate(asked()):
        for bits in (0x0F, 0xFF):
            heads = bits, (_IS_MARIADB if number % 2 else 0) | 5
            found.append(bytes(heads) + said + TURN + ok)
    mutator = Mutator(found, MYSQL, 2, (*TEXTS, DENIED, CHANGED))
    return Inputs(found, 1200, mutator, found=kept("mysqlsession"))


if __name__ == "__main__":
    start(check, inputs())
