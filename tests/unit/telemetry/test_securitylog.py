"""Security events: one schema, whatever a peer sends."""

import json
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.securitylog import SCHEMA, SecurityLog

EVENT = {
    "log_time": 1638352800.123,
    "log_level": LogLevel.error,
    "log_format": "{event_text}",
    "event_text": "AcraCensor blocked query",
    "code": 560,
    "client_id": "ann",
    "session_id": 7,
    "trace_id": "ab" * 16,
}


class Stream(SynchronousTestCase):
    def lines(self, style, *told):
        lines = []
        sink = SimpleNamespace(send=lambda line, event: lines.append(line))
        log = SecurityLog("acra-server", style, sink)
        for event in told:
            log(event)
        return lines

    def test_a_record(self):
        (line,) = self.lines("json", EVENT)
        found = json.loads(line)
        self.assertEqual(tuple(found), SCHEMA)
        self.assertEqual(found["event"], events.MEANINGS[560])
        self.assertEqual(found["time"], "2021-12-01T10:00:00.123Z")
        self.assertEqual((found["session_id"], found["severity"], found["rule"]), (7, 6, ""))

    def test_cef(self):
        (line,) = self.lines("cef", EVENT)
        self.assertTrue(line.startswith("CEF:0|cossacklabs|acra-server|0.1.0|560|AcraCensor"))
        self.assertIn(f"cs1={'ab' * 16} cs1Label=traceId", line)

    def test_other_events_stay_out(self):
        others = [{**EVENT, "code": events.START_LISTENING}, {**EVENT, "code": None}]
        self.assertEqual(self.lines("json", *others), [])
        self.assertLessEqual(events.SECURITY, events.MEANINGS.keys())

    @given(st.text(), st.text())
    def test_nobody_adds_a_field_or_a_line(self, name, text):
        event = {**EVENT, "event_text": text, "user": text, "query": text * 999, name: text}
        if name in EVENT or name in SCHEMA or name.startswith("log_"):
            return
        for style in ("json", "cef"):
            (line,) = self.lines(style, event)
            self.assertEqual(len(line.splitlines()), 1)
        found = json.loads(self.lines("json", event)[0])
        self.assertEqual(tuple(found), SCHEMA)
        self.assertLessEqual(len(found["query"]), 4096)
