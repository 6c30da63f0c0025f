"""Recognises poison records in what a client is sent, whether or not it has keys of its own.

A record that was read is an event of the security log (CEF, with the trace's id); a script may be
started, the session be ended, the whole server be shut down.  All of that happens before a byte of
the run of rows that holds the record is on its way to the client.

Whether the data key of a container opens with the poison keys decides; that the content was
damaged since does not make it harmless.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from shlex import quote
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.plugin import IPlugin
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IMessageStage, IResultStage, IRowTransform, IStageFactory
from acra_twisted.options import Option, Settings
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.services import Services
from acra_twisted.pipeline.workers import Workers
from acra_twisted.purposes import POISON, POISON_SYMMETRIC
from acra_twisted.results import Columns, RowBatch, Search
from acra_twisted.stages import containers
from acra_twisted.stages.containers import Cell
from acra_twisted.verdicts import PASS, Hangup, Pass

_log = Logger()
#: Characters of a column's name that are told.
_NAME_MAX: Final = 128
#: The script's whole environment: nothing of ours, in particular no master key.
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


@implementer(IPlugin, IStageFactory)
class PoisonFactory:
    """Makes the stage ``poison``.  Its options are the daemon's: [poison]."""

    name = "poison"
    options: tuple[Option, ...] = ()
    after = ("decryptor",)
    before = ()
    advisory = False

    def make(self, settings: Settings, services: Services) -> Poison:
        """Raises ConfigError if there are no poison keys, or the script cannot be run.  Where the
        key store answers later, a missing key ends the program."""
        keys = services.need_keys(self.name)
        own = services.settings
        script = own["poison_run_script_file"]
        if script and not os.path.isfile(script):
            raise ConfigError(f"poison_run_script_file: there is no file {script}")
        if script and not os.access(script, os.X_OK):
            raise ConfigError(
                f"poison_run_script_file: {script} cannot be run; run: chmod u+x {quote(script)}"
            )
        try:
            checking = then(
                keys.keys(POISON),
                lambda pairs: then(pairs or keys.keys(POISON_SYMMETRIC), _need_keys),
            )
        except KeyStoreError as error:
            raise ConfigError(str(error)) from None
        if isinstance(checking, Deferred):
            # The key store answers later: the daemon runs by then, and without keys it must not.
            checking.addErrback(_tell).addErrback(lambda _: services.shut_down())
        run = None
        if script:
            run = Script(services.reactor, script, own["poison_script_timeout"]).start
        return Poison(
            keys,
            services.workers,
            run_script=run,
            stop_session=own["poison_stop_session_enable"],
            shut_down=services.shut_down if own["poison_shutdown_enable"] else None,
        )


def _need_keys(found: Any) -> None:
    if not found:
        raise ConfigError(
            "poison: the key store has no poison record keys; run: acra-keymaker "
            "--keystore=v1 --generate_poisonrecord_keys"
        )


def _tell(failure: Failure) -> Failure:
    _log.error("{event_text}", event_text=str(failure.value), code=events.KEY_STORE)
    return failure


