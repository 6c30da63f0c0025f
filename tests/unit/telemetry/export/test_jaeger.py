"""Jaeger's thrift, read back by classes that others generated from its definition."""

from opencensus.ext.jaeger.trace_exporter.gen.jaeger import agent as definition
from opencensus.ext.jaeger.trace_exporter.gen.jaeger import jaeger as structs
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.transport.TTransport import TMemoryBuffer
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.export import jaeger
from acra_twisted.telemetry.export.resource import Resource
from tests.support.sample_spans import sample


def read_binary(data):
    batch = structs.Batch()
    batch.read(TBinaryProtocol(TMemoryBuffer(data)))
    return batch


def read_datagram(data):
    protocol = TCompactProtocol(TMemoryBuffer(data))
    name, kind, _ = protocol.readMessageBegin()
    assert (name, kind) == ("emitBatch", 4), (name, kind)
    arguments = definition.emitBatch_args()
    arguments.read(protocol)
    return arguments.batch


def tags(holder, name="tags"):
    found = getattr(holder, name)
    return {t.key: (t.vStr, t.vDouble, t.vBool, t.vLong)[t.vType] for t in found}


class Encoding(SynchronousTestCase):
    def check(self, batch, acra_names):
        first, second = batch.spans
        self.assertEqual(batch.process.serviceName, "acra-server")
        self.assertEqual((first.traceIdLow, first.traceIdHigh), (0x1111111111111111,) * 2)
        self.assertEqual((first.parentSpanId, first.flags), (0, 1))
        self.assertEqual(second.parentSpanId, first.spanId)
        prefix = "Recv." if acra_names else ""
        self.assertEqual(first.operationName, prefix + "handleConnection")
        self.assertEqual(second.operationName, "stage censor")
        self.assertEqual((first.startTime, first.duration), (1_000_000, 500))
        found = tags(second)
        self.assertEqual([found[k] for k in ("text", "number", "share")], ["<b>", 7, 0.5])
        self.assertEqual([found[k] for k in ("yes", "error")], [True, True])
        self.assertEqual((found["status.code"], found["status.message"]), (7, "denied"))
        self.assertEqual(found.get("span.kind"), None if acra_names else "internal")
        self.assertEqual(tags(first)["status.code"], 0)
        self.assertIsNone(first.logs)
        [log] = second.logs
        self.assertEqual(log.timestamp, 1_000_100)
        self.assertEqual(tags(log, "fields"), {"event": "asked <whom>", "tries": 2, "late": False})
        [reference] = second.references
        self.assertEqual(reference.refType, 0 if acra_names else 1)
        self.assertEqual(reference.spanId, 0x3333333333333333)

    def test_collector(self):
        for acra_names in (False, True):
            payload = jaeger.collector(acra_names)(sample(), Resource("acra-server"))
            self.assertEqual(payload.headers["content-type"], "application/x-thrift")
            self.check(read_binary(payload.parts[0]), acra_names)

    def test_agent(self):
        for acra_names in (False, True):
            payload = jaeger.agent(acra_names)(sample(), Resource("acra-server"))
            self.check(read_datagram(payload.parts[0]), acra_names)

    def test_datagrams_are_small_enough(self):
        spans = [sample()[1] for _ in range(100)]
        for span in spans:
            span.add_attribute("large", "x" * 2_000)
        spans[7].add_attribute("larger", "x" * 70_000)
        payload = jaeger.agent(False)(spans, Resource("acra-server"))
        self.assertTrue(all(len(part) <= jaeger.DATAGRAM_LIMIT for part in payload.parts))
        self.assertEqual(payload.skipped, 1)
        self.assertEqual(sum(len(read_datagram(part).spans) for part in payload.parts), 99)
