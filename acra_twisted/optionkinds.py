"""The kinds of settings: how each is written, and what its text means.  Listening addresses are
here as well, since they are values of a kind.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from acra_twisted import hosts


class Kind:
    """How a setting is written: text to value and back.  ``parse`` raises ValueError.

    ``verbatim``: what looks like quotes around a value or a comment behind it is a part of it.
    ``is_public``: its text holds nothing that only some of those may see who see settings.
    """

    noun = "text"
    verbatim = False
    is_public = True

    def parse(self, text: str) -> Any:
        return text

    def render(self, value: Any) -> str:
        return str(value)


class Boolean(Kind):
    """``true`` or ``false``, and every other spelling that Go's flag package or ini files use."""

    noun = "true or false"
    words = {
        **dict.fromkeys(("true", "t", "1", "yes", "on"), True),
        **dict.fromkeys(("false", "f", "0", "no", "off"), False),
    }

    def parse(self, text: str) -> bool:
        try:
            return self.words[text.strip().lower()]
        except KeyError:
            raise ValueError("expected true or false") from None

    def render(self, value: bool) -> str:
        return "true" if value else "false"


class Integer(Kind):
    """A whole number within bounds, both included."""

    def __init__(self, minimum: int, maximum: int) -> None:
        self.minimum, self.maximum = minimum, maximum
        self.noun = f"a whole number from {minimum} to {maximum}"

    def parse(self, text: str) -> int:
        try:
            value = int(text.strip().replace("_", ""))
        except ValueError:
            value = self.minimum - 1
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"expected {self.noun}")
        return value


class Seconds(Kind):
    """A length of time; 0 means no limit where the help says so."""

    def __init__(self, minimum: float = 0.0, maximum: float = 86_400.0) -> None:
        self.minimum, self.maximum = minimum, maximum
        self.noun = f"seconds, {minimum:g} to {maximum:g}"

    def parse(self, text: str) -> float:
        try:
            value = float(text.strip().removesuffix("s"))
        except ValueError:
            value = -1.0
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"expected {self.noun}")
        return value

    def render(self, value: float) -> str:
        return f"{value:g}"


