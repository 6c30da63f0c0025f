"""A form filled in is what a request's own records are."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.history.forms import Forms
from acra_twisted.telemetry.tracing.recorded import Recorder
from acra_twisted.telemetry.tracing.records import as_record
from tests.support.recordings import RECORDER, record

CONNECTOR = Recorder(None, 0)
SLOW = Recorder(("db", 5432), 1)

numbers = st.integers(0, 1 << 40)
exchanges = st.fixed_dictionaries(
    {
        "stages": st.integers(0, 3),
        "recorder": st.sampled_from([RECORDER, CONNECTOR, SLOW]),
        "text": st.sampled_from(
            [None, b"SELECT 1", b"SELECT 10 % a FROM t", 'SELECT ä, \\ FROM "%s"'.encode()]
        ),
        "kind": st.sampled_from(["query", "execute", "prepare", "startup"]),
        "took": st.integers(-5, 1 << 40),
        "sent": numbers,
        "first_byte": numbers,
        "answered": numbers,
        "rows": st.integers(-1, 200),
        "parent": st.sampled_from(["", "1234567890abcdef"]),
        "links": st.integers(0, 1),
        "rows_runs": st.integers(0, 1),
        "sampled": st.booleans(),
    }
)


def records(recorded):
    return [as_record(span, "acra-server") for span in recorded.spans()]


class Filled(SynchronousTestCase):
    @given(st.lists(exchanges, min_size=1, max_size=5))
    def test_the_same_records(self, many):
        forms = Forms("acra-server")
        for one in many:
            recorded = record(**one)
            packed = forms.pack(recorded)
            self.assertIsNotNone(packed)
            # Not before: forms must not need what `spans` sets.
            self.assertEqual(pieces.unpack_spans(packed), records(recorded))

    def test_spans_are_made_once_for_a_shape(self):
        forms = Forms("acra-server")
        first, second = record(1), record(1, rows=7)
        for recorded in (first, second):
            self.assertIsNotNone(forms.pack(recorded))
        self.assertIs(first.shape, second.shape)
        self.assertEqual((len(first._made), second._made), (3, []))

    def test_a_form_that_does_not_fit_is_not_used(self):
        forms = Forms("acra-server")
        recorded = record(1, text=b"SELECT of_a_kind_of_its_own_here", links=0)
        # What cannot be: the shape knows nothing of it.
        recorded.span.add_link("1" * 32, "2" * 16)
        self.assertIsNone(forms.pack(recorded))
        self.assertIsNone(forms.pack(recorded))

    def test_what_looks_like_a_mark_is_no_harm(self):
        for mark in ("\0s", "\0d", "%s", "%"):
            recorder = Recorder((mark, 5432), 0)
            for forms in (Forms("acra-server"), Forms(mark)):
                recorded = record(1, recorder=recorder)
                packed = forms.pack(recorded)
                if packed is not None:
                    found = pieces.unpack_spans(packed)
                    address = found[1]["attributes"]["server.address"]
                    self.assertEqual(
                        (address, found[0]["trace_id"]), (mark, recorded.span.trace_id)
                    )

    def test_what_is_too_large_has_none(self):
        recorder = Recorder(("x" * pieces.UNPACKED_MAX, 5432), 0)
        self.assertIsNone(Forms("acra-server").pack(record(1, recorder=recorder)))

    def test_many_shapes_are_no_harm(self):
        forms = Forms("acra-server")
        for number in range(1100):
            recorded = record(text=b"SELECT c%d" % number)
            self.assertEqual(pieces.unpack_spans(forms.pack(recorded)), records(recorded))
            self.assertLessEqual(len(forms._known), 512)
