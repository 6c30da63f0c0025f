"""Histories, read while no daemon runs."""

import io
import json
import sqlite3

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import trace
from acra_twisted.tools.stores import Stores
from tests.support.histories import NOW, connect, event, piece, put, record

ID = "9" * 32
SECOND = 10**9


def filled(path, *batch):
    connection = connect(path)
    put(connection, *batch)
    connection.close()
    return path


class Filled(SynchronousTestCase):
    """A history with some of everything."""

    def setUp(self):
        self.path = filled(
            self.mktemp(),
            piece(1, start=NOW - 5 * SECOND, name="SELECT salaries", verdict="deny"),
            piece(2, start=NOW - 4 * SECOND, name="SELECT old_salaries"),
            piece(3, start=NOW - 3 * SECOND, name="SELECT public.salaries", took=SECOND),
            piece(4, trace_id=ID, spans=[record(4, ID, NOW, NOW + 1000)], verdict="error"),
            piece(5, kind=1, name="handleConnection"),
            event(1, last=NOW - 2 * SECOND, first=NOW - 3 * SECOND, times=3),
            event(2, code=587, client_id="other"),
        )
        self.stores = Stores([self.path], lambda: NOW + SECOND)


class History(Filled):
    def names(self, **asked):
        return [match["name"].split()[-1] for match in self.stores.matches(asked)]

    def test_search(self):
        everything = ["t", "public.salaries", "old_salaries", "salaries"]
        self.assertEqual(self.names(), everything)
        self.assertEqual(self.names(table="salaries"), ["public.salaries", "salaries"])
        self.assertEqual(self.names(table="salaries", offset="1", limit="1"), ["salaries"])
        self.assertEqual(self.names(verdict="deny"), ["salaries"])
        self.assertEqual(self.names(min_ms="900"), ["public.salaries"])
        self.assertEqual(self.names(since="4s"), ["t", "public.salaries"])
        self.assertEqual(self.names(sort="slowest", limit="1"), ["public.salaries"])
        self.assertEqual(self.names(trace_id="9"), ["t"])
        self.assertEqual(self.names(of="connections"), ["handleConnection"])
        self.assertEqual(self.names(statement="WHERE id = ?", client_id="a client"), everything)
        self.assertFalse(self.stores.more)

    def test_names_are_found_behind_many_that_only_look_so(self):
        noise = [
            piece(number, start=NOW + number, name="SELECT old_salaries") for number in range(1500)
        ]
        filled(self.path, *noise)
        self.assertEqual(self.names(table="salaries"), ["public.salaries", "salaries"])

    def test_a_trace_of_several_histories(self):
        other = filled(self.mktemp(), piece(8, trace_id=ID, spans=[record(8, ID)]))
        found = Stores([self.path, other]).spans(ID)
        self.assertEqual([span["span_id"] for span in found], [f"{4:016x}", f"{8:016x}"])

    def test_events(self):
        codes = [found.code for found in self.stores.events({})]
        self.assertEqual(codes, [587, 560])
        self.assertEqual(self.stores.events({"client_id": "other"})[0].times, 1)
        self.assertEqual(len(self.stores.events({"limit": "1"})), 1)

    def test_mistakes(self):
        with self.assertRaisesRegex(ConfigError, "min_ms must be a number"):
            self.names(min_ms="x")
        with self.assertRaisesRegex(ConfigError, "events have no table, but client_id"):
            self.stores.events({"table": "x"})
        with self.assertRaisesRegex(ConfigError, "cannot read /nowhere: there is no such file"):
            Stores(["/nowhere"]).spans(ID)
        with open(self.mktemp(), "wb") as file:
            file.write(b"nothing" * 1000)
        with self.assertRaisesRegex(ConfigError, "it is no history, or is damaged"):
            Stores([file.name]).spans(ID)
        foreign = self.mktemp()
        connection = sqlite3.connect(foreign)
        connection.execute("CREATE TABLE x (y)")
        connection.close()
        with self.assertRaisesRegex(ConfigError, "it is empty, or of an earlier release"):
            Stores([foreign]).spans(ID)
        connection = connect(self.path)
        connection.execute("UPDATE piece SET spans = 5")
        connection.close()
        with self.assertRaisesRegex(ConfigError, "it is damaged"):
            self.stores.spans(ID)


