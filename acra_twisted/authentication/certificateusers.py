"""Users whose client's certificate proves who they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from acra_twisted.authentication.identfile import IdentMap
from acra_twisted.authentication.keyfile import KeyFile
from acra_twisted.authentication.tokens import read
from acra_twisted.errors import HandshakeError
from acra_twisted.lookup import Found
from acra_twisted.transport.identity import names_of

#: The names of a certificate that may count: its common name, or its whole subject.
CN: Final = "cn"
DN: Final = "dn"
SOURCE: Final = "certificate"
_OPTION: Final = "auth_ident_file"


class IdentFile:
    """The map ``name`` of a file, as it was when it was last read.  Raises ConfigError."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self._name = name
        self.map = self._load()

    def _load(self) -> IdentMap:
        return IdentMap.read(read(self.path, option=_OPTION), self.path, self._name)

    def read(self) -> Callable[[], None]:
        """Read the file anew; the returned function puts it in force.  Raises ConfigError."""
        found = self._load()

        def switch() -> None:
            self.map = found

        return switch


class CertificateUsers:
    """Finds out which users a certificate proves.

    ``by`` is CN or DN, the name that counts.  Without ``ident`` it must be the user's own.
    ``keys`` are those by which users are logged in to the database; a user without is logged in by
    AcraServer's certificate.
    """

    def __init__(self, by: str, ident: IdentFile | None, keys: KeyFile | None) -> None:
        self._by = by
        self._ident = ident
        self._keys = keys

    def look_up(self, user: bytes, certificate: bytes | None) -> Found:
        """Return the keys of ``user`` if ``certificate`` (DER, verified) proves it, empty if there
        are none; a secret of None if it does not prove it."""
        if certificate is None or not self._proves(certificate, user):
            return Found(None, SOURCE)
        return Found(b"" if self._keys is None else self._keys.keys.get(user, b""), SOURCE)

    def _proves(self, certificate: bytes, user: bytes) -> bool:
        try:
            names = names_of(certificate)
        except HandshakeError:
            return False
        name = names.common_name if self._by == CN else names.subject
        if self._ident is not None:
            return self._ident.map.line(name, user) > 0
        return bool(name) and name.encode(errors="surrogateescape") == user

    def reload(self) -> None:
        """Read both files anew, all or nothing.  Raises ConfigError; then everything stays as it
        is."""
        switches = [file.read() for file in (self._ident, self._keys) if file is not None]
        for switch in switches:
            switch()
