"""Fuzzing of MySQL's logins, from both sides: ``make fuzz TARGET=mysqllogin``.

The first byte of an input chooses what is allowed, the second how the rest is cut; the rest is what
the sides say in turns, the database first, to AcraServer and to a connector.  Wrong is: any
exception that is not of `errors`, a login that ends otherwise when the same bytes come in pieces, a
byte for the database before the client is admitted, a part of a packet, much memory, packets that
are others when they are read again, and a password of AcraServer's own in clear.

    python -m tests.fuzz.mysqllogin FOLDER -max_total_time=60    (FOLDER: inputs that are kept)
"""

from __future__ import annotations

from tests.fuzz.framed import MYSQL, TURN, Mutator
from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import instrumented, start

with instrumented("acra_twisted.wire", "acra_twisted.dialects"):
    from acra_twisted.dialects.mysql.legs import UNREAD_LIMIT
    from acra_twisted.dialects.mysql.servicelogin import Account
    from acra_twisted.dialects.mysql.servicequery import ServiceQuery
    from acra_twisted.errors import AcraError, WireError
    from acra_twisted.loginactions import (
        CLIENT,
        DATABASE,
        DECLINE,
        OFFER,
        PASS,
        REFUSE,
        REQUIRE,
        SESSION,
        Carry,
        Close,
        Connect,
        Copy,
        Fail,
        Ready,
        StartTLS,
    )
    from acra_twisted.queryactions import Send
    from acra_twisted.queryactions import StartTLS as BeginTLS
    from acra_twisted.wire.mysql import handshake
    from acra_twisted.wire.mysql.capabilities import InForce
    from tests.support.mysqllogins import FollowedPlay, MysqlPlay

from tests.support.mysqltalk import whole_packets
from tests.support.mysqlvectors import CLIENT as SAID_BY_CLIENT
from tests.support.mysqlvectors import conversations

_TLS = ("disable", "allow", "require", "allow")
_ANSWERED = (PASS, DECLINE, REFUSE, OFFER, REQUIRE)
_PASSWORD = b"a password"
_DATABASE_TLS = ("off", "if offered", "on", "if offered")


class _Noted:
    """A login that begins TLS as soon as it is asked for; ``end`` is how it has ended."""

    def __init__(self, *given, **options):
        self.end = ""
        self._received = b""
        #: The database may be sent something.
        self.admitted = False
        #: Bytes are carried without being read as packets.
        self._carried = False
        super().__init__(*given, **options)

    def perform(self, actions):
        for action in actions:
            if isinstance(action, StartTLS) and action.leg == CLIENT:
                self._received += action.received
            elif isinstance(action, Connect) and action.purpose == SESSION:
                self.admitted = self.admits
        super().perform(actions)

    def says(self, leg: str, data: bytes) -> None:
        """Take bytes, and see that nothing is wrong."""
        (self.client if leg == CLIENT else self.database)(data)
        for action in self.actions:
            if isinstance(action, StartTLS) and action.leg == CLIENT:
                received, self._received = self._received, b""
                self.perform(self.login.tls_started(CLIENT, None))
                if received:
                    self.client(received)
        for action in self.actions:
            if isinstance(action, Fail):
                assert isinstance(action.error, WireError), action
                self.end = "Early" if "before it was answered" in str(action.error) else "Fail"
            elif isinstance(action, (Ready, Close, Copy)):
                self.end = type(action).__name__
            self._carried = self._carried or isinstance(action, Carry)
        self.actions = [one for one in self.actions if not isinstance(one, StartTLS)]
        assert self.admitted or not self.to_database, self.to_database
        for got in self.got.values():
            assert self._carried or not whole_packets(got)[1], got


class _Served(_Noted, MysqlPlay):
    """At AcraServer."""

    def __init__(self, choice: int):
        super().__init__(
            admits=not choice & 0x80,
            tls=_TLS[choice & 3],
            database_tls=_DATABASE_TLS[choice >> 2 & 3],
            password_without_tls=bool(choice & 0x10),
            exposed=bool(choice & 0x20),
            local_files=bool(choice & 0x40),
        )


