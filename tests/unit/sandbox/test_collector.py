"""The small OTLP receiver."""

import gzip
import urllib.request

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.collector import Collector
from acra_twisted.telemetry.export import otlp
from acra_twisted.telemetry.export.resource import Resource
from tests.support.sample_spans import sample


class Receiving(SynchronousTestCase):
    def test_plain_and_compressed(self):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        body = otlp.encode(sample(), Resource("acra-server")).parts[0]
        for data, headers in ((body, {}), (gzip.compress(body), {"content-encoding": "gzip"})):
            request = urllib.request.Request(collector.url, data, headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.assertEqual(answer.status, 200)
        self.assertEqual({k: len(v) for k, v in collector.traces().items()}, {"1" * 32: 4})
