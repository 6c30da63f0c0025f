"""One event is one line in every format (OB-1)."""

import io
import json

import jc
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.logs import formats
from acra_twisted.telemetry.logs.chaincheck import verify
from acra_twisted.telemetry.logs.security import SecurityLog
from acra_twisted.telemetry.logs.sinks import FileSink, StreamSink
from tests.support.disk import Disk

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


def parse_cef(line):
    """As a parser reads it that others wrote; it leaves what is escaped as it is."""
    (found,) = jc.parse("cef", line, raw=True, quiet=True)
    return {key: value.replace("\\=", "=").replace("\\\\", "\\") for key, value in found.items()}


HOSTILE = 'a\nb\r\x1b[31m|=\\"<script>\u2028 {curly}'


class Formats(SynchronousTestCase):
    def test_plaintext(self):
        line = formats.plaintext("acra-server")(EVENT)
        self.assertIn(
            'level=error msg="AcraCensor blocked query" client_id=keypair1 code=560', line
        )
        self.assertIn(f"trace_id={'ab' * 16}", line)

    def test_json(self):
        record = json.loads(formats.jsonlines("acra-server")(EVENT))
        self.assertEqual(record["unixTime"], "1638352800.123")
        self.assertEqual((record["level"], record["code"]), ("error", 560))
        self.assertEqual(record["trace_id"], "ab" * 16)

    def test_cef(self):
        line = formats.acra_cef_lines("acra-server")(EVENT)
        self.assertTrue(line.startswith("CEF:0|cossacklabs|acra-server|0.1.0|560|AcraCensor"))
        self.assertTrue(line.endswith("unixTime=1638352800.123 "))

    def test_cef_with_the_names_of_its_dictionary(self):
        line = formats.cef_lines("acra-server")({**EVENT, "peer": "10.0.0.1", "user": HOSTILE})
        found = parse_cef(line)
        for key, value in (
            ("deviceEventClassId", "560"),
            ("name", "AcraCensor blocked query"),
            ("agentSeverity", "7"),
            ("rt", "1638352800123"),
            ("suser", "keypair1"),
            ("src", "10.0.0.1"),
            ("cs1", "ab" * 16),
            ("cs1Label", "traceId"),
        ):
            self.assertEqual(found[key], value)
        self.assertEqual(found["duser"], 'a b  [31m|=\\"<script>  {curly}')

    def test_ob1_hostile_values(self):
        for style in formats.FORMATS.values():
            line = style("p")({**EVENT, "event_text": HOSTILE, "user": HOSTILE})
            self.assertEqual(len(line.splitlines()), 1, line)
            self.assertNotIn("\x1b", line)

    @given(st.text())
    def test_any_text(self, text):
        for style in formats.FORMATS.values():
            line = style("p")({**EVENT, "event_text": text, "user": text})
            self.assertEqual(len(line.splitlines()), 1)

    def test_ke6_failures_are_named_without_their_text(self):
        try:
            raise ValueError("secret")
        except ValueError:
            event = {**EVENT, "log_failure": Failure()}
        line = formats.plaintext("p")(event)
        self.assertNotIn("secret", line)
        self.assertIn("ValueError at", line)


