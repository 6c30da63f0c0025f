"""Opens containers in results for the connection's client id.

What cannot be opened stays as stored (Acra's rule), counted and traced with the reason; the
plaintext takes the container's place in the form in which the container stood (see crypto.cells).
A key that is there and cannot be read refuses the statement: to hand out ciphertext as if there
were no key would hide a broken key store.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.crypto import cells
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IResultStage, IRowTransform, IStageFactory
from acra_twisted.options import Option, Settings
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.services import Services
from acra_twisted.pipeline.workers import Workers
from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC
from acra_twisted.results import Columns, RowBatch, Search
from acra_twisted.stages import containers
from acra_twisted.stages.containers import Cell, Tally
from acra_twisted.verdicts import PASS, Pass, Replace


class Opened(NamedTuple):
    """The results for the containers of a run."""

    changed: bool
    #: Numbers by kind: opened and failed.
    kinds: dict[str, list[int]]
    reasons: dict[str, int]


@implementer(IPlugin, IStageFactory)
class DecryptorFactory:
    """Makes the stage ``decryptor``."""

    name = "decryptor"
    options: tuple[Option, ...] = ()
    after = ()
    before = ()
    advisory = False

    def make(self, settings: Settings, services: Services) -> Decryptor:
        """Raises ConfigError if no key store is configured."""
        return Decryptor(services.need_keys(self.name), services.workers)


@implementer(IResultStage)
class Decryptor:
    """``keys`` is an IKeyStore."""

    name = "decryptor"

    def __init__(self, keys: Any, workers: Workers) -> None:
        self._keys = keys
        self.workers = workers

    def plan_result(self, columns: Columns) -> Decryption | None:
        """Nothing to do where no column can hold a container."""
        if not containers.can_hold(columns):
            return None
        return Decryption(self, containers.search(columns))

    def opener(self, client_id: str) -> Any:
        """The client's keys, or a Deferred of them."""
        return self._keys.opener(STORAGE, STORAGE_SYMMETRIC, client_id)

    def stop(self) -> None:
        """Nothing of its own."""


@implementer(IRowTransform)
class Decryption:
    """Opens the containers of results with the same columns."""

    __slots__ = ("_stage", "concerns")

    columns = None

    def __init__(self, stage: Decryptor, concerns: Search) -> None:
        self._stage = stage
        self.concerns = concerns

    def transform(self, batch: RowBatch, exchange: Exchange) -> Any:
        """See IRowTransform."""
        opener = self._stage.opener(exchange.session.identity.client_id)
        return then(opener, partial(self._open, batch, exchange))

    def _open(self, batch: RowBatch, exchange: Exchange, opener: Opener) -> Any:
        done = containers.judge(self._stage.workers, open_all, batch, opener)
        # The reactor's thread tells of a worker's answer.
        return then(done, partial(self._report, batch, exchange))

    def _report(
        self, batch: RowBatch, exchange: Exchange, done: Opened
    ) -> Pass | Replace[RowBatch]:
        tally = Tally.of(exchange)
        for kind, (opened, failed) in done.kinds.items():
            tally.found += opened + failed
            tally.opened += opened
            tally.failed += failed
            exchange.session.observer.containers_read(exchange, kind, opened, failed)
        for reason, count in done.reasons.items():
            tally.reasons[reason] = tally.reasons.get(reason, 0) + count
        if done.kinds:
            tally.show(exchange)
        return Replace(batch) if done.changed else PASS


def open_all(batch: RowBatch, opener: Opener) -> Opened:
    """Open what can be opened in a run; in a worker or not."""
    found = containers.findings(batch)
    kinds: dict[str, list[int]] = {}
    reasons: dict[str, int] = {}
    changed = False
    for cell in found.cells:
        contents = _contents(cell, opener, found.points, kinds, reasons)
        if contents:
            batch.set_cell(cell.row, cell.column, cells.replace(cell.value, contents))
            found.opened[cell.row, cell.column] = contents
            changed = True
    if changed:
        # Here and not when it is sent: in a worker, if this is one.
        batch.encode()
    return Opened(changed, kinds, reasons)


def _contents(
    cell: Cell,
    opener: Opener,
    points: dict[bytes, Any],
    kinds: dict[str, list[int]],
    reasons: dict[str, int],
) -> list[tuple[cells.Sighting, bytes]]:
    contents: list[tuple[cells.Sighting, bytes]] = []
    done = 0
    for sighting in cell.sightings:
        # Inside one that was opened: ciphertext that looked like something.
        if sighting.start < done:
            continue
        counts = kinds.setdefault(sighting.kind, [0, 0])
        try:
            if sighting.form == cells.UNUSUAL:
                raise Closed("unusual form")
            content = opener.open(sighting.kind, sighting.data, points)
        except Closed as closed:
            counts[1] += 1
            reasons[closed.reason] = reasons.get(closed.reason, 0) + 1
            continue
        counts[0] += 1
        contents.append((sighting, content))
        done = sighting.end
    return contents
