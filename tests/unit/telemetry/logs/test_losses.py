"""A destination of the log that takes no lines: said once, elsewhere, and so is its recovery."""

import errno
import io
import json

from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.logs import formats
from acra_twisted.telemetry.logs.security import SecurityLog
from acra_twisted.telemetry.logs.sinks import (
    FileSink,
    JournalSink,
    StreamSink,
    SyslogSink,
    TcpCarrier,
)
from tests.support.disk import Disk

START = 1_700_000_000.0


class FullDisks(SynchronousTestCase):
    """A log in a file, and standard error beside it."""

    def setUp(self):
        self.disk = Disk(self)
        self.stderr = io.StringIO()
        self.now = START

    def writer(self, *sinks, security=None, style="json"):
        for sink in sinks:
            self.addCleanup(sink.close)
        console = StreamSink(self.stderr)
        return formats.LogWriter(
            formats.FORMATS[style]("p"), LogLevel.warn, sinks, security, console
        )

    def file(self, option="log_to_file"):
        self.path = self.mktemp()
        return FileSink(option, self.path)

    def write(self, writer, count=1, **fields):
        for _ in range(count):
            self.now += 1
            writer(
                {
                    "log_time": self.now,
                    "log_level": LogLevel.warn,
                    "log_format": "{event_text}",
                    "event_text": "a line",
                    **fields,
                }
            )

    def said(self):
        return [json.loads(line) for line in self.stderr.getvalue().splitlines()]

    def test_one_line_on_standard_error_and_one_when_there_is_room(self):
        writer = self.writer(self.file())
        self.write(writer, 2)
        self.disk.room = 0
        self.write(writer, 30)
        [first] = self.said()
        self.assertEqual(first["code"], events.LOG_LINES_LOST)
        self.assertEqual(first["level"], "warning")
        for words in ("log_to_file", self.path, "No space left on device"):
            self.assertIn(words, first["msg"])
        self.disk.room = None
        self.write(writer, 3)
        _, second = self.said()
        self.assertIn("takes log lines again", second["msg"])
        self.assertEqual((second["lines_lost"], writer.lost), (30, 30))

    def test_whatever_the_reason_is(self):
        for number, words in ((errno.EDQUOT, "quota"), (errno.EIO, "Input/output error")):
            self.stderr = io.StringIO()
            writer = self.writer(self.file())
            self.disk.room, self.disk.error = 0, number
            self.write(writer)
            self.assertIn(words, self.said()[0]["msg"])

    def test_a_disk_that_is_full_now_and_then_is_said_once_a_minute(self):
        writer = self.writer(self.file())
        for _ in range(50):
            self.disk.room = 0
            self.write(writer)
            self.disk.room = None
            self.write(writer)
        self.assertLessEqual(len(self.said()), 4)

    def test_the_security_log(self):
        security = SecurityLog("p", "json", self.file("security_log_file"))
        self.addCleanup(security.sink.close)
        writer = self.writer(security=security)
        self.disk.room = 0
        self.write(writer, 2, code=events.QUERY_NOT_ALLOWED)
        # Lines that are no security events say nothing of it.
        self.disk.room = None
        self.write(writer, 2)
        self.assertEqual(len(self.said()), 1)
        self.assertIn("security_log_file", self.said()[0]["msg"])
        self.write(writer, code=events.QUERY_NOT_ALLOWED)
        self.assertEqual(self.said()[1]["lines_lost"], 2)

    def test_other_destinations_are_told_as_well(self):
        other = io.StringIO()
        writer = self.writer(self.file(), StreamSink(other))
        self.disk.room = 0
        self.write(writer)
        self.assertEqual(len(other.getvalue().splitlines()), 2)
        self.assertEqual(len(self.said()), 1)

    def test_all_of_them_fail(self):
        self.stderr.close()
        writer = self.writer(self.file(), StreamSink(self.stderr))
        self.disk.room = 0
        self.write(writer, 3)
        # One of them is what was to say that the file takes none.
        self.assertEqual(writer.lost, 7)

    def test_a_signed_log(self):
        formatter = formats.FORMATS["json"]("p")
        signed = formats.SignedLog(lambda: b"k" * 32, "json")
        writer = self.writer(formats.SignedSink(self.file(), signed, formatter))
        writer.begin()
        self.disk.room = 0
        self.write(writer, 3)
        self.disk.room = None
        self.write(writer)
        first, second = self.said()
        self.assertIn(self.path, first["msg"])
        self.assertEqual(second["lines_lost"], 3)

    def test_syslog_and_journald(self):
        for sink, place in (
            (JournalSink("p", "/nowhere/socket"), "log_to_journald"),
            (SyslogSink("p", JournalSink("p", "/nowhere/socket")), "log_to_syslog"),
        ):
            self.stderr = io.StringIO()
            self.write(self.writer(sink), 3)
            [line] = self.said()
            self.assertIn(f"{place} takes none: No such file", line["msg"])

    def test_syslog_over_tcp(self):
        writer = self.writer(SyslogSink("p", TcpCarrier()))
        self.write(writer, 1002)
        [line] = self.said()
        self.assertIn("log_to_syslog takes none: the receiver", line["msg"])
