"""Accounts of the server that stands in for MySQL, and how passwords are shown to it."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SHA2, SHA256, NATIVE = "caching_sha2_password", "sha256_password", "mysql_native_password"


def digest_sha2(password: bytes, scramble: bytes) -> bytes:
    """The answer of caching_sha2_password."""
    first = hashlib.sha256(password).digest()
    second = hashlib.sha256(hashlib.sha256(first).digest() + scramble).digest()
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def digest_native(password: bytes, scramble: bytes) -> bytes:
    """The answer of mysql_native_password."""
    first = hashlib.sha1(password).digest()
    second = hashlib.sha1(scramble + hashlib.sha1(first).digest()).digest()
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


class Accounts:
    """Users with their plugins and passwords, the key of RSA, and who is known already."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self._users: dict[str, tuple[str, bytes]] = {}
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = self._key.public_key()
        self.pem = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def add(self, user: str, password: str, plugin: str = SHA2) -> None:
        """Make an account."""
        self._users[user] = (plugin, password.encode())

    def plugin(self, user: str) -> str:
        """Its plugin; the default one for who is nobody."""
        return self._users.get(user, (SHA2, b""))[0]

    def agrees(self, user: str, answer: bytes, scramble: bytes, plugin: str) -> bool:
        """True if the answer shows the password."""
        digest = digest_sha2 if plugin == SHA2 else digest_native
        password = self._users[user][1] if user in self._users else secrets.token_bytes(8)
        return answer == (digest(password, scramble) if password else b"")

    def is_password(self, user: str, said: bytes) -> bool:
        """True if what was said is the password and a zero."""
        return user in self._users and said == self._users[user][1] + b"\0"

    def opened(self, said: bytes, scramble: bytes) -> bytes:
        """The password that was encrypted for the key; empty if nothing was."""
        try:
            mixed = self._key.decrypt(
                said,
                padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),
            )
        except ValueError:
            return b""
        return bytes(byte ^ scramble[n % len(scramble)] for n, byte in enumerate(mixed))