@implementer(IResultStage, IMessageStage)
class Poison:
    """``run_script`` and ``shut_down`` are the reactions that are on, None where they are not."""

    name = "poison"

    def __init__(
        self,
        keys: Any,
        workers: Workers,
        *,
        run_script: Callable[[], None] | None = None,
        stop_session: bool = False,
        shut_down: Callable[[], None] | None = None,
    ) -> None:
        self._keys = keys
        self.workers = workers
        self._run_script = run_script
        self._stop_session = stop_session
        self._shut_down = shut_down

    @property
    def summary(self) -> str:
        """Describe the reactions to a record, for people."""
        reactions = {
            "script": self._run_script is not None,
            "stop the session": self._stop_session,
            "shutdown": self._shut_down is not None,
        }
        return "reactions: " + (", ".join(n for n, on in reactions.items() if on) or "log")

    def plan_result(self, columns: Columns) -> Detection | None:
        """Nothing to do where no column can hold a container."""
        if not containers.can_hold(columns):
            return None
        return Detection(self, containers.search(columns))

    def on_message(self, batch: RowBatch, exchange: Exchange) -> Any:
        """A record may be quoted in an error, or sent by ``pg_notify``."""
        return self.detect(batch, exchange) if containers.might_contain(batch) else PASS

    def detect(self, batch: RowBatch, exchange: Exchange) -> Any:
        """Count the records in a run with containers, and react if there are any; the verdict, or a
        Deferred of it."""
        return then(self._opener(), partial(self._count, batch, exchange))

    def _count(self, batch: RowBatch, exchange: Exchange, opener: Opener) -> Any:
        found: list[Cell] = []
        done = containers.judge(self.workers, batch, finding(batch, opener, found))
        return then(done, lambda _: self._judge(batch, exchange, found))

    def _judge(self, batch: RowBatch, exchange: Exchange, found: Sequence[Cell]) -> Pass | Hangup:
        if not found:
            return PASS
        return self.react(exchange, len(found), _where(batch, found[0]))

    def _opener(self) -> Any:
        return self._keys.opener(POISON, POISON_SYMMETRIC)

    def react(self, exchange: Exchange, records: int, where: Mapping[str, Any]) -> Pass | Hangup:
        """Log, then script, then shutdown, in Acra's order; and the verdict.  ``where`` has the row
        and the column of the first record."""
        session = exchange.session
        if "acra.poison_records" not in (exchange.attributes or ()):
            # The first of them.
            if "row" in where:
                exchange.add_attribute("acra.poison_row", where["row"])
            if "column" in where:
                exchange.add_attribute("acra.poison_column", where["column"])
        exchange.add_attribute("acra.poison_records", records)
        tell = session.observer.security_event
        ends = self._stop_session or self._shut_down is not None
        became: dict[str, Any] = {"records": records, **where}
        if ends:
            became.update(action=events.ENDED, outcome=events.FAILURE)
        tell(events.POISON_RECORD, "Recognized poison record", session, exchange, **became)
        if self._run_script is not None:
            try:
                self._run_script()
            except OSError as error:
                tell(
                    events.POISON_REACTION,
                    "Unexpected error in poison record callbacks",
                    session,
                    exchange,
                    error=type(error).__name__,
                )
                return Hangup("poison record, and its script could not be started")
        if self._shut_down is not None:
            text = "detected poison record, exit"
            tell(events.POISON_RECORD, text, session, exchange, **became)
            self._shut_down()
            return Hangup("poison record")
        return Hangup("poison record") if self._stop_session else PASS

    def stop(self) -> None:
        """Nothing of its own."""


@implementer(IRowTransform)
class Detection:
    """Looks for records in results with the same columns."""

    __slots__ = ("concerns", "transform")

    columns = None

    def __init__(self, stage: Poison, concerns: Search) -> None:
        self.concerns = concerns
        self.transform = stage.detect


def _where(batch: RowBatch, cell: Cell) -> dict[str, Any]:
    """Return the number of a cell's row in its result, where it is known, and its column's name.
    Bulk data has no columns."""
    found: dict[str, Any] = {}
    if batch.before >= 0:
        found["row"] = batch.before + cell.row + 1
    names = batch.columns.names
    if not batch.columns.layout and cell.column < len(names):
        name = names[cell.column].decode("utf-8", "replace")[:_NAME_MAX]
        if name:
            found["column"] = name
    return found


def finding(batch: RowBatch, opener: Opener, records: list[Cell]) -> Iterator[int]:
    """Add to ``records`` the cell of each container of a run that opens with the poison keys; yield
    the cost of each container."""
    for cell in containers.looking(batch):
        if cell is None:
            yield containers.LOOK
            continue
        for sighting in cell.sightings:
            price = containers.cost(opener, sighting)
            try:
                opener.unwrap(sighting.kind, sighting.data, batch.findings.points)
            except Closed:
                pass
            else:
                records.append(cell)
            yield price


class Script(ProcessProtocol):
    """Runs a program without arguments and without our environment; killed when it takes too long.

    Started at most once at a time: an intruder who reads a table of records starts one, not
    thousands.
    """

    def __init__(self, reactor: Any, path: str, timeout: float) -> None:
        self._reactor = reactor
        self._path = path
        self._timeout = timeout
        self._running: Any = None
        self._kill: Any = None

    def start(self) -> None:
        """Raises OSError if it cannot be started."""
        if self._running is not None:
            return
        self._running = self._reactor.spawnProcess(
            self, self._path, [self._path], env=_ENVIRONMENT, path="/"
        )
        self._kill = self._reactor.callLater(self._timeout, self._end)

    def _end(self) -> None:
        try:
            self._running.signalProcess("KILL")
        except ProcessExitedAlready:
            pass

    def processEnded(self, reason: Any) -> None:
        """Twisted: it is gone."""
        self._running = None
        if self._kill.active():
            self._kill.cancel()
