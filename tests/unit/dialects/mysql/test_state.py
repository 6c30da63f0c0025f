"""How a session's texts are read, as its database tells it."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.replies import KEEPS, MAY_CHANGE, SETS, Reply
from acra_twisted.dialects.mysql.state import (
    ANSI_QUOTES,
    IN_TRANS,
    NO_BACKSLASH_ESCAPES,
    MysqlState,
)
from acra_twisted.session import IDLE, IN_TRANSACTION, Identity, Session


def session():
    return Session(1, Identity("client", "127.0.0.1", False), None, lambda: 1)


class Modes(SynchronousTestCase):
    def setUp(self):
        self.session = session()
        self.state = MysqlState(self.session, mariadb=True, status=2, collation=45)

    def mode(self):
        return self.session.parameters[b"sql_mode"]

    def test_a_login_tells_all(self):
        self.assertEqual(
            dict(self.session.parameters), {b"sql_mode": b"", b"character_set_client": b"utf8mb4"}
        )
        self.assertIs(self.session.conforming, False)

    def test_flags_of_a_plain_set_are_believed(self):
        self.state.reported(2 | ANSI_QUOTES, Reply(changes=SETS))
        self.assertEqual(self.mode(), b"ANSI_QUOTES")
        self.state.reported(2 | NO_BACKSLASH_ESCAPES, Reply(changes=SETS))
        self.assertEqual(self.mode(), b"NO_BACKSLASH_ESCAPES")
        self.assertIs(self.session.conforming, True)

    def test_flags_that_change_with_any_other_reply_are_not(self):
        for changes in (KEEPS, MAY_CHANGE):
            self.state.reported(2 | ANSI_QUOTES, Reply(changes=changes))
            self.assertIn(b"?", self.mode())
            self.assertIsNone(self.session.conforming)
            self.state.reported(2, Reply(changes=SETS))
            self.assertEqual(self.mode(), b"")

    def test_a_transaction_is_what_the_status_says(self):
        self.state.reported(2 | IN_TRANS, Reply())
        self.assertEqual(self.session.transaction, IN_TRANSACTION)
        self.state.reported(2, Reply())
        self.assertEqual(self.session.transaction, IDLE)

    def test_requests_that_may_change_a_mode_are_counted(self):
        plain, changing = Reply(), Reply(changes=MAY_CHANGE)
        self.state.sent(plain)
        self.state.sent(changing)
        self.assertEqual(self.state.changing, 1)
        self.state.ended(plain)
        self.state.ended(changing)
        self.assertEqual(self.state.changing, 0)
