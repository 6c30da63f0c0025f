"""A database's plugins of authentication pass through, where they can; where not, it is said why.

A plugin that is known to send no password passes, whichever legs have TLS: its packets have the
forms that are known of it, for another one might make the client do something else.  Any other
plugin needs TLS on both, or a rule that allows it.  ``caching_sha2_password`` sends one when its
server has no digest of it yet, ``sha256_password`` always.  They ask for the server's key where
they see no TLS, so that both ends must see the same:

====== ======== =================================================================================
client database what happens
====== ======== =================================================================================
plain  plain    the client asks for the key, and encrypts its password with it; a client that does
                not is refused
TLS    TLS      the password passes, inside TLS
TLS    plain    the database would be sent a password where it expects an encrypted one: refused
plain  TLS      the database would take the request for its key for the password: refused
====== ======== =================================================================================

A client whose TLS ends at its connector sends the password over a link that nobody else can read:
there its answer tells what it sees, and it is as a client with TLS.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.mysql.handshake import MORE, NEXT_FACTOR, SWITCH, decode_switch
from acra_twisted.wire.mysql.okpackets import ERR, OK

#: Packets of one authentication, of both sides.
PACKETS_MAX: Final = 32
CACHING: Final = b"caching_sha2_password"
SHA256: Final = b"sha256_password"
ED25519: Final = b"client_ed25519"
PARSEC: Final = b"parsec"
NATIVE: Final = b"mysql_native_password"
#: Plugins whose client never sends a password as it is.  Any other may, or sends what is as good.
_SAFE: Final = frozenset((b"", NATIVE, ED25519, PARSEC, CACHING, SHA256))
_OLD: Final = b"mysql_old_password"
# The database's words about a digest that it has, or has not, and a client's wish for its key.
FAST: Final = b"\x01\x03"
FULL: Final = b"\x01\x04"
KEY_WANTED: Final = {CACHING: b"\x02", SHA256: b"\x01"}
#: The lengths of answers that prove to know a password; a server counts any other as an error of
#: its host.  Without a plugin's name it is the native one.
_LENGTHS: Final = {
    b"": frozenset((0, 20)),
    NATIVE: frozenset((0, 20)),
    # Clients without a password send a zero.
    CACHING: frozenset((0, 1, 32)),
    ED25519: frozenset((64,)),
}
#: The shortest answer that may be encrypted with a key of RSA: 1024 bits.
_ENCRYPTED_MIN: Final = 128


class LegsPolicy(NamedTuple):
    """The legs that have TLS, and the rule for passwords on a database leg without it.
    ``exposed``: others may read what the client sends.  ``decides``: what must not pass is refused;
    without it somebody else does that, and here answers are told from questions alone, but for
    passwords: none passes as it is where others may read it."""

    client_tls: bool = False
    database_tls: bool = False
    password_without_tls: bool = False
    exposed: bool = True
    decides: bool = True


class Plugins:
    """Watches one authentication: a login's, or that of a session's next user.

    ``plugin``: the plugin that is used now.
    ``client_due``: the client's answer is due, and else a packet of the database's.
    ``over``: the database has decided.
    ``proof``: the client has answered with something.
    """

    def __init__(self, policy: LegsPolicy) -> None:
        self._policy = policy
        self.plugin = b""
        self._count = 0
        # The database has said what its plugin says behind the client's first answer.
        self._has_asked = False
        # The password is due; the client has asked for the key with which it is encrypted, and that
        # has passed.
        self._full = False
        self._wants_key = False
        self._has_key = False
        self.client_due = False
        self.over = False
        self.proof = False

    def begin(self, plugin: bytes, answer: bytes) -> None:
        """The client's first answer, which it gave unasked.  Raises WireError."""
        if not plugin.isascii():
            raise WireError("client", "its plugin of authentication has a name that none has")
        # A server tells the same plugins apart as here, whatever the case of their names.
        plugin = self.plugin = plugin.lower()
        self.proof = bool(answer)
        if plugin == SHA256:
            self._full = True
        if answer:
            self._check_length(answer)
            self._check_answer(answer)

    def from_database(self, payload: bytes) -> None:
        """A packet of the database's, which the client gets.  Raises WireError."""
        self._next(False, "database")
        kind = payload[0] if payload else -1
        if kind in (OK, ERR):
            self.over = True
        elif kind in (SWITCH, NEXT_FACTOR):
            self._switch(payload)
        elif kind == MORE:
            self._more(payload)
        else:
            raise WireError("database", "an unknown packet in the middle of a login")

    def from_client(self, payload: bytes) -> None:
        """A client's answer, which the database gets.  Raises WireError."""
        self._next(True, "client")
        self.client_due = False
        self.proof = self.proof or bool(payload)
        self._check_length(payload)
        if payload:
            self._check_answer(payload)

    def _next(self, of_client: bool, side: str) -> None:
        if self.over or self.client_due != of_client:
            raise WireError(side, "it speaks out of turn in a login", EndReason.SEQUENCE)
        self._count += 1
        if self._count > PACKETS_MAX:
            raise WireError(side, f"a login of more than {PACKETS_MAX} packets")

    def _switch(self, payload: bytes) -> None:
        if len(payload) == 1:
            raise _refusal("it asks for mysql_old_password, which is not safe: set a new password")
        plugin = decode_switch(payload).plugin
        if plugin == _OLD:
            raise _refusal("it asks for mysql_old_password, which is not safe: set a new password")
        self.plugin = plugin
        self._full = plugin == SHA256
        self._has_asked = self._wants_key = self._has_key = False
        self.client_due = True
        if plugin not in _SAFE:
            self._check_legs()
        elif plugin == SHA256:
            self._check_asked()

    def _more(self, payload: bytes) -> None:
        """Take what a plugin's server says before it decides.  Raises WireError for anything that
        it does not say there: a client may take that for something else than it is taken for here.
        """
        plugin, begins = self.plugin, not self._has_asked
        self._has_asked = True
        if plugin == CACHING and begins and payload == FAST:
            return
        self.client_due = True
        if plugin == CACHING and begins and payload == FULL:
            self._full = True
            self._check_asked()
        elif self._wants_key:
            self._wants_key, self._has_key = False, True
        elif plugin in _SAFE and not (plugin == PARSEC and begins):
            raise WireError("database", "a packet that its plugin of authentication does not send")

    def _check_length(self, answer: bytes) -> None:
        """Refuse an answer that its plugin cannot have."""
        lengths = _LENGTHS.get(self.plugin)
        if lengths is None or len(answer) in lengths or self._full:
            return
        if self._policy.decides:
            raise WireError("client", "an answer that its plugin of authentication does not give")

    def _check_answer(self, answer: bytes) -> None:
        """Refuse a password on a leg where others may read it."""
        plugin = self.plugin
        if plugin not in _SAFE:
            self._check_legs()
        elif not self._full:
            return
        elif not self._policy.decides:
            self._wants_key = not self._has_key and answer == KEY_WANTED[plugin]
            is_encrypted = self._has_key and len(answer) >= _ENCRYPTED_MIN
            if self._policy.exposed and not (self._wants_key or is_encrypted):
                raise self._exposes()
        elif self._policy.client_tls:
            self._check_alike()
        elif not self._has_key:
            if answer == KEY_WANTED[plugin]:
                self._check_alike()
                self._wants_key = True
            elif self._policy.exposed:
                raise _refusal(
                    "the client sends its password as it is, on a connection without TLS; "
                    "let it use TLS (client_tls)"
                )
            else:
                self._check_database()
        elif len(answer) < _ENCRYPTED_MIN:
            raise _refusal(
                "the client sends its password as it is, on a connection without TLS; "
                "let it use TLS (client_tls)"
            )

    def _check_legs(self) -> None:
        """Let a password pass where nobody can read it, or a rule says so."""
        policy = self._policy
        if not policy.decides:
            if policy.exposed:
                raise self._exposes()
            return
        named = self.plugin.decode("ascii", "replace")
        if policy.exposed and not policy.client_tls:
            raise _refusal(f"{named} sends the password: the client must use TLS (client_tls)")
        if not (policy.database_tls or policy.password_without_tls):
            raise _refusal(
                f"{named} sends the password: the database needs TLS (db_tls = require), or "
                "db_password_without_tls must allow it"
            )

    def _exposes(self) -> WireError:
        """The error of a password behind TLS that ends where another leg has no protection."""
        named = self.plugin.decode("ascii", "replace")
        return _refusal(
            f"{named} sends the password, and the link to AcraServer is not encrypted: encrypt it "
            "(acraserver_tls_transport_enable)"
        )

    def _check_asked(self) -> None:
        """Refuse to ask for a password that could not pass, whatever the client answers."""
        policy = self._policy
        if policy.client_tls or policy.exposed:
            self._check_alike()

    def _check_database(self) -> None:
        """Refuse a password that the database expects to be encrypted."""
        if not self._policy.database_tls:
            named = self.plugin.decode("ascii", "replace")
            raise _refusal(f"{named} needs TLS to the database (db_tls = require)")

    def _check_alike(self) -> None:
        """Both ends must see TLS, or neither."""
        policy = self._policy
        if policy.client_tls == policy.database_tls or not policy.decides:
            return
        named = self.plugin.decode("ascii", "replace")
        if policy.client_tls:
            text = "TLS to the database (db_tls = require)"
        else:
            text = "a client with TLS (client_tls)"
        cached = ", or a login that the database has cached" if self.plugin == CACHING else ""
        raise _refusal(f"{named} needs {text}{cached}")


def _refusal(text: str) -> WireError:
    """The error of a login that cannot pass: its text is for the client."""
    return WireError("database", text, EndReason.LOGIN)
