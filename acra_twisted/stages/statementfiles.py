"""The files that AcraCensor writes: what it captures, and what it cannot parse.

A statement is captured once the database has accepted it.  Files are written once a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.exchange import Exchange
from acra_twisted.stages.awaiting import Awaiting
from acra_twisted.stages.statementfile import StatementFile

_log: Final = Logger()
#: Seconds between writes.
_INTERVAL: Final = 1.0


class StatementFiles:
    """Writes statements to several files, by their paths.

    ``refused`` is called, at most once between two writes, when the database has refused a
    statement that was captured: it is captured when it comes again, so its decision must not be
    kept.
    """

    def __init__(self, refused: Callable[[], None]) -> None:
        self._refused = refused
        self._has_refused = False
        self._open: dict[str, StatementFile] = {}
        # Captures of the present statement: path and text.
        self._captured: list[tuple[str, str]] = []
        self._awaiting = Awaiting(self._settle)
        self._loop: LoopingCall | None = None

    def open(self, paths: Iterable[str]) -> None:
        """Write to these files from now on, and to no others.

        Raises ConfigError if one of them cannot be written; those that were open stay so then.
        """
        opened = {}
        for path in paths:
            try:
                opened[path] = self._open.get(path) or StatementFile(path)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                raise ConfigError(f"cannot write {path}: {why}") from None
        self.flush()
        self._open = opened

    def start(self, reactor: Any) -> None:
        """Write every second from when the reactor runs."""
        loop = self._loop = LoopingCall(self.flush)
        loop.clock = reactor
        reactor.callWhenRunning(lambda: loop.start(_INTERVAL, now=False))

    def stop(self) -> None:
        """Write what is left, and no more."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        self._loop = None
        self.flush()

    def capture(self, path: str, text: str) -> None:
        """Capture the statement at hand, whose exchange `await_reply` names."""
        self._captured.append((path, text))

    def await_reply(self, exchange: Exchange) -> None:
        """Keep what was captured until the database has answered."""
        if self._captured:
            self._awaiting.add(exchange, self._captured)
            self._captured = []

    def _settle(self, captured: list[tuple[str, str]], accepted: bool) -> None:
        for path, text in captured:
            # The rules may have changed since.
            if accepted and path in self._open:
                self.write(path, text)
        if not accepted:
            self._has_refused = True

    def write(self, path: str, text: str) -> None:
        """Add a text to a file, without an answer of the database."""
        file = self._open.get(path)
        if file is None:
            # The rules have changed while the text was decided.
            return
        was_full = file.full
        if not file.add(text) and not was_full:
            _log.warn(
                "{event_text}",
                event_text=f"Too much input queries: {path} is full",
                code=events.QUERY_CAPTURE_FULL,
            )

    def flush(self) -> None:
        """Write now."""
        self._awaiting.sweep()
        if self._has_refused:
            self._has_refused = False
            self._refused()
        for path, file in self._open.items():
            try:
                file.flush()
            except OSError as error:
                _log.error(
                    "{event_text}",
                    event_text=f"cannot write {path}: {error.strerror}",
                    code=events.GENERAL,
                )
