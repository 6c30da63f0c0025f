"""The login of a connection of the service's own to MySQL or MariaDB, by a user and a password.

A password goes as it is only where nobody can read it; encrypted for the server's key of RSA only
where nobody can be between: that key is not proven.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from acra_twisted.dialects.mysql.authentication import (
    CACHING,
    ED25519,
    FAST,
    FULL,
    KEY_WANTED,
    NATIVE,
    PACKETS_MAX,
    SHA256,
)
from acra_twisted.dialects.mysql.legs import Leg
from acra_twisted.dialects.mysql.ownresponse import encrypts, own_response
from acra_twisted.dialects.mysql.rest import Rest
from acra_twisted.dialects.mysql.visit import VISITOR
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import DATABASE, Write
from acra_twisted.queryactions import LoggedIn, QueryAction, Send, StartTLS
from acra_twisted.wire.mysql import proofs
from acra_twisted.wire.mysql.edwards import sign
from acra_twisted.wire.mysql.handshake import (
    MORE,
    NEXT_FACTOR,
    SWITCH,
    Greeting,
    Response,
    decode_greeting,
    decode_switch,
)
from acra_twisted.wire.mysql.okpackets import ERR, OK, decode_error

#: Plugins that take the password as it is.
_CLEAR: Final = frozenset((b"mysql_clear_password", b"dialog"))
#: Bytes of what a server sends for a proof.
_SCRAMBLE: Final = 20
_NONCE: Final = 32
_RIGHTS: Final = "or there is no such user for this host"
_OLD: Final = "the user has an old password, which is not safe: set a new one"
#: What is to be done about errors of a login, by their numbers.
_REMEDIES: Final = {
    1040: "it has no connection left: raise max_connections",
    1044: "the user may not use the database",
    1045: f"the password is not the user's, {_RIGHTS}",
    1049: "there is no database of that name",
    1129: "it has blocked this host: run FLUSH HOSTS there",
    1130: "it has no user for this host: make 'user'@'address'",
    1226: "the user has no connection left",
    1251: "the user needs a plugin of authentication that is spoken here: mysql_native_password, "
    "ed25519, caching_sha2_password or sha256_password",
    1275: _OLD,
    1698: f"the user has no password, {_RIGHTS}",
    1820: "the user's password has expired",
    1862: "the user's password has expired",
    3118: "the user is locked",
    3159: "it takes connections with TLS only: set db_tls = require",
    4151: "the user is locked",
}


class Account(NamedTuple):
    """The user who asks, and what.

    ``database``: the one of names without one, empty for none.  ``tls`` is as in
    `server.database.Database`.  ``exposed``: others may read what is sent without TLS.
    ``by_socket``: a unix socket leads to the server, which then takes a password as it is.
    ``statement`` is asked where no other is.  ``rows`` and ``size`` are the rows and the bytes that
    an answer may have.
    """

    user: bytes
    password: bytes = b""
    database: bytes = b""
    tls: str = "off"
    exposed: bool = True
    by_socket: bool = False
    statement: bytes = b""
    rows: int = 1
    size: int = 1 << 24


class _NoProof(HandshakeError):
    """The server asks for a proof that it does not get; it has not decided yet."""


class ServiceLogin:
    """One login; it is fed what the server sends.  ``over``: the user is let in.  ``problem`` is as
    in `dialectinterfaces.IServiceQuery`.

    Methods raise WireError, and HandshakeError for a server that does not let the user in.  A
    server that does not get what it asks for is answered until it has decided.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._leg = Leg(DATABASE)
        self._greeting: Greeting | None = None
        # It is sent when TLS has begun.
        self._response: Response | None = None
        self._encrypted = False
        self._plugin = b""
        self._scramble = b""
        # The server's key is due.
        self._wants_key = False
        self._left = PACKETS_MAX
        self._rest: Rest | None = None
        self.problem = ""
        self.over = False

    def feed(self, data: bytes) -> list[QueryAction]:
        """Take bytes of the server."""
        if self._rest is not None:
            return self._leave(self._rest, data)
        self._leg.feed(data)
        actions: list[QueryAction] = []
        while not self.over and self._response is None:
            payload = self._leg.take()
            if payload is None:
                return actions
            if not payload:
                raise WireError(DATABASE, "an empty packet in the middle of a login")
            try:
                actions += self._read(payload)
            except _NoProof as error:
                self.problem = str(error)
                self._rest = Rest(self._leg, self._plugin, None, payload)
            if self._rest is not None:
                return [*actions, *self._leave(self._rest, b"")]
        if self._leg.waiting:
            raise WireError(DATABASE, "it speaks before it was answered")
        return actions

    def tls_started(self) -> list[QueryAction]:
        """Take note that TLS has begun."""
        response, self._response = self._response, None
        if response is None:
            raise WireError(DATABASE, "TLS that nobody has asked for")
        self._encrypted = True
        return [self._send(response.encode())]

    def _read(self, payload: bytes) -> list[QueryAction]:
        kind = payload[0]
        if kind == ERR:
            raise HandshakeError(refusal(decode_error(payload).number))
        if self._greeting is None:
            return self._greeted(decode_greeting(payload))
        if kind == OK:
            self.over = True
            return [LoggedIn()]
        self._left -= 1
        if self._left <= 0:
            raise WireError(DATABASE, f"a login of more than {PACKETS_MAX} packets")
        if kind == SWITCH:
            return self._switched(payload)
        if kind == MORE:
            return self._more(payload)
        if kind == NEXT_FACTOR:
            raise _NoProof("the user needs a second proof beside the password")
        raise WireError(DATABASE, "an unknown packet in the middle of a login")

    def _greeted(self, greeting: Greeting) -> list[QueryAction]:
        self._greeting = greeting
        account = self._account
        try:
            asks = encrypts(greeting, account.tls)
        except HandshakeError as error:
            # Nothing of the user's goes that way.
            self.problem, self._rest = str(error), Rest(self._leg, greeting.plugin)
            return [self._send(own_response(VISITOR, greeting.plugin, False).encode())]
        # Any other proof waits until the server asks for it.
        plugin = greeting.plugin if greeting.plugin == CACHING else NATIVE
        self._plugin, self._scramble = plugin, greeting.scramble
        prove = proofs.caching if plugin == CACHING else proofs.native
        answer = prove(account.password, greeting.scramble)
        response = own_response(account.user, plugin, asks, answer, account.database)
        if not asks:
            return [self._send(response.encode())]
        self._response = response
        return [self._send(response.head()), StartTLS()]

    def _switched(self, payload: bytes) -> list[QueryAction]:
        """Answer with another plugin's proof."""
        if len(payload) == 1:
            raise _NoProof(_OLD)
        plugin, data = decode_switch(payload)
        password = self._account.password
        self._plugin, self._scramble = plugin, data[:_SCRAMBLE]
        if plugin == NATIVE:
            return [self._send(proofs.native(password, self._scramble))]
        if plugin == CACHING:
            return [self._send(proofs.caching(password, self._scramble) or b"\0")]
        if plugin == ED25519:
            return [self._send(sign(password, data[:_NONCE]))]
        if plugin == SHA256:
            return [self._password()]
        if plugin in _CLEAR:
            self._check_private()
            return [self._send(password + b"\0")]
        raise _NoProof(_REMEDIES[1251])

    def _more(self, payload: bytes) -> list[QueryAction]:
        """Answer a plugin's question."""
        if self._wants_key:
            self._wants_key = False
            said = proofs.encrypted(self._account.password, self._scramble, payload[1:])
            return [self._send(said)]
        if self._plugin == CACHING and payload == FAST:
            return []
        if self._plugin == CACHING and payload == FULL:
            return [self._password()]
        raise WireError(DATABASE, "a packet that its plugin of authentication does not send")

    def _password(self) -> QueryAction:
        """Send the password, or the wish for the key to encrypt it with."""
        account = self._account
        if self._encrypted or account.by_socket or not account.password:
            return self._send(account.password + b"\0")
        self._check_private()
        self._wants_key = True
        return self._send(KEY_WANTED[self._plugin])

    def _check_private(self) -> None:
        """Raises _NoProof where others may read the password, or be between."""
        if self._account.exposed and not self._encrypted:
            named = self._plugin.decode("ascii", "replace")
            raise _NoProof(f"{named} sends the password: the database needs TLS (db_tls = require)")

    def _leave(self, rest: Rest, data: bytes) -> list[QueryAction]:
        """Answer without a proof.  Raises HandshakeError once the server has decided."""
        try:
            said = rest.feed(data)
        except WireError:
            raise HandshakeError(self.problem) from None
        if rest.over:
            raise HandshakeError(self.problem)
        return [Send(action.data) for action in said if isinstance(action, Write)]

    def _send(self, payload: bytes) -> QueryAction:
        return Send(self._leg.write(payload).data)


def refusal(number: int, remedies: Mapping[int, str] = _REMEDIES) -> str:
    """Return what an error means, for the operator: its own text may quote names and values.

    ``remedies`` are by their numbers; those of a login where none are given.
    """
    remedy = remedies.get(number, "the database's log may say why")
    return f"the database says error {number}: {remedy}"
