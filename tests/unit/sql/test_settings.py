"""Statements that may change how later ones are read, and the database's reports of that."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.settings import conforming, is_indifferent, may_change


class Changes(SynchronousTestCase):
    def test_statements_that_change_nothing(self):
        for text in (
            b"BEGIN",
            b" begin isolation level serializable ; ",
            b"START TRANSACTION READ ONLY",
            b"SAVEPOINT a",
            b'RELEASE SAVEPOINT "a b"',
            b"SHOW client_encoding",
            b"CLOSE c",
            b"DEALLOCATE ALL",
            b"SET TRANSACTION READ WRITE",
            b"SET LOCAL transaction isolation level serializable",
            b"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        ):
            self.assertFalse(may_change(text), text)

    def test_settings_that_change_nothing_of_what_texts_mean(self):
        for text in (
            b"SET application_name = 'a'",
            b" set  application_name to 'a', 'b' ; ",
            b"SET LOCAL statement_timeout = 100",
            b"set session lock_timeout to '1s'",
            b"SET extra_float_digits = -3",
            b"SET jit=off",
            b"SET jit_above_cost TO -1",
            b"SET work_mem TO DEFAULT",
            b"SET enable_seqscan = off",
            b"SET TIME ZONE 'UTC'",
            b"SET TimeZone TO 'UTC'",
            b"SET client_min_messages TO warning",
            b"RESET application_name",
            b"reset time zone;",
        ):
            self.assertTrue(is_indifferent(text), text)
            self.assertFalse(may_change(text), text)

    def test_settings_that_look_like_them(self):
        for text in (
            b"SET jit = off; SET search_path = x",
            b"SET application_name = 'a;b'",
            b"SET application_names = 'a'",
            b"SET work_mem.x = 'a'",
            b"SET jit$x = 'a'",
            b'SET "application_name" = 1',
            b"SET enable.x = 1",
            b"SET /* x */ jit = off",
            b"SET role TO jit",
            b"SET search_path = work_mem",
            b"SET SESSION AUTHORIZATION jit",
            b"SET",
            b"RESET ALL",
            b"RESET search_path",
            b"SHOW jit",
            b"",
        ):
            self.assertFalse(is_indifferent(text), text)

    def test_many_blanks_take_a_time_that_grows_with_them(self):
        for text in (b"set", b"set time", b"set jit", b"reset"):
            self.assertFalse(is_indifferent(text + b" " * 300_000 + b"!;!"))

    def test_anything_else_may(self):
        for text in (
            b"SET client_encoding = LATIN1",
            b"SET NAMES 'x'",
            b"SET SESSION standard_conforming_strings = off",
            b"SET transaction_x = 1",
            b"SET CONSTRAINTS ALL IMMEDIATE",
            b"RESET ALL",
            b"DISCARD ALL",
            b"COMMIT",
            b"END",
            b"ROLLBACK",
            b"ROLLBACK TO SAVEPOINT a",
            b"SELECT f()",
            b"SELECT a FROM a_view",
            b"INSERT INTO with_a_trigger VALUES (1)",
            b"FETCH c",
            b"EXECUTE s",
            b"DO 'x'",
            b"BEGIN; SET client_encoding = LATIN1",
            b"BEGIN /* ; */ ; SELECT f()",
            b"/* x */ BEGIN; RESET ALL",
            b"beginning",
            b"",
        ):
            self.assertTrue(may_change(text), text)


class Reported(SynchronousTestCase):
    def test_backslashes(self):
        for parameters, expected in (
            ({}, True),
            ({b"standard_conforming_strings": b"on", b"client_encoding": b"LATIN1"}, True),
            ({b"standard_conforming_strings": b"off"}, False),
            ({b"client_encoding": b"SJIS"}, None),
            ({b"standard_conforming_strings": b"off", b"client_encoding": b"GBK"}, None),
        ):
            self.assertIs(conforming(parameters), expected)
