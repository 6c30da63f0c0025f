"""Logins played without channels: bytes in, bytes out, and the actions between."""

from __future__ import annotations

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.loginactions import CLIENT, DATABASE, Ask, Fail, Open, Write
from acra_twisted.verdicts import PASS
from acra_twisted.wire.postgres.frames import (
    SSL_REQUEST_PACKET,
    CancelRequest,
    StartupPacket,
    message,
)
from tests.support.sessions import make_session, ready

# A client of PostgreSQL and its database, each message by itself.
STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()
CANCELS = CancelRequest(7, b"key!").encode()
HELLO = b"\x16\x03\x01\x02\x00\x01"
WELCOME = message(b"R", bytes(4))
PASSWORD = message(b"p", b"secret\0")
ANNOUNCED = message(b"S", b"acra_twisted\x001\0")
#: Either side's bytes, sensible and other ones, in any order.
CHUNKS = st.lists(
    st.tuples(
        st.sampled_from((CLIENT, DATABASE)),
        st.sampled_from(
            (STARTUP, SSL_REQUEST_PACKET, CANCELS, WELCOME, PASSWORD, ready(), b"N", b"S", HELLO)
        )
        | st.binary(min_size=1, max_size=30),
    ),
    max_size=8,
)


class LoginPlay:
    """``to_client`` and ``to_database`` are what the legs got, ``actions`` what else was asked for.

    Questions are answered by ``judge``, a session is opened when one is asked for.
    """

    def __init__(self, login, judge=lambda work: PASS):
        self.login = login
        self.judge = judge
        self.session = make_session(ready=False)
        self.got = {CLIENT: b"", DATABASE: b""}
        self.actions = []
        self.perform(login.begin())

    def perform(self, actions):
        for action in actions:
            if isinstance(action, Write):
                assert action.data, "a write of nothing"
                self.got[action.leg] += action.data
            elif isinstance(action, Open):
                self.perform(self.login.opened(self.session))
            elif isinstance(action, Ask):
                self.perform(self.login.answered(self.judge(action.question)))
            else:
                self.actions.append(action)

    def client(self, data):
        """The client says; returned is what the database gets."""
        return self._feed(CLIENT, data, DATABASE)

    def client_is_told(self, data):
        """The client says; returned is what it gets itself."""
        return self._feed(CLIENT, data, CLIENT)

    def database_is_told(self, data):
        """The database says; returned is what it gets itself."""
        return self._feed(DATABASE, data, DATABASE)

    def database(self, data):
        """The database says; returned is what the client gets."""
        return self._feed(DATABASE, data, CLIENT)

    def _feed(self, leg, data, other):
        before = len(self.got[other])
        self.perform(self.login.feed(leg, data))
        return self.got[other][before:]

    @property
    def to_client(self):
        return self.got[CLIENT]

    @property
    def to_database(self):
        return self.got[DATABASE]

    def taken(self):
        """The actions since this was asked last, by their types' names."""
        names, self.actions = [type(action).__name__ for action in self.actions], []
        return names


class LoginCase(SynchronousTestCase):
    def assert_fails(self, play, kind=WireError):
        *_, fail = play.actions
        self.assertIsInstance(fail, Fail)
        self.assertIsInstance(fail.error, kind)
        return fail

    def whatever(self, play, said):
        """Any bytes of either side: errors have their type, and behind its end it is silent."""
        over = False
        for leg, data in said:
            play.actions.clear()
            before = dict(play.got)
            (play.client if leg == CLIENT else play.database)(data)
            if over:
                self.assertEqual((play.actions, play.got), ([], before))
            for action in play.actions:
                if isinstance(action, Fail):
                    self.assertIsInstance(action.error, WireError)
            over = over or any(
                type(action).__name__ in ("Fail", "Serve", "Close", "Ready", "Copy")
                for action in play.actions
            )
