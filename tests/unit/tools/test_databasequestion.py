"""The question of a tool to the database; tests/integration/test_explain.py asks a real one."""

import io
import os
from types import SimpleNamespace

from twisted.internet.defer import fail
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.errors import ConfigError
from acra_twisted.tools import databasequestion
from acra_twisted.tools.databasequestion import (
    ask_database,
    ask_password,
    password_of,
    settings_of,
)


class Questions(SynchronousTestCase):
    def given(self, **more):
        config = os.path.abspath(self.mktemp())
        with open(config, "w") as file:
            file.write("[database]\ndb_host = 127.0.0.1\ndb_port = 5433\n")
        return SimpleNamespace(server_config=config, user="Ann", database="shop", **more)

    def test_a_configuration_that_names_no_database(self):
        error = self.assertRaises(
            ConfigError, settings_of, SimpleNamespace(server_config=os.devnull), {}
        )
        self.assertEqual(str(error), f"{os.devnull}: db_host: name the database's host")

    def test_the_password_is_asked_for_or_that_of_a_file(self):
        prompts = []

        def ask(prompt):
            prompts.append(prompt)
            return "asked"

        self.assertEqual(password_of(self.given(password_file=""), ask), b"asked")
        path = os.path.abspath(self.mktemp())
        with open(path, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("filed\n")
        self.assertEqual(password_of(self.given(password_file=path), ask), b"filed")
        self.assertEqual(prompts, ["Password of Ann: "])

    def test_it_is_the_first_line_of_standard_input_where_there_is_no_terminal(self):
        self.patch(databasequestion.sys, "stdin", io.StringIO("first\r\nsecond\n"))
        self.assertEqual(ask_password("Password: "), "first")

    def test_settings_are_those_of_the_server_but_for_the_role_and_the_database(self):
        read = settings_of(self.given(), {})
        self.assertEqual((read["db_host"], read["db_port"]), ("127.0.0.1", 5433))
        self.assertEqual((read["auth_query_user"], read["auth_query_database"]), ("Ann", "shop"))

    def test_no_answer_is_a_mistake_of_the_role(self):
        self.patch(databasequestion, "ask_once", lambda *_: fail(NoAnswer("it is away")))
        asked = ask_database(
            None, settings_of(self.given(), {}), b"", "SELECT $1, 1", 1, b"", " and to read t"
        )
        error = self.assertRaises(ConfigError, asked.send, None)
        self.assertEqual(
            str(error),
            "--user=Ann: it is away; this role must be able to log in by password and to read t",
        )
