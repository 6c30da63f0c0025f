"""Contexts that come with commands, and those that are handed on."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.contexts import carrier, with_context
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.exchange import STATEMENT, Statement
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql import capabilities
from acra_twisted.wire.mysql.parameters import Attribute, Query, encode_query
from tests.support.mysqlrequests import Desk, about, query, said

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
OTHER = TraceContext("1af7651916cd43dd8448eb211c80319c", "c7ad6b7169203331", False)
COMMENT = b"/*traceparent='" + CONTEXT.traceparent().encode() + b"'*/"
ATTRIBUTES = capabilities.QUERY_ATTRIBUTES
EXECUTE = about(0x17, 7, b"\0\1\0\0\0")


def onward(**options):
    return Propagation(lambda exchange: OTHER, lambda exchange: OTHER, **options)


def attributed(text, context, *more):
    return encode_query(Query(text, with_context(more, context, "")), True)


class Brought(SynchronousTestCase):
    def test_in_a_comment_which_nobody_else_sees(self):
        desk = Desk(inspects=(STATEMENT,))
        self.assertEqual(desk.says(said(query(b"SELECT 1 " + COMMENT))), said(query(b"SELECT 1")))
        exchange = desk.recorder.opened[0]
        self.assertEqual((exchange.remote, desk.works[0].item.text), (CONTEXT, b"SELECT 1"))

    def test_other_comments_stay_with_another_text(self):
        tagged = b"SELECT 1 /*route='a'," + COMMENT[2:] + b";"
        desk = Desk(inspects=(STATEMENT,))
        desk.says(said(query(tagged)))
        desk.verdict = lambda work: Replace(Statement(b"SELECT 2;"))
        out = desk.says(said(query(tagged)))
        self.assertEqual(out, said(query(b"SELECT 2 /*route='a'*/;")))
        exchange = desk.recorder.opened[1]
        self.assertEqual(exchange.attributes["acra.tag.route"], "a")

    def test_as_an_attribute_which_goes(self):
        shop = Attribute(253, b"shop", b"x")
        desk = Desk(capabilities=ATTRIBUTES)
        out = desk.says(said(attributed(b"SELECT 1", CONTEXT, shop)))
        self.assertEqual(out, said(encode_query(Query(b"SELECT 1", [shop]), True)))
        self.assertEqual(desk.recorder.opened[0].remote, CONTEXT)

    def test_an_attribute_that_is_not_sampled(self):
        """It decides nothing, unless it is known that those who send it decide by it."""
        for decided in (False, True):
            desk = Desk(propagation=Propagation(decided=decided), capabilities=ATTRIBUTES)
            desk.says(said(attributed(b"SELECT 1", OTHER)))
            remote = desk.recorder.opened[0].remote
            self.assertEqual((remote.sampled, remote.decides), (False, decided))

    def test_an_attribute_comes_before_a_comment(self):
        desk = Desk(capabilities=ATTRIBUTES)
        out = desk.says(said(attributed(b"SELECT 1 " + COMMENT, OTHER)))
        self.assertEqual(out, said(b"\x03\0\1SELECT 1"))
        exchange = desk.recorder.opened[0]
        self.assertEqual(exchange.remote, OTHER)
        self.assertTrue(exchange.attributes["acra.traceparent_conflict"])

    def test_malformed_ones_stay(self):
        desk = Desk(capabilities=ATTRIBUTES)
        data = said(encode_query(Query(b"SELECT 1", [Attribute(254, b"traceparent", b"x")]), True))
        self.assertEqual(desk.says(data), data)
        data = said(b"\x03\0\1SELECT 1 /*traceparent='x'*/")
        self.assertEqual(desk.says(data), data)
        for exchange in desk.recorder.opened:
            self.assertTrue(exchange.attributes["acra.traceparent_malformed"])

    def test_by_the_command_in_front(self):
        desk = Desk()
        desk.prepares(b"SELECT 1", 7, 0)
        self.assertEqual(
            desk.says(carrier(CONTEXT) + said(EXECUTE, b"\x0e")), said(EXECUTE, b"\x0e")
        )
        _, first, second = desk.recorder.opened
        self.assertEqual((first.remote, second.remote), (CONTEXT, None))
        self.assertEqual(len(desk.owed()), 2)

    def test_with_the_preparation(self):
        """The first execution goes on with it, the next ones are linked with it."""
        desk = Desk()
        desk.prepares(b"SELECT ? " + COMMENT, 7, 1)
        desk.says(said(EXECUTE, EXECUTE) + carrier(OTHER) + said(EXECUTE))
        contexts = [(exchange.remote, exchange.linked) for exchange in desk.recorder.opened]
        self.assertEqual(
            contexts, [(CONTEXT, None), (CONTEXT, None), (None, CONTEXT), (OTHER, None)]
        )
        self.assertEqual(desk.recorder.opened[1].statement.text, b"SELECT ?")

    def test_a_command_in_pieces_began_with_its_first_byte(self):
        desk = Desk()
        data = said(query(b"SELECT 1"))
        desk.says(data[:6])
        before = desk.session.clock()
        desk.says(data[6:])
        exchange = desk.recorder.opened[0]
        self.assertLess(exchange.opened, before)
        self.assertIn("acra.time.client_read_ms", exchange.attributes)


class HandedOn(SynchronousTestCase):
    def test_in_a_comment(self):
        comment = COMMENT.replace(CONTEXT.traceparent().encode(), OTHER.traceparent().encode())
        desk = Desk(propagation=onward())
        desk.prepares(b"SELECT 1", 7, 0)
        out = desk.says(said(query(b"SELECT 1;"), b"\x16SELECT 2", EXECUTE, b"\x0e"))
        expected = said(query(b"SELECT 1 " + comment + b";"), b"\x16SELECT 2", EXECUTE, b"\x0e")
        self.assertEqual(out, expected)
        self.assertEqual(desk.recorder.opened[1].statement.text, b"SELECT 1;")

    def test_to_acraserver_by_all_commands(self):
        connector = Desk(propagation=onward(to_acra=True))
        data = said(query(b"SELECT 1;"), b"\x16SELECT 2", EXECUTE, b"\x0e", about(0x1A, 7))
        server = Desk(inspects=(STATEMENT,))
        for desk in (connector, server):
            desk.prepares(b"SELECT 1", 7, 0)
        self.assertEqual(server.says(connector.says(data)), data)
        self.assertEqual([exchange.remote for exchange in server.recorder.opened[1:]], [OTHER] * 5)
        self.assertEqual(len(server.owed()), len(connector.owed()))

    def test_as_attributes_where_both_sides_have_them(self):
        for to_acra in (False, True):
            desk = Desk(propagation=onward(to_acra=to_acra), capabilities=ATTRIBUTES)
            out = desk.says(said(attributed(b"SELECT 1", CONTEXT)))
            self.assertEqual(out, said(attributed(b"SELECT 1", OTHER)))
            desk.replied()
        desk.prepares(b"SELECT ?", 7, 1)
        server = Desk(capabilities=ATTRIBUTES)
        server.prepares(b"SELECT ?", 7, 1)
        execution = about(0x17, 7, b"\x08\1\0\0\0\1\0\1\xfe\0\0\1x")
        self.assertEqual(server.says(desk.says(said(execution))), said(execution))
        self.assertEqual(server.recorder.opened[-1].remote, OTHER)

    def test_what_has_no_attributes_follows_its_context_to_acraserver(self):
        """Such commands as these and bulk executions have no place for one."""
        connector = Desk(propagation=onward(to_acra=True), capabilities=ATTRIBUTES)
        server = Desk(capabilities=ATTRIBUTES)
        for desk in (connector, server):
            desk.prepares(b"SELECT 1", 7, 0)
        bulk = about(0xFA, 7, b"\x80\0")
        data = said(b"\x0e", about(0x1A, 7), about(0x1C, 7, b"\1\0\0\0"), b"\x02shop", bulk)
        self.assertEqual(server.says(connector.says(data)), data)
        self.assertEqual([exchange.remote for exchange in server.recorder.opened[1:]], [OTHER] * 5)

    def test_to_a_database_by_nothing_but_texts_and_attributes(self):
        for agreed in (0, ATTRIBUTES):
            desk = Desk(propagation=onward(), capabilities=agreed)
            self.assertEqual(desk.says(said(b"\x0e")), said(b"\x0e"))

    def test_a_refusal_tells_of_its_trace(self):
        told = Propagation(lambda exchange: CONTEXT, errors=True)
        desk = Desk(lambda work: Deny("no"), (STATEMENT,), propagation=told)
        desk.says(said(query(b"SELECT 1")))
        self.assertIn(f"no (trace_id {CONTEXT.trace_id})".encode(), desk.owed()[0])
