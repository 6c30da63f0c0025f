"""The mark of a server's definitions."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.servermark import mark_question, read_mark
from tests.support.mysqlsessions import mark_of


class Marks(SynchronousTestCase):
    def test_the_text_is_read_alike_in_every_mode(self):
        text = mark_question()
        self.assertTrue(text.isascii())
        for sign in (b'"', b"`", b"\\", b"||", b"--", b"#", b"/*"):
            self.assertNotIn(sign, text)

    def test_it_is_another_behind_a_change(self):
        mark = read_mark(mark_of(7))
        self.assertTrue(read_mark(mark_of(7, 200)).is_same(mark))
        self.assertFalse(read_mark(mark_of(8, 200)).is_same(mark))
        self.assertFalse(mark.is_same(None))

    def test_a_server_that_has_begun_anew_is_another(self):
        self.assertFalse(read_mark(mark_of(7, 99)).is_same(read_mark(mark_of(7, 100))))

    def test_the_order_of_rows_tells_nothing(self):
        self.assertTrue(read_mark(mark_of(7)[::-1]).is_same(read_mark(mark_of(7))))

    def test_an_answer_that_was_cut_short_is_none(self):
        rows = mark_of(7)
        for at in range(len(rows)):
            if rows[at][0] != b"Com_flush":
                self.assertIsNone(read_mark([*rows[:at], *rows[at + 1 :]]))
        for uptime in (b"", b"x", b"-1", b"1" * 21, None):
            self.assertIsNone(read_mark([*rows[:-1], [b"Uptime", uptime]]))
        self.assertIsNone(read_mark([*rows, [b"one"]]))

    @given(st.lists(st.lists(st.one_of(st.none(), st.binary(max_size=9)), max_size=3)))
    def test_any_rows_are_read(self, rows):
        self.assertIsNone(read_mark(rows))
