"""The rest of a login behind its response: a server's questions, until it has decided.

Each question gets an answer that its plugin can have, and that proves nothing.  Then the server
refuses the user, which it does not count as an error of the host.
"""

from __future__ import annotations

from typing import Final

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import IVisit
from acra_twisted.dialects.mysql.authentication import CACHING, ED25519, FAST, PARSEC, SHA256
from acra_twisted.dialects.mysql.legs import Leg
from acra_twisted.errors import WireError
from acra_twisted.loginactions import DATABASE, Action, Close
from acra_twisted.wire.mysql.handshake import MORE, NEXT_FACTOR, SWITCH, Response, decode_switch
from acra_twisted.wire.mysql.okpackets import ERR, OK, Error, decode_error

#: Packets of the server before its decision.
_MOST: Final = 8
_COM_QUIT: Final = b"\x01"
#: Answers of plugins whose server counts an empty one as an error, or says that it expects none.
_ANSWERS: Final = {
    (SWITCH, ED25519): bytes(64),
    (NEXT_FACTOR, ED25519): bytes(64),
    (MORE, PARSEC): bytes(96),
    (SWITCH, CACHING): b"\0",
    (MORE, CACHING): b"\0",
    (SWITCH, SHA256): b"\0",
    (MORE, SHA256): b"\0",
}


class Rest:
    """The remaining part of a login on ``leg``, with ``plugin``.

    ``response`` is to be sent when TLS has begun, if it has not been sent; ``asked`` is a packet of
    the server's that has no answer yet.  ``error`` is what the server has refused the user with;
    ``admitted``: it has let him in.
    """

    #: See IVisit: the server has taken the connection.
    problem = ""

    def __init__(
        self,
        leg: Leg,
        plugin: bytes,
        response: Response | None = None,
        asked: bytes | None = None,
    ) -> None:
        self._leg = leg
        self._plugin = plugin
        self._response = response
        self._asked = asked
        self._left = _MOST
        self.error: Error | None = None
        self.admitted = False
        self.over = False

    def feed(self, data: bytes) -> list[Action]:
        """See IVisit."""
        self._leg.feed(data)
        actions: list[Action] = []
        while not self.over and self._response is None:
            payload, self._asked = self._asked, None
            if payload is None:
                payload = self._leg.take()
            if payload is None:
                break
            actions += self._read(payload)
        return actions

    def tls_started(self) -> list[Action]:
        """See IVisit."""
        response, self._response = self._response, None
        if response is None:
            return []
        if self._leg.waiting:
            raise WireError(DATABASE, "it speaks before it was answered")
        return [self._leg.write(response.encode())]

    def _read(self, payload: bytes) -> list[Action]:
        if not payload:
            raise WireError(DATABASE, "an empty packet in the middle of a login")
        kind = payload[0]
        if kind == ERR:
            self.error = decode_error(payload)
            self.over = True
            return [Close(DATABASE)]
        if kind == OK:
            self.admitted = self.over = True
            self._leg.due = 0
            return [self._leg.write(_COM_QUIT), Close(DATABASE)]
        self._left -= 1
        if self._left <= 0:
            raise WireError(DATABASE, f"a login of more than {_MOST} packets")
        if kind in (SWITCH, NEXT_FACTOR):
            self._plugin = decode_switch(payload).plugin if len(payload) > 1 else b""
        elif self._plugin == CACHING and payload == FAST:
            return []
        return [self._leg.write(_ANSWERS.get((kind, self._plugin), b""))]


classImplements(Rest, IVisit)
