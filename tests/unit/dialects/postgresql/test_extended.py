"""Statements that are parsed, bound and executed: what is known of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    CLOSE_COMPLETE,
    NO_DATA,
    PARSE_COMPLETE,
    SYNC,
    bind,
    close,
    columns,
    complete,
    describe,
    execute,
    parse,
    query,
    ready,
    row,
)


class Prepared(SynchronousTestCase):
    def test_a_prepared_statement_is_known_when_it_is_executed(self):
        play = Playbook()
        play.client(parse(b"s", b"select 7") + describe(b"S", b"s") + SYNC)
        play.database(PARSE_COMPLETE + message(b"t", b"\0\0") + columns(b"a") + ready())
        play.client(bind(b"", b"s") + execute() + SYNC)
        play.database(BIND_COMPLETE + row(b"7") + complete(b"SELECT 1") + ready())
        play.done()
        self.assertEqual(play.recorder.outcomes, [("prepare", "ok"), ("execute", "ok")])
        self.assertEqual(play.recorder.closed[1].statement.text, b"select 7")
        self.assertEqual(play.session.prepared.names(), {b"s"})

    def test_closed_statements_are_forgotten(self):
        play = Playbook()
        play.client(parse(b"s", b"select 7") + SYNC)
        play.database(PARSE_COMPLETE + ready())
        play.client(close(b"S", b"s") + SYNC)
        play.database(CLOSE_COMPLETE + ready())
        play.done()
        self.assertEqual(play.session.prepared.names(), set())


def typed_parse(name, text, *types):
    body = name + b"\0" + text + b"\0" + len(types).to_bytes(2, "big")
    return message(b"P", body + b"".join(kind.to_bytes(4, "big") for kind in types))


def described(*types):
    body = len(types).to_bytes(2, "big") + b"".join(kind.to_bytes(4, "big") for kind in types)
    return message(b"t", body) + NO_DATA


class Types(SynchronousTestCase):
    """Stages that look at values are told their types, if they are certain."""

    def setUp(self):
        self.play = Playbook(inspects=["parameters"])

    def types(self, *values, name=b"s"):
        """Those of a Bind's values."""
        self.play.works.clear()
        self.play.client(bind(b"", name, values) + execute() + SYNC)
        self.play.database(BIND_COMPLETE + complete(b"INSERT 0 1") + ready())
        self.play.done()
        [(kind, parameters)] = self.play.works
        self.assertEqual((kind, parameters.values), ("parameters", list(values)))
        return parameters.types

    def prepare(self, *types):
        self.play.client(typed_parse(b"s", b"INSERT", *types) + SYNC)
        self.play.database(PARSE_COMPLETE + ready())

    def describe(self, *types):
        self.play.client(describe(b"S", b"s") + SYNC)
        self.play.database(described(*types) + ready())

    def test_as_the_client_declares_them(self):
        self.prepare(17, 0, 25)
        self.assertEqual(self.types(b"x", None, b"y"), [17, 0, 25])
        # It may declare the first ones only.
        self.prepare(17)
        self.assertEqual(self.types(b"x", b"y"), [17, 0])
        self.prepare()
        self.assertEqual(self.types(), [])

    def test_as_the_database_describes_them(self):
        self.prepare()
        self.assertEqual(self.types(b"x"), [0])
        self.describe(2**32 - 1)
        self.assertEqual(self.types(b"x"), [2**32 - 1])

    def test_in_one_batch_with_its_parse(self):
        self.play.client(
            typed_parse(b"", b"INSERT", 17) + bind(b"", b"", [b"x"]) + execute() + SYNC
        )
        [(_, parameters)] = self.play.works
        self.assertEqual(parameters.types, [17])

    def test_not_of_a_statement_that_is_unknown_or_has_other_values(self):
        self.assertIsNone(self.types(b"x", name=b"other"))
        self.prepare(17, 25)
        self.assertIsNone(self.types(b"x"))

    def test_not_once_its_name_may_be_given_away(self):
        self.prepare(17)
        self.play.client(query(b"DEALLOCATE s; PREPARE s AS INSERT"))
        self.play.database(complete(b"DEALLOCATE") + complete(b"PREPARE") + ready())
        self.assertIsNone(self.types(b"x"))
        self.describe(25)
        self.assertEqual(self.types(b"x"), [25])

    def test_a_description_that_is_none(self):
        self.prepare()
        self.play.client(describe(b"S", b"s") + SYNC)
        self.assertRaises(WireError, self.play.database, message(b"t", b"\0\2\0\0\0\x17"))
        # Where nobody looks at values nobody reads it.
        play = Playbook()
        play.client(parse(b"s", b"INSERT") + describe(b"S", b"s") + SYNC)
        odd = PARSE_COMPLETE + message(b"t", b"\0\2\0\0\0\x17") + NO_DATA + ready()
        self.assertIs(play.database(odd), odd)
