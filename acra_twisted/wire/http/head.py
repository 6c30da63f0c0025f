"""The head of an HTTP/1 request: its request line and its header fields, and nothing behind them.

Source: RFC 9112, read strictly.  Lines end with CR LF, fields are not folded, sizes have limits
that hold before the end has arrived.  No request that is welcome here has a body: one that
announces a body is refused at its head.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

#: Bytes of a whole head and of its first line, and header fields.
HEAD_MAX: Final = 16384
LINE_MAX: Final = 4096
FIELDS_MAX: Final = 64
#: Arguments behind the path.
ARGUMENTS_MAX: Final = 32
_METHODS: Final = ("GET", "HEAD")
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST: Final = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/([0-9])\.([0-9])")
_FIELD: Final = re.compile(_TOKEN + rb":[^\x00-\x08\x0a-\x1f\x7f]*")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{0,5})?")
_SEPARATORS: Final = re.compile("[&;]")


class Refusal(NamedTuple):
    """An answer that ends the connection: a status and a text for people."""

    status: int
    text: str


class Refused(Exception):
    """The bytes are no head of a request; ``refusal`` is the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.refusal = Refusal(status, text)


class Head(NamedTuple):
    """A whole head.  Names of ``fields`` are in lower case; ``minor`` is of the version, 1.x."""

    method: str
    target: str
    minor: int
    fields: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        return [value for known, value in self.fields if known == name]

    @property
    def path(self) -> str:
        """The target up to its arguments."""
        return self.target.partition("?")[0]

    @property
    def host(self) -> str:
        """The name or address that the request is for, without the port; empty if HTTP/1.0 names
        none."""
        found = self.values("host")
        match = _HOST.fullmatch(found[0]) if found else None
        return match[1].strip("[]").lower() if match is not None else ""

    @property
    def persistent(self) -> bool:
        """Tell whether another request may follow on the connection."""
        tokens = ",".join(self.values("connection")).lower().split(",")
        return self.minor > 0 and "close" not in [token.strip() for token in tokens]

    def problem_of_host(self) -> Refusal | None:
        """HTTP/1.1 names one host, HTTP/1.0 one at most."""
        found = self.values("host")
        if len(found) > 1:
            return Refusal(400, "more than one Host header")
        if not found and self.minor:
            return Refusal(400, "no Host header")
        if found and _HOST.fullmatch(found[0]) is None:
            return Refusal(400, "the Host header names no host")
        return None

    def problem_of_body(self) -> Refusal | None:
        """Refuse a request that announces a body, before any of the body is read."""
        if self.values("transfer-encoding"):
            return Refusal(413, "no request here has a body")
        lengths = self.values("content-length")
        if not lengths:
            return None
        if len(lengths) > 1 or re.fullmatch("[0-9]{1,20}", lengths[0]) is None:
            return Refusal(400, "the Content-Length header is not a number")
        return Refusal(413, "no request here has a body") if int(lengths[0]) else None

    def problem_of_request(self) -> Refusal | None:
        """Check what is left: the method, and a target that names a path of this server's."""
        if self.method not in _METHODS:
            return Refusal(405, "only GET and HEAD")
        if not self.target.startswith("/"):
            return Refusal(400, "the request's target must be a path, /metrics for instance")
        if len(_SEPARATORS.findall(self.target)) >= ARGUMENTS_MAX:
            return Refusal(414, f"more than {ARGUMENTS_MAX} arguments")
        if any(value.lower() != "100-continue" for value in self.values("expect")):
            return Refusal(417, "nothing but 100-continue can be expected")
        return None


class HeadReader:
    """Turn the bytes of a connection into heads, and keep the bytes after a head.

    Raises Refused as soon as it is known that no head can come of the bytes; the reader is finished
    then.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._looked = 0
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def waiting(self) -> int:
        """Bytes that have arrived and are of no head yet that was given out."""
        return len(self._buffer) + self._size

    def feed(self, data: bytes) -> None:
        """Keep a chunk until `next_head` reads it.  The caller looks after the size of what it
        feeds while it does not read."""
        self._buffer += data

    def next_head(self) -> Head | None:
        """The next head, or None if more must arrive."""
        buffer, at, head = self._buffer, 0, None
        while head is None and (end := buffer.find(b"\n", max(at, self._looked))) >= 0:
            line = buffer[at:end]
            self._size += end + 1 - at
            at = end + 1
            if self._size > HEAD_MAX:
                raise Refused(431, f"the request's head is longer than {HEAD_MAX} bytes")
            if not line.endswith(b"\r"):
                raise Refused(400, "a line of the request does not end with CR LF")
            if len(line) > 1:
                self._check(line[:-1])
                self._lines.append(line[:-1])
            elif self._lines:
                head = _head(self._lines)
                self._lines, self._size = [], 0
        self._buffer = buffer[at:]
        self._looked = 0 if head is not None else len(self._buffer)
        if head is None:
            self._check_rest()
        return head

    def _check_rest(self) -> None:
        """Return what is not a whole line yet."""
        if self._size + len(self._buffer) > HEAD_MAX:
            raise Refused(431, f"the request's head is longer than {HEAD_MAX} bytes")
        if not self._lines and len(self._buffer) > LINE_MAX:
            raise Refused(414, f"the request's first line is longer than {LINE_MAX} bytes")

    def _check(self, line: bytes) -> None:
        """Refuse a line as soon as it is there, not when the head is whole."""
        if not self._lines:
            if len(line) > LINE_MAX:
                raise Refused(414, f"the request's first line is longer than {LINE_MAX} bytes")
            match = _REQUEST.fullmatch(line)
            if match is None:
                raise Refused(400, "the first line is not that of an HTTP/1 request")
            if match[3] != b"1" or match[4] not in (b"0", b"1"):
                raise Refused(505, "only HTTP/1.0 and HTTP/1.1")
        elif len(self._lines) > FIELDS_MAX:
            raise Refused(431, f"the request has more than {FIELDS_MAX} header fields")
        elif _FIELD.fullmatch(line) is None:
            raise Refused(400, "a line of the request is not a header field")


def _head(lines: list[bytes]) -> Head:
    method, target, version = lines[0].decode("latin-1").split(" ")
    fields = []
    for line in lines[1:]:
        name, _, value = line.decode("latin-1").partition(":")
        fields.append((name.lower(), value.strip(" \t")))
    return Head(method, target, int(version[-1]), tuple(fields))