class Writer(SynchronousTestCase):
    def test_json_says_which_daemon_writes(self):
        stream = io.StringIO()
        writer = formats.LogWriter(formats.jsonlines("p"), LogLevel.info, [StreamSink(stream)])
        writer.origin = {"service.instance.id": "a1", "host.name": "web1"}
        writer(EVENT)
        record = json.loads(stream.getvalue())
        self.assertEqual((record["service.instance.id"], record["host.name"]), ("a1", "web1"))
        self.assertNotIn("log_origin", record)

    def test_cef_and_the_security_log_say_so_too(self):
        lines, told = io.StringIO(), io.StringIO()
        security = SecurityLog("p", "json", StreamSink(told))
        writer = formats.LogWriter(
            formats.cef_lines("p"), LogLevel.info, [StreamSink(lines)], security
        )
        writer({**EVENT, "code": 560})
        writer.origin = {"service.instance.id": "a|1=", "cloud.availability_zone": "eu-1a"}
        writer({**EVENT, "code": 560})
        first, second = lines.getvalue().splitlines()
        self.assertNotIn("deviceExternalId", first)
        self.assertIn(" deviceExternalId=a|1\\= zone=eu-1a", second)
        first, second = map(json.loads, told.getvalue().splitlines())
        self.assertEqual((first["instance"], first["zone"]), ("", ""))
        self.assertEqual((second["instance"], second["zone"]), ("a|1=", "eu-1a"))

    def test_levels(self):
        stream = io.StringIO()
        writer = formats.LogWriter(formats.plaintext("p"), LogLevel.info, [StreamSink(stream)])
        writer({**EVENT, "log_level": LogLevel.debug})
        writer({**EVENT, "log_level": LogLevel.info, "log_namespace": "twisted.web"})
        self.assertEqual(stream.getvalue(), "")
        writer({**EVENT, "log_level": LogLevel.info})
        self.assertEqual(stream.getvalue().count("\n"), 1)

    def test_a_full_disk_does_not_raise(self):
        stream = io.StringIO()
        stream.close()
        writer = formats.LogWriter(formats.plaintext("p"), LogLevel.info, [StreamSink(stream)])
        writer(EVENT)
        self.assertEqual(writer.lost, 1)

    def test_security_events_of_every_level(self):
        stream = io.StringIO()
        security = SecurityLog("p", "json", StreamSink(stream))
        writer = formats.LogWriter(formats.plaintext("p"), LogLevel.error, [], security=security)
        writer({**EVENT, "log_level": LogLevel.info})
        self.assertEqual(stream.getvalue().count("\n"), 1)
        stream.close()
        writer(EVENT)
        self.assertEqual(writer.lost, 1)

    def test_every_security_event_says_what_became_of_it_in_every_format(self):
        for style, action in (("plaintext", "action=blocked"), ("json", '"action": "blocked"')):
            stream = io.StringIO()
            writer = formats.LogWriter(
                formats.FORMATS[style]("p"), LogLevel.error, [StreamSink(stream)]
            )
            writer(EVENT)
            writer({**EVENT, "action": "ended", "outcome": "success"})
            writer({**EVENT, "code": events.GENERAL})
            lines = stream.getvalue().splitlines()
            self.assertIn(action, lines[0])
            self.assertIn("ended", lines[1])
            self.assertNotIn("action", lines[2])

    def test_chains(self):
        key = b"k" * 32
        for style in ("plaintext", "json", "cef", "cef-acra"):
            stream = io.StringIO()
            signed = formats.SignedLog(lambda: key, style)
            formatter = formats.FORMATS[style]("p")
            sinks = [formats.SignedSink(StreamSink(stream), signed, formatter)]
            writer = formats.LogWriter(formatter, LogLevel.warn, sinks)
            writer.begin()
            for text in ("one", HOSTILE, "three"):
                writer({**EVENT, "event_text": text})
            writer.reopen()
            writer(EVENT)
            writer.end()
            found = verify(stream.getvalue().splitlines(True), [key])
            self.assertEqual(found, (10, [2], [], [], False), style)
            if style == "json":
                for line in stream.getvalue().splitlines():
                    self.assertEqual(len(json.loads(line)["integrity"]), 64)

    def test_a_key_that_cannot_be_read_anew(self):
        keys = [b"k" * 32, b"k" * 32]

        def read():
            if not keys:
                raise ConfigError("it is gone")
            return keys.pop()

        stream = io.StringIO()
        signed = formats.SignedLog(read, "plaintext")
        sinks = [formats.SignedSink(StreamSink(stream), signed, formats.plaintext("p"))]
        writer = formats.LogWriter(formats.plaintext("p"), LogLevel.warn, sinks)
        writer.begin()
        writer.reopen()
        writer.end()
        lines = stream.getvalue().splitlines(True)
        self.assertEqual(verify(lines, [b"k" * 32]), (7, [2], [], [], False))
        self.assertIn('error="it is gone"', lines[4])


class FullDisks(SynchronousTestCase):
    """Lines behind one that was cut off can be read, and in a signed log verified (OB-7, OB-8)."""

    KEY = b"k" * 32

    def write(self, style, signed, room):
        """Three lines before the disk is full, three that are lost, three when there is room; the
        file's lines.  ``room``: bytes of the first one that is lost."""
        disk, path = Disk(self), self.mktemp()
        formatter = formats.FORMATS[style]("p")
        file = FileSink("log_to_file", path)
        self.addCleanup(file.close)
        sink = file
        if signed:
            sink = formats.SignedSink(file, formats.SignedLog(lambda: self.KEY, style), formatter)
        writer = formats.LogWriter(formatter, LogLevel.warn, [sink])
        writer.begin()
        for number in range(9):
            if number == 3:
                disk.room = room
            if number == 6:
                disk.room = None
            writer({**EVENT, "event_text": f"number {number}"})
        writer.end()
        self.assertEqual(writer.lost, 3)
        with open(path) as lines:
            return lines.read().splitlines(True)

    def test_each_line_is_its_own(self):
        for style in formats.FORMATS:
            for room in (0, 1, 30):
                lines = self.write(style, False, room)
                self.assertEqual(len(lines), 6 + bool(room), style)
                whole = [line for line in lines if "number" in line and "p" in line]
                for number, line in zip((0, 1, 2, 6, 7, 8), whole, strict=True):
                    self.assertIn(f"number {number}", line)
                    if style == "json":
                        self.assertEqual(json.loads(line)["msg"], f"number {number}")

    def test_in_a_signed_log_there_is_one_gap_that_is_found(self):
        for style in formats.FORMATS:
            for room in (0, 1, 30):
                lines = self.write(style, True, room)
                found = verify(lines, [self.KEY])
                self.assertEqual((found.chains, found.open_chain), ([2], False), style)
                # Where the lines are missing; all others are verified.
                self.assertEqual([line for line, _ in found.problems], [5], (style, room))
                [begins] = [line for line in lines if "lines_lost" in line or "linesLost" in line]
                self.assertIn("Audit log chain begins", begins)

    def test_what_other_places_get_is_whole(self):
        """A full disk is no business of standard error's."""
        disk, stream = Disk(self), io.StringIO()
        formatter = formats.plaintext("p")
        file = FileSink("log_to_file", self.mktemp())
        self.addCleanup(file.close)
        writer = formats.LogWriter(
            formatter,
            LogLevel.warn,
            [
                formats.SignedSink(
                    sink, formats.SignedLog(lambda: self.KEY, "plaintext"), formatter
                )
                for sink in (file, StreamSink(stream))
            ],
        )
        disk.room = 0
        writer.begin()
        writer(EVENT)
        writer.end()
        found = verify(stream.getvalue().splitlines(True), [self.KEY])
        # The fourth says that the file takes none.
        self.assertEqual(found, (5, [1], [], [], False))