class Choice(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.noun = "one of " + ", ".join(word for word in words if word)

    def parse(self, text: str) -> str:
        word = text.strip().lower()
        if word not in self.words:
            raise ValueError(f"expected {self.noun}")
        return word


class Names(Kind):
    """A comma-separated list, in order."""

    noun = "names, comma-separated"

    def parse(self, text: str) -> tuple[str, ...]:
        return tuple(word for word in (part.strip() for part in text.split(",")) if word)

    def render(self, value: Sequence[str]) -> str:
        return ", ".join(value)


class Command(Kind):
    """A program with its arguments, quoted as for a shell."""

    noun = "command"
    verbatim = True
    is_public = False


class FilePath(Kind):
    """The path of a file; empty means none."""

    noun = "path of a file"

    def parse(self, text: str) -> str:
        return text.strip()


class Url(Kind):
    """An http or https address; empty means none."""

    noun = "URL"

    def parse(self, text: str) -> str:
        url = text.strip()
        try:
            parts = urlsplit(url)
            fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            if parts.hostname and url.isascii():
                hosts.host(parts.hostname)
        except ValueError:
            fine = False
        if url and not (fine and url.isprintable() and " " not in url):
            raise ValueError("expected a URL such as http://localhost:4318/v1/traces")
        if not url.isascii():
            raise ValueError("a URL is in ASCII: write a host's name as xn--..., a path with %XX")
        if url and "@" in parts.netloc:
            raise ValueError("a URL with a user or password in it: give these by other settings")
        return url


class Host(Kind):
    """A host's name or address, without a port; empty means none.

    ``port`` is the option that has the port; ``folder``: a path is fine, too.
    """

    def __init__(self, port: str = "", *, folder: bool = False) -> None:
        self._port, self._folder = port, folder
        self.noun = "host name or address"
        if folder:
            self.noun += ", or the folder of a unix socket"

    def parse(self, text: str) -> str:
        name = text.strip()
        if not name or self._folder and name[:1] == "/":
            return name
        try:
            return hosts.host(name)
        except ValueError as error:
            more = f"; the port belongs in {self._port}" if self._port else ""
            text = f"expected the name or the address of one host, such as db.example or ::1{more}"
            raise ValueError(f"{error}; {text}") from None


class HostAndPort(Kind):
    """``host:port``; empty means none."""

    noun = "host:port"

    def parse(self, text: str) -> str:
        word = text.strip()
        if not word:
            return ""
        try:
            name, port = hosts.host_and_port(word)
        except ValueError as error:
            raise ValueError(f"{error}; expected host:port, such as localhost:6831") from None
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


class HostsAndPorts(Kind):
    """A comma-separated list of ``host:port``, each once, ``most`` at most."""

    noun = "host:port, comma-separated"

    def __init__(self, most: int) -> None:
        self._most = most

    def parse(self, text: str) -> tuple[str, ...]:
        words = NAMES.parse(text)
        if len(words) > self._most:
            raise ValueError(f"expected {self._most} at most")
        found = tuple(HostAndPort().parse(word) for word in words)
        if len(set(found)) < len(found):
            raise ValueError("expected each once")
        return found

    def render(self, value: Sequence[str]) -> str:
        return ", ".join(value)


CLIENT_ID_PATTERN = re.compile(r"[A-Za-z0-9_ -]{5,256}")


class ClientId(Kind):
    """Acra's client id: 5 to 256 characters of ``A-Z a-z 0-9 - _`` and space; empty means none."""

    noun = "5 to 256 characters of A-Z a-z 0-9 - _ and space"

    def parse(self, text: str) -> str:
        value = text.strip()
        # One message for every way to be wrong: the value never becomes part of a path first.
        if value and not CLIENT_ID_PATTERN.fullmatch(value):
            raise ValueError(f"expected {self.noun}")
        return value


@dataclass(frozen=True)
class Address:
    """Where to listen or connect: a TCP host and port, or a unix socket's path."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """True if only this machine can reach it."""
        if self.path or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def leads_to(self, listener: Address) -> bool:
        """True if a connection to this address arrives at that listener of the same machine."""
        if self.path or listener.path:
            return self.path == listener.path
        if self.port != listener.port:
            return False
        by_name = "localhost" in (self.host, listener.host)
        everywhere = listener.host == ("::" if ":" in self.host else "0.0.0.0")  # noqa: S104
        return (
            self.host == listener.host
            or self.is_local
            and (everywhere or by_name and listener.is_local)
        )


class AddressKind(Kind):
    """``tcp://host:port`` or ``unix:///path``, as Acra writes them; empty means none, unless one is
    ``needed``."""

    noun = "tcp://host:port or unix:///path"

    def __init__(self, needed: bool = False) -> None:
        self._needed = needed

    def parse(self, text: str) -> Address | None:
        text = text.strip()
        if not text and not self._needed:
            return None
        try:
            parts = urlsplit(text)
            if parts.scheme == "unix" and parts.path and not parts.netloc:
                return Address(path=parts.path)
            nothing_more = parts.path in ("", "/") and not (parts.query or parts.fragment)
            if parts.scheme == "tcp" and parts.hostname and nothing_more and "@" not in text:
                # `urlsplit` takes tabs and line ends out.
                if parts.port is not None and _ONE_WORD.fullmatch(text):
                    return Address(host=hosts.host(parts.hostname), port=parts.port)
        except ValueError:
            pass
        raise ValueError(f"expected {self.noun}")

    def render(self, value: Address | None) -> str:
        return "" if value is None else str(value)


_ONE_WORD = re.compile(r"[^\s\x00-\x1f\x7f\"'<>`]+")
TEXT = Kind()
BOOLEAN = Boolean()
NAMES = Names()
COMMAND = Command()
FILE = FilePath()
URL = Url()
ADDRESS = AddressKind()
LISTENING_ADDRESS = AddressKind(needed=True)
CLIENT_ID = ClientId()
HOST = Host()
PORT = Integer(1, 65535)
