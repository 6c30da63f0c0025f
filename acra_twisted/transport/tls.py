"""TLS contexts from options, and TLS as one ITransportSecurity.

TLS 1.2 and 1.3 only, forward-secret AEAD suites, no renegotiation.  A peer's name is checked by
service-identity; for IP addresses, too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    KeyPair,
    PrivateCertificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.interfaces import ITransportSecurity
from acra_twisted.keystore.files import check_private
from acra_twisted.options import Settings

_CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:@SECLEVEL=2"
)
NONE, IF_GIVEN, REQUIRE = 0, 3, 4


class Credentials:
    """Certificates of one side, read from files.  Raises ConfigError naming option and file.

    ``prefix`` is ``"tls_"``, ``"tls_client_"`` or ``"tls_database_"``; what is empty there is
    taken from ``tls_``.
    """

    def __init__(self, settings: Settings, prefix: str = "tls_") -> None:
        def chosen(name: str) -> tuple[str, str]:
            option = prefix + name if settings.get(prefix + name) else f"tls_{name}"
            return option, settings[option]

        auth = settings.get(f"{prefix}auth", -1)
        self.auth: int = auth if auth >= 0 else settings["tls_auth"]
        if self.auth in (1, 2):
            raise ConfigError(
                f"{prefix}auth: {self.auth} accepts certificates that nobody verified; "
                f"use 0 (none), 3 (verify if given) or 4 (require and verify)"
            )
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
                f"{key_option}: this is not the key of the certificate in {certificate_option}"
            ) from None

    def server_context(self, protocols: Sequence[bytes] = ()) -> CertificateOptions:
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
        return CertificateOptions(
            privateKey=self.key,
            certificate=self.certificate,
            extraCertChain=self.chain,
            insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
            acceptableCiphers=_CIPHERS,
            acceptableProtocols=list(protocols) or None,
            enableSessions=False,
            **trust,
        )

    def client_creator(self, name: str) -> Any:
        """For connecting to a peer whose certificate must be for ``name``."""
        options: dict[str, Any] = {
            "insecurelyLowerMinimumTo": TLSVersion.TLSv1_2,
            "acceptableCiphers": _CIPHERS,
        }
        if self.auth == NONE:
            return CertificateOptions(
                privateKey=self.key,
                certificate=self.certificate,
                extraCertChain=self.chain,
                **options,
            )
        own = None
        if self.certificate is not None and self.key is not None:
            own = PrivateCertificate.fromCertificateAndKeyPair(
                Certificate(self.certificate), KeyPair(self.key)
            )
        return optionsForClientTLS(
            name,
            trustRoot=self._trust_root() if self.authorities else platformTrust(),
            clientCertificate=own,
            extraCertificateOptions={**options, "extraCertChain": self.chain} if own else options,
        )

    def _trust_root(self) -> Any:
        if not self.authorities:
            raise ConfigError("tls_ca: peers must be verified (tls_auth), name the CA file")
        return trustRootFromCertificates(self.authorities)


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
        raise ConfigError(f"{option}: {path} holds no certificate in PEM form")
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


class _LinkTLSFactory(TLSMemoryBIOFactory):
    """Without Twisted's write aggregation: a pump writes once per turn as it is."""

    protocol = TLSMemoryBIOProtocol


@implementer(ITransportSecurity)
class TLSSecurity:
    """The link over mutual TLS.  ``creator`` is what Twisted's TLS takes as context factory."""

    name = "tls"

    def __init__(self, creator: Any, is_client: bool) -> None:
        self._creator = creator
        self._is_client = is_client

    def protect(self, factory: IProtocolFactory) -> IProtocolFactory:
        """See ITransportSecurity."""
        return _LinkTLSFactory(self._creator, self._is_client, factory)


@implementer(ITransportSecurity)
class RawSecurity:
    """The link without protection."""

    name = "raw"

    def protect(self, factory: IProtocolFactory) -> IProtocolFactory:
        """See ITransportSecurity."""
        return factory