class Tool(Filled):
    def run_tool(self, *arguments):
        output = io.StringIO()
        trace.main((f"--store={self.path}", *arguments), {}, output)
        return output.getvalue()

    def test_in_the_terminal(self):
        lines = self.run_tool("--verdict=deny").splitlines()
        self.assertEqual(len(lines), 1)
        self.assertIn(f"{1:032x}  deny   a client  SELECT salaries", lines[0])
        self.assertIn("acra-server    SELECT t", self.run_tool(ID).splitlines()[0])
        first, second = self.run_tool("--events").splitlines()
        self.assertIn("587 blocked  other", first)
        self.assertIn("560 3 x blocked  a client", second)

    def test_a_request_has_its_weightiest_verdict(self):
        """A poison record counts before the refusal that it caused, as in all views."""
        self.path = filled(
            self.mktemp(),
            piece(1, start=NOW, name="SELECT card", verdict="deny", event=587),
            piece(2, start=NOW - SECOND, name="SELECT t", verdict="error", error="42P01"),
            piece(3, start=NOW - 2 * SECOND, name="SELECT u"),
        )
        lines = self.run_tool().splitlines()
        self.assertEqual([line.split()[4] for line in lines], ["poison", "error", "allow"])
        found = json.loads(self.run_tool("--json"))["traces"]
        self.assertEqual([one["verdicts"] for one in found], [["poison"], ["error"], ["allow"]])

    def test_nothing_is_obeyed_by_the_terminal(self):
        bad = "a\x1b]0;title\x07\u202eb\nc\ud800\x9b2J"
        whole = {
            **record(7, "7" * 32, NOW, NOW + 1000),
            "name": bad,
            "service": bad,
            "message": bad,
            "status": 2,
            "attributes": {"acra.censor.rule": bad, "acra.stage": bad},
            "links": [{"trace_id": bad, "span_id": "", "type": ""}],
        }
        above = {**whole, "span_id": f"{8:016x}", "attributes": {"acra.time.proxy_ms": 1}}
        whole["parent_id"] = above["span_id"]
        filled(
            self.path,
            piece(7, trace_id="7" * 32, spans=[above, whole], name=bad, client_id=bad, verdict=bad),
            event(7, client_id=bad, fields={"message": bad}),
        )
        for arguments in ((), ("--events",), ("7" * 32,)):
            text = self.run_tool(*arguments)
            self.assertIn("a ]0;title  b c", text)
            for line in text[:-1].split("\n"):
                self.assertTrue(line.isprintable(), line)

    def test_as_json(self):
        found = json.loads(self.run_tool("--json", "--limit=2"))
        self.assertEqual([match["verdict"] for match in found["traces"]], ["error", "allow"])
        self.assertIs(found["more"], False)
        found = json.loads(self.run_tool("--json", "--events"))
        self.assertEqual(found["events"][0]["fields"], {"message": "blocked", "number": 2})
        self.assertEqual(json.loads(self.run_tool("--json", ID))["trace_id"], ID)

    def test_what_does_not_go_together(self):
        for arguments, expected in (
            (("--from=http://127.0.0.1:1",), "give one of them"),
            (("--events", ID), "--events needs --store, and no trace id"),
            (("8" * 32,), "nothing of 8+ is in the history"),
            (("--client_id=nobody",), "nothing that is kept fits"),
            (("--events", "--client_id=nobody"), "nothing that is kept fits"),
        ):
            with self.assertRaisesRegex(ConfigError, expected):
                self.run_tool(*arguments)
        with self.assertRaisesRegex(ConfigError, "--events needs --store"):
            trace.main(("--events", "--from=http://127.0.0.1:1"), {}, io.StringIO())
