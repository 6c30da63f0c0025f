"""Spans as plain values."""

import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.records import as_record
from tests.support.sample_spans import sample


class Records(SynchronousTestCase):
    def test_everything_is_there(self):
        parent, child = sample()
        record = as_record(child, "acra-server")
        self.assertEqual(json.loads(json.dumps(record)), record)
        self.assertEqual(
            (record["service"], record["name"], record["kind"]),
            ("acra-server", "stage censor", "internal"),
        )
        self.assertEqual(record["parent_id"], parent.span_id)
        self.assertEqual((record["start"], record["end"]), (child.start, child.end))
        self.assertEqual((record["status"], record["message"]), (7, "denied"))
        self.assertEqual(record["attributes"]["number"], 7)
        self.assertEqual(record["events"][0]["name"], "asked <whom>")
        self.assertEqual(record["links"][0]["trace_id"], "2" * 32)

    def test_what_still_runs_ends_where_it_begins(self):
        span = sample()[0]
        span.end = 0
        record = as_record(span, "acra-server")
        self.assertEqual(record["end"], span.start)
