"""Fuzzing of what reads bytes from outside: ``make fuzz TARGET=wire``.

The first byte of an input chooses a reader and how the rest is cut.  Wrong is: any exception that
is not of `errors`, an answer that differs when the same bytes come in pieces, what passes whole and
differs from what is taken apart, much memory.

    python -m tests.fuzz.wire FOLDER -max_total_time=60     (FOLDER: inputs, kept and extended)
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import instrumented, start

with instrumented("acra_twisted.wire", "acra_twisted.dialects", "acra_twisted.crypto"):
    from acra_twisted.crypto import cells, envelopes
    from acra_twisted.dialects.postgresql.challenge import ChallengePolicy
    from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
    from acra_twisted.dialects.postgresql.servedlogin import ServePolicy
    from acra_twisted.dialects.postgresql.servicequery import Account, ServiceQuery
    from acra_twisted.dialects.postgresql.startup import ClientStartup, StartupPolicy
    from acra_twisted.endreason import EndReason
    from acra_twisted.errors import AcraError
    from acra_twisted.loginactions import CLIENT, DATABASE, Connect, Fail, LookUp, Open, StartTLS
    from acra_twisted.lookup import Found
    from acra_twisted.queryactions import Derive, LoggedIn
    from acra_twisted.wire import scram
    from acra_twisted.wire.link import lengthprefix, tracecontext
    from acra_twisted.wire.link.spanlink import SpanIntake
    from acra_twisted.wire.postgres import backend, frontend, nested
    from tests.support.sessions import PARSE_COMPLETE, SYNC, make_session, parse, query, ready
    from tests.support.twins import both

from acra_twisted.authentication import authfile
from acra_twisted.themis import cell, container, keys, message
from acra_twisted.themis.session import ServerSession
from acra_twisted.transport.revocation import crl, ocsp, subjects
from acra_twisted.transport.revocation.policy import GOOD, REVOKED, OcspRules
from acra_twisted.transport.revocation.subjects import Issuers
from tests.support.issued import NOW
from tests.support.revocation import Revoker

#: Separates what the client says from what the database says, in turns.
TURN = b"\xfe\xfe"
_PREPARED = (("client", parse(b"s", b"SELECT $1") + SYNC), ("database", PARSE_COMPLETE + ready()))
_KEY = keys.generate()
_DIALECT = PostgresqlDialect()
#: The secret of a password that a kept input knows.
_SALT = bytes(16)
_KEYS = scram.keys_of(scram.salted(b"secret", _SALT, 1))
_VERIFIER = scram.verifier_of(_KEYS, _SALT, 1)
_FOUND = Found(_VERIFIER.encode(), "file")
_LEAF = Revoker().leaf()
_MOMENT = NOW.timestamp()
_ACCOUNT = Account(b"acra_service", b"select $1", b"secret")
_CHALLENGE = ChallengePolicy(bytes(32), lambda: b"nonce")


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _session(data: bytes, cut: int) -> None:
    """Both flows of a session: whole chunks, chunks that are taken apart, and chunks in pieces."""
    sides = ("client", "database")
    parts = data.split(TURN)[:8]
    talk = [(sides[n % 2], part) for n, part in enumerate(parts) if part]
    short, general = both([*_PREPARED, *talk], message_limit=1 << 16)
    assert short == general, "passing whole differs"
    inspected = {"inspects": ("statement", "parameters", "rows"), "message_limit": 1 << 16}
    cut_talk = [(side, piece) for side, part in talk for piece in _pieces(part, cut)]
    for one in both([*_PREPARED, *cut_talk], **inspected):
        assert one["closed"] <= len(one["exchanges"])


def _startup(data: bytes, cut: int) -> None:
    for encrypted in (False, True):
        startup = ClientStartup(StartupPolicy(), encrypted)
        for piece in _pieces(data, cut):
            if startup.feed(piece) is not None:
                break
    turns = list(enumerate(data.split(TURN)[:8]))
    said = [(n % 2, piece) for n, part in turns for piece in _pieces(part, cut)]
    policy = ServePolicy(
        pipeline=SimpleNamespace(
            inspects=frozenset(), results=None, loads=None, looks_at=None, judges=None
        )
    )
    sent_away = _DIALECT.send_away(EndReason.LOGIN, "bye")
    ended = _DIALECT.serve(policy._replace(challenge=_CHALLENGE))
    for login in (_DIALECT.serve(policy), ended, _DIALECT.follow(), sent_away):
        _login(login, said)
    _service(data, cut)


def _service(data: bytes, cut: int) -> None:
    """A database that the service asks for secrets, and a file of them."""
    query = ServiceQuery(_ACCOUNT, b"nonce")
    query.begin(False, None)
    try:
        for piece in _pieces(data, cut):
            for action in query.feed(piece):
                if isinstance(action, Derive):
                    assert action.iterations <= 1_000_000, "more iterations than the limit"
                    query.derived(bytes(32))
                elif isinstance(action, LoggedIn):
                    query.ask(b"ann")
    except AcraError:
        pass
    authfile.parse(data, "users")


def _login(login: Any, said: list[tuple[int, bytes]]) -> None:
    """A login with both of its sides: it fails in one way, and asks for what there is."""
    session = make_session(ready=False)
    for side, piece in said:
        actions = list(login.feed((CLIENT, DATABASE)[side], piece))
        while actions:
            action = actions.pop(0)
            if isinstance(action, LookUp):
                actions += login.looked_up(_FOUND)
            elif isinstance(action, Connect):
                actions += login.connected(False)
            elif isinstance(action, Open):
                actions += login.opened(session)
            elif isinstance(action, StartTLS):
                actions += login.tls_started(action.leg, None)
            elif isinstance(action, Fail):
                assert isinstance(action.error, AcraError), "an error of another kind"


def _query(data: bytes) -> bytes:
    return frontend.decode_query(data, 0, len(data))


def _bodies(data: bytes, cut: int) -> None:
    for decode in (
        *(
            backend.decode_row_description,
            backend.decode_parameter_description,
            backend.decode_error,
            backend.decode_command_tag,
        ),
        *(backend.decode_parameter_status, backend.decode_backend_key, backend.sasl_mechanisms),
        *(frontend.decode_bind, frontend.decode_parse, frontend.decode_target),
        *(_query, frontend.decode_execute, frontend.bind_names),
    ):
        try:
            decode(data)
        except AcraError:
            continue

    _scram(data, cut)


def _scram(data: bytes, cut: int) -> None:
    """Messages of either role, and a stored secret."""
    server = scram.ServerConversation(_VERIFIER, b"nonce", [scram.PLUS, scram.PLAIN], b"end")
    client = scram.ClientConversation(scram.Choice(scram.PLAIN, scram.CANNOT), b"nonce")
    first, _, last = data.partition(TURN)
    for read in (
        lambda: scram.read_verifier(data),
        lambda: server.begin(scram.PLAIN if cut % 2 else scram.PLUS, first),
        lambda: server.finish(last),
        lambda: client.challenged(first),
        lambda: client.accepted(last),
    ):
        try:
            read()
        except AcraError:
            continue


def _link(data: bytes, cut: int) -> None:
    taken: list[bytes] = []
    intake = SpanIntake()
    for piece in _pieces(data, cut):
        taken += intake.feed(piece)
    assert sum(map(len, taken)) <= len(data)
    tracecontext.decode(data)
    tracecontext.parse_traceparent(data.decode("latin-1"))
    lengthprefix.decode(data, 1 << 16)


def _containers(data: bytes, cut: int) -> None:
    for binary in (False, True):
        for sighting in cells.find(data, binary):
            if sighting.form == cells.UNUSUAL and not sighting.end:
                continue
            assert 0 <= sighting.start < sighting.end <= len(data), "a sighting outside its cell"
        # What is searched for and what is found must not part: a container would pass unseen.
        if cells.find(data, binary):
            assert cells.might_contain(data, True), "found and not searched for"
    envelopes.find(data)
    _values(data, cut)


def _values(data: bytes, cut: int) -> None:
    """Values in values: of a type that is known or not, and tuples of a binary COPY."""
    tuples = nested.CopiedTuples(cut)
    tuples.whole(data, 0, len(data))
    for held in nested.copied(data):
        assert 0 <= held.length < held.end <= len(data), "a field outside its message"
    for oid in (0, 1001, 2249):
        leaves = nested.leaves(data, 0, len(data), oid, lambda start, end: end > start)
        for leaf in leaves:
            assert 0 <= leaf.start <= leaf.end <= len(data), "a value outside its cell"
        for sighting in cells.place(data, cells.find(data), leaves):
            assert sighting.end <= len(data), "a sighting outside its cell"


def _themis(data: bytes, cut: int) -> None:
    server = ServerSession(
        b"server",
        _KEY,
        lambda peer: _KEY.public_key() if peer == b"client" else None,
        random_bytes=bytes,
        now=lambda: 0.0,
    )
    for read in (
        lambda: container.decode(b"REC2", data),
        lambda: keys.decode_public(data),
        lambda: keys.decode_private(data),
        lambda: message.decrypt_shared(b"k" * 32, data),
        lambda: message.verify(_KEY.public_key(), data),
        lambda: cell.open_sealed(b"k" * 32, data, b""),
        lambda: server.receive(data),
    ):
        try:
            read()
        except AcraError:
            continue
    _revocation(data)


def _revocation(data: bytes) -> None:
    """OCSP answers, revocation lists and certificates."""
    subject, issuers = _LEAF.subject, Issuers()
    found = ocsp.judge(data, subject, _MOMENT, OcspRules())
    assert found.reason not in (GOOD, REVOKED), "an answer that nobody has signed"
    for read in (
        lambda: crl.read(data, subject.issuer).judge(subject, _MOMENT),
        lambda: subjects.read((data, _LEAF.chain[1]), issuers),
        lambda: subjects.read((_LEAF.chain[0], data), issuers),
    ):
        try:
            read()
        except AcraError:
            continue


READERS: tuple[Callable[[bytes, int], None], ...] = (
    *(_session, _startup, _bodies, _link, _containers, _themis),
)


def check(data: bytes) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    if not data:
        return
    reader = READERS[data[0] % len(READERS)]
    try:
        reader(data[1:], 1 + data[0] // len(READERS))
    except AcraError:
        return


def inputs() -> Inputs:
    """An exchange, and inputs that are kept: those of other readers."""
    return Inputs([b"\xf0" + query(b"SELECT 1") + TURN + ready()], 2000, found=kept("wire"))


if __name__ == "__main__":
    start(check, inputs())
