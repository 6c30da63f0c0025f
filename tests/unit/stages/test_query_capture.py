"""Captured statements: redacted, counted, bounded, atomic, private (FW-8)."""

import json
import os

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.options import Settings
from acra_twisted.pipeline.services import Services
from acra_twisted.stages.query_capture import QueryCapture, QueryCaptureFactory
from acra_twisted.verdicts import PASS
from tests.support.sessions import make_session


class Capture(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()

    def rows(self):
        with open(self.path) as file:
            return [json.loads(line) for line in file]

    def capture(self, stage, *texts, outcome="ok"):
        for text in texts:
            exchange = Exchange(make_session(), "query", None, 1)
            self.assertIs(stage.on_statement(Statement(text), exchange), PASS)
            exchange.close(outcome)

    def test_what_the_database_refuses_is_not_captured(self):
        stage = QueryCapture(self.path, 10)
        self.capture(stage, b"SELECT nothing", outcome="error")
        self.capture(stage, b"SELECT a")
        self.capture(stage, b"SELECT lost", outcome="lost")
        open_exchange = Exchange(make_session(), "query", None, 1)
        stage.on_statement(Statement(b"SELECT open"), open_exchange)
        stage.stop()
        self.assertEqual(self.rows(), [{"query": "SELECT a", "count": 1}])

    def test_counts_without_values(self):
        stage = QueryCapture(self.path, 10)
        self.capture(stage, b"SELECT 'secret'", b"SELECT 7531", b"SELECT now()")
        stage.stop()
        expected = [{"query": "SELECT ?", "count": 2}, {"query": "SELECT now()", "count": 1}]
        self.assertEqual(self.rows(), expected)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)

    def test_memory_is_bounded(self):
        stage = QueryCapture(self.path, 1)
        self.capture(stage, b"SELECT a", b"SELECT b", b"SELECT c", b"SELECT a")
        stage.stop()
        beyond = {"query": None, "count": 2}
        self.assertEqual(self.rows(), [{"query": "SELECT a", "count": 2}, beyond])

    def test_the_file_is_written_at_intervals(self):
        clock = Clock()
        clock.callWhenRunning = lambda function: function()
        settings = Settings({"filepath": self.path, "max_statements": 5, "flush_interval": 3.0})
        stage = QueryCaptureFactory().make(settings, Services(clock, None))
        self.assertEqual(self.rows(), [])
        self.capture(stage, b"SELECT a")
        clock.advance(3)
        self.assertEqual(len(self.rows()), 1)
        stage.stop()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_ob8_a_file_that_cannot_be_written_for_a_while(self):
        clock = Clock()
        clock.callWhenRunning = lambda function: function()
        settings = Settings({"filepath": self.path, "max_statements": 5, "flush_interval": 3.0})
        stage = QueryCaptureFactory().make(settings, Services(clock, None))
        os.mkdir(f"{self.path}.tmp")
        self.capture(stage, b"SELECT a")
        clock.advance(3)
        self.assertEqual(self.rows(), [])
        os.rmdir(f"{self.path}.tmp")
        clock.advance(3)
        self.assertEqual(self.rows(), [{"query": "SELECT a", "count": 1}])
        stage.stop()

    def test_the_file_must_be_writable(self):
        for path, expected in (("", "name the file"), ("/nowhere/x", "cannot write /nowhere/x")):
            settings = Settings({"filepath": path, "max_statements": 5, "flush_interval": 3.0})
            make = QueryCaptureFactory().make
            error = self.assertRaises(ConfigError, make, settings, None)
            self.assertIn(expected, str(error))
