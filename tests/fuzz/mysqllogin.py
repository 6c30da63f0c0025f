"""Coverage-guided fuzzing of MySQL's logins, from both sides: ``make fuzz TARGET=mysqllogin``.

The first byte of an input chooses what is allowed, the second how the rest is cut; the rest is what
the sides say in turns, the database first.  Wrong is: any exception that is not of `errors`, a
login that ends otherwise when the same bytes come in pieces, a byte for the database before the
client is admitted, a part of a packet, much memory, packets that are others when they are read
again.

    python -m tests.fuzz.mysqllogin FOLDER -max_total_time=60    (FOLDER: inputs that are kept)
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["acra_twisted.wire", "acra_twisted.dialects"]):
    from acra_twisted.dialects.mysql.legs import UNREAD_LIMIT
    from acra_twisted.errors import AcraError, WireError
    from acra_twisted.loginactions import (
        CLIENT,
        DATABASE,
        DECLINE,
        OFFER,
        PASS,
        REQUIRE,
        SESSION,
        Connect,
        Fail,
        Ready,
        StartTLS,
    )
    from acra_twisted.wire.mysql import handshake
    from acra_twisted.wire.mysql.capabilities import InForce
    from tests.support.mysqllogins import FollowedPlay, MysqlPlay

from acra_twisted.sandbox.endings import with_make
from tests.support.mysqltalk import whole_packets
from tests.support.mysqlvectors import CLIENT as SAID_BY_CLIENT
from tests.support.mysqlvectors import conversations

#: Separates what one side says from what the other one does.
TURN = b"\xf5\xf5"
_TLS = ("disable", "allow", "require", "allow")
_FOLLOWED = (PASS, DECLINE, OFFER, REQUIRE)
_DATABASE_TLS = ("off", "if offered", "on", "if offered")


class _Play(MysqlPlay):
    """A login that begins TLS as soon as it is asked for; ``end`` is how it has ended."""

    def __init__(self, choice: int):
        self.end = ""
        self._received = b""
        super().__init__(
            admits=not choice & 0x80,
            tls=_TLS[choice & 3],
            database_tls=_DATABASE_TLS[choice >> 2 & 3],
            password_without_tls=bool(choice & 0x10),
            exposed=bool(choice & 0x20),
            local_files=bool(choice & 0x40),
        )

    def perform(self, actions):
        for action in actions:
            if isinstance(action, StartTLS) and action.leg == CLIENT:
                self._received += action.received
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
        asked = admitted = False
        for action in self.actions:
            asked = asked or (isinstance(action, Connect) and action.purpose == SESSION)
            if isinstance(action, Fail):
                assert isinstance(action.error, WireError), action
                self.end = "Early" if "before it was answered" in str(action.error) else "Fail"
            elif isinstance(action, Ready) or type(action).__name__ == "Close":
                self.end = type(action).__name__
        self.actions = [one for one in self.actions if not isinstance(one, StartTLS)]
        admitted = asked and self.admits
        assert admitted or not self.to_database, self.to_database
        for got in self.got.values():
            assert not whole_packets(got)[1], got


def _said(data: bytes, choice: int, cut: int) -> _Play:
    play = _Play(choice)
    for number, part in enumerate(data.split(TURN)):
        leg = CLIENT if number % 2 else DATABASE
        for at in range(0, len(part), cut):
            play.says(leg, part[at : at + cut])
            login = play.login
            waiting = (len(login._client._buffer), len(login._database._buffer))
            assert max(waiting) <= UNREAD_LIMIT, waiting
    return play


def _logins(data: bytes, choice: int, cut: int) -> None:
    whole, pieces = _said(data, choice, len(data) or 1), _said(data, choice, cut)
    if "Early" in (whole.end, pieces.end):
        # Of pieces the first may be answered before the next one comes.
        return
    assert whole.end == pieces.end, (whole.end, pieces.end)
    if whole.end != "Fail":
        assert whole.got == pieces.got, (whole.got, pieces.got)


class _Followed(FollowedPlay):
    """An application's login that a connector follows; ``end`` is how it has ended."""

    def __init__(self, choice: int):
        self.end = ""
        super().__init__(_FOLLOWED[choice & 3], bool(choice & 0x10))

    def says(self, leg: str, data: bytes) -> None:
        """Take bytes, and see that nothing is wrong."""
        (self.client if leg == CLIENT else self.database)(data)
        actions, self.actions = self.actions, []
        for action in actions:
            if isinstance(action, StartTLS):
                self.perform(self.login.tls_started(CLIENT, None))
                if action.received:
                    self.says(CLIENT, action.received)
            elif isinstance(action, Fail):
                assert isinstance(action.error, WireError), action
                self.end = "Early" if "before it was answered" in str(action.error) else "Fail"
            elif not self.end and type(action).__name__ in ("Ready", "Close", "Copy"):
                self.end = type(action).__name__


def _applications(data: bytes, choice: int, cut: int) -> None:
    ends = []
    for size in (len(data) or 1, cut):
        play = _Followed(choice)
        for number, part in enumerate(data.split(TURN)):
            leg = CLIENT if number % 2 else DATABASE
            for at in range(0, len(part), size):
                play.says(leg, part[at : at + size])
        ends.append(play.end)
    assert "Early" in ends or ends[0] == ends[1], ends


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
    _logins(said, choice, cut)
    _applications(said, choice, cut)
    _packets(said, choice)
    for part in said.split(TURN)[:4]:
        # Without the header of a packet.
        _packets(part[4:], choice)


def main() -> None:
    """Begin with recorded logins and what is in the folder, end as libFuzzer's flags say."""
    folder = Path(sys.argv[1])
    for name, one in conversations().items():
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
            (folder / f"{name}-{choice}").write_bytes(bytes((choice, 4)) + TURN.join(parts))
    arguments = [sys.argv[0], "-max_len=900", "-timeout=10", "-rss_limit_mb=1500", *sys.argv[1:]]
    with_make()
    atheris.Setup(arguments, lambda data: check(data) if data else None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
