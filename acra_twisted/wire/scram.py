"""SCRAM-SHA-256, both roles: stored secrets, messages, keys and proofs.

Source: RFC 5802, RFC 7677, and PostgreSQL's ``auth-scram.c``, which reads messages so and has these
words for what is wrong with them.  Nonces are the caller's, for nothing here is random.
"""

from __future__ import annotations

import hashlib
import hmac
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.errors import AcraError
from acra_twisted.fast.hmacsha256 import digest, sha256
from acra_twisted.fast.record import Record
from acra_twisted.wire.saslprep import prepare

PLAIN: Final = b"SCRAM-SHA-256"
PLUS: Final = b"SCRAM-SHA-256-PLUS"
#: The only kind of channel binding that PostgreSQL knows, and the header that names it.
_KIND: Final = b"tls-server-end-point"
BINDS: Final = b"p=tls-server-end-point,,"
#: Headers of a client that cannot bind, and of one that takes the server for one that cannot.
CANNOT: Final = b"n,,"
COULD: Final = b"y,,"
#: Bytes of a client's message, and of a server's.
CLIENT_LIMIT: Final = 1024
SERVER_LIMIT: Final = 4096

# What is wrong with a message: it is none; it asks for what there is not; its binding is to another
# connection; somebody has taken PLUS out of the offer; its nonce is another's.
MALFORMED, UNSUPPORTED = "malformed", "unsupported"
BINDING, DOWNGRADE, REPLAY = "binding", "downgrade", "replay"

_KEY: Final = 32
_ITERATIONS_MAX: Final = 1_000_000
_SALT_MAX: Final = 255
_DIGITS_MAX: Final = 10
_MALFORMED: Final = "malformed SCRAM message"
_NO_VERIFIER: Final = "this is no SCRAM-SHA-256 verifier"
_PREFIX: Final = b"SCRAM-SHA-256$"


