"""Reads files of secrets in the form of PgBouncer's ``userlist.txt``.

A line has a user and a secret, both in quotes; the rest of it is ignored.  Only what a database
stores is accepted for a secret: a password would open the way to the database for who reads the
file, and proves nothing there without the salt that the database has chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from acra_twisted.authentication.tokens import Token, lines
from acra_twisted.errors import ConfigError, KeyStoreError, raise_together
from acra_twisted.keystore.files import read_secret
from acra_twisted.wire.scram import ScramError, is_verifier, read_verifier

OPTION: Final = "auth_file"
#: Bytes of a file at most.
LIMIT: Final = 16 << 20
#: Bytes of the longest name that a role of a database has.
NAME_MAX: Final = 63
_MD5: Final = re.compile(rb"md5[0-9a-f]{32}")
#: Mistakes that are told of at once.
_TOLD: Final = 10


class AuthFile:
    """Secrets by user, as the file had them when it was last read.

    ``with_md5`` allows MD5 hashes.  ``clock`` gives seconds; ``read_at`` is the time at which the
    file was read.  Raises ConfigError.
    """

    def __init__(self, path: str, with_md5: bool, clock: Callable[[], float]) -> None:
        self.path = path
        self._with_md5 = with_md5
        self._clock = clock
        self.secrets: Mapping[bytes, bytes] = {}
        self.read_at = 0.0
        self.read()()

    def read(self) -> Callable[[], None]:
        """Read the file anew; the returned function puts it in force.  Raises ConfigError."""
        secrets, read_at = load(self.path, self._with_md5), self._clock()

        def switch() -> None:
            self.secrets, self.read_at = secrets, read_at

        return switch


def load(path: str, with_md5: bool = False) -> dict[bytes, bytes]:
    """Read a file, which only its owner may be able to read.  Raises ConfigError."""
    return parse(contents(path, OPTION, "acra-auth export writes one"), path, with_md5)


def contents(path: str, option: str, hint: str) -> bytes:
    """Read a file of secrets that ``option`` names.  ``hint`` says where one comes from.  Raises
    ConfigError."""
    try:
        return read_secret(path, option, LIMIT)
    except KeyStoreError as error:
        raise ConfigError(str(error)) from None
    except FileNotFoundError:
        raise ConfigError(f"{option}: there is no {path}; {hint}") from None


def parse(data: bytes, name: str, with_md5: bool = False) -> dict[bytes, bytes]:
    """Return secrets by user.  Raises ConfigError with ``name`` and the number of each line that
    cannot be used; none of the others is used then."""
    return read_lines(data, name, lambda secret: _check(secret, with_md5))


def read_lines(data: bytes, name: str, check: Callable[[bytes], None]) -> dict[bytes, bytes]:
    """Return secrets by user, each of which has passed ``check``, which raises ConfigError.
    Raises as `parse`."""
    found: dict[bytes, bytes] = {}
    first: dict[bytes, int] = {}
    wrong: list[ConfigError] = []
    for number, tokens in lines(data, name, ";"):
        try:
            user, secret = _line(tokens)
            check(secret)
            if user in found:
                raise ConfigError(f"the user of line {first[user]} has a second line")
            found[user], first[user] = secret, number
        except ConfigError as error:
            wrong.append(ConfigError(str(error), f"{name}, line {number}"))
            if len(wrong) == _TOLD:
                break
    raise_together(wrong)
    return found


def format_line(user: bytes, secret: bytes) -> bytes:
    """Return the line for a user, without its end.  Raises ConfigError for a name that no line can
    have."""
    if not 0 < len(user) <= NAME_MAX or any(byte in user for byte in b"\0\n\r"):
        raise ConfigError("a name of a role has 1 to 63 bytes, none of which is NUL or a line end")
    return b'"%b" "%b"' % (user.replace(b'"', b'""'), secret.replace(b'"', b'""'))


def _line(tokens: list[Token]) -> tuple[bytes, bytes]:
    if tokens[0].bare.startswith("#"):
        raise ConfigError("a comment begins with ;")
    if len(tokens) < 2 or not (tokens[0].quoted and tokens[1].quoted):
        raise ConfigError('expected "user" "secret", both in quotes')
    user, secret = (token.text.encode(errors="surrogateescape") for token in tokens[:2])
    if not 0 < len(user) <= NAME_MAX:
        raise ConfigError(f"the user's name has {len(user)} bytes; roles have 1 to {NAME_MAX}")
    return user, secret


def _check(secret: bytes, with_md5: bool) -> None:
    if is_verifier(secret):
        try:
            read_verifier(secret)
        except ScramError:
            raise ConfigError("the secret begins as a SCRAM verifier and is none") from None
    elif secret.startswith(b"md5"):
        if _MD5.fullmatch(secret) is None:
            raise ConfigError("the secret begins as an MD5 hash and is none")
        if not with_md5:
            raise ConfigError(
                "the secret is an MD5 hash; set a password for the role with password_encryption "
                "= scram-sha-256, or set auth_md5 = true"
            )
    elif not secret:
        raise ConfigError("the secret is empty; take the line out if the role has no password")
    else:
        raise ConfigError(
            "the secret is a password, and no password is kept here; acra-auth export writes what "
            "the database has instead"
        )
