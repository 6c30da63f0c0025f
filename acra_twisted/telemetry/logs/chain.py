"""Acra's tamper-evident log: each line carries a value that depends on all lines before it.

Source: acra-observability reference, section 11.  The key of a line is the hash of the key before
it and is forgotten then: who breaks in later cannot write the lines of before anew.  In plain text
and CEF lines are Acra's.  In JSON the value is over the line's own text, and comes last in it: the
original joins the values as Go prints them, which no reader of JSON can know.

Beyond the original, the first line of a chain names the last value of the chain before
(``previous``), so that a chain that is missing as a whole is missed.  `telemetry.logs.chaincheck`
reads such logs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import NamedTuple

#: The field of the last line of a chain, and the texts of the last two.
END = "end"
LAST_WORDS = ("Prepare to audit log chain finalization", "End of current audit log chain")
FIRST_WORDS = "Audit log chain begins"
NEW = " chain=new"

_VALUE = r"(?P<integrity>[0-9a-f]{64})"
_HEX = re.compile(r"[0-9a-f]{64}")
_TEXT = re.compile(rf"(?P<line>.*) integrity={_VALUE}(?P<new>{NEW})?\s*", re.S)
_JSON = re.compile(rf'(?P<line>.*?)(?P<new>,"chain":"new")?,"integrity":"{_VALUE}"\}}\s*', re.S)
_PREVIOUS = re.compile(r"\bprevious\"?[=:] ?\"?([0-9a-f]{64}|none)\b")
# Not to be found inside of what a peer has sent: in plain text that is quoted, in CEF it cannot
# be in the header.
_IS_END = re.compile(
    rf'time="[^"]*" level=info msg="{LAST_WORDS[1]}" chain={END}'
    rf"|CEF:0\|cossacklabs\|[^|]*\|[^|]*\|100\|{LAST_WORDS[1]}\|.*"
)


class Chain:
    """Signs lines.  ``style`` is ``plaintext``, ``json`` or ``cef``."""

    def __init__(self, key: bytes, style: str) -> None:
        self._is_json = style == "json"
        self.begin(key)

    def begin(self, key: bytes) -> None:
        """A new chain from the log's key."""
        self._key = hashlib.sha256(key).digest()
        self._hash = b""
        self._new = True

    def sign(self, line: str) -> str:
        """The line as it is to be written."""
        if self._is_json:
            body = line.rstrip()[:-1]
            body += ',"chain":"new"' if self._new else ""
            signed = f'{body},"integrity":"{self._next(body)}"}}'
        else:
            body = line.rstrip(" ")
            signed = f"{body} integrity={self._next(body)}{NEW if self._new else ''}"
        self._new = False
        return signed

    def _next(self, body: str) -> str:
        self._key, self._hash, integrity = step(self._key, self._hash, body)
        return integrity


def step(key: bytes, before: bytes, body: str) -> tuple[bytes, bytes, str]:
    """The next key and hash, and the value that a line shows."""
    data = body.encode("utf-8", "backslashreplace") + before
    digest = hmac.new(key, data, "sha256").digest()
    return hashlib.sha256(key).digest(), digest, hashlib.sha256(digest).hexdigest()


def last_value(text: str) -> str:
    """The value of the last line of a log that has one; empty if none has."""
    for line in reversed(text.splitlines()):
        found = read(line)
        if found is not None:
            return found.integrity
    return ""


class Signed(NamedTuple):
    """A signed line: what of it is signed, its value, and whether it begins a chain."""

    body: str
    integrity: str
    begins: bool


def read(line: str) -> Signed | None:
    """A line as it was signed; None if it has no value where ours and Acra's texts have it."""
    json_match = _JSON.fullmatch(line) if line.startswith("{") else None
    match = json_match or _TEXT.fullmatch(line)
    if match is None:
        return None
    # In JSON the mark of the first line is a part of what is signed.
    marked = match["new"] if json_match is not None else None
    return Signed(match["line"] + (marked or ""), match["integrity"], match["new"] is not None)


def is_acras_json(line: str) -> bool:
    """Return True if a line is JSON that Acra has signed: its value is among its other keys."""
    if not line.startswith("{") or '"integrity"' not in line:
        return False
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    value = record.get("integrity") if isinstance(record, dict) else None
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def previous_of(body: str) -> str:
    """The value of the chain before that the first line of a chain names: "none" if there was
    none, empty in Acra's chains, which name none."""
    found = _PREVIOUS.search(body)
    return found[1] if found is not None else ""


def is_end(body: str) -> bool:
    """Return True if a line is the last one of its chain."""
    if _IS_END.fullmatch(body):
        return True
    try:
        record = json.loads(body + "}")
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and bool(
        record.get("chain") == END and record.get("msg") == LAST_WORDS[1]
    )
