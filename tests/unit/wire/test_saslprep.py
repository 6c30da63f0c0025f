"""Passwords are prepared as PostgreSQL prepares them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.saslprep import prepare
from tests.support.loginvectors import cases


class Preparation(SynchronousTestCase):
    def test_as_postgresql_does(self):
        seen = 0
        for case in cases("verifiers"):
            if case["prepared"] is not None:
                seen += 1
                found = prepare(case["password"].encode())
                self.assertEqual(found.hex(), case["prepared"], case["note"])
        self.assertGreater(seen, 10)

    def test_normal_forms_that_have_been_corrected(self):
        for before, expected in (("\U0002f868", "\u36fc"), ("\U0002f874", "\u5f53")):
            self.assertEqual(prepare(before.encode()).decode(), expected)

    def test_what_is_not_allowed_counts_before_it_is_normalized(self):
        for text in ("\u0340", "\u0341a"):
            self.assertEqual(prepare(text.encode()).decode(), text)

    def test_what_is_no_utf8_stays(self):
        self.assertEqual(prepare(b"\xff\xfe"), b"\xff\xfe")

    def test_a_password_of_nothing_but_what_is_dropped_stays(self):
        soft_hyphens = "\xad\xad".encode()
        self.assertEqual(prepare(soft_hyphens), soft_hyphens)

    def test_a_text_from_right_to_left_is_so_from_end_to_end(self):
        for text, expected in (
            ("\u0627\u0628", "\u0627\u0628"),
            ("\u0627\uff11\u0628", "\u06271\u0628"),
            ("\u0627\uff11", "\u0627\uff11"),
            ("\u0627\uff41\u0628", "\u0627\uff41\u0628"),
        ):
            self.assertEqual(prepare(text.encode()).decode(), expected, ascii(text))

    @given(st.binary(max_size=60) | st.text(max_size=20).map(str.encode))
    def test_any_bytes_are_a_password(self, password):
        found = prepare(password)
        self.assertTrue(found or not password)
        if password.isascii():
            self.assertEqual(found, password)
