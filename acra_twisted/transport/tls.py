"""TLS contexts from options, and TLS as one ITransportSecurity.

TLS 1.2 and 1.3 only, forward-secret AEAD suites, no renegotiation.  What is wrong with a peer's
certificate is said by `transport.certificates`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
)
from twisted.internet.protocol import Factory
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    TLSVersion,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.errors import ConfigError, HandshakeError, KeyStoreError, raise_together
from acra_twisted.interfaces import ITransportSecurity
from acra_twisted.keystore.files import check_private
from acra_twisted.options import Settings
from acra_twisted.transport.certificates import (
    CLIENT,
    SERVER,
    Loaded,
    clock,
    deciding,
    is_ip_address,
    judged,
    readable,
)
from acra_twisted.transport.verifier import Verifier, expect

_CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:@SECLEVEL=2"
)
NONE, IF_GIVEN, REQUIRE = 0, 3, 4
#: Seconds for which a session can be resumed: for so long a certificate is not verified anew.
SESSION_LIFETIME = 300
_SESSION_CONTEXT = b"acra"


class TLSContext:
    """One side's settings for many connections: on sockets of ours, and where TLS lies on top of
    something else, in Twisted's memory buffers (`creator`).

    ``options`` are Twisted's; a client checks that the peer's certificate is for ``name``, a
    server agrees to one of ``protocols`` where the peer asks for some.  ``loaded`` are the
    certificates that it uses, ``authorities`` those that peers are verified by.
    Sessions are resumed: a connection after the first costs no signature and no chain to verify.
    """

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
        self._name = name
        if protocols:
            context.set_alpn_select_callback(_choose(tuple(protocols)))
        if name:
            expect(context, name)
            context.set_info_callback(self._told)
        self.resumes = bool(name)
        self._session: SSL.Session | None = None

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

    def become(self, other: TLSContext) -> None:
        """New connections are made as ``other`` makes them; those that are there go on."""
        if bool(self._name) != bool(other._name):
            raise ValueError("one is a client that checks names, the other is not")
        self.context, self._name, self._session = other.context, other._name, None
        self.loaded, self._verifier = other.loaded, other._verifier

    def keep_session(self, connection: SSL.Connection) -> None:
        """For the next connection, unless it is one of before `become`."""
        if connection.get_context() is self.context:
            self._session = connection.get_session()


def _choose(ours: tuple[bytes, ...]) -> Callable[[SSL.Connection, list[bytes]], bytes]:
    """OpenSSL: return the first of our protocols that the peer offers.  An exception refuses the
    handshake."""

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

    def add(self, make: Callable[[], TLSContext], made: TLSContext | None = None) -> TLSContext:
        """The context that ``make`` reads from its files, if it has not ``made`` it just now.
        Raises ConfigError as it does."""
        context = make() if made is None else made
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


class Credentials:
    """Certificates of one side, read from files.  Raises ConfigError naming option and file.

    ``prefix`` is ``"tls_"``, ``"tls_client_"``, ``"tls_database_"`` or ``"application_tls_"``;
    what is empty there is taken from ``tls_`` if it ``falls_back``.
    """

    def __init__(
        self, settings: Settings, prefix: str = "tls_", *, falls_back: bool = True
    ) -> None:
        def chosen(name: str) -> tuple[str, str]:
            own = settings.get(prefix + name) or not falls_back
            option = prefix + name if own else f"tls_{name}"
            return option, settings[option]

        auth = settings.get(f"{prefix}auth", -1)
        self.auth: int = auth if auth >= 0 else settings["tls_auth"]
        if self.auth in (1, 2):
            raise ConfigError(
                f"{prefix}auth: {self.auth} accepts certificates that nobody verified; "
                f"use 0 (none), 3 (verify if given) or 4 (require and verify)"
            )
        self._files = {name: chosen(name) for name in ("ca", "cert")}
        self.authorities = read_certificates(*chosen("ca"))
        certificates = read_certificates(*chosen("cert"))
        key = _read_key(*chosen("key"))
        if bool(certificates) != (key is not None):
            raise ConfigError(f"{prefix}cert and {prefix}key: give both or neither")
        self.certificate = certificates[0].original if certificates else None
        self.chain = [certificate.original for certificate in certificates[1:]]
        self.key = key
        if self.certificate is not None:
            self._check_pair(chosen("key")[0], chosen("cert")[0])

    def _check_pair(self, key_option: str, certificate_option: str) -> None:
        try:
            CertificateOptions(privateKey=self.key, certificate=self.certificate).getContext()
        except SSL.Error:
            raise ConfigError(
                f"{key_option}: this is not the key of the certificate in {certificate_option}; "
                "name the key that it was made with"
            ) from None

    def loaded(self, usage: Any) -> list[Loaded]:
        """The certificates that were read; ``usage`` is CLIENT or SERVER."""
        own = [] if self.certificate is None else [self.certificate]
        trusted = [each.original for each in self.authorities if self.auth != NONE]
        return [
            Loaded(*self._files[name], each, use)
            for name, use, certificates in (("cert", usage, own), ("ca", None, trusted))
            for each in readable(certificates)
        ]

    def judged(self, usage: Any, *, link: bool = False) -> tuple[list[str], list[str]]:
        """See `certificates.judged`; ``link`` is where both sides usually trust the same CAs."""
        trusted = readable([each.original for each in self.authorities])
        chain = readable(self.chain)
        return judged(self.loaded(usage), clock(), [*trusted, *chain] if link and trusted else ())

    def server_context(self, protocols: Sequence[bytes] = ()) -> TLSContext:
        """For accepting; verifies peers as ``auth`` says.

        A peer that offers ALPN without any of ``protocols`` is refused in the handshake
        (no_application_protocol); one that offers none is not asked.
        """
        trust: dict[str, Any] = {}
        if self.auth == REQUIRE:
            trust = {"trustRoot": self._trust_root()}
        elif self.auth == IF_GIVEN and self.authorities:
            trust = {
                "verify": True,
                "requireCertificate": False,
                "caCerts": [authority.original for authority in self.authorities],
            }
        return TLSContext(
            CertificateOptions(
                privateKey=self.key,
                certificate=self.certificate,
                extraCertChain=self.chain,
                insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
                acceptableCiphers=_CIPHERS,
                enableSessionTickets=True,
                **trust,
            ),
            protocols=protocols,
            loaded=self.loaded(SERVER),
        )

    def client_creator(self, name: str) -> TLSContext:
        """For connecting to a peer whose certificate must be for ``name``."""
        trust: dict[str, Any] = {}
        if self.auth != NONE:
            trust = {"trustRoot": self._trust_root() if self.authorities else platformTrust()}
        options = CertificateOptions(
            privateKey=self.key,
            certificate=self.certificate,
            extraCertChain=self.chain or None,
            insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
            acceptableCiphers=_CIPHERS,
            enableSessionTickets=True,
            **trust,
        )
        expected = name if self.auth != NONE else ""
        return TLSContext(options, expected, loaded=self.loaded(CLIENT))

    def _trust_root(self) -> Any:
        if not self.authorities:
            raise ConfigError("tls_ca: peers must be verified (tls_auth), name the CA file")
        return trustRootFromCertificates(self.authorities)


def collector_context(trust: Any, host: str) -> TLSContext:
    """For connecting to a collector; ``trust`` are its CAs, None for the system's."""
    options = CertificateOptions(
        trustRoot=trust or platformTrust(),
        insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
        acceptableCiphers=_CIPHERS,
    )
    return TLSContext(options, host)


