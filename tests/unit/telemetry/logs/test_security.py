"""Security events: one schema, whatever a peer sends."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace

import jc
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import __version__, events
from acra_twisted.eventtable import SECURITY, TABLE
from acra_twisted.telemetry.logs.security import SCHEMA, SecurityLog, read_record, record

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
        self.assertEqual(found["event"], TABLE[560].meaning)
        self.assertEqual(found["time"], "2021-12-01T10:00:00.123Z")
        self.assertEqual((found["session_id"], found["severity"], found["rule"]), (7, 7, ""))
        self.assertEqual((found["action"], found["outcome"]), ("blocked", "failure"))
        self.assertEqual((found["host"], found["peer_port"]), (socket.gethostname(), 0))

    def test_an_event_says_what_became_of_it(self):
        (line,) = self.lines("json", {**EVENT, "action": "ended", "outcome": "success"})
        found = json.loads(line)
        self.assertEqual((found["action"], found["outcome"]), ("ended", "success"))

    def test_every_code_has_its_severity_on_the_stream(self):
        for code in SECURITY:
            (line,) = self.lines("cef", {**EVENT, "code": code})
            row = TABLE[code]
            self.assertIn(f"|{code}|AcraCensor blocked query|{row.severity}|", line)
            self.assertIn(f"act={row.action} ", line)
            self.assertIn(f"outcome={row.outcome}", line)

    def test_who_and_where_under_the_names_of_the_dictionary(self):
        (line,) = self.lines(
            "cef",
            {
                **EVENT,
                "peer": "10.0.0.9",
                "peer_port": 40312,
                "certificate": "CN=shop",
                "user": "app",
                "database": "shop",
                "server_address": "db.internal",
                "server_port": 5432,
                "attempts": 3,
                "records": "no number",
            },
        )
        for text in (
            "src=10.0.0.9 ",
            "spt=40312 ",
            "dhost=db.internal ",
            "dpt=5432 ",
            "suser=ann ",
            "duser=app ",
            "cs5=CN\\=shop cs5Label=certificate",
            "cs6=shop cs6Label=database",
            "cn2=3 cn2Label=attempts",
            f"dvchost={socket.gethostname()}",
        ):
            self.assertIn(text, line)
        self.assertNotIn("cn3", line)

    def test_cef(self):
        (line,) = self.lines("cef", EVENT)
        self.assertTrue(line.startswith("CEF:0|cossacklabs|acra-server|0.1.0|560|AcraCensor"))
        self.assertIn(f"cs1={'ab' * 16} cs1Label=traceId", line)

    def test_other_events_stay_out(self):
        others = [{**EVENT, "code": events.START_LISTENING}, {**EVENT, "code": None}]
        self.assertEqual(self.lines("json", *others), [])
        self.assertLessEqual(SECURITY, TABLE.keys())

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


DOCUMENTED = {
    "log_time": 1638352800.123,
    "log_level": LogLevel.warn,
    "log_format": "{event_text}",
    "peer": "10.20.0.7",
    "peer_port": 40312,
    "server_address": "db.internal",
    "server_port": 5432,
    "session_id": 7,
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
}
SESSION = {**DOCUMENTED, "client_id": "shop application", "user": "shop", "database": "orders"}
SAMPLES = (
    {
        **SESSION,
        "event_text": "AcraCensor blocked query",
        "code": events.QUERY_NOT_ALLOWED,
        "stage": "censor",
        "rule": "deny.table",
        "error": "handler 2: listed table",
        "query": "SELECT * FROM salaries WHERE id = ?",
    },
    {
        **SESSION,
        "event_text": "Recognized poison record",
        "code": events.POISON_RECORD,
        "records": 1,
        "action": events.ENDED,
        "outcome": events.FAILURE,
    },
    {
        **SESSION,
        "event_text": "The database refused the login",
        "code": events.LOGIN_REFUSED,
        "rule": "password",
        "error": "wrong password, or no such role (28P01)",
        "attempts": 3,
    },
    {
        **DOCUMENTED,
        "event_text": "Can't wrap connection",
        "code": events.WRAP_CONNECTION,
        "certificate": "CN=old connector,O=Shop",
        "error": "the client's certificate is not for client authentication",
    },
)


class Documented(SynchronousTestCase):
    def test_the_page_shows_lines_as_they_are(self):
        self.patch(socket, "gethostname", lambda: "acra1")
        lines = []
        sink = SimpleNamespace(send=lambda line, event: lines.append(f"    {line}"))
        log = SecurityLog("acra-server", "cef", sink)
        for event in SAMPLES:
            log(event)
        lines = [line.replace(f"|{__version__}|", "|0.1.0|") for line in lines]
        page = Path(__file__).parents[4] / "docs/siem.rst"
        for line, event in zip(lines, SAMPLES, strict=True):
            # As a parser reads it that others wrote.
            (parsed,) = jc.parse("cef", line.strip(), raw=True, quiet=True)
            self.assertEqual(parsed["deviceEventClassId"], str(event["code"]))
            self.assertEqual((parsed["src"], parsed["spt"]), ("10.20.0.7", "40312"))
            self.assertEqual(parsed.get("duser"), event.get("user"))
            self.assertEqual(parsed["dhost"], "db.internal")
        shown = [line for line in page.read_text().splitlines() if line.startswith("    CEF:")]
        self.assertEqual(shown, lines)


class Kept(SynchronousTestCase):
    """Records that come back from a file."""

    def test_what_was_kept_is_the_same(self):
        found = record("acra-server", "host", EVENT)
        kept = {name: value for name, value in found._asdict().items() if value}
        self.assertEqual(read_record(json.loads(json.dumps(kept))), found)

    def test_what_others_wrote(self):
        self.assertIsNone(read_record({"code": "560"}))
        self.assertIsNone(read_record({"code": True}))
        self.assertIsNone(read_record({"query": 5}))
        self.assertEqual(read_record({"unknown": 5}).code, 0)
        self.assertLess(len(read_record({"query": "x" * 10_000}).query), 5000)

    @given(
        st.dictionaries(
            st.sampled_from((*SCHEMA, "other")),
            st.none() | st.booleans() | st.integers() | st.text(),
        )
    )
    def test_nothing_else_becomes_a_record(self, fields):
        found = read_record(fields)
        if found is not None:
            for name, value in found._asdict().items():
                self.assertIs(type(value), type(record("p", "h", EVENT)._asdict()[name]))
