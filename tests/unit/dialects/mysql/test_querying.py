"""Texts of a client: judged as a whole, from the stage on that does not let a query pass, or not at
all."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.exchange import ALL, STATEMENT, Statement
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql import capabilities
from acra_twisted.wire.mysql.frames import PART_MAX
from acra_twisted.wire.mysql.parameters import Attribute, Query, encode_query
from tests.support.mysqlrequests import Desk, query, said

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)


def pass_over(statement, exchange):
    """No stage looks at it."""
    return 0


def rewrite(statement, exchange):
    """The same, but one has put another text in its place."""
    statement.replace(b"SELECT 2")
    return 0


class Judged(SynchronousTestCase):
    def test_another_text(self):
        desk = Desk(lambda work: Replace(Statement(b"SELECT 2")), (STATEMENT,))
        self.assertEqual(desk.says(said(query(b"SELECT 1"))), said(query(b"SELECT 2")))
        statement = desk.works[0].item
        self.assertEqual((statement.text, statement.written[0]), (b"SELECT 2", b"SELECT 1"))

    def test_a_longer_text_is_cut_into_parts_again(self):
        long = b"SELECT '" + b"x" * PART_MAX + b"'"
        desk = Desk(lambda work: Replace(Statement(long)), (STATEMENT,))
        out = desk.says(said(query(b"SELECT 1")))
        self.assertEqual(out[:4], b"\xff\xff\xff\0")
        self.assertEqual(out, said(query(long)))

    def test_preparations(self):
        desk = Desk(lambda work: Deny("no") if b"secret" in work.item.text else PASS, (STATEMENT,))
        out = desk.says(said(b"\x16SELECT ?", b"\x16SELECT secret"))
        self.assertEqual(out, said(b"\x16SELECT ?"))
        self.assertEqual((desk.owed()[0], desk.owed()[1][1:3]), (replies.PREPARE, b"\x25\x05"))
        self.assertEqual(desk.works[0].item.prepared_name, b"")

    def test_attributes_that_are_not_ours_stay(self):
        attribute = Attribute(254, b"shop", b"one")
        sent = encode_query(Query(b"SELECT 1", [attribute]), True)
        desk = Desk(inspects=(STATEMENT,), capabilities=capabilities.QUERY_ATTRIBUTES)
        data = said(sent)
        self.assertIs(desk.says(data), data)
        self.assertEqual(desk.works[0].item.text, b"SELECT 1")
        desk.verdict = lambda work: Replace(Statement(b"SELECT 2"))
        out = desk.says(data)
        self.assertEqual(out, said(encode_query(Query(b"SELECT 2", [attribute]), True)))


class Overlooked(SynchronousTestCase):
    def test_a_query_is_judged_by_the_stages_that_are_left(self):
        for judges, left in ((None, [ALL]), (lambda *_: 2, [2]), (pass_over, [])):
            desk = Desk(inspects=(STATEMENT,), judges=judges)
            data = said(query(b"SELECT 1"))
            self.assertIs(desk.says(data), data)
            self.assertEqual([work.left for work in desk.works], left)
            self.assertEqual(desk.owed(), [replies.RESULT])

    def test_it_has_its_exchange(self):
        desk = Desk(inspects=(STATEMENT,), judges=pass_over)
        desk.says(said(query(b"SELECT 1"), query(b"SELECT 2")))
        texts = [exchange.statement.text for exchange in desk.recorder.opened]
        self.assertEqual(texts, [b"SELECT 1", b"SELECT 2"])
        desk.replied()
        self.assertEqual(desk.recorder.outcomes, [("query", "ok")])

    def test_without_stages_nobody_is_asked(self):
        desk = Desk(judges=lambda *_: 1)
        desk.says(said(query(b"SELECT 1")))
        self.assertEqual(desk.works, [])

    def test_all_judge_what_is_prepared_and_commands(self):
        """Values may be bound to the one; the others are not often sent."""
        desk = Desk(inspects=(STATEMENT,), judges=pass_over)
        desk.says(said(b"\x16SELECT ?", b"\x02shop"))
        found = [(work.item.text, work.left) for work in desk.works]
        self.assertEqual(found, [(b"SELECT ?", ALL), (b"USE `shop`", ALL)])

    def test_a_query_that_is_changed_meanwhile_leaves_so(self):
        desk = Desk(inspects=(STATEMENT,), judges=rewrite)
        for _ in range(2):
            data = said(query(b"SELECT 1"), query(b"SELECT 3"))
            self.assertEqual(desk.says(data), said(query(b"SELECT 2"), query(b"SELECT 2")))
        self.assertEqual(desk.works, [])

    def test_comments_stay_where_it_is_changed(self):
        context = CONTEXT.traceparent().encode()
        desk = Desk(
            inspects=(STATEMENT,),
            judges=rewrite,
            propagation=Propagation(lambda e: CONTEXT, lambda e: CONTEXT),
        )
        sent = desk.says(said(query(b"SELECT 1 /*action='a',traceparent='" + context + b"'*/")))
        self.assertIn(b"SELECT 2", sent)
        self.assertIn(b"action='a'", sent)
        self.assertNotIn(b"SELECT 1", sent)

    def test_one_that_reads_otherwise_behind_a_text_before_it(self):
        """Nobody knows how its strings end until that is answered."""
        seen = []

        def note(statement, exchange):
            seen.append(statement.conforming)
            return 0

        desk = Desk(inspects=(STATEMENT,), judges=note)
        desk.says(said(query(b"SET sql_mode = 'ANSI'"), query(b"SELECT '\\'")))
        self.assertEqual(seen, [False, None])
