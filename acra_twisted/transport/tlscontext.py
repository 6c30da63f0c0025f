"""One side's settings for TLS, for many connections.

TLS 1.2 and 1.3 only, no renegotiation; sessions are resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from OpenSSL import SSL
from OpenSSL._util import lib
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.ssl import CertificateOptions
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.errors import HandshakeError
from acra_twisted.transport.certificates import Loaded, deciding, is_ip_address
from acra_twisted.transport.evidence import evidence_of
from acra_twisted.transport.peercertificates import PeerCertificate, PeerCertificates, lasting
from acra_twisted.transport.verifier import Verifier, expect

#: Seconds for which a session can be resumed: for so long a certificate is not verified anew.
SESSION_LIFETIME = 300
_SESSION_CONTEXT = b"acra"
_SYSTEM = "the system's CAs"


class TLSContext:
    """One side's settings for many connections: on sockets of ours, and where TLS lies on top of
    something else, in Twisted's memory buffers (`creator`).

    ``options`` are Twisted's; a client checks that the peer's certificate is for ``name``, and
    offers ``protocols`` by ALPN; a server agrees to one of them where the peer asks for some.
    ``loaded`` are the certificates that it uses, ``authorities`` those that peers are verified by.
    Sessions are resumed: a connection after the first costs no signature and no chain to verify.
    """

    #: The IPeerJudge of peers that have shown a certificate, None where a verified one suffices.
    judge: Any = None

    def __init__(
        self,
        options: CertificateOptions,
        name: str = "",
        protocols: Sequence[bytes] = (),
        loaded: Sequence[Loaded] = (),
    ) -> None:
        self.context = context = options.getContext()
        self.loaded = tuple(loaded)
        self._verifier = Verifier([each.certificate for each in loaded if each.usage is None], name)
        if context.get_verify_mode() != SSL.VERIFY_NONE:
            context.set_verify(context.get_verify_mode(), self._verifier)
        # Tickets, which cost the server no memory.  Their key lives as long as this object; in
        # TLS 1.3 a resumed connection agrees on new keys all the same.
        context.set_options(SSL.OP_NO_RENEGOTIATION)
        context.set_session_id(_SESSION_CONTEXT)
        context.set_timeout(SESSION_LIFETIME)
        self.creator: Any = _Creator(self)
        #: The certificates that peers have shown, where they are verified.
        self.peers = PeerCertificates()
        self._name = name
        if protocols:
            context.set_alpn_select_callback(_choose(tuple(protocols)))
            context.set_alpn_protos(list(protocols))
        if name:
            expect(context, name)
            context.set_info_callback(self._told)
        self.resumes = bool(name)
        self._session: SSL.Session | None = None
        self._forgotten = 0
        self._asks_for_staples = False
        self._staple: Callable[[], bytes] | None = None

    @property
    def trusts(self) -> str:
        """The setting whose CAs verify peers: "the system's CAs" where none does, and empty where
        they are not verified."""
        if self.context.get_verify_mode() == SSL.VERIFY_NONE:
            return ""
        return next((one.option for one in self.loaded if one.usage is None), _SYSTEM)

    def connection(self, socket: Any, owner: Any, is_client: bool) -> SSL.Connection:
        """OpenSSL's connection on a socket.  ``owner`` is told by ``failVerification`` if the
        peer is not who it must be."""
        connection = SSL.Connection(self.context, socket)
        connection.set_app_data(owner)
        if is_client:
            if self._name and not is_ip_address(self._name):
                connection.set_tlsext_host_name(self._name.encode("idna"))
            if self._session is not None:
                connection.set_session(self._session)
            if self._asks_for_staples:
                connection.request_ocsp()
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        return connection

    def _told(self, connection: SSL.Connection, where: int, value: int) -> None:
        """OpenSSL: the handshake is done, the chain is verified; the name is our business."""
        if not where & SSL.SSL_CB_HANDSHAKE_DONE:
            return
        try:
            # A session that is resumed has a certificate, and OpenSSL does not ask about it.
            peer: Any = connection.get_peer_certificate()
            self._verifier.check_name(peer.to_cryptography())
        except Exception:
            # Whatever it is: nothing may pass because the check itself failed.
            owner = connection.get_app_data()
            if owner is not None:
                owner.failVerification(Failure())

    def ask_for_staples(self) -> None:
        """Have servers send the OCSP response about their certificate along, from now on."""
        self._asks_for_staples = True
        self.context.set_ocsp_client_callback(_stapled)

    def staple(self, response: Callable[[], bytes]) -> None:
        """Send what ``response`` gives along to clients that ask for it, from now on."""
        self._staple = response
        self.context.set_ocsp_server_callback(lambda connection, data: response())

    def become(self, other: TLSContext) -> None:
        """New connections are made as ``other`` makes them; those that are there go on."""
        if bool(self._name) != bool(other._name):
            raise ValueError("one is a client that checks names, the other is not")
        if self._asks_for_staples:
            other.ask_for_staples()
        if self._staple is not None:
            other.staple(self._staple)
        self.context, self._name, self._session = other.context, other._name, None
        self.loaded, self._verifier = other.loaded, other._verifier

    def judged(self, connection: SSL.Connection, channel: Any, staple: bytes) -> Any:
        """Have the peer of a complete handshake judged, whose OCSP response is ``staple``; its
        certificate is remembered.

        Returns None if it may be talked to, or a Deferred that fires then.  Raises
        CertificateRefused, or fails with it.
        """
        if channel.certificate is not None and self.trusts:
            self.peers.note(channel.certificate)
        judge = self.judge
        evidence = None if judge is None else evidence_of(connection, staple)
        return None if evidence is None else judge.judge(evidence, channel)

    def forget_sessions(self) -> None:
        """Resume no session of before from now on: each peer shows its whole chain once more."""
        self._session = None
        # A ticket of another session context counts as none.
        self._forgotten += 1
        name = _SESSION_CONTEXT + self._forgotten.to_bytes(4, "big")
        # pyOpenSSL lets nobody change a context that is in use; this is one word for new
        # connections, and all are of one thread.
        lib.SSL_CTX_set_session_id_context(self.context._context, name, len(name))

    def keep_session(self, connection: SSL.Connection) -> None:
        """For the next connection, unless it is one of before `become`, or one that has brought no
        staple where one is asked for: what is resumed brings none either."""
        if connection.get_context() is not self.context:
            return
        if not self._asks_for_staples or connection.get_app_data().staple:
            self._session = connection.get_session()


def _stapled(connection: SSL.Connection, response: bytes, data: Any) -> bool:
    """OpenSSL: the server has sent this along.  It is judged with the rest."""
    connection.get_app_data().staple = response
    return True


def _choose(ours: tuple[bytes, ...]) -> Callable[[SSL.Connection, list[bytes]], bytes]:
    """Choose the first protocol of ours that the peer has.  An exception refuses the handshake."""

    def choose(connection: SSL.Connection, theirs: list[bytes]) -> bytes:
        for protocol in ours:
            if protocol in theirs:
                return protocol
        raise HandshakeError("the peer asks by ALPN for protocols that are not spoken here")

    return choose


class TLSContexts:
    """Those of a daemon, to be read anew together when their files have changed."""

    def __init__(self) -> None:
        self._made: list[tuple[TLSContext, Callable[[], TLSContext]]] = []

    def add(
        self, make: Callable[[], TLSContext], made: TLSContext | None = None, judge: Any = None
    ) -> TLSContext:
        """The context that ``make`` reads from its files, if it has not ``made`` it just now.
        Raises ConfigError as it does.  ``judge`` is the IPeerJudge of its peers, if any."""
        context = make() if made is None else made
        if judge is not None:
            judge.watch(context)
        self._made.append((context, make))
        return context

    def loaded(self) -> list[Loaded]:
        """The certificates in use, each once."""
        found = {
            (each.option, each.usage, each.certificate): each
            for context, _ in self._made
            for each in context.loaded
        }
        return list(found.values())

    def peers(self) -> list[tuple[str, bool, PeerCertificate]]:
        """The certificates that peers have shown: by which setting's CAs they were verified, and
        if the peer was the client."""
        found: dict[tuple[str, bool], list[PeerCertificate]] = {}
        for context, _ in self._made:
            key = context.trusts, not context.resumes
            found.setdefault(key, []).extend(context.peers.found())
        return [
            (by, is_client, one) for (by, is_client), some in found.items() for one in lasting(some)
        ]

    def ends(self) -> dict[str, float]:
        """When the certificate of each setting expires, in Unix time."""
        return {each.option: each.ends.timestamp() for each in deciding(self.loaded())}

    def renew(self) -> int:
        """Read all files anew; how many contexts there are.  Raises ConfigError; then every
        context stays as it was."""
        fresh = [make() for _, make in self._made]
        for (context, _), new in zip(self._made, fresh, strict=True):
            context.become(new)
        return len(fresh)


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class _Creator:
    """Connections without a socket, for Twisted's TLS."""

    def __init__(self, context: TLSContext) -> None:
        self._context = context

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        return self._context.connection(None, protocol, True)

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        return self._context.connection(None, protocol, False)
