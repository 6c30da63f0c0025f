"""Zipkin v2 JSON."""

import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.export import zipkin
from acra_twisted.telemetry.export.resource import Resource
from tests.support.sample_spans import sample


class Encoding(SynchronousTestCase):
    def test_everything_is_carried(self):
        parent, child = sample()
        first, second = json.loads(zipkin.encode([parent, child], Resource("acra-server")).parts[0])
        self.assertNotIn("parentId", first)
        self.assertEqual((first["kind"], first["duration"]), ("SERVER", 500))
        self.assertNotIn("kind", second)
        self.assertEqual((second["parentId"], second["duration"]), (parent.span_id, 1))
        self.assertEqual(second["localEndpoint"], {"serviceName": "acra-server"})
        self.assertNotIn("annotations", first)
        [annotation] = second["annotations"]
        self.assertEqual(annotation["timestamp"], 1_000_100)
        self.assertEqual(
            json.loads(annotation["value"]), {"asked <whom>": {"tries": 2, "late": False}}
        )
        child.events = [(1_000_100_200, "asked", {})]
        [plain] = json.loads(zipkin.encode([child], Resource("acra-server")).parts[0])
        self.assertEqual(plain["annotations"], [{"timestamp": 1_000_100, "value": "asked"}])
        tags = second["tags"]
        self.assertTrue(all(isinstance(value, str) for value in tags.values()))
        self.assertEqual((tags["yes"], tags["error"]), ("true", "denied"))
        self.assertEqual(tags["link.0"], f"{'2' * 32}-{'3' * 16}-2")
