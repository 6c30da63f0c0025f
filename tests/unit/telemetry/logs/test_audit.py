"""Lines about sessions and refusals."""

from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.errors import KeyStoreError
from acra_twisted.eventtable import SECURITY
from acra_twisted.exchange import STATEMENT, Exchange, Statement, Work
from acra_twisted.optionkinds import Address
from acra_twisted.telemetry.logs.audit import AuditLog, session_fields
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import Deny, Hangup
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.sessions import make_session


class Lines(SynchronousTestCase):
    def setUp(self):
        self.lines = []
        globalLogPublisher.addObserver(self.lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.lines.append)
        self.session = make_session()
        self.session.span = Span("handleConnection", "1" * 32, "", 1, 1, True)
        self.log = AuditLog()
        self.exchange = Exchange(self.session, "query", Statement(b"SELECT 'secret'"), 1)
        self.work = Work(STATEMENT, self.exchange.statement, self.exchange)

    def test_an_event_may_say_more_exactly_what_a_session_says(self):
        self.log.security_event(587, "text", self.session, None, peer="another")
        self.assertEqual(self.lines[0]["peer"], "another")

    def test_every_line_of_a_session_names_it(self):
        self.log.session_opened(self.session)
        self.log.session_closed(self.session, "done")
        self.log.stage_refused("s", self.work, Hangup("bye"))
        self.log.security_event(584, "text {with} braces", self.session, None)
        for line in self.lines:
            self.assertEqual((line["trace_id"], line["client_id"]), ("1" * 32, "client"))
        self.assertEqual(len(self.lines), 4)
        self.assertEqual(session_fields(None), {})

    def test_a_request_that_ended_the_connection_has_one_line(self):
        self.log.stage_refused("poison", self.work, Hangup("poison record"))
        self.exchange.outcome = "denied"
        self.log.exchange_closed(self.exchange)
        [line] = self.lines
        self.assertEqual(
            (line["log_format"], line["stage"]), ("Stage ended the connection", "poison")
        )
        # Another one that was denied is told of.
        self.log.exchange_closed(self.exchange)
        self.assertEqual(len(self.lines), 2)

    def test_denials_are_redacted_and_name_the_exchange(self):
        self.exchange.span = self.session.span.child("x", 1, 1)
        self.exchange.outcome, self.exchange.denied_by = "denied", "censor"
        self.log.exchange_opened(self.exchange)
        self.log.exchange_closed(self.exchange)
        (line,) = self.lines
        self.assertEqual((line["code"], line["query"]), (560, "SELECT ?"))
        self.assertEqual(line["span_id"], self.exchange.span.span_id)

    def test_a_denial_has_the_place_of_its_rule(self):
        self.exchange.refuse(Deny("no", rule="deny.table"), "42000")
        self.exchange.denied_by = "censor"
        self.exchange.add_attribute("acra.censor.place", "rules.yaml:14")
        self.log.exchange_closed(self.exchange)
        (line,) = self.lines
        self.assertEqual((line["rule"], line["place"]), ("deny.table", "rules.yaml:14"))

    def test_a_refusal_for_a_protected_column_names_it(self):
        deny = Deny("no", rule="expression", code=events.COLUMN_REFUSED, column="people.name")
        self.exchange.refuse(deny, "0A000")
        self.exchange.denied_by = "encryptor"
        self.log.exchange_closed(self.exchange)
        (line,) = self.lines
        self.assertEqual((line["code"], line["rule"]), (events.COLUMN_REFUSED, "expression"))
        self.assertEqual((line["column"], line["query"]), ("people.name", "SELECT ?"))

    def test_values_that_could_not_be_read_are_a_line_a_run(self):
        name, age = (ColumnSetting("", "people", column) for column in ("name", "age"))
        counts = {(name, "failed"): 2, (age, "failed"): 1, (age, "opened"): 7}
        self.log.column_values(self.exchange, counts)
        self.log.column_values(self.exchange, {(age, "opened"): 7})
        (line,) = self.lines
        self.assertEqual(line["code"], events.COLUMN_CLOSED)
        self.assertEqual((line["columns"], line["failed"]), ("people.age, people.name", 3))

    def test_lines_name_the_trace_of_a_sampled_request_that_nobody_records(self):
        for sampled, trace_id in ((True, "2" * 32), (False, "1" * 32)):
            self.exchange.context = TraceContext("2" * 32, "", sampled)
            fields = session_fields(self.session, self.exchange)
            self.assertEqual(fields["trace_id"], trace_id)
            # What was told once holds.
            self.assertEqual(len(fields["span_id"]), 16)
            self.assertEqual(session_fields(self.session, self.exchange), fields)

    def test_a_refusal_stands_under_the_name_of_who_refused(self):
        for who, code, text in (
            ("censor", events.QUERY_NOT_ALLOWED, "AcraCensor blocked query"),
            ("censor", events.QUERY_PARSE_ERROR, "AcraCensor blocked query"),
            ("remote_rule", events.QUERY_NOT_ALLOWED, "Stage remote_rule refused a query"),
            ("", events.LIMIT_EXCEEDED, "AcraServer refused a request"),
        ):
            self.exchange.outcome, self.exchange.denied_by = "denied", who
            self.exchange.code = code
            self.log.exchange_closed(self.exchange)
            line = self.lines.pop()
            self.assertEqual((line["event_text"], line["code"]), (text, code))
            self.assertEqual(line["stage"], who or "acra-server")
            self.assertIn(code, SECURITY)
        AuditLog(daemon="acra-connector").exchange_closed(self.exchange)
        line = self.lines.pop()
        self.assertEqual(
            (line["event_text"], line["stage"]),
            ("AcraConnector refused a request", "acra-connector"),
        )

    def test_a_stage_that_failed_has_one_line_which_says_what_became_of_it(self):
        for advisory, became in ((False, ("blocked", "failure")), (True, ("allowed", "success"))):
            self.exchange.denied_by = "" if advisory else "s"
            self.exchange.outcome = None if advisory else "denied"
            self.exchange.code = events.STAGE_FAILED
            self.log.stage_failed("s", self.work, Failure(ValueError("secret")))
            self.log.exchange_closed(self.exchange)
            line = self.lines.pop()
            self.assertEqual((line["action"], line["outcome"]), became)
            self.assertEqual((line["query"], self.lines), ("SELECT ?", []))

    def test_who_did_what_to_which_database(self):
        session = self.session
        session.user, session.database = b"app", b"shop\xff"
        session.identity.port, session.identity.certificate = 40312, "CN=shop"
        for server, where in (
            (Address("db.internal", 5432), {"server_address": "db.internal", "server_port": 5432}),
            (Address(path="/run/pg"), {"server_address": "/run/pg"}),
        ):
            log = AuditLog(server)
            log.security_event(events.POISON_RECORD, "text", session, self.exchange)
            log.stage_refused("s", self.work, Hangup("bye"))
            self.exchange.outcome = "denied"
            log.exchange_closed(Exchange(session, "query", None, 1))
            self.exchange.code = events.QUERY_NOT_ALLOWED
            for line in self.lines:
                for name, value in {
                    "peer": "127.0.0.1",
                    "peer_port": 40312,
                    "client_id": "client",
                    "certificate": "CN=shop",
                    "user": "app",
                    "database": "shop\ufffd",
                    **where,
                }.items():
                    self.assertEqual(line[name], value)
            self.assertEqual([line["code"] for line in self.lines], [587, 560])
            self.lines.clear()

    def test_a_subject_of_any_length_is_cut(self):
        self.session.identity.certificate = "CN=" + "x" * 90_000
        self.log.security_event(events.TLS_INIT, "text", self.session, None)
        self.assertEqual(len(self.lines[0]["certificate"]), 512)

    def test_failed_logins_of_an_address_are_counted(self):
        for _ in range(3):
            self.log.security_event(events.LOGIN_REFUSED, "no", self.session, None)
        self.log.security_event(events.REFUSED_CONNECTION, "no", self.session, None)
        self.assertEqual([line.get("attempts") for line in self.lines], [1, 2, 3, None])

    def test_acras_line_of_a_poison_record(self):
        self.log.security_event(events.POISON_RECORD, "found", self.session, None, records=1)
        first, second = self.lines
        self.assertEqual(first["log_format"], "Check poison records")
        self.assertNotIn("code", first)
        self.assertEqual((second["code"], second["records"]), (events.POISON_RECORD, 1))

    def test_ke6_denials_are_redacted_as_the_session_reads_strings(self):
        """Read the other way, this string would end early and the comment would close it."""
        self.exchange.statement.conforming = False
        self.exchange.statement.text = rb"SELECT 'a\' secret ' -- '"
        self.exchange.outcome = "denied"
        self.log.exchange_closed(self.exchange)
        self.assertNotIn("secret", self.lines[0]["query"])

    def test_ke6_denials_are_redacted_in_the_language_of_the_session(self):
        """A character that encloses a name in one language encloses a value in another."""
        self.session.language = "mysql"
        self.exchange.statement.text = b'SELECT a FROM t WHERE a = "my secret"'
        self.exchange.outcome = "denied"
        self.log.exchange_closed(self.exchange)
        self.assertEqual(self.lines[0]["query"], "SELECT a FROM t WHERE a = ?")

    def test_other_outcomes_are_silent(self):
        self.log.exchange_closed(self.exchange)
        self.log.stage_refused("s", self.work, Deny("no"))
        self.assertEqual(self.lines, [])

    def test_broken_stages_show_where_and_not_what(self):
        try:
            raise ValueError("secret")
        except ValueError:
            failure = Failure()
        self.log.stage_failed("s", self.work, failure)
        self.log.stage_failed("s", self.work, Failure(ValueError("secret")))
        self.assertIn("test_audit.py:", self.lines[0]["where"])
        self.assertEqual(self.lines[1]["where"], "unknown")
        self.assertNotIn("secret", repr(self.lines))
        self.log.stage_failed("s", self.work, Failure(KeyStoreError("run: chmod 600 key")))
        self.assertEqual(self.lines[-1]["error"], "run: chmod 600 key")
