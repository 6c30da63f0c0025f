"""Datadog's v0.4."""

import json

import msgpack
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.export import datadog
from acra_twisted.telemetry.export.resource import Resource
from tests.support.sample_spans import sample


class Encoding(SynchronousTestCase):
    def test_everything_is_carried(self):
        payload = datadog.encode(sample(), Resource("acra-server"))
        self.assertEqual(payload.headers["x-datadog-trace-count"], "1")
        [[first, second]] = msgpack.unpackb(payload.parts[0])
        self.assertEqual(first["trace_id"], 0x1111111111111111)
        self.assertEqual(first["meta"]["_dd.p.tid"], "1" * 16)
        self.assertEqual((first["parent_id"], first["error"]), (0, 0))
        self.assertEqual(first["metrics"]["_sampling_priority_v1"], 1)
        self.assertEqual((first["start"], first["duration"]), (1_000_000_000, 500_000))
        self.assertEqual(second["parent_id"], first["span_id"])
        self.assertEqual((second["resource"], second["service"]), ("stage censor", "acra-server"))
        self.assertEqual(second["meta"]["yes"], "true")
        self.assertEqual((second["metrics"]["number"], second["metrics"]["share"]), (7, 0.5))
        self.assertEqual((second["error"], second["meta"]["error.message"]), (1, "denied"))
        self.assertNotIn("events", first["meta"])
        [event] = json.loads(second["meta"]["events"])
        self.assertEqual((event["name"], event["time_unix_nano"]), ("asked <whom>", 1_000_100_200))
        self.assertEqual(event["attributes"], {"tries": 2, "late": False})
        self.assertEqual(second["meta"]["link.0"], f"{'2' * 32}-{'3' * 16}-2")
