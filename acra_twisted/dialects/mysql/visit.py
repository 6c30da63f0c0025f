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
from acra_twisted.dialects.mysql.ownresponse import encrypts, offers_tls, own_response
from acra_twisted.dialects.mysql.rest import Rest
from acra_twisted.loginactions import DATABASE, Action, Close, StartTLS
from acra_twisted.wire.mysql.handshake import POSING, Greeting, decode_greeting
from acra_twisted.wire.mysql.okpackets import ERR, Error, decode_error

#: The user of visits that nobody is told of.  No account should have this name.
VISITOR: Final = b"acra_visitor"
_SHOWN_MAX: Final = 40


class Visit:
    """One connection to a server, whose bytes it is fed.

    ``tls``: "off", "if offered" or "on".  ``greeting`` is what the server has said, None before.
    """

    def __init__(self, user: bytes, tls: str = "off") -> None:
        self._user = user
        self._tls = tls
        self._leg = Leg(DATABASE)
        self._rest: Rest | None = None
        self.greeting: Greeting | None = None
        self._error: Error | None = None

    @property
    def system(self) -> str:
        """Name and version of the server, as far as they may be shown; it has greeted."""
        greeting = self.greeting
        assert greeting is not None  # noqa: S101 - see above
        version = greeting.version
        if greeting.mariadb:
            version = version.removeprefix(POSING)
        shown = version[:_SHOWN_MAX].decode("ascii", "replace")
        name = "MariaDB" if greeting.mariadb else "MySQL"
        return f"{name} {''.join(c if c.isprintable() else '?' for c in shown)}"

    @property
    def error(self) -> Error | None:
        """The error that the server has answered with."""
        return self._error if self._rest is None else self._rest.error

    @property
    def admitted(self) -> bool:
        """True if the server has let the visitor in."""
        return self._rest is not None and self._rest.admitted

    @property
    def over(self) -> bool:
        """See IVisit."""
        return self._error is not None if self._rest is None else self._rest.over

    @property
    def problem(self) -> str:
        """See IVisit."""
        error = self.error
        return f"takes no connections (error {error.number})" if error and not self.greeting else ""

    @property
    def offers_tls(self) -> bool:
        """True if the server has greeted, and may be asked for TLS."""
        return self.greeting is not None and offers_tls(self.greeting)

    def feed(self, data: bytes) -> list[Action]:
        """Take bytes of the server; return what is to be done, in order.

        Raises WireError for a server that does not speak the protocol, HandshakeError for one
        without the TLS that is required.
        """
        if self._rest is not None:
            return self._rest.feed(data)
        self._leg.feed(data)
        payload = self._leg.take()
        if payload is None:
            return []
        if payload[:1] == bytes((ERR,)):
            self._error = decode_error(payload)
            return [Close(DATABASE)]
        rest, actions = self._greeted(decode_greeting(payload))
        self._rest = rest
        return [*actions, *rest.feed(b"")]

    def tls_started(self) -> list[Action]:
        """See IVisit."""
        return [] if self._rest is None else self._rest.tls_started()

    def _greeted(self, greeting: Greeting) -> tuple[Rest, list[Action]]:
        self.greeting = greeting
        encrypted = encrypts(greeting, self._tls)
        plugin = greeting.plugin
        response = own_response(self._user, plugin, encrypted)
        if encrypted:
            asked: list[Action] = [self._leg.write(response.head()), StartTLS(DATABASE)]
            return Rest(self._leg, plugin, response), asked
        return Rest(self._leg, plugin), [self._leg.write(response.encode())]


classImplements(Visit, IVisit)
