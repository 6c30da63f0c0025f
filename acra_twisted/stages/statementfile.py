"""A file that each different text is written to once: captured and unparsable statements.

Acra's format: one JSON object a line, ``{"raw_query": ..., "_blacklisted_by_web_config": false}``.
What the file holds already is not repeated.  Texts are redacted before they come here, for a log
must not hold literals.  Mode 0600; bounded in memory and, by the number of lines, on disk.
"""

from __future__ import annotations

import json
import os
from collections import deque

from acra_twisted.lines import Lines, is_cut

_MAX_LINES = 10_000
_MAX_BYTES = 64 << 20


class StatementFile:
    """Keeps texts until `flush` writes them.  Raises OSError if the file cannot be used."""

    def __init__(self, path: str, max_lines: int = _MAX_LINES) -> None:
        self.path = path
        self._max_lines = max_lines
        self._waiting: deque[str] = deque()
        self.full = False
        self._seen = set(read_statements(path)) if os.path.exists(path) else set()
        os.close(self._open())

    def add(self, text: str) -> bool:
        """Remember a text that is new; False if it is new and there is no room for it."""
        if text in self._seen:
            return True
        if len(self._seen) >= self._max_lines:
            self.full = True
            return False
        self._seen.add(text)
        self._waiting.append(text)
        return True

    def flush(self) -> None:
        """Append what is new.  Raises OSError; what is not written then is kept for the next time,
        and is on lines of its own then."""
        if not self._waiting:
            return
        descriptor = self._open()
        try:
            lines = Lines(descriptor, is_cut(self.path))
            while self._waiting:
                entry = {"raw_query": self._waiting[0], "_blacklisted_by_web_config": False}
                lines.append(json.dumps(entry).encode() + b"\n")
                self._waiting.popleft()
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path, flags, 0o600)


def read_statements(path: str, allowed: bool = False) -> list[str]:
    """The texts of a file, of ours or Acra's.  Lines that are none are left out; with ``allowed``
    those as well that somebody has marked as denied in Acra's web interface.

    Raises OSError, ValueError for a file that is far too long to be one.
    """
    if os.path.getsize(path) > _MAX_BYTES:
        raise ValueError(f"{path} is too long")
    found = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            text = captured_in(line, allowed)
            if text is not None:
                found.append(text)
    return found


def captured_in(line: str, allowed: bool = False) -> str | None:
    """Return the text that a line of such a file has, as in `read_statements`; None for none."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or (allowed and entry.get("_blacklisted_by_web_config")):
        return None
    text = entry.get("raw_query", entry.get("query"))
    return text if isinstance(text, str) else None
