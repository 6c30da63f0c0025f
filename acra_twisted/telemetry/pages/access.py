"""Access to the pages: for everybody on this machine, and from elsewhere for peers with a token or
a certificate.

The token comes as ``Authorization: Bearer TOKEN``, or as the password of a browser's dialog.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Iterable

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address

_TOKEN_MIN = 16


class Guard:
    """``token`` must be shown if there is one.  ``verified``: only who has a certificate comes
    this far.  ``hosts`` are names that may be used for this machine."""

    def __init__(self, token: str = "", verified: bool = False, hosts: Iterable[str] = ()) -> None:
        if token and len(token) < _TOKEN_MIN:
            raise ConfigError(f"zpages_token_file: a token has at least {_TOKEN_MIN} characters")
        self._token = token.encode()
        self._open = not (token or verified)
        self._hosts = {"localhost", *(host.lower().strip("[]") for host in hosts)}

    def check(self, address: Address) -> None:
        """Raises ConfigError if nothing guards an address that others can reach."""
        if self._open and not address.is_local:
            raise ConfigError(
                "incoming_connection_zpages_string: other machines can reach this address; set "
                "zpages_token_file, or zpages_tls_enable for TLS with client certificates"
            )

    def admits(self, authorization: str) -> bool:
        """Return True if an Authorization header has the token, in constant time."""
        if not self._token:
            return True
        scheme, _, value = authorization.partition(" ")
        shown = value.strip().encode("utf-8", "replace")
        if scheme.lower() == "basic":
            try:
                shown = base64.b64decode(shown, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        return hmac.compare_digest(shown, self._token)

    def knows_host(self, host: str) -> bool:
        """Return True if a host, without its port, is one for which the pages answer.

        If everybody on this machine may see the pages, it must be a name of this machine or an
        address, so that a web page in someone's browser can't read the pages by a name that
        resolves to loopback.
        """
        if not self._open or host.lower().rstrip(".") in self._hosts:
            return True
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return False
        return True
