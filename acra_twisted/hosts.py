"""Hosts as people write them: what is one, and what is a URL, a host with a port, or nonsense."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

#: Characters that no name has; most come from a URL, a quote or a comment.
_FOREIGN: Final = re.compile(r"[\s\x00-\x1f\x7f\"'`#?/\\@<>(){}\[\]|;=*!$&^~]")
_LONGEST, _LONGEST_PART = 253, 63


def host(text: str) -> str:
    """A name or an address, without the brackets that one of version 6 may have.  Raises
    ValueError that says what is wrong; names are the resolver's business otherwise."""
    if text[:1] == "[" and text[-1:] == "]":
        return _version_6(text[1:-1])
    if "://" in text:
        raise ValueError("this is a URL")
    if text.count(":") > 1:
        return _version_6(text)
    if ":" in text:
        raise ValueError("there is a port behind the host")
    if "," in text:
        raise ValueError("this is a list")
    found = _FOREIGN.search(text)
    if found is not None:
        sign = "a blank" if found[0].isspace() else repr(found[0])
        raise ValueError(f"no host has {sign} in it")
    try:
        plain = text.encode("idna").decode() if not text.isascii() else text
    except UnicodeError:
        raise ValueError("this is no name that has an ASCII form (IDNA)") from None
    parts = plain.removesuffix(".").split(".")
    if len(plain) > _LONGEST or not all(0 < len(part) <= _LONGEST_PART for part in parts):
        raise ValueError(
            f"a name has parts of 1 to {_LONGEST_PART} characters with dots between, and at most "
            f"{_LONGEST} in all"
        )
    return text


def _version_6(text: str) -> str:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError("this is no address of IP version 6") from None
    # Behind a percent sign, as the zone, Python takes nearly anything.
    if _FOREIGN.search(text) is not None or "," in text:
        raise ValueError("this is no address of IP version 6")
    return text


def host_and_port(text: str) -> tuple[str, int]:
    """``host:port``; an address of version 6 is in brackets.  Raises ValueError."""
    name, colon, port = text.rpartition(":")
    if not colon or not name:
        raise ValueError("there is no port behind the host")
    if ":" in name and name[:1] != "[":
        raise ValueError("an address of IP version 6 stands in brackets")
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError("the port is no number from 1 to 65535")
    return host(name), int(port)
