"""Statements without their values, with counts, to a file: what an application really sends.

The file is made anew at every flush (write, fsync, rename; mode 0600), so that it is whole at any
moment.  It holds one JSON object a line, most frequent first: ``{"query": ..., "count": ...}``.
Memory is bounded: past ``max_statements`` different ones new ones are only counted, and the count
is written as the last line, ``{"query": null, "count": ...}``.

A statement that the database refuses is not written: no application needs it, and what makes rules
of the file shall not be told so by who sends nonsense.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.interfaces import ISelectiveStatementStage, IStageFactory
from acra_twisted.optionkinds import FILE, Integer, Seconds
from acra_twisted.options import Option, Settings
from acra_twisted.sql.redact import of_statement
from acra_twisted.stages.awaiting import Awaiting
from acra_twisted.verdicts import PASS, Pass

_log = Logger()


@implementer(IPlugin, IStageFactory)
class QueryCaptureFactory:
    """Makes the stage ``query_capture``."""

    name = "query_capture"
    options = (
        Option("filepath", FILE, "", "File to write captured statements to. Required."),
        Option(
            "max_statements", Integer(1, 1_000_000), 10_000, "Different statements kept in memory."
        ),
        Option("flush_interval", Seconds(0.1), 10.0, "Seconds between two writes of the file."),
    )
    after = ()
    before = ()
    advisory = True

    def make(self, settings: Settings, services: Any) -> QueryCapture:
        """Raises ConfigError if the file cannot be written."""
        path = settings["filepath"]
        if not path:
            raise ConfigError("[stage:query_capture] filepath: name the file to write to")
        capture = QueryCapture(path, settings["max_statements"])
        try:
            capture.flush()
        except OSError as error:
            raise ConfigError(
                f"[stage:query_capture] filepath: cannot write {path}: {error.strerror}"
            ) from None
        capture.start(services.reactor, settings["flush_interval"])
        return capture


@implementer(ISelectiveStatementStage)
class QueryCapture:
    """Counts redacted statements.  Never denies."""

    name = "query_capture"

    def __init__(self, path: str, max_statements: int) -> None:
        self._path = path
        self._max = max_statements
        self._counts: Counter[str] = Counter()
        self._beyond = 0
        self._awaiting = Awaiting(self._count)
        self._changed = True
        self._loop: LoopingCall | None = None

    def start(self, reactor: Any, interval: float) -> None:
        """Write the file every ``interval`` seconds from when the reactor runs."""
        self._loop = LoopingCall(self._flush_if_changed)
        self._loop.clock = reactor
        reactor.callWhenRunning(lambda: self._loop and self._loop.start(interval, now=False))

    def on_statement(self, statement: Statement, exchange: Exchange) -> Pass:
        """Count it, once the database has answered."""
        # Another stage may have put another text in the place of the application's.
        written = exchange.statement or statement
        self._awaiting.add(exchange, of_statement(written, exchange.session.language).text)
        return PASS

    def judges(self, statement: Statement, exchange: Exchange) -> bool:
        """See ISelectiveStatementStage: nothing needs a verdict."""
        started = exchange.begin_run()
        self.on_statement(statement, exchange)
        if started:
            exchange.end_run(self.name, PASS, started)
        return False

    def _count(self, text: str, accepted: bool) -> None:
        if not accepted:
            return
        if text in self._counts or len(self._counts) < self._max:
            self._counts[text] += 1
        else:
            self._beyond += 1
        self._changed = True

    def stop(self) -> None:
        """Write what was captured last."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        self._loop = None
        self._flush_if_changed()

    def _flush_if_changed(self) -> None:
        self._awaiting.sweep()
        if not self._changed:
            return
        try:
            self.flush()
        except OSError as error:
            text = f"cannot write {self._path}: {error.strerror}; it is tried again"
            _log.error("{event_text}", event_text=text, code=events.GENERAL)

    def flush(self) -> None:
        """Write the file.  Raises OSError; what was there stays then."""
        rows = [{"query": query, "count": n} for query, n in self._counts.most_common()]
        if self._beyond:
            rows.append({"query": None, "count": self._beyond})
        partial = f"{self._path}.tmp"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._path)
        except OSError:
            os.unlink(partial)
            raise
        self._changed = False