class ScramError(AcraError):
    """A message is not what it must be.  ``kind`` is one of the words above; the text quotes
    nothing of it but the name of a binding."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def _encoded(data: bytes) -> bytes:
    return b2a_base64(data, newline=False)


# -- keys -----------------------------------------------------------------------------------------


class Keys(NamedTuple):
    """The keys of a client, each of 32 bytes.  ``client`` is as good as the password."""

    client: bytes
    server: bytes


class Verifier(Record):
    """The secret that a server stores for a user: it proves nothing by itself."""

    __slots__ = ("iterations", "salt", "stored_key", "server_key")

    def __init__(self, iterations: int, salt: bytes, stored_key: bytes, server_key: bytes) -> None:
        self.iterations = iterations
        self.salt = salt
        self.stored_key = stored_key
        self.server_key = server_key

    def _parts(self) -> tuple[object, ...]:
        return (self.iterations, self.salt, self.stored_key, self.server_key)

    def encode(self) -> bytes:
        """Return it as PostgreSQL stores it."""
        salt, stored, server = map(_encoded, (self.salt, self.stored_key, self.server_key))
        return b"%b%d:%b$%b:%b" % (_PREFIX, self.iterations, salt, stored, server)


#: A verifier that nobody has.  It is read in the place of one where a user has none, so that both
#: take the same time.
SPECIMEN: Final = Verifier(4096, bytes(16), bytes(_KEY), bytes(_KEY)).encode()


def is_verifier(secret: bytes) -> bool:
    """Return True if a secret begins as a verifier does."""
    return secret.startswith(_PREFIX)


def read_verifier(secret: bytes) -> Verifier:
    """Read a secret as PostgreSQL stores it.  Raises ScramError; it allows less than PostgreSQL:
    1 to 1,000,000 iterations in digits, a salt of 1 to 255 bytes, strict base64."""
    try:
        numbers, keys = secret.removeprefix(_PREFIX).split(b"$")
        iterations, salt = numbers.split(b":")
        stored, server = keys.split(b":")
        read = Verifier(_number(iterations), _base64(salt), _base64(stored), _base64(server))
    except ValueError:
        raise ScramError(MALFORMED, _NO_VERIFIER) from None
    good = 1 <= read.iterations <= _ITERATIONS_MAX and 1 <= len(read.salt) <= _SALT_MAX
    if not (good and is_verifier(secret) and len(read.stored_key) == len(read.server_key) == _KEY):
        raise ScramError(MALFORMED, _NO_VERIFIER)
    return read


def salted(password: bytes, salt: bytes, iterations: int) -> bytes:
    """Return the salted password.  It takes 0.44 us for an iteration."""
    return hashlib.pbkdf2_hmac("sha256", prepare(password), salt, iterations)


def keys_of(salted_password: bytes) -> Keys:
    """Return the keys that a salted password gives."""
    return Keys(digest(salted_password, b"Client Key"), digest(salted_password, b"Server Key"))


def verifier_of(keys: Keys, salt: bytes, iterations: int) -> Verifier:
    """Return what a server stores for these keys."""
    return Verifier(iterations, salt, sha256(keys.client), keys.server)


def mock_verifier(key: bytes, user: bytes, salt_size: int, iterations: int) -> Verifier:
    """Return the verifier that a user without one is shown: the same each time for one ``key`` of
    64 bytes at most.  No proof fits it."""
    salt = b""
    while len(salt) < salt_size:
        salt += digest(key, b"acra scram mock %d %b" % (len(salt), user))
    server_key = digest(key, b"acra scram mock key " + user)
    return Verifier(iterations, salt[:salt_size], bytes(_KEY), server_key)


# -- the server's role ----------------------------------------------------------------------------


class ServerConversation:
    """A server's side of one conversation.

    ``offered`` are the mechanisms that the client was offered; ``end_point`` is that of the
    server's certificate (see `transport.binding`), None without TLS.  The user is the one of whom
    ``verifier`` is: the message's own name is not looked at.
    """

    def __init__(
        self,
        verifier: Verifier,
        nonce: bytes,
        offered: Sequence[bytes],
        end_point: bytes | None,
    ) -> None:
        self._verifier = verifier
        self._nonce = nonce
        self._offered = offered
        self._end_point = end_point
        self._header = b""
        self._so_far = b""
        #: The client has bound the conversation to its TLS connection.
        self.bound = False
        #: The last message, once the client has proven it.
        self.last = b""

    def begin(self, mechanism: bytes, message: bytes) -> bytes:
        """Return the answer to the client's first message.  Raises ScramError."""
        self.check(mechanism)
        bare = self._read_header(message, mechanism == PLUS)
        rest = _skip(bare, b"n")
        nonce, rest = _attribute(rest, b"r")
        if not all(0x21 <= byte <= 0x7E for byte in nonce):
            raise ScramError(MALFORMED, "non-printable characters in SCRAM nonce")
        while rest:
            _, _, rest = _any_attribute(rest)
        self._nonce = nonce + self._nonce
        salt = _encoded(self._verifier.salt)
        answer = b"r=%b,s=%b,i=%d" % (self._nonce, salt, self._verifier.iterations)
        self._so_far = bare + b"," + answer + b","
        return answer

    def check(self, mechanism: bytes) -> None:
        """Raise ScramError if the client was not offered this mechanism."""
        if mechanism not in self._offered:
            text = "client selected an invalid SASL authentication mechanism"
            raise ScramError(MALFORMED, text)

    def finish(self, message: bytes) -> bytes | None:
        """Read the client's last message; return its ClientKey, or None if the proof is wrong.
        Raises ScramError."""
        _check_whole(message)
        binding, rest = _attribute(message, b"c")
        self._check_binding(binding)
        nonce, rest = _attribute(rest, b"r")
        name, value, behind = _any_attribute(rest)
        while name != b"p":
            rest = behind
            name, value, behind = _any_attribute(rest)
        try:
            proof = _base64(value)
        except ValueError:
            proof = b""
        if len(proof) != _KEY or behind or message.endswith(b","):
            raise ScramError(MALFORMED, _MALFORMED)
        if not hmac.compare_digest(nonce, self._nonce):
            raise ScramError(REPLAY, "invalid SCRAM response")
        told = self._so_far + message[: len(message) - len(rest) - 1]
        key = _xor(proof, digest(self._verifier.stored_key, told))
        signature = digest(self._verifier.server_key, told)
        if not hmac.compare_digest(sha256(key), self._verifier.stored_key):
            return None
        self.last = b"v=" + _encoded(signature)
        return key

    def _read_header(self, message: bytes, binds: bool) -> bytes:
        """Return the message without its header.  Raises ScramError."""
        _check_whole(message)
        flag = message[:1]
        if flag == b"p":
            kind, rest = _attribute(message, b"p")
            if not binds:
                raise ScramError(MALFORMED, _MALFORMED)
            if kind != _KIND:
                shown = bytes(byte if 0x20 < byte < 0x7F else 0x3F for byte in kind[:64]).decode()
                text = f'unsupported SCRAM channel-binding type "{shown}"'
                raise ScramError(MALFORMED, text)
            self._header, self.bound = BINDS, True
        elif flag in (b"n", b"y") and message[1:2] == b",":
            rest = message[2:]
            if binds:
                raise ScramError(MALFORMED, _MALFORMED)
            if flag == b"y" and PLUS in self._offered:
                raise ScramError(DOWNGRADE, "SCRAM channel binding negotiation error")
            self._header = flag + b",,"
        else:
            raise ScramError(MALFORMED, _MALFORMED)
        if rest[:1] == b"a":
            text = "client uses authorization identity, but it is not supported"
            raise ScramError(UNSUPPORTED, text)
        if rest[:1] != b",":
            raise ScramError(MALFORMED, _MALFORMED)
        if rest[1:2] == b"m":
            raise ScramError(UNSUPPORTED, "client requires an unsupported SCRAM extension")
        return rest[1:]

    def _check_binding(self, said: bytes) -> None:
        expected = _encoded(self._header + (self._end_point or b"" if self.bound else b""))
        if hmac.compare_digest(said, expected):
            return
        if self.bound:
            raise ScramError(BINDING, "SCRAM channel binding check failed")
        text = "unexpected SCRAM channel-binding attribute in client-final-message"
        raise ScramError(MALFORMED, text)


