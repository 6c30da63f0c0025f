"""Protected columns as spans, metrics, logs and pages tell of them: by name, and never a value."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg

from acra_twisted import events
from acra_twisted.sandbox.collector import Collector
from acra_twisted.telemetry.tracing.vocabulary import attribute
from tests.integration.base import eventually, get
from tests.integration.protected import ProtectedCase

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
      - {column: age, data_type: int32}
"""
SECRET = "Zaphodius"
PASSES = "UPDATE people SET name = name || ? WHERE id = ?"


class Seen(ProtectedCase):
    config = CONFIG
    table = "CREATE TABLE people (id int PRIMARY KEY, name bytea, email bytea, age bytea)"

    @classmethod
    def make_served(cls):
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)
        until = datetime.now(UTC).date() + timedelta(days=3)
        return cls.protect(
            cls.keys,
            {
                "tracing": {"otlp_endpoint": cls.collector.url, "tracing_interval": "0.1"},
                "bypass:clean-up": {
                    "client_id": cls.client,
                    "statement": PASSES,
                    "columns": "people.name",
                    "until": str(until),
                    "reason": "ticket 4711",
                },
            },
        )

    def setUp(self):
        super().setUp()
        self.db = self.connect(self.served)
        self.addCleanup(self.db.close)

    def span(self, **wanted):
        """The newest request's span with some attributes."""

        def found():
            for span in reversed(tuple(self.collector.spans)):
                known = span["attributes"]
                if all(known.get(key.replace("__", ".")) == wanted[key] for key in wanted):
                    return span
            return None

        return eventually(found, f"a span with {wanted}")

    def stage_span(self, request):
        """The span of the stage below a request's."""

        def found():
            for span in self.collector.spans:
                if (span["parent_id"], span["name"]) == (request["span_id"], "stage encryptor"):
                    return span
            return None

        return eventually(found, "the stage's span")

    def lines(self, code, count=0):
        """The lines of a code, once there are so many."""

        def found():
            text = self.served.server.output()
            lines = map(json.loads, text[: text.rfind("\n") + 1].splitlines())
            return [line for line in lines if line.get("code") == code]

        eventually(lambda: len(found()) >= count, f"{count} lines of {code}")
        return found()

    def metric(self, line):
        """The number of a series, 0 if it is not there."""
        text = get(self.served.server_pages, "/metrics")
        return sum(float(one.rpartition(" ")[2]) for one in text.splitlines() if line in one)

    def test_values_are_counted_by_column_and_shown_by_name(self):
        before = self.metric('acra_column_values_total{action="opened",column="people.name"}')
        text = f"INSERT INTO people VALUES (1, '{SECRET}', '{SECRET}@example.com', 42)"
        self.db.execute(text)
        shown = self.span(db__query__text="INSERT INTO people VALUES (?, ?, ?, ?)")["attributes"]
        self.assertEqual(shown["acra.columns"], "people.age, people.email, people.name")
        self.assertEqual((shown["acra.columns_encrypted"], shown["acra.plan"]), (3, "miss"))
        self.db.execute(text.replace("(1,", "(2,"))
        again = self.span(
            db__query__text="INSERT INTO people VALUES (?, ?, ?, ?)", acra__plan="hit"
        )
        self.assertEqual(again["attributes"]["acra.columns_encrypted"], 3)
        self.assertEqual(self.stage_span(again)["attributes"]["acra.verdict"], "replace")
        text = "SELECT name FROM people WHERE email = %s"
        self.assertEqual(len(self.db.execute(text, (f"{SECRET}@example.com",)).fetchall()), 2)
        # The client's own text, without what stands in it for the comparison.
        found = self.span(db__query__text="SELECT name FROM people WHERE email = $1")["attributes"]
        self.assertEqual(found["acra.columns"], "people.email, people.name")
        self.assertEqual((found["acra.columns_searched"], found["acra.columns_opened"]), (1, 2))
        after = self.metric('acra_column_values_total{action="opened",column="people.name"}')
        self.assertEqual(after - before, 2)
        for action, column in (
            ("encrypted", "people.age"),
            ("encrypted", "people.name"),
            ("searched", "people.email"),
        ):
            series = f'acra_column_values_total{{action="{action}",column="{column}"}}'
            self.assertGreater(self.metric(series), 0)
        self.assertGreater(
            self.metric('acra_encryptions_total{status="success",type="acrablock"}'), 0
        )

    def test_a_refusal_says_which_column_and_why(self):
        series = 'acra_column_refusals_total{column="people.name",reason="expression"}'
        before = self.metric(series)
        for text in (f"UPDATE people SET name = upper('{SECRET}')",):
            with self.assertRaises(psycopg.errors.FeatureNotSupported):
                self.db.execute(text)
        request = self.span(acra__refused_reason="expression")
        self.assertEqual(request["attributes"]["acra.refused_column"], "people.name")
        self.assertEqual(request["attributes"]["acra.denied_by"], "encryptor")
        self.assertIn("people.name", request["message"])
        self.assertEqual(self.stage_span(request)["attributes"]["acra.verdict"], "deny")
        [line] = [one for one in self.lines(events.COLUMN_REFUSED) if one["rule"] == "expression"]
        self.assertEqual((line["column"], line["stage"]), ("people.name", "encryptor"))
        self.assertEqual(line["query"], "UPDATE people SET name = upper(?)")
        self.assertEqual(line["trace_id"], request["trace_id"])
        self.assertEqual(self.metric(series) - before, 1)
        self.assertEqual(self.metric('acra_censor_denials_total{by="expression"}'), 0)

    def test_a_value_that_is_refused(self):
        with self.assertRaises(psycopg.errors.NumericValueOutOfRange):
            self.db.execute("INSERT INTO people (id, age) VALUES (9, 99999999999)")
        request = self.span(acra__refused_reason="value_out_of_range")
        self.assertEqual(request["attributes"]["acra.refused_column"], "people.age")
        self.assertNotIn("99999999999", json.dumps(request) + self.served.server.output())

    def test_each_use_of_a_bypass_is_told_of(self):
        [start] = [
            line["msg"]
            for line in self.lines(events.INSECURE_SETTING)
            if "ticket 4711" in line["msg"]
        ]
        # It may have become midnight since the day was chosen.
        self.assertRegex(start, "ends in [23] days")
        before = len(self.lines(events.COLUMN_BYPASSED))
        self.db.execute("INSERT INTO people (id) VALUES (3)")
        self.db.execute(f"UPDATE people SET name = name || '{SECRET}' WHERE id = 3")
        self.db.execute("UPDATE people SET name = name || %b WHERE id = %s", (b"more", 3))
        lines = self.lines(events.COLUMN_BYPASSED, before + 2)[before:]
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertEqual(
                (line["rule"], line["columns"], line["reason"], line["client_id"]),
                ("clean-up", "people.name", "ticket 4711", "people application"),
            )
        self.assertEqual(lines[0]["query"], "UPDATE people SET name = name || ? WHERE id = ?")
        request = self.span(acra__encryption_bypassed="clean-up")
        self.assertIn(request["trace_id"], [line["trace_id"] for line in lines])
        self.assertGreaterEqual(self.metric('acra_column_bypasses_total{bypass="clean-up"}'), 2)
        with self.assertRaises(psycopg.errors.FeatureNotSupported):
            self.db.execute(f"UPDATE people SET name = name || '{SECRET}' WHERE id = 3 OR true")

    def test_pages_show_the_same_and_no_value(self):
        self.db.execute(f"INSERT INTO people (id, name) VALUES (4, '{SECRET}')")
        request = self.span(acra__columns="people.name")
        page = eventually(
            lambda: get(self.served.server_pages, f"/debug/trace/{request['trace_id']}"), "the page"
        )
        self.assertIn("acra.columns", page)
        self.assertIn("people.name", page)
        for text in (page, json.dumps(self.collector.spans), self.served.server.output()):
            self.assertNotIn(SECRET, text)
        for span in self.collector.spans:
            for key in span["attributes"]:
                self.assertTrue(key == "status.code" or attribute(key), key)
