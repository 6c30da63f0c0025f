"""Exporters made for OpenCensus: on a thread, bounded, and what they raise is counted."""

import threading

from opencensus.trace.base_exporter import Exporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span_context import SpanContext
from opencensus.trace.trace_options import TraceOptions
from opencensus.trace.tracer import Tracer  # noqa: TID251 - what it records is to be taken
from twisted.internet import reactor  # noqa: TID251 - threads need a real one
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.export.opencensus import OpenCensusExporter, load, receiving
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.sample_spans import sample


class Target:
    """An exporter that somebody else wrote."""

    def __init__(self, got=None, gate=None, error=None):
        self.got, self.gate, self.error = got, gate, error

    def emit(self, spans):
        if self.gate is not None:
            self.gate.wait(10)
        if self.error is not None:
            raise self.error
        self.got += spans


class Foreign(TestCase):
    async def test_batches_as_span_data(self):
        got = []
        exporter = OpenCensusExporter(reactor, "x", lambda: Target(got), interval=0.01)
        exporter.start()
        for span in sample():
            exporter.export(span)
        await exporter.stop()
        self.assertEqual([data.name for data in got], ["handleConnection", "stage censor"])
        self.assertEqual(exporter.counts["sent"], 2)

    async def test_a_slow_one_is_bounded_in_queue_and_time(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        exporter = OpenCensusExporter(
            reactor, "x", lambda: Target([], gate), max_queue=2, interval=0.01, deadline=0.1
        )
        exporter.start()
        for _ in range(300):
            exporter.export(sample()[0])
        self.assertGreater(exporter.counts["dropped_queue_full"], 200)
        self.assertLessEqual(exporter.queued, 2)
        await exporter.stop()

    async def test_what_it_raises_is_counted(self):
        exporter = OpenCensusExporter(
            reactor, "x", lambda: Target(error=ValueError("secret")), interval=0.01
        )
        exporter.start()
        exporter.export(sample()[0])
        await exporter.stop()
        self.assertEqual(exporter.counts["dropped_failed"], 1)

    async def test_what_its_tracer_records_is_taken_from_any_thread(self):
        got = []
        exporter = receiving(got.append, reactor)
        self.assertIsInstance(exporter, Exporter)
        above = TraceContext("1" * 32, "2" * 16, True)
        given = SpanContext(above.trace_id, above.span_id, TraceOptions("1"))

        def work():
            tracer = Tracer(span_context=given, sampler=AlwaysOnSampler(), exporter=exporter)
            with tracer.span("parse") as span:
                span.add_attribute("text", "x" * 1000)

        await deferToThread(work)
        [span] = got
        self.assertEqual((span.name, span.trace_id), ("parse", above.trace_id))
        self.assertEqual((span.parent_id, span.sampled), (above.span_id, True))
        self.assertEqual(len(span.attributes["text"]), 256)

    def test_paths(self):
        self.assertIs(load(f"{__name__}.Target"), Target)
        for path in ("nowhere.Class", "json.nothing", "Target", "json.dumps"):
            error = self.assertRaises(ConfigError, load, path)
            self.assertIn("tracing_exporters", str(error))
