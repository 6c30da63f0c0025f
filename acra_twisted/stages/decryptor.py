"""Opens containers in results for the connection's client id.

What cannot be opened stays as stored (Acra's rule), counted and traced with the reason; the
plaintext takes the container's place in the form in which the container stood (see crypto.cells).
A key that is there and cannot be read refuses the statement: to hand out ciphertext as if there
were no key would hide a broken key store.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.crypto.openers import Opener
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IResultStage, IRowTransform, IStageFactory
from acra_twisted.options import Option, Settings
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.services import Services
from acra_twisted.pipeline.workers import Workers
from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC
from acra_twisted.results import Columns, RowBatch, Search
from acra_twisted.stages import containers
from acra_twisted.stages.containeropening import Opened, opening
from acra_twisted.stages.containers import Tally
from acra_twisted.verdicts import PASS, Pass, Replace


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
        opened = Opened()
        done = containers.judge(self._stage.workers, batch, opening(batch, opener, opened))
        # The reactor's thread tells of a worker's answer.
        return then(done, lambda _: self._report(batch, exchange, opened))

    def _report(
        self, batch: RowBatch, exchange: Exchange, opened: Opened
    ) -> Pass | Replace[RowBatch]:
        tally = Tally.of(exchange)
        for kind, (open_ones, failed) in opened.kinds.items():
            tally.found += open_ones + failed
            tally.opened += open_ones
            tally.failed += failed
            exchange.session.observer.containers_read(exchange, kind, open_ones, failed)
        for reason, count in opened.reasons.items():
            tally.reasons[reason] = tally.reasons.get(reason, 0) + count
        if opened.kinds:
            tally.show(exchange)
        return Replace(batch) if opened.changed else PASS
