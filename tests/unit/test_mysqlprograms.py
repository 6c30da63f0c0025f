"""Programs of MySQL's commands, taken apart."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlplayer import QUERY, Step
from tests.support.mysqlprograms import Batch, Program
from tests.support.shrinking import shrunk

A, B, C, D = (Step(QUERY, text) for text in (b"a", b"b", b"c", b"d"))
batches = st.builds(
    Batch, st.integers(0, 2), st.lists(st.sampled_from((A, B, C)), min_size=1).map(tuple)
)


class Parts(SynchronousTestCase):
    @given(st.builds(Program, st.integers(0, 4), st.lists(batches).map(tuple)))
    def test_all_of_them_are_the_program(self, program):
        self.assertEqual(program.of(program.parts()), program)

    def test_steps_are_said_at_once_only_with_those_of_their_batch(self):
        program = Program(0, (Batch(0, (A, B, C)), Batch(0, (D,))))
        a, _, _, joint, c, d = program.parts()
        self.assertEqual(program.of([a, joint, c, d]).batches, (Batch(0, (A, C)), Batch(0, (D,))))
        self.assertEqual(program.of([joint, joint, d]).batches, (Batch(0, (D,)),))

    def test_no_more_is_left_than_is_needed(self):
        program = Program(4, (Batch(1, (A, B, C)), Batch(0, (D, B)), Batch(1, (B,))))
        for needed, left in (
            (lambda one: one.more, Program(4, ())),
            (lambda one: (1, (B, C)) in said(one), Program(0, (Batch(1, (B, C)),))),
            (lambda one: (1, (A, C)) in said(one), Program(0, (Batch(1, (A, C)),))),
            (
                lambda one: {A, D} <= {step for _, steps in said(one) for step in steps},
                Program(0, (Batch(1, (A,)), Batch(0, (D,)))),
            ),
        ):
            self.assertEqual(least(program, needed), left)


def said(program):
    """Return the steps that are said at once, and some of them, by their sessions."""
    return {
        (session, some)
        for session, steps in program.batches
        for size in range(1, len(steps) + 1)
        for some in combinations(steps, size)
    }


def least(program, needed):
    return program.of(shrunk(program.parts(), lambda some: needed(program.of(some))))
