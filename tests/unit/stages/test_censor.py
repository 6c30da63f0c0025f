"""The censor as a stage: verdicts, the session's settings, reload, files."""

import gc

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.options import Settings
from acra_twisted.pipeline.services import Services
from acra_twisted.pipeline.workers import uncollected
from acra_twisted.stages.censor import CensorFactory
from acra_twisted.stages.statementfile import read_statements
from acra_twisted.verdicts import PASS, Deny
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
    PARSE_COMPLETE,
    SYNC,
    bind,
    columns,
    complete,
    execute,
    make_session,
    parse,
)

RULES = """version: 0.85.0
handlers:
  - handler: deny
    tables: [secrets]
"""

LIMITS = {"max_text": 1 << 20, "max_tokens": 10_000, "max_structure": 5_000}


class Stage(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()
        self.clock = Clock()
        self.clock.callWhenRunning = lambda function: function()
        self.session = make_session()

    def make(self, rules=RULES, language="postgresql", **settings):
        with open(self.path, "w") as file:
            file.write(rules)
        own = Settings({"cache_entries": 100, "cache_bytes": 100_000, **LIMITS})
        settings = {"acracensor_config_file": self.path, **settings}
        services = Services(self.clock, None, settings=settings, language=language)
        stage = CensorFactory().make(own, services)
        self.addCleanup(stage.stop)
        return stage

    def test_each_decision_counts_for_its_rule(self):
        stage = self.make(RULES + "  - handler: allow\n    tables: [orders]\n")
        for text in (b"SELECT a FROM orders", b"SELECT a FROM orders", b"SELECT a FROM secrets"):
            self.judge(stage, text)
        found = {rule["kind"]: rule["count"] for rule in stage.rule_hits() if rule["count"]}
        self.assertEqual(found, {"allow": 2, "deny": 1})
        place = self.exchange.attributes["acra.censor.place"]
        self.assertTrue(place.endswith(":4"), place)
        self.assertNotIn("/", place)
        idle = self.make("version: 0.85.0\nhandlers: []\n")
        self.judge(idle, b"SELECT 1")
        self.assertEqual(idle.rule_hits(), [])

    def judge(self, stage, text, name=None):
        statement = Statement(text, name)
        self.exchange = Exchange(self.session, "query", statement, 1)
        return stage.on_statement(statement, self.exchange)

    def judges(self, stage, text):
        """Tell whether a text needs a verdict."""
        statement = Statement(text)
        return stage.judges(statement, Exchange(self.session, "query", statement, 1))

    def test_verdicts(self):
        stage = self.make()
        self.assertIs(self.judge(stage, b"SELECT 1 FROM t"), PASS)
        verdict = self.judge(stage, b"SELECT 'x' FROM secrets")
        self.assertIs(type(verdict), Deny)
        self.assertEqual((verdict.rule, verdict.code), ("deny.table", events.QUERY_NOT_ALLOWED))
        self.assertEqual(self.exchange.attributes["acra.censor.rule"], "deny.table")
        self.assertNotIn("secrets", verdict.reason + verdict.text)
        self.assertEqual(self.judge(stage, b"SELEC").code, events.QUERY_PARSE_ERROR)

    def test_what_cannot_be_parsed_and_passes_is_told_of_once(self):
        stage = self.make(f"{RULES}ignore_parse_error: true\n")
        for text, told in (
            (b"SELEC 'hidden' FROM t", 1),
            (b"SELEC 'hidden' FROM t", 1),
            (b"SELECT 1", 1),
            (b"SELECT 'hidden", 2),
        ):
            self.assertIs(self.judge(stage, text), PASS)
            self.assertEqual(len(self.session.observer.events), told, text)
        self.assertEqual(
            self.session.observer.events[0],
            (events.QUERY_PARSE_ERROR, "ignoring error of non parsed sql statement"),
        )
        self.judge(stage, b"SELEC 1 FROM secrets")
        self.assertEqual(len(self.session.observer.events), 2)

    def test_what_the_database_reports_decides_how_a_text_is_read(self):
        stage = self.make()
        text = rb"SELECT '\' FROM secrets --'"
        self.assertIs(type(self.judge(stage, text)), Deny)
        self.session.parameters = {b"standard_conforming_strings": b"off"}
        self.assertIs(self.judge(stage, text), PASS)
        self.session.in_flight = True
        self.assertEqual(self.judge(stage, text).rule, "refused")
        self.session.in_flight = False
        self.session.parameters = {**self.session.parameters, b"client_encoding": b"SJIS"}
        self.assertEqual(self.judge(stage, b"SELECT 1").rule, "refused")

    def test_fw5_how_a_mysql_text_is_read(self):
        stage = self.make(language="mysql")
        escaped = b"SELECT '\\' FROM secrets -- '"
        quoted = b'SELECT 1 FROM "secrets"'
        for mode, charset, allowed in (
            (b"", b"utf8mb4", (True, True)),
            (b"NO_BACKSLASH_ESCAPES", b"utf8mb4", (False, True)),
            (b"ANSI_QUOTES", b"utf8mb4", (True, False)),
            (b"ANSI_QUOTES?", b"utf8mb4", (True, False)),
            (b"NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?", b"utf8mb4", (False, False)),
            (b"", b"?", (False, True)),
            (b"", b"gbk", (False, False)),
        ):
            self.session.parameters = {b"sql_mode": mode, b"character_set_client": charset}
            for text, expected in zip((escaped, quoted), allowed, strict=True):
                self.assertIs(self.judge(stage, text) is PASS, expected, (mode, charset, text))

    def test_fw5_a_mode_of_mysql_that_may_be_changing(self):
        stage = self.make(language="mysql")
        self.session.parameters = {b"sql_mode": b"", b"character_set_client": b"utf8mb4"}
        self.session.in_flight = True
        for text, allowed in (
            (b"SELECT '\\' FROM secrets -- '", False),
            (b'SELECT "\'", 1 FROM secrets, "\'"', False),
            (b'SELECT 1 FROM "secrets"', False),
            ("SELECT 'é' FROM t".encode(), True),
            ("SELECT 'é\\\\' FROM t".encode(), False),
        ):
            self.assertIs(self.judge(stage, text) is PASS, allowed, text)

    def test_fw5_what_was_changed_and_not_reported_yet(self):
        """The database may read the second text by the other setting, as nobody here can know."""
        stage = self.make()
        change = b"SELECT set_config('standard_conforming_strings', 'off', false)"
        attack = rb"SELECT '\' , ' , ssn FROM secrets -- '"
        answered = PARSE_COMPLETE + BIND_COMPLETE + columns(b"a") + complete(b"SELECT 1")
        for behind in (b"", FLUSH):
            play = Playbook(
                lambda work: stage.on_statement(work.item, work.exchange), ["statement"]
            )
            play.client(parse(b"", change) + bind(b"", b"") + execute() + behind)
            if behind:
                play.database(answered)
            play.client(parse(b"", attack) + bind(b"", b"") + execute() + SYNC)
            denied = [e for e in play.recorder.opened if e.outcome == "denied"]
            self.assertEqual([e.statement.text for e in denied], [attack])

    def test_the_servers_own_encoding_decides_which_names_are_one(self):
        stage = self.make(RULES.replace("secrets", "äpfel"))
        self.assertIs(self.judge(stage, "TABLE ÄPFEL".encode()), PASS)
        self.session.parameters = {b"server_encoding": b"LATIN1"}
        self.assertEqual(self.judge(stage, "TABLE ÄPFEL".encode()).rule, "deny.table")

    def test_fw5_a_session_that_has_changed_what_bare_names_mean(self):
        allow = "version: 0.85.0\nhandlers:\n- handler: allow\n  tables: [products]\n"
        stage = self.make(f"{allow}- handler: denyall\n")
        self.session.parameters = {b"search_path": b'"$user", public'}
        self.assertTrue(self.judges(stage, b"SELECT 1 FROM products"))
        self.assertIs(self.judge(stage, b"SELECT 1 FROM products"), PASS)
        self.assertFalse(self.judges(stage, b"SELECT 1 FROM products"))
        self.session.parameters = {b"search_path": b"evil"}
        self.assertTrue(self.judges(stage, b"SELECT 1 FROM products"))
        verdict = self.judge(stage, b"SELECT 1 FROM products")
        self.assertEqual(verdict.rule, "deny.names")
        self.assertIn("search_path", verdict.text)
        self.session.parameters = {b"search_path": b'"$user", public'}
        self.assertIs(self.judge(stage, b"SELECT 1 FROM products"), PASS)
        for name in ("search_path", "role", "session_authorization"):
            self.session = make_session()
            self.session.asked = frozenset((name, "timezone"))
            self.assertEqual(self.judge(stage, b"SELECT 1 FROM products").rule, "deny.names")
        self.session.asked = frozenset(("timezone",))
        self.assertIs(self.judge(stage, b"SELECT 1 FROM products"), PASS)
        with open(self.path, "w") as file:
            file.write(RULES)
        stage.reload()
        self.session.asked = frozenset(("search_path",))
        self.assertIs(self.judge(stage, b"SELECT 1 FROM products"), PASS)

    def test_prepared_names_belong_to_the_session(self):
        stage = self.make()
        self.assertEqual(self.judge(stage, b"EXECUTE s").rule, "deny.opaque")
        self.assertIs(self.judge(stage, b"SELECT 1", b"s"), PASS)
        self.assertIs(self.judge(stage, b"EXECUTE s"), PASS)
        self.session = make_session()
        self.assertEqual(self.judge(stage, b"EXECUTE s").rule, "deny.opaque")

    def test_reload(self):
        stage = self.make()
        with open(self.path, "w") as file:
            file.write(RULES.replace("secrets", "t"))
        stage.reload()
        self.assertIs(type(self.judge(stage, b"SELECT 1 FROM t")), Deny)
        for broken, expected in ((RULES + "x", "not YAML"), (RULES + "x: 1", "unknown key")):
            with open(self.path, "w") as file:
                file.write(broken)
            with self.assertRaisesRegex(ConfigError, expected):
                stage.reload()
            self.assertIs(type(self.judge(stage, b"SELECT 1 FROM t")), Deny)

    def test_files_are_written_every_second_and_at_the_end(self):
        log = self.mktemp()
        capture = self.mktemp()
        rules = f"{RULES}  - handler: query_capture\n    filepath: {capture}\n"
        stage = self.make(f"{rules}parse_errors_log: {log}\n")
        self.judge(stage, b"SELEC 'x'")
        self.clock.advance(1)
        self.assertEqual(read_statements(log), ["SELEC ?"])
        self.judge(stage, b"SELECT 'x'")
        self.exchange.close("ok")
        stage.stop()
        self.assertEqual(read_statements(capture), ["SELECT ?"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_the_database_refuses_is_captured_when_it_accepts_it(self):
        capture = self.mktemp()
        stage = self.make(f"{RULES}  - handler: query_capture\n    filepath: {capture}\n")
        for text, outcome in ((b"SELECT a", "error"), (b"SELECT b", "ok"), (b"SELECT c", "lost")):
            self.judge(stage, text)
            self.exchange.close(outcome)
        self.judge(stage, b"SELECT 'open'")
        self.clock.advance(1)
        self.assertEqual(read_statements(capture), ["SELECT b"])
        self.judge(stage, b"SELECT a")
        self.exchange.close("ok")
        self.clock.advance(1)
        self.assertEqual(read_statements(capture), ["SELECT b", "SELECT a"])

    def test_what_is_refused_here_is_captured(self):
        capture = self.mktemp()
        rules = "version: 0.85.0\nhandlers:\n  - handler: query_capture\n    filepath: %s\n"
        stage = self.make(f"{rules % capture}  - handler: denyall\n")
        self.assertEqual(self.judge(stage, b"SELECT a").rule, "denyall")
        self.exchange.close("denied")
        self.clock.advance(1)
        self.assertEqual(read_statements(capture), ["SELECT a"])

    def test_rules_that_allow_more_than_they_seem_to_are_told(self):
        said = []
        globalLogPublisher.addObserver(said.append)
        self.addCleanup(globalLogPublisher.removeObserver, said.append)
        rules = "version: 0.85.0\nhandlers:\n  - handler: allow\n    patterns: [%s]\n"
        self.make(rules % "SELECT a FROM t %%WHERE%%")
        self.assertEqual(said, [])
        self.make(rules % "DELETE FROM t %%WHERE%%")
        [event] = said
        self.assertEqual(event["code"], events.INSECURE_SETTING)
        self.assertIn(
            f"{self.path}:4: the pattern allows the statement without", event["event_text"]
        )

    def test_what_cannot_be_used_stops_the_start(self):
        for rules, settings, expected in (
            (RULES, {"acracensor_config_file": ""}, "needs rules"),
            (RULES, {"acracensor_config_file": "/nowhere/file"}, "cannot read"),
            (RULES, {"function_call_enable": True}, "function_call_enable"),
            (RULES + "parse_errors_log: /nowhere/file", {}, "cannot write /nowhere/file"),
            ("version: 0.1.0", {}, "outdated"),
        ):
            with self.assertRaisesRegex(ConfigError, expected) as caught:
                self.make(rules, **settings)
            if "function_call_enable" not in settings:
                codes = [code for code, _ in caught.exception.parts]
                self.assertEqual(codes, [events.CENSOR_SETUP])

    def make_with_threads(self, rules=RULES, language="postgresql"):
        """A stage whose threads do what they are given when they are told to."""
        stage = self.make(rules, language)
        self.given, self.asked = [], []

        class Threads:
            def run(_, function, *args):
                self.asked.append(function)
                self.given.append(Deferred().addCallback(lambda _: function(*args)))
                return self.given[-1]

        stage.start(self.clock, Threads())
        return stage

    def work(self):
        self.given.pop(0).callback(None)

    def test_rl10_large_trees_are_made_without_the_collector(self):
        """Its looks at all objects would keep other sessions waiting."""
        stage = self.make_with_threads()
        verdict = self.judge(stage, b"SELECT " + b", ".join(b"a%d" % n for n in range(1_000)))
        stage.reload()
        self.assertEqual(self.asked, [uncollected, uncollected])
        self.work()
        self.successResultOf(verdict)

    def test_rl10_what_takes_long_is_decided_in_a_thread(self):
        """Any thousand bytes of a client are decided at once, and two in a turn."""
        stage = self.make_with_threads()
        for piece in (
            b"'a'\n",
            b"--\n",
            b"1e5,",
            b"$1,",
            b"a,",
            b"((",
            b"/**/",
            b"$$",
            b"\xc3\xa4",
            b"\0",
        ):
            self.clock.advance(0)
            for size in (1 << 20, 1 << 11):
                text = b"SELECT " + piece * (size // len(piece))
                verdict = self.judge(stage, text)
                self.assertNoResult(verdict)
                self.assertIsNone(stage.censor.known(text, stage.censor.language.mode))
                self.work()
                self.successResultOf(verdict)
        # And in one turn of the reactor, however they are cut.
        self.clock.advance(0)
        turns = Clock()
        turns.callWhenRunning = lambda function: None
        stage.start(turns, object())
        self.addCleanup(stage.stop)
        verdicts = [self.judge(stage, b"SELECT a%d, b FROM t" % n) for n in range(500)]
        at_once = sum(not isinstance(verdict, Deferred) for verdict in verdicts)
        self.assertTrue(50 < at_once < 110, at_once)
        self.assertEqual(verdicts[at_once - 1 :].count(PASS), 1)
        turns.advance(0)
        for verdict in verdicts[at_once:]:
            self.assertIs(self.successResultOf(verdict), PASS)
        # What is known costs no turn.
        for _ in range(500):
            self.assertIs(self.judge(stage, b"SELECT a499, b FROM t"), PASS)

    def test_texts_that_servers_read_differently_are_decided_in_a_thread(self):
        """Each of their readings takes the time of a text."""
        stage = self.make_with_threads(language="mysql")
        verdict = self.judge(stage, b"SELECT 1 /*!80000 FROM secrets */")
        self.assertNoResult(verdict)
        self.work()
        self.assertIs(type(self.successResultOf(verdict)), Deny)
        self.assertIs(self.judge(stage, b"SELECT 1 /*!999999 FROM secrets */"), PASS)
        self.assertIs(self.judge(stage, b"/*! SELECT */ 1 /* 80000 */"), PASS)

    def test_a_turn_has_its_share_of_those_that_wait(self):
        stage = self.make()
        decided, calls = [], []
        turns = Clock()
        turns.callWhenRunning = lambda function: None
        turns.callLater = lambda delay, function: calls.append(function)
        stage.start(turns, object())
        for n in range(500):
            verdict = self.judge(stage, b"SELECT a%d, b FROM t" % n)
            if isinstance(verdict, Deferred):
                verdict.addCallback(decided.append)
        for _ in range(20):
            self.assertEqual(len(calls), 1)
            before = len(decided)
            calls.pop()()
            self.assertLess(len(decided) - before, 110)
            if not calls:
                break
        self.assertGreater(len(decided), 390)

    def test_long_texts_wait_for_each_other_and_nobody_else(self):
        stage = self.make_with_threads()
        long = [self.judge(stage, b"SELECT a" + b", a%d" % n * 1000) for n in range(3)]
        self.assertEqual(len(self.given), 1)
        self.assertIs(self.judge(stage, b"SELECT 1 FROM t"), PASS)
        self.assertIs(type(self.judge(stage, b"SELECT 1 FROM secrets")), Deny)
        for verdict in long:
            self.assertNoResult(verdict)
            self.work()
            self.assertIs(self.successResultOf(verdict), PASS)

    def test_what_a_thread_decides_is_denied_and_captured_as_any(self):
        capture = self.mktemp()
        stage = self.make_with_threads(
            RULES.replace(
                "handlers:", f"handlers:\n  - handler: query_capture\n    filepath: {capture}"
            )
        )
        long = b"SELECT " + b"a, " * 1000
        denied = self.judge(stage, long + b"b FROM secrets", b"s")
        denied_exchange = self.exchange
        self.work()
        self.assertEqual(self.successResultOf(denied).rule, "deny.table")
        self.assertEqual(denied_exchange.attributes["acra.censor.rule"], "deny.table")
        passed = self.judge(stage, long + b"b FROM t", b"s")
        self.work()
        self.assertIs(self.successResultOf(passed), PASS)
        self.exchange.closed, self.exchange.outcome = 1, "ok"
        self.assertIs(self.judge(stage, b"EXECUTE s"), PASS)
        stage.stop()
        self.assertIn((long + b"b FROM t").decode(), read_statements(capture))

    def test_rules_are_read_in_a_thread_and_the_old_ones_hold_until_then(self):
        stage = self.make_with_threads()
        with open(self.path, "w") as file:
            file.write(RULES.replace("secrets", "t"))
        done = stage.reload()
        self.assertIs(type(self.judge(stage, b"SELECT 1 FROM secrets")), Deny)
        self.work()
        self.successResultOf(done)
        self.assertIs(self.judge(stage, b"SELECT 1 FROM secrets"), PASS)
        self.assertIs(type(self.judge(stage, b"SELECT 1 FROM t")), Deny)
        self.assertTrue(gc.isenabled())
        with open(self.path, "w") as file:
            file.write(RULES + "x")
        done = stage.reload()
        self.work()
        self.failureResultOf(done, ConfigError)
        self.assertTrue(gc.isenabled())
        self.assertIs(type(self.judge(stage, b"SELECT 1 FROM t")), Deny)

    def test_limits_are_settings(self):
        stage = self.make()
        verdict = self.judge(stage, b"SELECT '" + b"x" * (1 << 20) + b"'")
        self.assertIn("max_text allows 1048576 in [stage:censor]", verdict.reason)
        self.assertIs(self.judge(stage, b"SELECT '" + b"x" * 1_000_000 + b"'"), PASS)

    def test_a_file_without_handlers_is_said_aloud(self):
        stage = self.make("version: 0.85.0\n")
        self.assertIs(self.judge(stage, b"SELECT 1 FROM secrets"), PASS)
