"""The spans of an exchange, as it was recorded."""

import gc

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.telemetry.tracing import recorded as module
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.recorded import Recorder, verdict_name
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace
from tests.support.recordings import RECORDER, START, record
from tests.support.sessions import make_session


class Spans(SynchronousTestCase):
    def test_of_stages_the_database_and_the_exchange(self):
        recorded = record(2, parent="a" * 16, answered=1_200_000)
        first, second, database, span = recorded.spans()
        self.assertIs(span, recorded.span)
        self.assertEqual([first.name, second.name], ["stage censor", "stage stage1"])
        self.assertEqual(first.attributes, {"acra.stage": "censor", "acra.verdict": "pass"})
        self.assertEqual((second.start, second.end), (START + 101, START + 201))
        self.assertEqual((database.name, database.kind), ("postgresql SELECT t", spans.CLIENT))
        self.assertEqual((database.start, database.end), (START + 1_000_000, START + 5_000_000))
        self.assertEqual(
            database.attributes,
            {
                "db.system.name": "postgresql",
                "server.address": "db",
                "server.port": 5432,
                "acra.time.first_byte_ms": 0.5,
                "acra.time.waiting_ms": 0.2,
            },
        )
        self.assertEqual((span.name, span.end), ("SELECT t", START + 5_000_000))
        self.assertEqual(
            span.attributes,
            {
                "db.system.name": "postgresql",
                "db.namespace": "shop",
                "user.name": "",
                "acra.client_id": "client",
                "db.query.summary": "SELECT t",
                "db.query.text": "SELECT ? FROM t",
                "acra.protocol": "simple",
                "acra.in_transaction": False,
                "db.response.returned_rows": 1,
                "acra.time.parse_ms": 0.0,
                "acra.verdict": "allow",
                "acra.time.database_ms": 4.0,
                "acra.time.proxy_ms": 1.0,
            },
        )
        for below in (first, second, database):
            self.assertEqual((below.trace_id, below.parent_id), (span.trace_id, span.span_id))
        self.assertEqual(len({s.span_id for s in (first, second, database, span)}), 4)

    def test_reading_ends_where_the_first_stage_begins(self):
        self.assertEqual(record(2).first_stage, START + 100)
        self.assertEqual(record(2).parse_ms, 0.0)
        # Stages that judge rows come long after it is read.
        self.assertEqual(record(2, rows_runs=1).first_stage, START + 100)
        self.assertEqual(record(rows_runs=1).first_stage, 0)
        self.assertNotIn("acra.time.parse_ms", record(rows_runs=1).spans()[-1].attributes)

    def test_of_stages_that_judge_rows(self):
        for runs, verdict, told in ((1, PASS, "pass"), (7, Replace(1), "replace")):
            recorded = record(1, rows_runs=runs, verdict=verdict)
            self.assertEqual(recorded.plain, runs == 1)
            self.assertEqual(recorded.size, 4)
            stage, rows, _, span = recorded.spans()
            self.assertEqual((stage.name, rows.name), ("stage censor", "stage decryptor rows"))
            self.assertEqual((rows.start, rows.end), (START + 500, START + 700))
            self.assertEqual((rows.parent_id, rows.kind), (span.span_id, spans.INTERNAL))
            expected = {"acra.runs": runs, "acra.stage": "decryptor", "acra.verdict": told}
            self.assertEqual(rows.attributes, expected)
            self.assertNotIn("acra.runs", stage.attributes)

    def test_of_stages_that_refuse(self):
        for verdict, told in ((Deny(reason="why"), "deny"), (Hangup("bye"), "hangup")):
            stage = record(1, verdict=verdict, outcome="denied", sent=0).spans()[0]
            self.assertEqual(stage.attributes["acra.verdict"], told)
            self.assertEqual((stage.status, stage.message), (7, verdict.reason))

    def test_they_are_made_once(self):
        recorded = record(1)
        self.assertEqual(recorded.span.attributes, {})
        self.assertIs(recorded.spans(), recorded.spans())

    def test_of_whatever_server_the_session_has(self):
        recorder = Recorder(("db", 1), 0)
        for system in ("mysql", "mariadb", "mysql"):
            database, span = record(recorder=recorder, system=system).spans()
            self.assertEqual(database.name, f"{system} SELECT t")
            for one in (database, span):
                self.assertEqual(one.attributes["db.system.name"], system)

    def test_of_a_connector(self):
        recorded = record(recorder=Recorder(None, 0))
        (span,) = recorded.spans()
        self.assertNotIn("acra.verdict", span.attributes)

    def test_of_what_has_no_text_or_is_only_prepared(self):
        for kind, name in (("startup", "startup"), ("call", "FunctionCall"), ("query", "query")):
            self.assertEqual(record(text=None, kind=kind).spans()[-1].name, name)
        self.assertEqual(record(kind="prepare").spans()[-1].name, "prepare SELECT t")

    def test_of_rows_that_are_fetched_and_of_many_rows_at_once(self):
        for kind in ("fetch", "bulk"):
            database, span = record(kind=kind).spans()
            self.assertEqual(database.name, f"postgresql {kind} SELECT t")
            self.assertEqual(span.name, f"{kind} SELECT t")
            self.assertEqual(span.attributes["acra.protocol"], "prepared")
            self.assertEqual(span.attributes["db.query.summary"], "SELECT t")

    def test_slow_ones(self):
        recorder = Recorder(("db", 1), 5_000_000)
        self.assertTrue(record(recorder=recorder).spans()[-1].attributes["acra.slow"])
        self.assertNotIn(
            "acra.slow", record(recorder=recorder, took=4_999_999).spans()[-1].attributes
        )

    def test_the_id_that_was_handed_on(self):
        recorded = record(1, notes={module.DATABASE: "d" * 16})
        self.assertEqual(recorded.spans()[1].span_id, "d" * 16)

    def test_an_id_that_was_handed_on_for_nothing(self):
        """The statement was refused, or skipped, before it was sent."""
        for fields in ({"sent": 0}, {"outcome": "aborted"}):
            recorded = record(1, notes={module.DATABASE: "d" * 16}, **fields)
            ids = [span.span_id for span in recorded.spans()]
            self.assertEqual(len(ids), 2)
            self.assertNotIn("d" * 16, ids)

    def test_those_that_are_not_plain(self):
        for count, unusual in (
            (3, {"outcome": "error", "status_code": "22012"}),
            (2, {"outcome": "aborted"}),
            (3, {"outcome": "denied", "denied_by": "censor", "reason": "why"}),
            (3, {"attributes": {"acra.event_code": 1}}),
            (3, {"verdict": Replace(1)}),
            (3, {"events": [(5, "asked", {})]}),
            (4, {"rows_runs": 2}),
        ):
            recorded = record(1, **unusual)
            self.assertFalse(recorded.plain)
            self.assertEqual(len(recorded.spans()), count, unusual)
            self.assertFalse(recorded.plain)
        self.assertTrue(record(1, rows_runs=1).plain)
        error = record(outcome="error", status_code="22012").spans()
        self.assertEqual([span.status for span in error], [2, 2])
        self.assertEqual(error[-1].attributes["db.response.status_code"], "22012")
        denied = record(outcome="denied", denied_by="censor", reason="why", sent=0).spans()[-1]
        self.assertEqual((denied.status, denied.message), (7, "why"))
        self.assertEqual(denied.attributes["acra.verdict"], "deny")
        self.assertEqual(denied.attributes["acra.denied_by"], "censor")
        replaced = record(1, verdict=Replace(1)).spans()[0]
        self.assertEqual(replaced.attributes["acra.verdict"], "replace")

    def test_what_is_kept_knows_nothing_of_the_statement_as_it_was_sent(self):
        recorded = record(1, text=b"SELECT 'a secret'")
        gc.collect()
        found, seen = [recorded], set()
        while found:
            one = found.pop()
            if id(one) in seen or isinstance(one, type):
                continue
            seen.add(id(one))
            self.assertNotIsInstance(one, (Exchange, Statement))
            self.assertNotIn("secret", one if isinstance(one, str) else "")
            found += [x for x in gc.get_referents(one) if not hasattr(x, "__globals__")]
        self.assertGreater(len(seen), 10)


