"""Replies in one chunk: they pass in one piece, and as they do packet by packet."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.results import Plan
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqlreplies import Followed, numbered, see_all, statement, text_result

_CACHE = 0x10
_DEPRECATE_EOF = 0x1000000
_TRACK = 0x800000


def see_some(columns):
    return Plan(columns, ("hook",), (lambda data, start, end: data.find(b"x", start, end) >= 0,))


def ok(status=2, warnings=0, rest=b""):
    return b"\0\0\0" + status.to_bytes(2, "little") + warnings.to_bytes(2, "little") + rest


class Whole(SynchronousTestCase):
    def passed(self, followed, data, reply=replies.PLAIN):
        exchange = followed.ask(reply=reply)
        followed.flow.begin(data)
        self.assertIs(followed.flow.take_output(), data)
        self.assertEqual(exchange.outcome, "ok")
        return exchange

    def test_results_and_oks_pass_in_one_piece(self):
        for capabilities in (0, _DEPRECATE_EOF):
            for plan in (None, see_some):
                followed = Followed(capabilities, plan=plan)
                data = text_result(b"a", b"b", deprecate=bool(capabilities))
                for _ in range(2):
                    exchange = self.passed(followed, data)
                    self.assertEqual((exchange.rows, bool(exchange.first_byte)), (2, True))
                exchange = self.passed(followed, packets(ok(3), 1))
                self.assertEqual(exchange.rows, -1)
                self.assertEqual(followed.state.status, 3)
                self.assertEqual(followed.flow.passed_whole, 3)

    def test_rows_that_concern_a_stage_are_seen(self):
        followed = Followed(plan=see_some)
        self.passed(followed, text_result(b"a"))
        followed.ask()
        self.assertIsNotNone(followed.flow.begin(text_result(b"x")))

    def test_an_execution_has_its_columns_kept(self):
        followed = Followed(plan=see_some)
        prepared = statement()
        followed.ask(reply=Reply(prepared=prepared))
        # No row: a row in text form is none in binary form.
        followed.flow.begin(text_result())
        self.assertEqual(followed.flow.passed_whole, 1)
        self.assertEqual(list(prepared.columns.names), [b"c"])

    def test_an_execution_whose_columns_the_client_has_kept_passes_in_one_piece(self):
        for capabilities in (0, _DEPRECATE_EOF):
            for plan in (None, see_some):
                followed = Followed(capabilities, _CACHE, plan=plan)
                reply, deprecate = Reply(prepared=statement()), bool(capabilities)
                kept = text_result(b"a", deprecate=deprecate, follow=0)
                self.passed(followed, text_result(deprecate=deprecate, follow=1), reply)
                exchange = self.passed(followed, kept, reply)
                self.assertEqual((exchange.rows, followed.flow.passed_whole), (1, 2))

    def test_rows_of_kept_columns_that_concern_a_stage_are_seen(self):
        followed, reply = Followed(0, _CACHE, plan=see_some), Reply(prepared=statement())
        self.passed(followed, text_result(follow=1), reply)
        followed.ask(reply=reply)
        self.assertIsNotNone(followed.flow.begin(text_result(b"x", follow=0)))


value = st.binary(max_size=5) | st.sampled_from((b"x", b"refuse x"))
results = st.builds(
    lambda rows, status, first, deprecate, cut, more, follow: (
        text_result(*rows, first=first, status=status, deprecate=deprecate, follow=follow)[
            : -cut or None
        ]
        + more
    ),
    st.lists(value.map(b"-".__add__), max_size=3),
    st.sampled_from((2, 2, 2, 3, 8, 0x42, 0x4002, 0x202)),
    st.sampled_from((1, 1, 1, 2)),
    st.booleans(),
    st.sampled_from((0, 0, 0, 1, 3, 5, 9, 20)),
    st.sampled_from((b"", b"", b"", b"\1", packets(ok(), 1), packets(b"\xff\1\1no", 5))),
    st.sampled_from((None, 1, 0, 0, 2)),
)
others = st.sampled_from(
    (
        packets(ok(), 1),
        packets(ok(3), 1),
        packets(ok(2, 1), 1),
        packets(ok(0x4002, 0, b"\0\0"), 1),
        packets(ok(2, 0, b"\4info"), 1),
        packets(b"\xff\x28\x04#42000no", 1),
        packets(b"\0\xfc\1\1\0\2\0", 1),
        packets(b"\xfb/etc/passwd", 1),
        numbered([b"\1\1", b"\3def"], 1),
    )
)


class Likeness(SynchronousTestCase):
    @given(
        st.lists(results | others, min_size=1, max_size=4),
        st.sampled_from((0, _DEPRECATE_EOF, _TRACK, _TRACK | _DEPRECATE_EOF)),
        st.sampled_from((0, _CACHE)),
        st.sampled_from((None, see_all, see_some)),
        st.booleans(),
        st.booleans(),
    )
    def test_it_does_not_matter_if_a_reply_is_taken_whole(
        self, chunks, capabilities, extended, plan, tracked_for_us, prepared
    ):
        def judge(work):
            cells = [work.item.cells(row)[0] or b"" for row in range(len(work.item))]
            return Deny("no") if any(b"refuse" in cell for cell in cells) else PASS

        outcomes = []
        for whole in (True, False):
            followed = Followed(capabilities, extended, plan, tracked_for_us=tracked_for_us)
            flow, got, kept = followed.flow, [], statement()
            for chunk in chunks:
                reply = Reply(prepared=kept) if prepared else replies.PLAIN
                exchange = followed.ask(reply=reply)
                try:
                    if whole:
                        work = flow.begin(chunk)
                    else:
                        flow.feed(chunk)
                        work = flow.next_work()
                    while work is not None:
                        got.append(flow.take_output())
                        flow.settle(work, judge(work))
                        work = flow.next_work()
                except Exception as error:
                    got.append(flow.take_output())
                    got.append(repr(error).encode())
                    break
                got.append(flow.take_output())
                got.append(
                    repr(
                        (exchange.outcome, exchange.rows, exchange.status_code)
                        + (exchange.attributes, bool(exchange.first_byte))
                        + (followed.state.status, followed.session.parameters)
                        + (followed.session.transaction, len(followed.session.outstanding))
                        + (flow.unfinished, flow.due, kept.columns and list(kept.columns.names))
                    ).encode()
                )
            outcomes.append(b"".join(got))
        self.assertEqual(*outcomes)
