"""Rows on their way: in which pieces they leave, with which numbers, and what is refused."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.results import Plan
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.mysql.frames import PART_MAX, packets
from tests.support.mysqlreplies import (
    Followed,
    cells,
    see_all,
    statement,
    text_head,
    text_result,
    text_tail,
)

DENIED = Deny("the result could not be processed", errno=1105)


def see_some(columns):
    """Plan for the runs that have an x to be judged."""
    return Plan(columns, ("hook",), (lambda data, start, end: data.find(b"x", start, end) >= 0,))


class Grow:
    """Makes each cell longer."""

    def __init__(self, size):
        self.size = size

    def __call__(self, work):
        for row in range(len(work.item)):
            (value,) = work.item.cells(row)
            if value is not None:
                work.item.set_cell(row, 0, value * self.size)
        return Replace(work.item)


class Before(SynchronousTestCase):
    @given(st.lists(st.integers(1, 300), max_size=8))
    def test_runs_know_how_many_rows_came_before(self, pieces):
        followed = Followed(plan=see_all)
        seen = []

        def judge(work):
            batch = work.item
            for at in range(len(batch)):
                seen.append((batch.before + at, int(batch.cells(at)[0])))
            return PASS

        for _ in range(2):
            followed.ask()
            said = text_result(*(b"%d" % number for number in range(40)))
            for piece in pieces:
                followed.feed(said[:piece], judge)
                said = said[piece:]
            followed.feed(said, judge)
        self.assertEqual(seen, [(number, number) for number in range(40)] * 2)


class Unread(SynchronousTestCase):
    def test_a_result_leaves_as_the_object_that_arrived(self):
        followed = Followed()
        followed.ask()
        said = text_result(b"a", b"b")
        followed.flow.feed(said)
        self.assertIsNone(followed.flow.next_work())
        self.assertIs(followed.flow.take_output(), said)

    def test_the_beginning_of_a_row_does_not_wait_for_its_end(self):
        followed = Followed()
        followed.ask()
        said = text_head() + packets(cells(b"a" * 1000), 4) + text_tail(5)
        at = len(text_head()) + 500
        self.assertEqual(followed.feed(said[:at]), said[:at])
        self.assertFalse(followed.flow.may_interject)
        self.assertTrue(followed.flow.unfinished)
        self.assertEqual(followed.flow.unread, at - len(text_head()) - 1007)
        self.assertEqual(followed.feed(said[at:]), said[at:])
        self.assertTrue(followed.flow.may_interject)

    def test_a_row_of_many_parts_streams(self):
        for size in (PART_MAX - 5, PART_MAX - 4, PART_MAX, PART_MAX + 7):
            followed = Followed(message_limit=1 << 20)
            exchange = followed.ask()
            row = packets(cells(b"a" * size), 4)
            said = text_head() + row + packets(cells(b"b"), row_end(row)) + text_tail(0)
            got = [followed.feed(said[at : at + 700_000]) for at in range(0, len(said), 700_000)]
            self.assertEqual(b"".join(got) == said, True)
            self.assertEqual(exchange.rows, 2)
            self.assertTrue(all(map(len, got)))

    def test_numbers_begin_anew_behind_255(self):
        followed = Followed()
        exchange = followed.ask()
        said = text_result(*[b"a"] * 600)
        self.assertEqual(followed.feed(said), said)
        self.assertEqual(exchange.rows, 600)


def row_end(row):
    """The number behind a row's packets."""
    return 5 + (len(row) - 1) // (PART_MAX + 4)


class Judged(SynchronousTestCase):
    def test_rows_wait_until_they_are_whole(self):
        followed = Followed(plan=see_all)
        followed.ask()
        said = text_result(b"a", b"b")
        at = len(text_head()) + 4 + 2 + 3
        got = followed.feed(said[:at])
        self.assertEqual((got, followed.works), (text_head() + packets(cells(b"a"), 4), 1))
        self.assertEqual(got + followed.feed(said[at:]), said)
        self.assertEqual(followed.works, 2)

    def test_a_run_that_concerns_nobody_is_no_work(self):
        followed = Followed(plan=see_some)
        for row, works in ((b"a", 0), (b"x", 1)):
            followed.ask()
            said = text_result(row)
            self.assertEqual((followed.feed(said), followed.works), (said, works))

    def test_changed_rows_keep_their_numbers(self):
        followed = Followed(plan=see_all)
        followed.ask()
        got = followed.feed(text_result(b"a", b"b"), Grow(300))
        self.assertEqual(got, text_result(b"a" * 300, b"b" * 300))

    def test_rows_that_take_more_packets_move_the_numbers_behind_them(self):
        followed = Followed(plan=see_all)
        followed.ask()
        said = text_result(b"aa", b"b")
        got = [followed.feed(said[at : at + 13], Grow(PART_MAX)) for at in range(0, len(said), 13)]
        due = text_result(b"aa" * PART_MAX, b"b" * PART_MAX)
        self.assertEqual(b"".join(got) == due, True)

    def test_a_long_row_is_judged_whole(self):
        followed = Followed(plan=see_some)
        for value, works in ((b"a" * PART_MAX, 0), (b"a" * PART_MAX + b"x", 1)):
            exchange = followed.ask()
            said = text_result(value, b"b")
            got = [followed.feed(said[at : at + 900_000]) for at in range(0, len(said), 900_000)]
            self.assertEqual(b"".join(got) == said, True)
            self.assertEqual((followed.works, exchange.rows), (works, 2))
            # Nothing of the row left before it was whole.
            self.assertEqual(sum(map(bool, got)), 2)

    def test_a_long_row_gets_shorter(self):
        followed = Followed(plan=see_all)
        followed.ask()

        def cut(work):
            work.item.set_cell(0, 0, b"cut")
            return Replace(work.item)

        got = followed.feed(text_result(b"a" * PART_MAX, b"b"), cut)
        self.assertEqual(got, text_result(b"cut", b"cut"))

    def test_a_row_over_the_limit_is_refused_before_it_is_there(self):
        for size in (PART_MAX - 100, PART_MAX + 100):
            followed = Followed(plan=see_all, message_limit=PART_MAX - 1000)
            followed.ask()
            said = text_result(b"a" * size)[: len(text_head()) + 100]
            self.assertRaises(FrameTooLarge, followed.feed, said)
        followed = Followed(plan=see_all, message_limit=PART_MAX + 1000)
        followed.ask()
        followed.feed(text_result(b"a" * (PART_MAX + 2000))[: PART_MAX + 50])
        self.assertRaises(FrameTooLarge, followed.feed, b"a" * 500)