# -- the client's role ----------------------------------------------------------------------------


class Choice:
    """A mechanism and the header of its messages; ``end_point`` where they bind."""

    __slots__ = ("mechanism", "header", "end_point")

    def __init__(self, mechanism: bytes, header: bytes, end_point: bytes = b"") -> None:
        self.mechanism = mechanism
        self.header = header
        self.end_point = end_point


def choose(
    offered: Sequence[bytes], encrypted: bool, end_point: bytes | None, rule: str = "prefer"
) -> Choice:
    """Choose as libpq does.  ``rule`` is "prefer", "require" or "disable"; ``end_point`` is that of
    the server's certificate, None if nothing can be bound to it.  Raises ScramError."""
    if PLUS in offered and not encrypted:
        raise ScramError(DOWNGRADE, "SCRAM-SHA-256-PLUS is offered over a connection without TLS")
    if rule != "disable" and PLUS in offered and end_point is not None:
        return Choice(PLUS, BINDS, end_point)
    if rule == "require":
        why = "PLUS is not offered" if PLUS not in offered else "the certificate has no end point"
        raise ScramError(UNSUPPORTED, f"channel binding is required, and {why}")
    if PLAIN not in offered:
        raise ScramError(UNSUPPORTED, "no mechanism is offered that is known here")
    could = rule != "disable" and encrypted and end_point is not None
    return Choice(PLAIN, COULD if could else CANNOT)


class ClientConversation:
    """A client's side of one conversation: `first`, `challenged`, `answer`, `accepted`."""

    def __init__(self, choice: Choice, nonce: bytes) -> None:
        self._choice = choice
        self._nonce = nonce
        self._bare = b"n=,r=" + nonce
        self._challenge = b""
        self._signature = b""
        #: The first message.  Servers take the user from the startup packet.
        self.first = choice.header + self._bare

    def challenged(self, message: bytes) -> tuple[bytes, int]:
        """Read the server's first message: salt and iterations.  Raises ScramError."""
        _check_whole(message, SERVER_LIMIT)
        if message[:1] == b"m":
            raise ScramError(UNSUPPORTED, "the server requires an unknown SCRAM extension")
        nonce, rest = _attribute(message, b"r")
        text, rest = _attribute(rest, b"s")
        digits, rest = _attribute(rest, b"i")
        while rest:
            _, _, rest = _any_attribute(rest)
        try:
            salt, iterations = _base64(text), _number(digits)
        except ValueError:
            raise ScramError(MALFORMED, _MALFORMED) from None
        if not (salt and iterations):
            raise ScramError(MALFORMED, _MALFORMED)
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise ScramError(REPLAY, "the server's nonce is not an answer to ours")
        self._nonce, self._challenge = nonce, message
        return salt, iterations

    def answer(self, keys: Keys) -> bytes:
        """Return the last message, which proves that the client has the keys."""
        binding = _encoded(self._choice.header + self._choice.end_point)
        bare = b"c=%b,r=%b" % (binding, self._nonce)
        told = b",".join((self._bare, self._challenge, bare))
        self._signature = digest(keys.server, told)
        proof = _xor(keys.client, digest(sha256(keys.client), told))
        return b"%b,p=%b" % (bare, _encoded(proof))

    def accepted(self, message: bytes) -> bool:
        """Read the server's last message: True if it proves that the server has the verifier.
        Before `answer` no message proves it.  Raises ScramError."""
        _check_whole(message, SERVER_LIMIT)
        said, _ = _attribute(message, b"v")
        return bool(self._signature) and hmac.compare_digest(said, _encoded(self._signature))


# -- parts ----------------------------------------------------------------------------------------


def _check_whole(message: bytes, limit: int = CLIENT_LIMIT) -> None:
    if not message or b"\0" in message or len(message) > limit:
        raise ScramError(MALFORMED, _MALFORMED)


def _attribute(message: bytes, name: bytes) -> tuple[bytes, bytes]:
    """Return the value of the attribute that must come next, and what is behind it."""
    if message[:1] != name or message[1:2] != b"=":
        raise ScramError(MALFORMED, _MALFORMED)
    value, _, rest = message[2:].partition(b",")
    return value, rest


def _skip(message: bytes, name: bytes) -> bytes:
    return _attribute(message, name)[1]


def _any_attribute(message: bytes) -> tuple[bytes, bytes, bytes]:
    """Return name and value of the attribute that comes next, and what is behind it."""
    name = message[:1]
    if not name.isalpha():
        raise ScramError(MALFORMED, _MALFORMED)
    value, rest = _attribute(message, name)
    return name, value, rest


def _base64(text: bytes) -> bytes:
    """Raises ValueError unless ``text`` is what encoding makes."""
    data = a2b_base64(text, strict_mode=True)
    if _encoded(data) != text:
        raise ValueError("not canonical")
    return data


def _number(digits: bytes) -> int:
    if not (digits.isdigit() and len(digits) <= _DIGITS_MAX):
        raise ValueError("not a number")
    return int(digits)


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(_KEY, "big")