def told(*parts: tuple[list[str], list[str]]) -> list[str]:
    """Sentences about certificates that are remarks.  Raises ConfigError with the severe ones."""
    raise_together([ConfigError(text) for severe, _ in parts for text in severe])
    return [text for _, others in parts for text in others]


def _read(option: str, path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"{option}: cannot read {path}: {error.strerror}") from None


def read_certificates(option: str, path: str) -> list[Certificate]:
    """The certificates of a PEM file, none if no path is given.  Raises ConfigError."""
    if not path:
        return []
    text = _read(option, path)
    mark = b"-----BEGIN CERTIFICATE-----"
    blocks = [mark + block for block in text.split(mark)[1:]]
    try:
        found = [Certificate.loadPEM(block) for block in blocks]
    except (crypto.Error, ValueError):
        found = []
    if not found:
        hint = "; it holds a key: are the two exchanged?" if b"PRIVATE KEY-----" in text else ""
        raise ConfigError(f"{option}: {path} holds no certificate in PEM form{hint}")
    return found


def _read_key(option: str, path: str) -> crypto.PKey | None:
    if not path:
        return None
    text = _read(option, path)
    try:
        check_private(path, os.stat(path), f"{option}:")
    except KeyStoreError as error:
        raise ConfigError(str(error)) from None
    try:
        return crypto.load_privatekey(crypto.FILETYPE_PEM, text, b"")
    except (crypto.Error, ValueError):
        raise ConfigError(f"{option}: {path} holds no unencrypted private key") from None


@implementer(ITransportSecurity)
class TLSSecurity:
    """The link over mutual TLS."""

    name = "tls"

    def __init__(self, context: TLSContext, is_client: bool) -> None:
        self._context = context
        self._is_client = is_client

    def protect(self, factory: IProtocolFactory) -> IProtocolFactory:
        """See ITransportSecurity."""
        # tlssockets needs what is in this module.
        from acra_twisted.transport.native.tlssockets import TLSStart

        return _StartingFactory(
            lambda protocol: TLSStart(self._context, self._is_client, protocol), factory
        )


class _StartingFactory(Factory):
    noisy = False

    def __init__(self, start: Callable[[Any], Any], factory: IProtocolFactory) -> None:
        self._start = start
        self._factory = factory

    def buildProtocol(self, addr: Any) -> Any:
        protocol = self._factory.buildProtocol(addr)
        return None if protocol is None else self._start(protocol)


@implementer(ITransportSecurity)
class RawSecurity:
    """The link without protection."""

    name = "raw"

    def protect(self, factory: IProtocolFactory) -> IProtocolFactory:
        """See ITransportSecurity."""
        return factory
