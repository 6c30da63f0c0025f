"""Asking destinations whether they would take spans."""

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.export.http import LogExporter
from acra_twisted.telemetry.export.probe import ask
from acra_twisted.telemetry.export.queue import BatchExporter, Payload, Refused


class Asked(BatchExporter):
    def __init__(self, clock, name, answer):
        super().__init__(clock, name, lambda spans, service: Payload([len(spans)]), "x")
        self.answer = answer
        self.seen = []

    async def send(self, payload):
        self.seen.append(payload.parts)
        if isinstance(self.answer, Exception):
            raise self.answer
        await self.answer

    async def close(self):
        self.seen.append("closed")


class Probes(SynchronousTestCase):
    def test_what_each_says(self):
        clock = Clock()
        fine = Deferred()
        fine.callback(None)
        exporters = [
            LogExporter(),
            Asked(clock, "fine", fine),
            Asked(clock, "refuses", Refused("status 404")),
            Asked(clock, "broken", ConnectionRefusedError()),
            Asked(clock, "silent", Deferred()),
        ]
        asked = ensureDeferred(ask(clock, exporters))
        self.assertNoResult(asked)
        clock.advance(11)
        found = dict(self.successResultOf(asked))
        self.assertEqual(found["fine"], "")
        self.assertEqual(found["refuses"], "status 404")
        self.assertIn("connection refused", found["broken"])
        self.assertIn("no answer in time", found["silent"])
        for exporter in exporters[1:]:
            self.assertEqual(exporter.seen, [[0], "closed"])
