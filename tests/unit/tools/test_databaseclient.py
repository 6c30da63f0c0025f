"""A tool's connection to the database; tests/integration/test_migrating.py has a real one."""

import os
import sys
import threading
from types import SimpleNamespace
from unittest.mock import patch

from psycopg import Error, pq
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools.databaseclient import DatabaseClient, PostgresqlError

FIELDS = pq.DiagnosticField


class Result:
    """An answer of libpq's: rows, or the fields of an error."""

    nfields, ntuples, command_tuples, nparams = 2, 1, 7, 1

    def __init__(self, **error):
        self.status = pq.ExecStatus.FATAL_ERROR if error else pq.ExecStatus.TUPLES_OK
        self.error = {FIELDS[name]: text for name, text in error.items()}

    def error_field(self, field):
        return self.error.get(field)

    def get_value(self, row, at):
        return (b"one", None)[at]

    def param_type(self, at):
        return 17

    def ftype(self, at):
        return (25, 23)[at]


class Connection:
    status = pq.ConnStatus.OK
    message = ""

    def __init__(self):
        self.asked = []
        self.result = Result()

    def exec_params(self, *given):
        self.asked.append(given)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def prepare(self, *given):
        self.asked.append(given)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def describe_prepared(self, name):
        return self.result

    def get_error_message(self):
        return self.message

    def finish(self):
        self.asked.append("finish")

    def get_cancel(self):
        return SimpleNamespace(cancel=lambda: self.asked.append("cancel"))


class Slow(Connection):
    """A connection that answers once it is cancelled."""

    def __init__(self):
        super().__init__()
        self.is_asked, self.is_cancelled = threading.Event(), threading.Event()

    def exec_params(self, statement, *given):
        if statement == b"SELECT slowly":
            self.is_asked.set()
            self.is_cancelled.wait(60)
            self.asked.append("answered")
        return self.result

    def get_cancel(self):
        return SimpleNamespace(cancel=self.is_cancelled.set)


class Client(SynchronousTestCase):
    def setUp(self):
        self.connection = Connection()
        self.given = []

        def connect(text):
            self.given.append(text)
            return self.connection

        self.patch(pq, "PGconn", SimpleNamespace(connect=connect))
        self.client = DatabaseClient("host=here", "acra-migrate", maybeDeferred)

    def connected(self):
        self.successResultOf(Deferred.fromCoroutine(self.client.connect()))
        return self.connection.asked

    def ask(self, *given):
        return Deferred.fromCoroutine(self.client.ask(*given))

    def test_values_look_alike_whatever_a_role_has_set(self):
        asked = self.connected()
        self.assertEqual(self.given, [b"host=here"])
        settings = {values[0]: values[1] for _, values, _, _ in asked}
        self.assertEqual(settings[b"row_security"], b"off")
        self.assertEqual(settings[b"client_encoding"], b"UTF8")
        self.assertEqual(settings[b"application_name"], b"acra-migrate")

    def test_an_answer_has_texts_and_types(self):
        self.connected()
        answer = self.successResultOf(self.ask("SELECT $1", ("x", None), (25, 17), (0, 1)))
        self.assertEqual(answer, ([[b"one", None]], [25, 23], 7))
        self.assertEqual(self.connection.asked[-1], (b"SELECT $1", [b"x", None], (25, 17), (0, 1)))

    def test_an_error_tells_its_code_and_names_but_no_value(self):
        self.connected()
        self.connection.result = Result(
            SQLSTATE=b"23514",
            MESSAGE_PRIMARY=b"value 4711",
            MESSAGE_DETAIL=b"Failing row contains (secret)",
            CONSTRAINT_NAME=b"positive",
        )
        error = self.failureResultOf(self.ask("SELECT 1"), PostgresqlError).value
        self.assertEqual(str(error), "the database says 23514, check violation (positive)")
        self.assertTrue(error.is_about_a_value)
        self.assertFalse(error.is_passing)
        self.assertTrue(PostgresqlError("40P01").is_passing)

    def test_the_types_of_parameters(self):
        self.connected()
        asked = Deferred.fromCoroutine(self.client.parameter_types("INSERT"))
        self.assertEqual(self.successResultOf(asked), [17])
        self.assertEqual(self.connection.asked[-1], (b"", b"INSERT"))
        self.connection.result = Result(SQLSTATE=b"42601")
        asked = Deferred.fromCoroutine(self.client.parameter_types("INSERT"))
        self.failureResultOf(asked, PostgresqlError)

    def test_a_connection_that_is_gone(self):
        self.connected()
        self.connection.result = Error("the connection is lost")
        error = self.failureResultOf(self.ask("SELECT 1"), PostgresqlError).value
        self.assertEqual(error.sqlstate, "08006")
        asked = Deferred.fromCoroutine(self.client.parameter_types("INSERT"))
        self.assertEqual(self.failureResultOf(asked, PostgresqlError).value.sqlstate, "08006")

    def test_a_database_that_cannot_be_reached(self):
        self.connection.status = pq.ConnStatus.BAD
        self.connection.message = "connection to server failed:\n\tno route\n"
        failure = self.failureResultOf(Deferred.fromCoroutine(self.client.connect()), ConfigError)
        self.assertIn("connection to server failed: no route", str(failure.value))

    def test_without_libpq_the_extra_is_named(self):
        with patch.dict(sys.modules, {"psycopg": None}):
            connecting = Deferred.fromCoroutine(self.client.connect())
        failure = self.failureResultOf(connecting, ConfigError)
        self.assertIn("acra-twisted[migrate]", str(failure.value))

    def test_a_login_takes_no_longer_than_the_operator_says(self):
        for given, expected in (({}, "20"), ({"PGCONNECT_TIMEOUT": "3"}, "3")):
            with patch.dict(os.environ, given):
                self.connected()
                self.assertEqual(os.environ["PGCONNECT_TIMEOUT"], expected)
                del os.environ["PGCONNECT_TIMEOUT"]

    def test_a_statement_that_somebody_has_given_up_is_cancelled(self):
        self.connection = Slow()
        self.connected()
        asking = threading.Thread(target=lambda: self.ask("SELECT slowly"))
        asking.start()
        self.addCleanup(asking.join)
        self.connection.is_asked.wait(60)
        self.client.close()
        self.assertEqual(self.connection.asked, ["answered", "finish"])

    def test_a_password_that_is_no_text(self):
        self.client = DatabaseClient("password=\udcff", "acra-migrate", maybeDeferred)
        self.connected()
        self.assertEqual(self.given, [b"password=\xff"])

    def test_no_part_of_a_password_is_told(self):
        for text, expected in (
            ("postgres://u:s%ZZecret@h/", "libpq cannot read it"),
            ("host=h password=a secret", "libpq cannot read it"),
            ("passwrd=secret", 'invalid connection option "passwrd"'),
            ("postgres://h/?passwrd=secret", 'invalid URI query parameter: "passwrd"'),
        ):
            client = DatabaseClient(text, "acra-migrate", maybeDeferred)
            connecting = Deferred.fromCoroutine(client.connect())
            error = self.failureResultOf(connecting, ConfigError).value
            self.assertEqual(str(error), f"connection string: {expected}")

    def test_closing_ends_the_connection(self):
        self.client.close()
        self.connected()
        self.client.close()
        self.assertEqual(self.connection.asked[-1], "finish")
