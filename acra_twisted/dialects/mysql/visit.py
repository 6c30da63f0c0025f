"""A visit to a server: a login as a user whom it does not know, to the end that it decides.

Whoever leaves a server behind its greeting counts there as an error of its host, and a server lets
nobody in any more from a host with many of them (``max_connect_errors``).  A user whom it refuses
does not count.
"""

from __future__ import annotations

from typing import Final

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import IVisit
from acra_twisted.dialects.mysql.legs import Leg
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import DATABASE, Action, Close, StartTLS
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.handshake import Greeting, Response, decode_greeting
from acra_twisted.wire.mysql.okpackets import ERR, OK, Error, decode_error

#: Packets of the server behind its greeting.
_MOST: Final = 8
_SHOWN_MAX: Final = 40
#: MariaDB says that it is a MySQL 5.5.5, for old clients of replication.
_POSING: Final = b"5.5.5-"
_COLLATION: Final = 45
_PACKET_MAX: Final = 1 << 24
_COM_QUIT: Final = b"\x01"


class Visit:
    """One connection to a server, whose bytes it is fed.

    ``tls``: "off", "if offered" or "on".  ``greeting`` and ``error`` are what the server has said,
    None before; ``admitted``: it has let the visitor in.  ``over``: it has decided, and the
    connection is to be closed behind what is to be written.
    """

    def __init__(self, user: bytes, tls: str = "off") -> None:
        self._user = user
        self._tls = tls
        self._leg = Leg(DATABASE)
        self._response: Response | None = None
        self._is_encrypted = False
        self._left = _MOST
        self.greeting: Greeting | None = None
        self.error: Error | None = None
        self.admitted = False
        self.over = False

    @property
    def system(self) -> str:
        """Name and version of the server, as far as they may be shown; it has greeted."""
        greeting = self.greeting
        assert greeting is not None  # noqa: S101 - see above
        version = greeting.version
        if greeting.mariadb:
            version = version.removeprefix(_POSING)
        shown = version[:_SHOWN_MAX].decode("ascii", "replace")
        name = "MariaDB" if greeting.mariadb else "MySQL"
        return f"{name} {''.join(c if c.isprintable() else '?' for c in shown)}"

    @property
    def problem(self) -> str:
        """See IVisit."""
        error = self.error
        return f"takes no connections (error {error.number})" if error and not self.greeting else ""

    @property
    def offers_tls(self) -> bool:
        """True if the server has greeted, and may be asked for TLS."""
        return self.greeting is not None and bool(self.greeting.capabilities & bits.SSL)

    def feed(self, data: bytes) -> list[Action]:
        """Take bytes of the server; return what is to be done, in order.

        Raises WireError for a server that does not speak the protocol, HandshakeError for one
        without the TLS that is required.
        """
        self._leg.feed(data)
        actions: list[Action] = []
        while not self.over and not self._waits_for_tls:
            payload = self._leg.take()
            if payload is None:
                break
            actions += self._read(payload)
        return actions

    def tls_started(self) -> list[Action]:
        """TLS has begun that StartTLS asked for.  Raises WireError."""
        if self._leg.waiting:
            raise WireError(DATABASE, "it speaks before it was answered")
        self._is_encrypted = True
        return self._answer()

    @property
    def _waits_for_tls(self) -> bool:
        response = self._response
        asked = response is not None and bool(response.capabilities & bits.SSL)
        return asked and not self._is_encrypted

    def _read(self, payload: bytes) -> list[Action]:
        if not payload:
            raise WireError(DATABASE, "an empty packet in the middle of a login")
        if payload[0] == ERR:
            self.error = decode_error(payload)
            self.over = True
            return [Close(DATABASE)]
        if self.greeting is None:
            return self._greeted(decode_greeting(payload))
        self._left -= 1
        if payload[0] == OK:
            self.admitted = self.over = True
            self._leg.due = 0
            return [self._leg.write(_COM_QUIT), Close(DATABASE)]
        if self._left <= 0:
            raise WireError(DATABASE, f"a login of more than {_MOST} packets")
        # Whatever it asks for, this user has no secret.
        return [self._leg.write(b"")]

    def _greeted(self, greeting: Greeting) -> list[Action]:
        self.greeting = greeting
        if greeting.capabilities & bits.REQUIRED != bits.REQUIRED:
            raise WireError(DATABASE, "it is too old: it lacks a capability that is needed here")
        if self._tls == "on" and not self.offers_tls:
            raise HandshakeError("it does not offer TLS, and db_tls requires it")
        encrypts = self._tls != "off" and self.offers_tls
        wanted = bits.REQUIRED | bits.LONG_PASSWORD | (bits.SSL if encrypts else 0)
        response = self._response = Response(
            wanted, 0, _PACKET_MAX, _COLLATION, self._user, b"", plugin=greeting.plugin
        )
        if encrypts:
            return [self._leg.write(response.head()), StartTLS(DATABASE)]
        return self._answer()

    def _answer(self) -> list[Action]:
        response = self._response
        assert response is not None  # noqa: S101 - the server has greeted
        return [self._leg.write(response.encode())]


classImplements(Visit, IVisit)
