"""OTLP protobuf, read back."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.collector import decode
from acra_twisted.telemetry import otlp
from tests.support.sample_spans import sample


class Encoding(SynchronousTestCase):
    def test_everything_is_carried(self):
        parent, child = sample()
        got_parent, got = decode(otlp.encode([parent, child], "acra-server").parts[0])
        self.assertEqual((got_parent["parent_id"], got_parent["kind"]), ("", "server"))
        self.assertEqual(got["service"], "acra-server")
        self.assertEqual((got["trace_id"], got["span_id"]), (child.trace_id, child.span_id))
        self.assertEqual((got["parent_id"], got["kind"]), (parent.span_id, "internal"))
        self.assertEqual((got["start"], got["end"]), (child.start, child.end))
        self.assertEqual((got["status"], got["message"]), (2, "denied"))
        expected = {**child.attributes, "status.code": 7}
        self.assertEqual(got["attributes"], expected)
        self.assertIs(got["attributes"]["yes"], True)
        self.assertEqual(got["links"], [{"trace_id": "2" * 32, "span_id": "3" * 16}])
