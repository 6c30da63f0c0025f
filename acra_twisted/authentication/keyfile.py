"""Reads the keys of roles, by which AcraServer logs in for users who prove themselves otherwise.

The file has the form of `authfile`; its secrets are those of `wire.scramkeys`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from acra_twisted.authentication.authfile import contents, read_lines
from acra_twisted.errors import ConfigError
from acra_twisted.wire.scram import ScramError
from acra_twisted.wire.scramkeys import read_keys

OPTION: Final = "auth_keys_file"


class KeyFile:
    """Keys by user, as the file had them when it was last read.  Raises ConfigError."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.keys: Mapping[bytes, bytes] = {}
        self.read()()

    def read(self) -> Callable[[], None]:
        """Read the file anew; the returned function puts it in force.  Raises ConfigError."""
        keys = parse(
            contents(self.path, OPTION, "acra-auth verifier --keys prints its lines"), self.path
        )

        def switch() -> None:
            self.keys = keys

        return switch


def parse(data: bytes, name: str) -> dict[bytes, bytes]:
    """Return keys by user.  Raises ConfigError with ``name`` and the number of each line that
    cannot be used; none of the others is used then."""
    return read_lines(data, name, _check)


def _check(secret: bytes) -> None:
    try:
        read_keys(secret)
    except ScramError:
        raise ConfigError(
            "the secret is no keys of a role; a verifier is not enough to log in by, and no "
            "password is kept here: acra-auth verifier --keys prints lines"
        ) from None
