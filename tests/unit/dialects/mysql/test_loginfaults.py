"""Logins of MySQL whose peers fail at any byte: cut off behind it, or saying another one."""

from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    OFFER,
    SESSION,
    Close,
    Connect,
    Fail,
    StartTLS,
)
from acra_twisted.wire.mysql.handshake import FIXED
from tests.support.logins import LoginCase
from tests.support.mysqllogins import FollowedPlay, MysqlPlay
from tests.support.mysqltalk import whole_packets
from tests.support.mysqlvectors import CLIENT as SAID_BY_CLIENT
from tests.support.mysqlvectors import conversations

#: What a byte becomes, in turn.
WRONG = (
    lambda old: 0,
    lambda old: old ^ 1,
    lambda old: 0xFF,
    lambda old: 0xFE,
    lambda old: old ^ 8,
)


def logins():
    """Recorded ones, if with TLS, and what the sides say up to the first command."""
    found, seen = [], set()
    for one in conversations().values():
        if not (one.has_login and one.of_one_leg and len(one.packets) > 1):
            continue
        said = []
        for packet in one.packets:
            if packet.sequence == 0 and packet.leg == SAID_BY_CLIENT:
                break
            said.append((CLIENT if packet.leg == SAID_BY_CLIENT else DATABASE, packet.encoded))
        with_tls = any(leg == CLIENT and len(data) == FIXED + 4 for leg, data in said)
        forms = tuple((leg, len(data), data[4]) for leg, data in said)
        if forms not in seen:
            seen.add(forms)
            found.append((with_tls, said))
    return found


class Speaking:
    """A login whose client has TLS as soon as it asks for it."""

    def says(self, leg, data):
        (self.client if leg == CLIENT else self.database)(data)
        for action in self.actions:
            if isinstance(action, StartTLS) and action.leg == CLIENT:
                self.actions.remove(action)
                self.perform(self.login.tls_started(CLIENT, None))
                if action.received:
                    self.client(action.received)
                break

    @property
    def failed(self):
        return any(isinstance(action, Fail) for action in self.actions)


class Served(Speaking, MysqlPlay):
    """AcraServer's."""

    def __init__(self, with_tls):
        super().__init__(tls="allow", database_tls="on" if with_tls else "off")

    @property
    def admitted(self):
        return any(isinstance(one, Connect) and one.purpose == SESSION for one in self.actions)


class Followed(Speaking, FollowedPlay):
    """A connector's, which has nothing to say before its application has."""

    def __init__(self, with_tls):
        super().__init__(OFFER)

    @property
    def admitted(self):
        return len(whole_packets(self.to_client)[0]) > 0


def cases():
    """Each login, and what is said as its own legs number it: only one of a connector's has TLS."""
    for with_tls, said in logins():
        yield Served, with_tls, said
        less = [
            (leg, data[:3] + bytes((data[3] - 1,)) + data[4:])
            if with_tls and leg == DATABASE and data[3]
            else (leg, data)
            for leg, data in said
        ]
        yield Followed, with_tls, less


class Faults(LoginCase):
    def check_whole(self, play, where):
        """Neither side has got a part of a packet, nor the database anything too early."""
        for data in (play.to_client, play.to_database):
            self.assertEqual(whole_packets(data)[1], b"", where)
        if not play.admitted:
            self.assertEqual(play.to_database, b"", where)

    def check_refused(self, play, where, due):
        """The client can be told of the end: in one packet, its last."""
        before = len(play.to_client)
        self.assertEqual(play.login.due, due, where)
        play.perform(play.login.refuse(EndReason.DATABASE, "gone"))
        ((number, payload),), rest = whole_packets(play.to_client[before:])
        self.assertEqual((number, payload[:1], rest), (due, b"\xff", b""), where)
        self.assertEqual(play.actions[-1], Close(CLIENT), where)
        got = dict(play.got)
        for leg in (CLIENT, DATABASE):
            play.says(leg, b"\1\0\0\0\0")
        self.assertEqual(play.got, got, where)

    def test_ms2_cut_off_behind_any_byte(self):
        count = 0
        for kind, with_tls, said in cases():
            for number, (leg, data) in enumerate(said):
                for at in range(len(data)):
                    where = (kind, number, leg, data[:at].hex())
                    play = kind(with_tls)
                    for one in said[:number]:
                        play.says(*one)
                    if at:
                        play.says(leg, data[:at])
                    self.check_whole(play, where)
                    # Behind the last packet of the client's leg, whoever has sent it, and behind
                    # the one that the client is about to send.
                    shown = whole_packets(play.to_client)[0]
                    heard = [one for side, one in said[:number] if side == CLIENT]
                    due = len(shown) + len(heard) + (leg == CLIENT)
                    self.check_refused(play, where, due)
                    count += 1
        self.assertGreater(count, 6000)

    def test_ms2_any_byte_is_another(self):
        count = ended = 0
        for kind, with_tls, said in cases():
            for number, (leg, data) in enumerate(said):
                for at, old in enumerate(data):
                    new = WRONG[(number + at) % len(WRONG)](old)
                    where = (kind, number, leg, at, new)
                    play = kind(with_tls)
                    changed = (leg, data[:at] + bytes((new,)) + data[at + 1 :])
                    for one in (*said[:number], changed, *said[number + 1 :]):
                        if not play.failed:
                            play.says(*one)
                    self.check_whole(play, where)
                    count += 1
                    if play.failed:
                        self.assert_fails(play)
                        ended += 1
                        self.check_refused(play, where, play.login.due)
        self.assertGreater(count, 6000)
        self.assertGreater(ended, 600)
        self.assertGreater(count - ended, 600)
