"""The queue against a deque."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange
from acra_twisted.outstanding import (
    ANSWER,
    ANSWER_WITH_NEXT,
    FORWARD,
    REPLACE,
    SKIP,
    Outstanding,
)
from tests.support.sessions import make_session

actions = st.sampled_from([FORWARD, SKIP, REPLACE, ANSWER])
steps = st.one_of(
    st.sampled_from(["append", "append", "append", "appendleft", "popleft", "popleft", "clear"]),
    st.tuples(st.sampled_from(["extend", "drain"]), st.integers(0, 200)),
)


class Queue(SynchronousTestCase):
    @given(st.lists(steps, max_size=60))
    def test_like_a_deque(self, steps):
        queue, model = Outstanding(), deque()
        number = 0
        for step in steps:
            if step in ("append", "appendleft"):
                number += 1
                for one in (queue, model):
                    getattr(one, step)((FORWARD, number, None, "x"))
            elif step == "popleft":
                if model:
                    self.assertEqual(queue.popleft(), model.popleft())
                else:
                    self.assertRaises(IndexError, queue.popleft)
            elif step == "clear":
                queue.clear()
                model.clear()
            elif step[0] == "extend":
                entries = [(FORWARD, number + n, None, None) for n in range(step[1])]
                number += step[1]
                queue.extend(entries)
                model.extend(entries)
            else:
                for _ in range(min(step[1], len(model))):
                    self.assertEqual(queue.popleft(), model.popleft())
            self.assertEqual((len(queue), bool(queue)), (len(model), bool(model)))
            self.assertEqual(list(queue), list(model))
            if model:
                self.assertEqual((queue[0], queue[len(model) - 1]), (model[0], model[-1]))

    @given(
        st.lists(st.tuples(actions, st.integers(1, 3), st.integers(0, 1)), max_size=5),
        st.integers(0, 3),
        st.lists(st.integers(1, 3), max_size=3),
        st.integers(0, 2),
    )
    def test_entries_of_one_exchange(self, entries, first, codes, taken):
        exchanges = [Exchange(make_session(), "query", None, 1) for _ in range(2)]
        queue = Outstanding()
        queue.extend([(FORWARD, 0, None, None)] * taken)
        queue.extend([(action, code, exchanges[which], None) for action, code, which in entries])
        for _ in range(taken):
            queue.popleft()
        self.assertEqual(
            queue.forwards(first, codes, exchanges[0]),
            entries[first:] == [(FORWARD, code, 0) for code in codes] and first <= len(entries),
        )

    def test_an_answer_of_ours_is_due_at_the_head(self):
        for owed, due in (
            ([], False),
            ([FORWARD], False),
            ([SKIP], False),
            ([REPLACE], False),
            ([ANSWER], True),
            ([ANSWER, FORWARD], True),
            ([FORWARD, ANSWER], False),
            ([ANSWER_WITH_NEXT], True),
            ([ANSWER_WITH_NEXT, FORWARD], False),
            ([ANSWER_WITH_NEXT, SKIP], False),
            ([ANSWER_WITH_NEXT, REPLACE], False),
            ([ANSWER_WITH_NEXT, ANSWER, FORWARD], True),
            ([ANSWER_WITH_NEXT, ANSWER_WITH_NEXT, FORWARD], True),
        ):
            queue = Outstanding()
            # One that has gone before them changes nothing.
            queue.extend([(ANSWER, 0, None, None), *((action, 1, None, None) for action in owed)])
            queue.popleft()
            self.assertEqual(queue.is_due, due, owed)

    def test_what_is_gone_is_not_kept(self):
        queue = Outstanding()
        queue.extend([(FORWARD, n, None, None) for n in range(1000)])
        for n in range(999):
            self.assertEqual(queue.popleft()[1], n)
            self.assertLessEqual(len(queue._entries), max(2 * len(queue), len(queue) + 64))
        self.assertEqual(queue[0][1], 999)
