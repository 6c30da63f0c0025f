"""Statements that may change how later ones are read, and the database's reports of that."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.settings import conforming, may_change


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
