"""The censor as a stage: verdicts, the session's settings, reload, files."""

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.dialects.postgresql.replies import close
from acra_twisted.errors import ConfigError
from acra_twisted.model import Exchange, Statement
from acra_twisted.options import Settings
from acra_twisted.pipeline.build import Services
from acra_twisted.stages.censor import CensorFactory
from acra_twisted.stages.journal import read_journal
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


class Stage(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()
        self.clock = Clock()
        self.clock.callWhenRunning = lambda function: function()
        self.session = make_session()

    def make(self, rules=RULES, **settings):
        with open(self.path, "w") as file:
            file.write(rules)
        own = Settings({"cache_entries": 100, "cache_bytes": 100_000})
        settings = {"acracensor_config_file": self.path, **settings}
        stage = CensorFactory().make(own, Services(self.clock, None, settings=settings))
        self.addCleanup(stage.stop)
        return stage

    def judge(self, stage, text, name=None):
        statement = Statement(text, name)
        self.exchange = Exchange(self.session, "query", statement, 1)
        return stage.on_statement(statement, self.exchange)

    def test_verdicts(self):
        stage = self.make()
        self.assertIs(self.judge(stage, b"SELECT 1 FROM t"), PASS)
        verdict = self.judge(stage, b"SELECT 'x' FROM secrets")
        self.assertIs(type(verdict), Deny)
        self.assertEqual((verdict.rule, verdict.code), ("deny.table", events.QUERY_NOT_ALLOWED))
        self.assertEqual(self.exchange.attributes, {"acra.censor.rule": "deny.table"})
        self.assertNotIn("secrets", verdict.reason + verdict.text)
        self.assertEqual(self.judge(stage, b"SELEC").code, events.QUERY_PARSE_ERROR)

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
        self.assertIs(self.judge(stage, b"SELECT 1 FROM products"), PASS)
        self.session.parameters = {b"search_path": b"evil"}
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
        self.assertEqual(read_journal(log), ["SELEC ?"])
        self.judge(stage, b"SELECT 'x'")
        close(self.exchange, "ok")
        stage.stop()
        self.assertEqual(read_journal(capture), ["SELECT ?"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_the_database_refuses_is_captured_when_it_accepts_it(self):
        capture = self.mktemp()
        stage = self.make(f"{RULES}  - handler: query_capture\n    filepath: {capture}\n")
        for text, outcome in ((b"SELECT a", "error"), (b"SELECT b", "ok"), (b"SELECT c", "lost")):
            self.judge(stage, text)
            close(self.exchange, outcome)
        self.judge(stage, b"SELECT 'open'")
        self.clock.advance(1)
        self.assertEqual(read_journal(capture), ["SELECT b"])
        self.judge(stage, b"SELECT a")
        close(self.exchange, "ok")
        self.clock.advance(1)
        self.assertEqual(read_journal(capture), ["SELECT b", "SELECT a"])

    def test_what_is_refused_here_is_captured(self):
        capture = self.mktemp()
        rules = "version: 0.85.0\nhandlers:\n  - handler: query_capture\n    filepath: %s\n"
        stage = self.make(f"{rules % capture}  - handler: denyall\n")
        self.assertEqual(self.judge(stage, b"SELECT a").rule, "denyall")
        close(self.exchange, "denied")
        self.clock.advance(1)
        self.assertEqual(read_journal(capture), ["SELECT a"])

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
            with self.assertRaisesRegex(ConfigError, expected):
                self.make(rules, **settings)

    def test_a_file_without_handlers_is_said_aloud(self):
        stage = self.make("version: 0.85.0\n")
        self.assertIs(self.judge(stage, b"SELECT 1 FROM secrets"), PASS)
