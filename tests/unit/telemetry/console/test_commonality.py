"""Attributes that slow calls have in common."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.calls import Call
from acra_twisted.telemetry.console.commonality import FEW, compared, said
from acra_twisted.telemetry.console.people import Names

NAMES = Names(None)


def call(took, **known):
    names = {"user": "user.name", "rows": "db.response.returned_rows"}
    attributes = {names.get(key, f"acra.{key}"): value for key, value in known.items()}
    return Call(0, took, "1" * 32, attributes)


class Common(SynchronousTestCase):
    def test_the_one_that_differs_most_is_first(self):
        calls = [call(50, client_id="a", user="u", rows=20) for _ in range(10)]
        calls += [call(1, client_id="b", user="u", rows=20 if n < 6 else 1) for n in range(10)]
        found = compared(calls, 10, NAMES)
        self.assertEqual((found.slow, found.others), (10, 10))
        factors = [(one.name, one.value, one.slow, one.others) for one in found.factors]
        self.assertEqual(
            factors[:2], [("client id", "a", 1.0, 0.0), ("rows", "11 to 100", 1.0, 0.6)]
        )
        self.assertEqual([one.matters for one in found.factors][:3], [True, True, False])
        self.assertEqual(
            "".join(piece.text for piece in said(found).pieces),
            "100 % of the slow calls that are kept are of a; of the others, 0 %.",
        )

    def test_nothing_in_common_has_no_sentence(self):
        calls = [call(took, client_id="a") for took in (1, 50) for _ in range(10)]
        found = compared(calls, 10, NAMES)
        self.assertIsNone(said(found))
        self.assertEqual(found.factors[0].gap, 0)

    def test_few_are_not_compared(self):
        calls = [call(50, client_id="a") for _ in range(FEW - 1)]
        calls += [call(1, client_id="b") for _ in range(50)]
        found = compared(calls, 10, NAMES)
        self.assertEqual((found.slow, list(found.factors)), (FEW - 1, []))
        self.assertIsNone(said(found))

    @given(
        st.lists(
            st.builds(
                call,
                st.floats(0, 100),
                client_id=st.text(max_size=5),
                user=st.one_of(st.none(), st.text(max_size=5), st.integers()),
                rows=st.one_of(st.none(), st.integers(-5, 10**9), st.text(max_size=3)),
                protocol=st.sampled_from(["simple", "prepared", "", 7]),
            ),
            max_size=40,
        )
    )
    def test_any_attributes(self, calls):
        found = compared(calls, 50, NAMES)
        self.assertEqual(found.slow + found.others, len(calls))
        for one in found.factors:
            self.assertTrue(0 <= one.slow <= 1 and 0 <= one.others <= 1)
        self.assertTrue(len(found.factors) <= 6)
