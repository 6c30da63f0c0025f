"""Addresses that are asked about certificates, and those that nobody is asked at.  Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from acra_twisted.transport.revocation.policy import UNUSABLE, Status

#: Characters of an address at most.
_LENGTH_MAX: Final = 2048
#: Ports on which an address may be that a certificate names.
_PORTS: Final = frozenset((80, 8080))
_PLAIN: Final = re.compile(r"[!-~]+")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
#: IPv4 inside IPv6: for translators (RFC 6052, RFC 8215, RFC 2765), and the form of before them.
_TRANSLATED: Final = (
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("::/96"),
)


class NotAsked(Exception):
    """An address cannot or must not be asked; ``found`` says why."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.found = Status(UNUSABLE, f"is not checked: {why}")


class Target(NamedTuple):
    """A server of a URL; ``path`` is that of a file, and empty for HTTP."""

    scheme: str
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        """For people: without the URL's path, which may name a certificate."""
        return self.path or f"{self.scheme}://{self.host}:{self.port}"


def configured(url: str) -> Target:
    """Return the target of a URL that an operator has configured.  Raises NotAsked."""
    parts = _split(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise NotAsked("a file is named as file:///path")
        return Target("file", "", 0, unquote(parts.path))
    if parts.scheme not in _DEFAULT_PORTS:
        raise NotAsked("an address must begin with http:// or https://, a list's may with file://")
    return _web(url)


def named(url: str, hosts: Collection[str], ports: Collection[int] = ()) -> Target:
    """Return the target of a URL that a certificate names.  Raises NotAsked.

    Hosts that are listed may have any port; others may have none that this program itself listens
    on, one of ``ports``.
    """
    if _split(url).scheme != "http":
        raise NotAsked("its certificate names an address that does not begin with http://")
    target = _web(url)
    if is_listed(target, hosts):
        return target
    if target.port not in _PORTS or target.port in ports:
        raise NotAsked(
            f"its certificate names {target.host}:{target.port}, a port that is not asked at unless"
            " tls_revocation_hosts lists it"
        )
    return target


def is_listed(target: Target, hosts: Collection[str]) -> bool:
    """Return True if an operator lists a host, or its port alone."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host in hosts or target.host in hosts or f"{host}:{target.port}" in hosts


def is_public(address: str) -> bool:
    """Return True for an address of the public internet: no loopback, private, link-local, shared
    or multicast one, nor an IPv6 address that stands for such an IPv4 address."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return all(_is_global(one) for one in (found, *_inner(found)))


def _inner(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    # A mapped IPv4 address is judged as that.
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    of_site = isinstance(address, IPv6Address) and address.is_site_local
    return (mapped or address.is_global) and not address.is_multicast and not of_site


class _Parts(NamedTuple):
    scheme: str
    netloc: str
    path: str


def _split(url: str) -> _Parts:
    if len(url) > _LENGTH_MAX or not _PLAIN.fullmatch(url):
        raise NotAsked("an address is too long, or has characters that addresses cannot have")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise NotAsked("an address cannot be read") from None
    return _Parts(parts.scheme, parts.netloc, parts.path)


def _web(url: str) -> Target:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise NotAsked("an address cannot be read") from None
    if not host or "@" in parts.netloc or "\\" in url:
        raise NotAsked("an address names no host, or a user")
    return Target(parts.scheme, host, _DEFAULT_PORTS[parts.scheme] if port is None else port)
