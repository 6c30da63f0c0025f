"""Questions of stages to a MySQL database, of which the client sees nothing."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.errors import FrameTooLarge, QuestionError
from acra_twisted.exchange import STATEMENT
from acra_twisted.outstanding import SKIP
from acra_twisted.question import Question
from acra_twisted.wire.mysql import capabilities
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.resultrows import encode_text
from tests.support.mysqlreplies import Followed, numbered, see_all, text_result
from tests.support.mysqlrequests import Desk, query, said
from tests.unit.dialects.mysql.test_descriptions import definition

EOF = b"\xfe\0\0\2\0"
DEPRECATE_EOF = 0x1000000


class Asked(SynchronousTestCase):
    def test_it_is_put_between_two_requests(self):
        desk = Desk(inspects=(STATEMENT,))
        question = Question(b"SELECT 1")
        self.assertTrue(desk.flow.ask(question))
        self.assertEqual(desk.flow.take_output(), said(query(b"SELECT 1")))
        ((action, code, exchange, reply),) = desk.session.outstanding
        self.assertEqual((action, code, exchange), (SKIP, replies.RESULT, None))
        self.assertIs(reply.question, question)

    def test_it_waits_until_nothing_is_owed(self):
        desk = Desk()
        desk.says(said(query(b"SELECT 2")))
        self.assertFalse(desk.flow.ask(Question(b"SELECT 1")))
        self.assertEqual(desk.flow.take_output(), b"")
        desk.replied()
        self.assertTrue(desk.flow.ask(Question(b"SELECT 1")))

    def test_it_has_no_attributes_where_they_are_in_force(self):
        desk = Desk(capabilities=capabilities.QUERY_ATTRIBUTES)
        desk.flow.ask(Question(b"SELECT 1"))
        self.assertEqual(desk.flow.take_output(), said(b"\x03\0\1SELECT 1"))

    def test_nobody_is_asked_in_the_middle_of_a_file(self):
        desk = Desk()
        desk.session.copying_in = True
        self.assertRaises(QuestionError, desk.flow.ask, Question(b"SELECT 1"))


class Answered(SynchronousTestCase):
    def ask(self, followed):
        question = Question(b"SELECT 1")
        followed.ask(reply=Reply(question=question), action=SKIP)
        return question

    def test_rows_are_the_answer_and_the_client_sees_nothing(self):
        for deprecate in (False, True):
            followed = Followed(DEPRECATE_EOF if deprecate else 0, plan=see_all)
            question = self.ask(followed)
            data = text_result(b"a", None, b"c" * 300, deprecate=deprecate)
            for at in range(len(data)):
                self.assertFalse(question.is_over)
                self.assertEqual(followed.feed(data[at : at + 1]), b"")
            self.assertTrue(question.is_over)
            self.assertEqual(question.rows, [[b"a"], [None], [b"c" * 300]])
            self.assertEqual(followed.works, 0)
            self.assertFalse(followed.session.outstanding)
            # The next reply is the client's.
            followed.ask()
            again = text_result(b"b", deprecate=deprecate)
            self.assertEqual(followed.feed(again), again)

    def test_without_stages_that_look_at_rows(self):
        followed = Followed()
        question = self.ask(followed)
        self.assertEqual(followed.feed(text_result(b"a")), b"")
        self.assertEqual(question.rows, [[b"a"]])

    def test_several_columns(self):
        followed = Followed(plan=see_all)
        question = self.ask(followed)
        names = [definition(b"a"), definition(b"b")]
        said = numbered([b"\2", *names, EOF, encode_text([b"1", b"2"]), EOF])
        self.assertEqual(followed.feed(said), b"")
        self.assertEqual(question.rows, [[b"1", b"2"]])

    def test_an_error_is_told_without_its_text(self):
        for before in ([], [b"\2", definition(b"secret")]):
            followed = Followed(plan=see_all)
            question = self.ask(followed)
            said = numbered([*before, b"\xff\x25\x05#70100about 'secret'"])
            self.assertEqual(followed.feed(said), b"")
            self.assertTrue(question.is_over)
            self.assertEqual(question.failure, "the database says error 1317")
            self.assertEqual(question.sqlstate, b"70100")

    def test_a_row_of_many_packets_is_too_long(self):
        followed = Followed(plan=see_all)
        self.ask(followed)
        head = numbered([b"\1", definition(b"a"), EOF])
        self.assertRaises(FrameTooLarge, followed.feed, head + b"\xff\xff\xff\4\xfd")

    def test_nothing_of_it_is_due_to_the_client(self):
        followed = Followed()
        self.ask(followed)
        followed.feed(text_result(b"a")[:9])
        followed.ask(reply=Reply(7))
        self.assertEqual(followed.flow.due, 7)
        self.assertEqual(followed.feed(packets(b"", 1)[:0]), b"")
