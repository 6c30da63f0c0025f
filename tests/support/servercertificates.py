"""Certificates of servers, one for each kind of signature: channel binding depends on it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from acra_twisted.transport import authority

RSA, ECDSA, PSS, ED25519 = KINDS = ("RSA-SHA256", "ECDSA-SHA384", "RSA-PSS", "Ed25519")
#: A signature by Ed25519 names no hash, and `tls-server-end-point` is one.
BINDING = (RSA, ECDSA, PSS)


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


_KEYS: dict[str, Callable[[], Any]] = {
    RSA: _rsa,
    ECDSA: lambda: ec.generate_private_key(ec.SECP384R1()),
    PSS: _rsa,
    ED25519: ed25519.Ed25519PrivateKey.generate,
}
_HASHES = {RSA: hashes.SHA256, ECDSA: hashes.SHA384, PSS: hashes.SHA384, ED25519: lambda: None}


def _sign(kind: str, builder: x509.CertificateBuilder, key: Any) -> x509.Certificate:
    if kind != PSS:
        return builder.sign(key, _HASHES[kind]())
    padded = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)
    return builder.sign(key, hashes.SHA384(), rsa_padding=padded)


def _builder(name: x509.Name, key: Any, *, ca: bool) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - day,
        not_valid_after=now + 30 * day,
    )
    return builder.add_extension(x509.BasicConstraints(ca, 0 if ca else None), critical=True)


class ServerCertificates:
    """``pairs`` has the files of certificate and key by kind, all for loopback; ``roots`` is a file
    with the certificates of those who have signed them, each with a key of the same kind."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.roots = folder / "roots.pem"
        self.pairs = {kind: self._make(folder, kind) for kind in KINDS}

    def _make(self, folder: Path, kind: str) -> tuple[Path, Path]:
        issuer = authority.simple_name(f"{kind} CA")
        root_key, key = _KEYS[kind](), _KEYS[kind]()
        root = _sign(kind, _builder(issuer, root_key, ca=True).issuer_name(issuer), root_key)
        with self.roots.open("ab") as roots:
            roots.write(authority.encode_certificate(root))
        builder = _builder(authority.simple_name(kind), key, ca=False).issuer_name(issuer)
        names = [authority.general_name(host) for host in ("localhost", "127.0.0.1")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        leaf = _sign(kind, builder, root_key)
        pair = folder / f"{kind}.pem", folder / f"{kind}.key"
        pair[0].write_bytes(authority.encode_certificate(leaf))
        pair[1].write_bytes(authority.encode_key(key))
        pair[1].chmod(0o600)
        return pair
