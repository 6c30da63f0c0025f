"""Acra's tamper-evident log: each line carries a value that depends on all lines before it.

Source: acra-observability reference, section 11.  The key of a line is the hash of the key before
it and is forgotten then: who breaks in later cannot write the lines of before anew.  In plain text
and CEF lines are Acra's.  In JSON the value is over the line's own text, and comes last in it: the
original joins the values as Go prints them, which no reader of JSON can know.

Beyond the original, the first line of a chain names the last value of the chain before
(``previous``), so that a chain that is missing as a whole is missed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from typing import NamedTuple

#: The field of the last line of a chain, and the texts of the last two.
END = "end"
LAST_WORDS = ("Prepare to audit log chain finalization", "End of current audit log chain")
FIRST_WORDS = "Audit log chain begins"
NEW = " chain=new"

_VALUE = r"(?P<integrity>[0-9a-f]{64})"
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


class Problem(NamedTuple):
    """``line`` counts from 1, over all files in order."""

    line: int
    text: str


class Verified(NamedTuple):
    """What was found: ``open_chain`` if the last chain has not ended."""

    lines: int
    chains: int
    problems: list[Problem]
    open_chain: bool


def verify(lines: Iterable[str], key: bytes) -> Verified:
    """Replay chains over the lines of a log.  At a problem it goes on with the next chain."""
    problems: list[Problem] = []
    chains = number = 0
    state: tuple[bytes, bytes] | None = None
    lost = False
    last = ""
    for number, text in enumerate(lines, 1):
        found = _read(text.rstrip("\n"))
        if found is None:
            if not lost:
                problems.append(
                    Problem(number, "the line has no integrity value: it was cut off, or added")
                )
            state, lost = None, True
            continue
        body, integrity, new = found
        # Also of a line that is none of a chain: what was lost there has been said already.
        before, last = last, integrity
        if new:
            if state is not None:
                problems.append(Problem(number, "a chain begins and the one before has not ended"))
            previous = _PREVIOUS.search(body)
            if chains and previous is not None and previous[1] != before:
                problems.append(Problem(number, "a chain is missing before this one"))
            chains += 1
            state, lost = (hashlib.sha256(key).digest(), b""), False
        elif state is None:
            if not lost:
                problems.append(Problem(number, "the line belongs to no chain"))
            lost = True
            continue
        next_key, digest, expected = step(*state, body)
        if not hmac.compare_digest(expected, integrity):
            problems.append(
                Problem(number, "this line was changed, or lines before it are missing")
            )
            state, lost = None, True
            continue
        state = None if _is_end(body) else (next_key, digest)
    return Verified(number, chains, problems, state is not None)


def _is_end(body: str) -> bool:
    if _IS_END.fullmatch(body):
        return True
    try:
        record = json.loads(body + "}")
    except ValueError:
        return False
    return isinstance(record, dict) and bool(
        record.get("chain") == END and record.get("msg") == LAST_WORDS[1]
    )


def last_value(text: str) -> str:
    """The value of the last line of a log that has one; empty if none has."""
    for line in reversed(text.splitlines()):
        found = _read(line)
        if found is not None:
            return found[1]
    return ""


def _read(line: str) -> tuple[str, str, bool] | None:
    """A signed line's body, its value, and whether it begins a chain."""
    json_match = _JSON.fullmatch(line) if line.startswith("{") else None
    match = json_match or _TEXT.fullmatch(line)
    if match is None:
        return None
    # In JSON the mark of the first line is a part of what is signed.
    marked = match["new"] if json_match is not None else None
    return match["line"] + (marked or ""), match["integrity"], match["new"] is not None
