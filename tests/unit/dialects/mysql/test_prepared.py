"""The prepared statements of a session, against a model."""

from sys import getrefcount

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.prepared import Prepared, PreparedStatements
from acra_twisted.dialects.mysql.replies import RENAMES
from acra_twisted.exchange import Statement
from acra_twisted.wire.mysql.commands import LAST_PREPARED, NOBODYS, LongData


def prepared(text=b"SELECT 1"):
    """A statement that is to be prepared."""
    return Prepared(Statement(text, b""))


class Numbers(SynchronousTestCase):
    def setUp(self):
        self.table = PreparedStatements(3, 10, True)
        self.one = prepared()
        self.table.sent(self.one)

    def test_provisional_until_it_has_a_number(self):
        self.assertTrue(self.one.is_pending)
        self.assertIs(self.table.find(LAST_PREPARED), self.one)
        self.table.confirm(self.one, 7, 2)
        self.assertFalse(self.one.is_pending)
        self.assertIs(self.table.find(7), self.one)
        self.assertEqual(self.one.parameters, 2)

    def test_one_that_failed_leaves_nothing(self):
        self.table.failed(self.one)
        self.assertFalse(self.one.is_pending)
        self.assertTrue(self.table.find(LAST_PREPARED).failed)
        self.assertIsNone(self.table.find(7))
        for _ in range(2):
            self.assertFalse(self.table.is_full)
            self.table.sent(prepared())

    def test_whether_an_answer_is_due_for_some_of_them(self):
        other = prepared()
        self.table.sent(other)
        self.table.confirm(self.one, 7, 0)
        self.assertTrue(self.table.is_waiting)
        self.table.failed(other)
        self.assertFalse(self.table.is_waiting)
        third = prepared()
        self.table.sent(third)
        self.table.close(third)
        self.assertFalse(self.table.is_waiting)

    def test_the_replies_of_executions_that_are_alike_are_one_object(self):
        first = self.table.reply(self.one, 1, False, 0)
        self.assertIs(self.table.reply(self.one, 1, False, 0), first)
        self.assertIs(first.prepared, self.one)
        for sequence, opens, files in ((2, False, 0), (1, True, 0), (1, False, 3)):
            other = self.table.reply(self.one, sequence, opens, files)
            told = (other.sequence, other.opens, other.files)
            self.assertEqual(told, (sequence, opens, files))
        self.assertIsNot(self.table.reply(self.one, 1, False, 3), other)
        self.assertEqual(self.table.reply(self.one, 1, False, 0).files, 0)
        another = Prepared(Statement(b"SET NAMES latin1"), changes=RENAMES)
        self.assertEqual(self.table.reply(another, 1, False, 0).changes, RENAMES)
        self.assertIs(self.table.reply(another, 1, False, 0).prepared, another)

    def test_nothing_of_a_statement_that_is_gone_is_kept(self):
        for forget in (self.table.close, lambda _: self.table.clear()):
            statement = prepared()
            known_by = getrefcount(statement)
            self.table.sent(statement)
            self.table.confirm(statement, 7, 0)
            self.table.reply(statement, 1, False, 0)
            forget(statement)
            self.assertEqual(getrefcount(statement), known_by)

    def test_behind_a_refusal_the_last_one_is_none(self):
        self.table.confirm(self.one, 7, 0)
        self.table.denied()
        self.assertIsNone(self.table.find(LAST_PREPARED))
        self.assertIs(self.table.find(7), self.one)
        self.table.sent(self.one)
        self.assertIs(self.table.find(LAST_PREPARED), self.one)

    def test_mysql_has_no_number_for_the_last_one(self):
        table = PreparedStatements(3, 10, False)
        table.denied()
        self.assertIsNone(table.find(LAST_PREPARED))

    def test_closed(self):
        self.table.confirm(self.one, 7, 0)
        self.table.close(self.one)
        self.assertIsNone(self.table.find(7))
        self.assertIsNone(self.table.find(LAST_PREPARED))

    def test_closed_before_it_has_a_number(self):
        self.table.close(self.one)
        self.table.confirm(self.one, 7, 0)
        self.assertIsNone(self.table.find(7))

    def test_cleared_but_for_what_was_sent_behind_that(self):
        self.table.confirm(self.one, 7, 0)
        later = prepared()
        self.table.sent(later)
        self.table.clear()
        self.assertIsNone(self.table.find(7))
        self.assertIs(self.table.find(LAST_PREPARED), later)
        self.table.confirm(later, 1, 0)
        self.table.clear()
        self.assertIsNone(self.table.find(LAST_PREPARED))


class Held(SynchronousTestCase):
    def test_so_many_bytes_for_all_statements_together(self):
        table = PreparedStatements(9, 10, True)
        one, other = prepared(), prepared()
        table.hold(one, LongData(1, 0, b"123456"))
        table.hold(other, LongData(2, 0, b"1234"))
        table.hold(other, LongData(2, 0, b"5"))
        self.assertEqual((one.is_overlong, other.is_overlong, other.long), (False, True, []))
        # What that one held is free again; but its value is not whole any more.
        table.hold(other, LongData(2, 0, b"5"))
        self.assertEqual(other.long, [])
        self.assertEqual(table.drop_long(one), [LongData(1, 0, b"123456")])
        table.drop_long(other)
        table.hold(other, LongData(2, 0, b"1234567890"))
        self.assertEqual((other.is_overlong, len(other.long)), (False, 1))

    def test_given_up_with_the_statement(self):
        table = PreparedStatements(9, 10, True)
        for give_up in (table.close, table.failed):
            one = prepared()
            table.sent(one)
            table.hold(one, LongData(1, 0, b"1234567890"))
            give_up(one)
            self.assertEqual(one.long, [])


class Model(RuleBasedStateMachine):
    """Numbers as a server gives them: it answers in order, and has a last statement of its own."""

    @initialize()
    def begin(self):
        self.table = PreparedStatements(5, 100, True)
        self.sent, self.alive, self.next = [], {}, 1
        self.last = None

    @precondition(lambda self: not self.table.is_full)
    @rule()
    def prepare(self):
        one = prepared()
        self.table.sent(one)
        self.sent.append(one)
        self.last = one

    @rule()
    def deny(self):
        self.table.denied()
        self.last = None

    @precondition(lambda self: self.sent)
    @rule(fails=st.booleans())
    def answer(self, fails):
        one = self.sent.pop(0)
        if fails:
            self.table.failed(one)
        else:
            self.table.confirm(one, self.next, 0)
            self.alive[self.next] = one
            self.next += 1

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def close(self, data):
        number = data.draw(st.sampled_from(sorted(self.alive)))
        one = self.alive.pop(number)
        self.table.close(one)
        if self.last is one:
            self.last = None

    @rule()
    def clear(self):
        if self.last in self.alive.values():
            self.last = None
        self.alive.clear()
        self.table.clear()

    @rule()
    def look(self):
        for number in range(1, self.next + 1):
            assert self.table.find(number) is self.alive.get(number)
        found = self.table.find(LAST_PREPARED)
        if self.last is None:
            assert found is None
        elif not self.last.failed:
            assert found is self.last
        guess = self.next + 1
        assert self.table.may_come(guess) == bool(self.sent)
        assert not self.table.may_come(LAST_PREPARED)
        assert not self.table.may_come(NOBODYS)
        assert self.table.is_full == (len(self.alive) + len(self.sent) >= 5)


AgainstAModel = Model.TestCase
