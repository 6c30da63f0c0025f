"""How a session's texts are read, as its database tells it."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.replies import (
    ANYTHING,
    KEEPS,
    MAY_CHANGE,
    RENAMES,
    RESETS,
    SETS,
    Reply,
)
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.wire.mysql.okpackets import (
    ANSI_QUOTES,
    IN_TRANS,
    MORE_RESULTS,
    NO_BACKSLASH_ESCAPES,
    SCHEMA,
)
from tests.support.sessions import make_session

_CLIENT = b"character_set_client"


class State(SynchronousTestCase):
    mariadb = True

    def setUp(self):
        self.session = make_session()
        self.begin()

    def begin(self, collation=45):
        self.state = MysqlState(self.session, mariadb=self.mariadb, status=2, collation=collation)

    def answer(self, changes=KEEPS, *, status=None, failed=False, told=(), **more):
        """A request is sent, and answered."""
        reply = Reply(changes=changes, **more)
        self.state.sent(reply)
        for name, value in told:
            self.state.tracked(name, value)
        if status is not None:
            self.state.reported(status, reply)
        self.state.ended(reply, failed=failed)

    def read_by(self):
        parameters = self.session.parameters
        return parameters[b"sql_mode"], parameters[_CLIENT]


class Modes(State):
    def test_a_login_tells_all(self):
        self.assertEqual(self.read_by(), (b"", b"utf8mb4"))
        self.assertIs(self.session.conforming, False)

    def test_flags_of_a_plain_set_are_believed(self):
        self.answer(SETS, status=2 | ANSI_QUOTES)
        self.assertEqual(self.read_by()[0], b"ANSI_QUOTES")
        self.answer(SETS, status=2 | NO_BACKSLASH_ESCAPES)
        self.assertEqual(self.read_by()[0], b"NO_BACKSLASH_ESCAPES")
        self.assertIs(self.session.conforming, True)

    def test_flags_that_change_with_any_other_reply_are_not(self):
        for changes in (KEEPS, MAY_CHANGE, RENAMES, SETS | MAY_CHANGE):
            self.answer(changes, status=2 | ANSI_QUOTES, told=[(_CLIENT, b"utf8mb4")])
            self.assertEqual(self.read_by()[0], b"NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?")
            self.assertIsNone(self.session.conforming)
            self.answer(SETS, status=2)
            self.assertEqual(self.read_by()[0], b"")

    def test_a_set_that_changes_no_flag_makes_them_known_again(self):
        """A routine has left the flag; the client sets the mode that the flag tells."""
        self.answer(MAY_CHANGE, status=2 | ANSI_QUOTES)
        self.answer(status=2 | ANSI_QUOTES)
        self.assertIn(b"?", self.read_by()[0])
        self.answer(SETS, status=2 | ANSI_QUOTES, failed=True)
        self.assertIn(b"?", self.read_by()[0])
        self.answer(SETS, status=2 | ANSI_QUOTES)
        self.assertEqual(self.read_by()[0], b"ANSI_QUOTES")

    def test_other_flags_change_no_mode(self):
        before = self.session.parameters
        self.answer(status=0x2022 | IN_TRANS)
        self.assertIs(self.session.parameters, before)

    def test_a_reset_tells_all(self):
        self.answer(MAY_CHANGE, status=2 | ANSI_QUOTES)
        self.answer(RESETS, status=2 | ANSI_QUOTES, collation=8)
        self.assertEqual(self.read_by(), (b"ANSI_QUOTES", b"latin1"))
        self.answer(RESETS, status=2)
        self.assertEqual(self.read_by(), (b"", b"?"))

    def test_requests_that_may_change_a_mode_are_counted(self):
        plain, changing = Reply(), Reply(changes=MAY_CHANGE)
        self.state.sent(plain)
        self.state.sent(changing)
        self.assertEqual(self.state.changing, 1)
        self.state.ended(plain, failed=False)
        self.state.ended(changing, failed=True)
        self.assertEqual(self.state.changing, 0)

    def test_a_failure_leaves_them_unknown_where_a_part_may_have_been_done(self):
        """SET sql_mode = 'NO_BACKSLASH_ESCAPES', autocommit = 1 sets the mode and fails, in a
        distributed transaction."""
        for changes in (SETS, MAY_CHANGE, ANYTHING, RESETS):
            self.begin()
            self.answer(changes, failed=True)
            self.assertEqual(self.read_by()[0], b"NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?")
            self.assertIsNone(self.session.conforming)
            self.answer(SETS, status=2)
            self.assertEqual(self.read_by()[0], b"")
        for changes in (KEEPS, RENAMES):
            self.begin()
            self.answer(changes, failed=True)
            self.assertEqual(self.read_by()[0], b"")


class Results(State):
    def told(self):
        return self.session.parameters[b"character_set_results"]

    def test_it_is_told_by_itself(self):
        self.begin(8)
        self.assertEqual(self.told(), b"latin1")
        self.answer(told=[(b"character_set_results", b"UCS2")])
        self.assertEqual((self.told(), self.read_by()[1]), (b"ucs2", b"latin1"))
        self.answer(RENAMES, told=[(_CLIENT, b"cp1251")])
        self.assertEqual(self.told(), b"ucs2")
        self.answer(told=[(b"character_set_results", b"")])
        self.assertEqual(self.told(), b"")
        self.answer(RESETS, collation=8)
        self.assertEqual(self.told(), b"latin1")
        self.answer(RESETS)
        self.assertEqual(self.told(), b"?")

    def test_it_is_unknown_behind_what_may_have_changed_it(self):
        for failed in (True, False):
            self.begin()
            self.answer(RENAMES, failed=failed)
            self.assertEqual(self.told(), b"?")
            self.state.answered(b"", b"utf8mb4", b"latin2")
            self.assertEqual(self.told(), b"latin2")
        self.begin(0)
        self.assertEqual(self.told(), b"?")

    def test_what_is_told_between_results_need_not_hold_behind_the_last_one(self):
        told = [(b"character_set_results", b"latin1")]
        self.answer(told=told)
        self.assertFalse(self.state.lacks_characters)
        self.answer(told=told, status=2 | MORE_RESULTS)
        self.assertEqual(self.told(), b"?")
        self.assertTrue(self.state.lacks_characters)


class ModesOfMysql(State):
    mariadb = False

    def test_the_quotes_are_not_in_its_flags(self):
        self.assertEqual(self.read_by()[0], b"ANSI_QUOTES?")
        self.answer(SETS, status=2 | ANSI_QUOTES)
        self.assertEqual(self.read_by()[0], b"ANSI_QUOTES?")
        self.assertIs(self.session.conforming, False)

    def test_they_are_known_where_the_mode_is_tracked(self):
        for value, expected in (
            (b"STRICT_TRANS_TABLES", b""),
            (b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES", b"NO_BACKSLASH_ESCAPES,ANSI_QUOTES"),
            (b"REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI", b"ANSI_QUOTES"),
        ):
            self.answer(SETS, told=[(b"sql_mode", value)])
            self.assertEqual(self.read_by()[0], expected)

    def test_what_was_told_holds_until_it_may_have_changed(self):
        self.answer(SETS, told=[(b"sql_mode", b"")])
        self.answer()
        self.answer(RENAMES, told=[(_CLIENT, b"utf8mb4")])
        self.assertEqual(self.read_by()[0], b"")
        for changes in (SETS, MAY_CHANGE, ANYTHING, RESETS):
            self.answer(SETS, told=[(b"sql_mode", b"")])
            self.answer(changes)
            self.assertEqual(self.read_by()[0], b"ANSI_QUOTES?")
            self.answer(SETS, told=[(b"sql_mode", b"")])
            self.answer(changes, failed=True)
            self.assertEqual(self.read_by()[0], b"NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?")

    def test_a_mode_told_between_results_need_not_hold_behind_the_last_one(self):
        self.answer(told=[(b"sql_mode", b"")], status=2 | MORE_RESULTS)
        self.assertEqual(self.read_by()[0], b"NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?")


class CharacterSets(State):
    def test_of_a_login(self):
        for collation, name in ((28, b"gbk"), (8, b"latin1"), (255, b"?")):
            self.begin(collation)
            self.assertEqual(self.read_by()[1], name)

    def test_nobody_knows_what_a_backslash_is_beside_an_unsafe_one(self):
        for collation in (28, 13, 255):
            self.begin(collation)
            self.assertIsNone(self.session.conforming)

    def test_it_is_what_is_told(self):
        self.answer(RENAMES, told=[(_CLIENT, b"GBK")])
        self.assertEqual(self.read_by()[1], b"gbk")
        self.answer(told=[(_CLIENT, b"latin1")])
        self.assertEqual(self.read_by()[1], b"latin1")

    def test_a_statement_that_names_one_of_which_nothing_is_told(self):
        for failed in (False, True):
            self.answer(RENAMES, told=[(_CLIENT, b"latin1")])
            self.answer(RENAMES, failed=failed)
            self.assertEqual(self.read_by()[1], b"?")

    def test_anything_may_change_it_of_which_nothing_is_told(self):
        """Tracking may be off: a client, a routine or another session has ended it."""
        self.answer(MAY_CHANGE)
        self.assertEqual(self.read_by()[1], b"utf8mb4")
        self.answer(ANYTHING)
        self.assertEqual(self.read_by()[1], b"?")
        self.answer(ANYTHING, told=[(_CLIENT, b"latin1")])
        self.assertEqual(self.read_by()[1], b"latin1")
        self.answer(ANYTHING, failed=True, told=[(_CLIENT, b"utf8mb4")])
        self.assertEqual(self.read_by()[1], b"?")

    def test_what_was_told_behind_a_request_that_keeps_it_is_not_told_of_the_next_one(self):
        self.answer(told=[(_CLIENT, b"latin1")])
        self.answer(RENAMES)
        self.assertEqual(self.read_by()[1], b"?")

    def test_what_is_told_between_results_need_not_hold_behind_the_last_one(self):
        """A routine has a character set of its own until it ends."""
        for changes in (KEEPS, ANYTHING):
            self.answer(RENAMES, told=[(_CLIENT, b"utf8mb4")])
            self.answer(changes, told=[(_CLIENT, b"latin1")], status=2 | MORE_RESULTS)
            self.assertEqual(self.read_by()[1], b"?")


class Others(State):
    def test_a_transaction_is_what_the_status_says(self):
        self.answer(status=2 | IN_TRANS)
        self.assertEqual(self.session.transaction, IN_TRANSACTION)
        self.answer(status=2)
        self.assertEqual(self.session.transaction, IDLE)

    def test_the_schema_is_the_tracked_one_or_the_one_that_was_asked_for(self):
        self.answer(told=[(SCHEMA, b"shop")])
        self.assertEqual(self.session.database, b"shop")
        self.answer(schema=b"other", failed=True)
        self.assertEqual(self.session.database, b"shop")
        self.answer(schema=b"other")
        self.assertEqual(self.session.database, b"other")
