"""Logins of MySQL played without channels: see `logins.LoginPlay`."""

from acra_twisted.dialects.mysql.followedlogin import FollowedLogin
from acra_twisted.dialects.mysql.servedlogin import ServedLogin, ServePolicy
from acra_twisted.dialects.mysql.sessions import Sessions
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    GREETING,
    PASS,
    SESSION,
    Connect,
    StartTLS,
)
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import Response, decode_greeting
from tests.support.logins import LoginPlay
from tests.support.mysqlvectors import conversations

NATIVE = b"mysql_native_password"
#: MariaDB's, and that of a server of MySQL 8.4.
MARIADB = conversations()["pymysql"].packets[0].payload
MYSQL = conversations()["query_attributes_c"].packets[0].payload
SCRAMBLED = b"s" * 20
OK = b"\0\0\0\2\0\0\0"
DENIED = b"\xff\x15\x04#28000Access denied"


def without_tls(raw):
    """The greeting of a server that offers no TLS."""
    greeting = decode_greeting(raw)
    return greeting.showing(greeting.capabilities & ~bits.SSL, greeting.extended)


def response(also=0, user=b"ann", answer=SCRAMBLED, plugin=NATIVE, **more):
    """A client's response, with what is required and ``also``."""
    has = bits.REQUIRED | bits.PLUGIN_AUTH_LENENC | bits.LONG_PASSWORD | also
    return Response(has, 0, 1 << 24, 45, user, answer, plugin=plugin, **more)


def written(data):
    """Numbers and payloads of packets of one part."""
    found = []
    while data:
        size = int.from_bytes(data[:3], "little")
        found.append((data[3], data[4 : 4 + size]))
        data = data[4 + size :]
    return found


TLS_ASKED = packets(response(bits.SSL).head(), 1)


class MysqlPlay(LoginPlay):
    """``agreed`` is what the flows are made of.  The database is reached when it is wanted, and its
    TLS begins; with ``admits`` the client may have its session."""

    def __init__(self, policy=None, admits=True, **changes):
        self.agreed = None
        self.admits = admits
        sessions = Sessions()
        sessions.flows = self.make_flows
        super().__init__(ServedLogin(sessions, (policy or ServePolicy())._replace(**changes)))

    def make_flows(self, *agreed):
        self.agreed = agreed
        return "requests", "replies"

    def perform(self, actions):
        super().perform(actions)
        for action in actions:
            if isinstance(action, Connect):
                if action.purpose == GREETING or (action.purpose == SESSION and self.admits):
                    self.perform(self.login.connected(False))
            elif isinstance(action, StartTLS) and action.leg == DATABASE:
                self.perform(self.login.tls_started(DATABASE, None))

    def greet(self, greeting=MARIADB):
        """The database greets; returned is what the client gets."""
        return self.database(packets(greeting, 0))


class FollowedPlay(LoginPlay):
    """``agreed`` is what the flows are made of."""

    def __init__(self, tls=PASS, reads=True, startup_span="", exposed=False):
        self.agreed = None
        sessions = Sessions()
        sessions.flows = self.make_flows
        super().__init__(FollowedLogin(sessions, tls, reads, startup_span, exposed))

    def make_flows(self, *agreed):
        self.agreed = agreed
        return "requests", "replies"

    def greet(self, greeting=MARIADB, tls=None):
        """The server greets, with TLS or not, if that is said; return what the client is shown."""
        if tls is not None:
            read = decode_greeting(greeting)
            has = read.capabilities | bits.SSL if tls else read.capabilities & ~bits.SSL
            greeting = read.showing(has, read.extended)
        ((number, payload),) = written(self.database(packets(greeting, 0)))
        assert number == 0
        return decode_greeting(payload)

    def begin_tls(self):
        """The application asks for TLS, which begins with the connector."""
        self.client(TLS_ASKED + b"\x16hello")
        assert self.actions == [StartTLS(CLIENT, b"\x16hello")], self.actions
        self.actions.clear()
        self.perform(self.login.tls_started(CLIENT, None))