class Shapes(SynchronousTestCase):
    def test_the_same_for_what_differs_in_numbers(self):
        shape = record(1, text=b"SELECT 1 FROM t", took=9_000_000).shape
        self.assertIs(record(1, text=b"SELECT 22 FROM t", rows=7).shape, shape)

    def test_others_for_all_else(self):
        shape = record(1).shape
        for other in (
            {"text": b"SELECT 1 FROM u"},
            {"kind": "execute"},
            {"parent": "1" * 16},
            {"links": 0},
            {"rows": -1},
            {"sent": 0},
            {"first_byte": 0},
            {"answered": 1_100_000},
        ):
            self.assertIsNot(record(1, **other).shape, shape, other)
        self.assertIsNot(record(2).shape, shape)

    def test_other_databases_and_clients(self):
        shapes = set()
        for database, client in ((b"a", "x"), (b"b", "x"), (b"a", "y")):
            session = make_session()
            session.database, session.identity.client_id = database, client
            exchange = Exchange(session, "query", Statement(b"SELECT 1"), START)
            exchange.outcome, exchange.closed = "ok", START + 1
            span = Span("", "1" * 32, "", spans.SERVER, START, True)
            recorded = RECORDER.record(exchange, span)
            shapes.add(recorded.shape)
            self.assertEqual(recorded.spans()[-1].attributes["acra.client_id"], client)
        self.assertEqual(len(shapes), 3)


class Verdicts(SynchronousTestCase):
    def test_names(self):
        verdicts = (PASS, Replace(1), Deny(), Hangup(""))
        names = [verdict_name(verdict) for verdict in verdicts]
        self.assertEqual(names, ["pass", "replace", "deny", "hangup"])
