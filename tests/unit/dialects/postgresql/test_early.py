"""What a client says before its session is ready."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.early import EarlyRequests
from acra_twisted.wire.postgres.frames import message
from tests.support.sessions import SYNC, TERMINATE, bind, parse, query

ANSWERS = st.lists(st.binary(max_size=12).map(lambda body: message(b"p", body)), max_size=3)
REQUESTS = st.lists(
    st.sampled_from((query(b"SELECT 1"), parse(b"", b"x"), bind(b"", b""), SYNC, TERMINATE)),
    max_size=4,
)


class Early(SynchronousTestCase):
    @given(ANSWERS, REQUESTS, st.integers(1, 30))
    def test_answers_go_on_and_what_is_behind_a_request_waits_in_any_pieces(
        self, answers, requests, size
    ):
        # One that goes says so at once, unless something stands before it.
        while requests and requests[0] == TERMINATE:
            requests.pop(0)
        data = b"".join(answers) + b"".join(requests)
        early, passed = EarlyRequests(), b""
        for at in range(0, len(data), size):
            passed += early.feed(data[at : at + size])
        self.assertEqual(passed, b"".join(answers))
        self.assertEqual(early.holding, bool(requests))
        self.assertEqual(early.take(), b"".join(requests))
        self.assertFalse(early.holding)

    @given(st.lists(st.binary(max_size=20)))
    def test_nothing_is_lost_or_turned_round(self, chunks):
        early = EarlyRequests()
        passed = b"".join(map(early.feed, chunks))
        self.assertEqual(passed + early.take(), b"".join(chunks))
