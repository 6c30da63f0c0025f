"""Statements that are parsed, bound and executed: what is known of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import WireError
from acra_twisted.exchange import Parameters, Statement, ToldType
from acra_twisted.verdicts import PASS, Replace
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres import frontend
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
    messages,
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

    def test_stages_that_look_at_statements_alone_are_not_told_them_and_leave_them(self):
        for inspects, types in ((["statement"], None), (["statement", "parameters"], [23, 0])):
            play = Playbook(lambda work: Replace(Statement(b"other")), inspects)
            sent = play.client(typed_parse(b"s", b"INSERT", 23, 0) + SYNC)
            self.assertEqual(play.works[0][1].types, types)
            self.assertEqual(sent, typed_parse(b"s", b"other", 23, 0) + SYNC)

    def test_the_name_of_the_portal_is_told(self):
        self.prepare()
        self.play.client(bind(b"p", b"s") + SYNC)
        self.assertEqual(self.play.works[-1][1].portal, b"p")

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


class Declared(SynchronousTestCase):
    """A stage changes the types that a statement declares, and what the client is told of them."""

    def play(self, change, inspects=("statement", "parameters"), **options):
        def judge(work):
            if work.kind == "parameters":
                return self.bound(work.item)
            self.seen = list(work.item.types or ())
            replaced = Statement(b"other", work.item.prepared_name)
            change(replaced)
            return Replace(replaced)

        self.bound = lambda parameters: PASS
        return Playbook(judge, inspects, **options)

    def test_the_database_gets_other_types_and_the_client_is_told_its_own(self):
        def change(statement):
            statement.types = [17, 17, 0]
            statement.told = [ToldType(3), ToldType(1, 25)]

        play = self.play(change)
        sent = play.client(typed_parse(b"s", b"INSERT", 0, 1043) + describe(b"S", b"s") + SYNC)
        self.assertEqual(self.seen, [0, 1043])
        expected = typed_parse(b"s", b"other", 17, 17, 0) + describe(b"S", b"s") + SYNC
        self.assertEqual(sent, expected)
        for reply in (
            PARSE_COMPLETE + described(17, 17, 20) + ready(),
            PARSE_COMPLETE + described(17, 17, 20, 1) + ready(),
        ):
            got = b"".join(play.database(reply[at : at + 1]) for at in range(len(reply)))
            self.assertEqual(got, PARSE_COMPLETE + described(20, 25) + ready())
            play.client(typed_parse(b"s", b"INSERT") + describe(b"S", b"s") + SYNC)
        play.database(PARSE_COMPLETE + described(17, 17, 20) + ready())
        # The values that come have the types that the client was told.
        play.works.clear()
        play.client(bind(b"", b"s", [b"1", b"x"]))
        [(_, parameters)] = play.works
        self.assertEqual(parameters.types, [20, 25])

    def test_before_a_description_values_have_the_types_that_the_client_declared(self):
        def change(statement):
            statement.types = [17]

        play = self.play(change)
        play.client(typed_parse(b"s", b"INSERT", 1043) + bind(b"", b"s", [b"x"]) + execute() + SYNC)
        self.assertEqual(play.works[-1][1].types, [1043])

    def test_it_is_told_where_nobody_looks_at_values(self):
        play = self.play(lambda s: setattr(s, "told", [ToldType(1, 25)]), ["statement"])
        play.client(parse(b"s", b"INSERT") + describe(b"S", b"s") + SYNC)
        reply = PARSE_COMPLETE + described(17) + ready()
        self.assertEqual(play.database(reply), PARSE_COMPLETE + described(25) + ready())

    def test_a_stage_that_says_nothing_of_types_leaves_them(self):
        play = self.play(lambda statement: None)
        sent = play.client(typed_parse(b"s", b"INSERT", 1043) + SYNC)
        self.assertEqual(sent, typed_parse(b"s", b"other", 1043) + SYNC)

    def test_types_and_a_trace_context_go_in_one_message(self):
        context = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
        propagation = Propagation(onward=lambda exchange: context, to_acra=True)
        play = self.play(lambda s: setattr(s, "types", [17]), propagation=propagation)
        sent = play.client(typed_parse(b"s", b"INSERT", 1043) + SYNC)
        (kind, body), _ = messages(sent)
        parsed = frontend.decode_parse(body)
        self.assertEqual((kind, frontend.decode_types(parsed.types)), ("P", [17]))
        self.assertIn(b"b7ad6b7169203331", parsed.text)

    def test_a_database_with_fewer_parameters_than_its_text_breaks_the_protocol(self):
        play = self.play(lambda s: setattr(s, "told", [ToldType(2)]))
        play.client(parse(b"s", b"INSERT") + describe(b"S", b"s") + SYNC)
        self.assertRaises(WireError, play.database, PARSE_COMPLETE + described(17) + ready())

    def test_values_may_become_more_and_fewer(self):
        play = self.play(lambda statement: None)
        for values, formats in (([b"\0x", b"y", None], [1, 0, 0]), ([], [])):
            self.bound = lambda p, v=values, f=formats: Replace(Parameters(v, f, p.statement))
            play.client(parse(b"", b"INSERT"))
            sent = messages(play.client(bind(b"", b"", [b"x"], binary=True) + execute() + SYNC))
            found = frontend.decode_bind(sent[1][1])
            self.assertEqual((found.values, found.formats), (values, formats))
            self.assertEqual(found.results, b"\0\1\0\1")

    def test_values_without_a_format_each_are_an_error_of_the_stage(self):
        play = self.play(lambda statement: None)
        self.bound = lambda p: Replace(Parameters([b"x", b"y"], [0], p.statement))
        play.client(parse(b"", b"INSERT"))
        self.assertRaises(ValueError, play.client, bind(b"", b"", [b"x"]) + execute() + SYNC)

    def test_a_name_that_may_mean_another_statement(self):
        """Nobody is told anything of it, and its values come with a warning."""
        play = self.play(lambda s: setattr(s, "told", [ToldType(2)]))
        play.client(parse(b"s", b"INSERT") + SYNC)
        play.database(PARSE_COMPLETE + ready())
        bound = bind(b"", b"s") + execute() + SYNC
        done = BIND_COMPLETE + complete(b"SELECT 0") + ready()
        play.client(bound)
        self.assertTrue(play.works[-1][1].is_meant)
        play.database(done)
        play.client(query(b"DEALLOCATE s; PREPARE s AS SELECT 1"))
        play.database(complete(b"DEALLOCATE") + complete(b"PREPARE") + ready())
        play.client(describe(b"S", b"s") + SYNC)
        reply = described(23) + ready()
        self.assertEqual(play.database(reply), reply)
        for name in (b"s", b"unknown"):
            play.client(bind(b"", name) + execute() + SYNC)
            self.assertFalse(play.works[-1][1].is_meant)
            play.database(done)

    def test_a_name_that_is_described_as_its_own_statement_still_is(self):
        """Code may have given it away; whatever has other parameters is another statement."""

        def change(statement):
            statement.types, statement.told = [17, 0], [ToldType(1, 25), ToldType(2)]

        for name in (b"s", "é".encode()):
            for kinds, shown in (
                ((17, 23), (25, 23)),
                ((25, 23), (25, 23)),
                ((17,), (17,)),
                ((17, 23, 23), (17, 23, 23)),
            ):
                play = self.play(change)
                play.client(parse(name, b"INSERT") + SYNC)
                play.database(PARSE_COMPLETE + ready())
                play.client(query(b"CALL code()"))
                play.database(complete(b"CALL") + ready())
                play.client(describe(b"S", name) + SYNC)
                reply = play.database(described(*kinds) + ready())
                self.assertEqual(reply, described(*shown) + ready(), kinds)
                play.client(bind(b"", name, [b"x", b"1"]) + execute() + SYNC)
                self.assertFalse(play.works[-1][1].is_meant)