class _Followed(_Noted, FollowedPlay):
    """At a connector, which may send to AcraServer what it likes."""

    def __init__(self, choice: int):
        super().__init__(_ANSWERED[choice % len(_ANSWERED)], bool(choice & 8))
        self.admitted = True


def _said(data: bytes, choice: int, kind: type[_Noted], cut: int) -> _Noted:
    play = kind(choice)
    for number, part in enumerate(data.split(TURN)):
        leg = CLIENT if number % 2 else DATABASE
        for at in range(0, len(part), cut):
            if play.end:
                return play
            play.says(leg, part[at : at + cut])
            login = play.login
            waiting = (len(login._client._buffer), len(login._database._buffer))
            assert max(waiting) <= UNREAD_LIMIT, waiting
    return play


def _logins(data: bytes, choice: int, kind: type[_Noted], cut: int) -> None:
    whole, pieces = (_said(data, choice, kind, size) for size in (len(data) or 1, cut))
    if "Early" in (whole.end, pieces.end):
        # Of pieces the first may be answered before the next one comes.
        return
    assert whole.end == pieces.end, (whole.end, pieces.end)
    # What is behind an end is others' to read.
    if whole.end not in ("Fail", "Copy"):
        assert whole.got == pieces.got, (whole.got, pieces.got)


def _service(data: bytes, choice: int, cut: int) -> None:
    """A login of the service's own, and answers to its questions: its password does not leave as it
    is where others may read it."""
    account = Account(
        b"u", _PASSWORD, tls=_DATABASE_TLS[choice & 3], exposed=bool(choice & 4), rows=5, size=4096
    )
    query, encrypted = ServiceQuery(account), False
    try:
        for at in range(0, len(data), cut):
            waiting = list(query.feed(data[at : at + cut]))
            while waiting:
                action = waiting.pop(0)
                if isinstance(action, Send):
                    hidden = encrypted or not account.exposed
                    assert hidden or _PASSWORD not in action.data, action
                elif isinstance(action, BeginTLS):
                    encrypted = True
                    waiting += query.tls_started()
                else:
                    waiting += query.ask(b"SELECT 1")
    except AcraError as error:
        assert _PASSWORD.decode() not in str(error), error


def _packets(data: bytes, choice: int) -> None:
    try:
        greeting = handshake.decode_greeting(data)
        shown = greeting.showing(greeting.capabilities, greeting.extended)
        assert handshake.decode_greeting(shown) == greeting._replace(raw=shown), greeting
    except AcraError:
        pass
    try:
        response = handshake.decode_response(data)
        assert handshake.decode_response(response.encode()) == response, response
    except AcraError:
        pass
    in_force = InForce(0xFFFFFFFF if choice & 1 else 0, 0, bool(choice & 2))
    for read in (
        lambda: handshake.decode_change_user(data, in_force),
        lambda: handshake.decode_switch(data),
        lambda: handshake.asks_for_tls(data),
    ):
        try:
            read()
        except AcraError:
            pass


def check(data: bytes) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    if len(data) < 2:
        return
    choice, cut, said = data[0], 1 + (data[1] & 0x3F), data[2:]
    for kind in (_Served, _Followed):
        _logins(said, choice, kind, cut)
    _service(said, choice, cut)
    _packets(said, choice)
    for part in said.split(TURN)[:4]:
        # Without the header of a packet.
        _packets(part[4:], choice)


def inputs() -> Inputs:
    """Recorded logins, where several things are allowed."""
    found = []
    for one in conversations().values():
        if not (one.has_login and one.of_one_leg):
            continue
        parts, last = [], ""
        for packet in one.packets:
            if packet.sequence == 0 and packet.leg == SAID_BY_CLIENT:
                break
            if packet.leg == last:
                parts[-1] += packet.encoded
            else:
                parts.append(packet.encoded)
            last = packet.leg
        for choice in (0x10, 0x35, 0x19):
            found.append(bytes((choice, 4)) + TURN.join(parts))
    return Inputs(found, 900, Mutator(found, MYSQL, 2), found=kept("mysqllogin"))


if __name__ == "__main__":
    start(check, inputs())
