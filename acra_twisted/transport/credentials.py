"""Certificates and keys from the files that settings name, and TLS contexts made of them.

Forward-secret AEAD suites only.  `transport.certificates` says what is wrong with a peer's
certificate.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    TLSVersion,
    platformTrust,
    trustRootFromCertificates,
)

from acra_twisted.errors import ConfigError, KeyStoreError, raise_together
from acra_twisted.keystore.files import check_private
from acra_twisted.options import Settings
from acra_twisted.transport.certificates import (
    CLIENT,
    SERVER,
    Loaded,
    clock,
    judged,
    readable,
)
from acra_twisted.transport.tlscontext import TLSContext

_CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:@SECLEVEL=2"
)
NONE, IF_GIVEN, REQUIRE = 0, 3, 4


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

    def client_creator(self, name: str, protocols: Sequence[bytes] = ()) -> TLSContext:
        """For connecting to a peer whose certificate must be for ``name``; ``protocols`` are
        offered by ALPN."""
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
        return TLSContext(options, expected, protocols, self.loaded(CLIENT))

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
        remedy = "; take its passphrase off: openssl pkey -in FILE -out NEW"
        hint = remedy if b"ENCRYPTED" in text else ""
        raise ConfigError(f"{option}: {path} holds no unencrypted private key{hint}") from None
