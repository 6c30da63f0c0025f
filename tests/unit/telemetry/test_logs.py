"""One event is one line in every format (OB-1)."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry import logs

EVENT = {
    "log_time": 1638352800.123,
    "log_level": LogLevel.error,
    "log_format": "{event_text}",
    "log_namespace": "acra",
    "event_text": "AcraCensor blocked query",
    "code": 560,
    "client_id": "keypair1",
    "trace_id": "ab" * 16,
}
HOSTILE = 'a\nb\r\x1b[31m|=\\"<script>\u2028 {curly}'


class Formats(SynchronousTestCase):
    def test_plaintext(self):
        line = logs.plaintext("acra-server")(EVENT)
        self.assertIn(
            'level=error msg="AcraCensor blocked query" client_id=keypair1 code=560', line
        )
        self.assertIn(f"trace_id={'ab' * 16}", line)

    def test_json(self):
        record = json.loads(logs.jsonlines("acra-server")(EVENT))
        self.assertEqual(record["unixTime"], "1638352800.123")
        self.assertEqual((record["level"], record["code"]), ("error", 560))
        self.assertEqual(record["trace_id"], "ab" * 16)

    def test_cef(self):
        line = logs.cef_lines("acra-server")(EVENT)
        self.assertTrue(line.startswith("CEF:0|cossacklabs|acra-server|0.1.0|560|AcraCensor"))
        self.assertTrue(line.endswith("unixTime=1638352800.123 "))

    def test_ob1_hostile_values(self):
        for style in logs.FORMATS.values():
            line = style("p")({**EVENT, "event_text": HOSTILE, "user": HOSTILE})
            self.assertEqual(len(line.splitlines()), 1, line)
            self.assertNotIn("\x1b", line)

    @given(st.text())
    def test_any_text(self, text):
        for style in logs.FORMATS.values():
            line = style("p")({**EVENT, "event_text": text, "user": text})
            self.assertEqual(len(line.splitlines()), 1)

    def test_ke6_failures_are_named_without_their_text(self):
        try:
            raise ValueError("secret")
        except ValueError:
            event = {**EVENT, "log_failure": Failure()}
        line = logs.plaintext("p")(event)
        self.assertNotIn("secret", line)
        self.assertIn("ValueError at", line)


class Writer(SynchronousTestCase):
    def test_levels(self):
        stream = io.StringIO()
        writer = logs.LogWriter(logs.plaintext("p"), LogLevel.info, [stream])
        writer({**EVENT, "log_level": LogLevel.debug})
        writer({**EVENT, "log_level": LogLevel.info, "log_namespace": "twisted.web"})
        self.assertEqual(stream.getvalue(), "")
        writer({**EVENT, "log_level": LogLevel.info})
        self.assertEqual(stream.getvalue().count("\n"), 1)

    def test_a_full_disk_does_not_raise(self):
        stream = io.StringIO()
        stream.close()
        logs.LogWriter(logs.plaintext("p"), LogLevel.info, [stream])(EVENT)

    def test_files(self):
        path = self.mktemp()
        writer = logs.make_writer("p", style="cef", level=LogLevel.info, console=False, path=path)
        writer(EVENT)
        with open(path) as file:
            self.assertEqual(file.read().count("CEF:0"), 1)
        for stream in writer._streams:
            stream.close()
        self.assertRaises(
            ConfigError,
            logs.make_writer,
            "p",
            style="cef",
            level=LogLevel.info,
            console=True,
            path="/nowhere/x",
        )
