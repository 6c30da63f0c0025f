"""A form filled in is what encoding span by span makes."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.export import otlp
from acra_twisted.telemetry.export.otlpforms import pieces
from acra_twisted.telemetry.tracing.recorded import Recorder
from tests.support.recordings import RECORDER, record

CONNECTOR = Recorder(None, 0)
SLOW = Recorder(("db", 5432), 1)

numbers = st.integers(0, 1 << 40)
exchanges = st.fixed_dictionaries(
    {
        "stages": st.integers(0, 3),
        "recorder": st.sampled_from([RECORDER, CONNECTOR, SLOW]),
        "text": st.sampled_from(
            [None, b"SELECT 1", b"SELECT 2 FROM t WHERE a = 'x'", "ä".encode()]
        ),
        "kind": st.sampled_from(["query", "prepare", "startup"]),
        "took": st.integers(-5, 1 << 40),
        "sent": numbers,
        "first_byte": numbers,
        "answered": numbers,
        "rows": st.integers(-1, 200),
        "parent": st.sampled_from(["", "1234567890abcdef"]),
        "links": st.integers(0, 1),
        "rows_runs": st.integers(0, 1),
    }
)


class Forms(SynchronousTestCase):
    @given(st.lists(exchanges, min_size=1, max_size=5))
    def test_the_same_bytes(self, many):
        for one in many:
            recorded = record(**one)
            whole = pieces(recorded)
            # Not before: forms must not need what `spans` sets.
            apart = b"".join(otlp.piece(span) for span in recorded.spans())
            if recorded.rows > 127:
                self.assertIsNone(whole)
            else:
                self.assertEqual(whole, apart)

    def test_a_form_is_made_once_for_a_shape(self):
        first, second = record(1), record(1)
        pieces(first)
        form = first.shape.form
        self.assertTrue(form.fits)
        pieces(second)
        self.assertIs(second.shape.form, form)
        self.assertEqual(second._made, [])

    def test_a_form_that_does_not_fit_is_not_used(self):
        recorded = record(1, text=b"SELECT of_a_kind_of_its_own", links=0)
        # What cannot be: the shape knows nothing of it.
        recorded.span.add_link("1" * 32, "2" * 16)
        self.assertIsNone(pieces(recorded))
        self.assertIsNone(pieces(recorded))
        self.assertFalse(recorded.shape.form.fits)