class Refused(SynchronousTestCase):
    def error(self, number):
        return packets(b"\xff\x51\x04#HY000the result could not be processed", number)

    def test_an_error_takes_the_place_of_the_rest(self):
        """It has the number that the first refused row would have had."""
        followed = Followed(plan=see_some)
        exchange = followed.ask()
        followed.feed(text_head() + packets(cells(b"a"), 4))
        got = followed.feed(
            packets(cells(b"x"), 5) + packets(cells(b"b"), 6) + text_tail(7), lambda work: DENIED
        )
        self.assertEqual(got, self.error(5))
        self.assertEqual((exchange.outcome, exchange.status_code), ("denied", "1105"))
        self.assertTrue(exchange.closed)

    def test_further_results_are_left_out_up_to_their_end(self):
        followed = Followed(plan=see_some)
        first, second = followed.ask(), followed.ask()
        more = text_result(b"x", status=2 | 8)
        behind = text_result(b"x", b"y", first=7) + packets(b"\0\0\0\2\0\0\0", 14)
        nothing = followed.feed(more + behind[:-20], lambda work: DENIED)
        self.assertEqual(nothing, text_head(status=2 | 8) + self.error(4))
        self.assertFalse(first.closed)
        self.assertEqual(followed.feed(behind[-20:-11]), b"")
        self.assertTrue(first.closed)
        self.assertFalse(second.closed)
        # The number of the next reply's first packet is its own.
        self.assertEqual(followed.feed(behind[-11:]), packets(b"\0\0\0\2\0\0\0", 1))

    def test_an_error_of_the_database_behind_it_is_left_out_too(self):
        followed = Followed(plan=see_all)
        exchange = followed.ask()
        said = text_head() + packets(cells(b"x"), 4) + packets(b"\xff\x25\x05#70100killed", 5)
        self.assertEqual(followed.feed(said, lambda work: DENIED), text_head() + self.error(4))
        self.assertEqual((exchange.outcome, exchange.status_code), ("denied", "1105"))
        followed.ask()
        self.assertEqual(followed.feed(text_result(b"b")), text_result(b"b"))

    def test_a_long_row_is_refused_at_its_place(self):
        followed = Followed(plan=see_all)
        followed.ask()
        said = text_result(b"a" * PART_MAX, b"b")
        got = [
            followed.feed(said[at : at + 900_000], lambda work: DENIED)
            for at in range(0, len(said), 900_000)
        ]
        self.assertEqual(b"".join(got), text_head() + self.error(4))

    @given(st.lists(st.binary(max_size=9), max_size=12), st.integers(1, 40), st.booleans())
    def test_pieces_do_not_matter(self, rows, size, deprecate):
        def judge(work):
            return (
                DENIED
                if any(work.item.cells(at) == [b"x"] for at in range(len(work.item)))
                else PASS
            )

        answers = set()
        said = text_result(*rows, b"x", b"a", deprecate=deprecate)
        for pieces in (1, size):
            followed = Followed(0x1000000 if deprecate else 0, plan=see_all)
            followed.ask()
            got = [
                followed.feed(said[at : at + pieces], judge) for at in range(0, len(said), pieces)
            ]
            ended = b"".join(got)
            self.assertIn(b"the result could not be processed", ended)
            self.assertFalse(followed.session.outstanding)
            if pieces == 1:
                answers.add(ended)
        # A row at a time, all rows before the refused one arrive.
        before = rows[: rows.index(b"x")] if b"x" in rows else rows
        head = text_result(*before, deprecate=deprecate)[: -9 - 2 * deprecate]
        self.assertEqual(
            answers, {head + self.error((len(before) + (3 if deprecate else 4)) % 256)}
        )


class Undescribed(SynchronousTestCase):
    def test_rows_of_nobody_knows_what_are_refused_where_stages_look(self):
        row = packets(b"\0\0\1a", 1)
        for prepared in (None, statement()):
            followed = Followed(plan=see_all)
            followed.ask(replies.FETCH, Reply(prepared=prepared))
            self.assertRaises(WireError, followed.feed, row)
            followed = Followed()
            followed.ask(replies.FETCH, Reply(prepared=prepared))
            self.assertEqual(followed.feed(row), row)
            followed = Followed(plan=see_all)
            followed.ask(replies.FETCH, Reply(prepared=prepared))
            unknown = packets(b"\xff\xdb\x04#HY000unknown statement", 1)
            self.assertEqual(followed.feed(unknown), unknown)
