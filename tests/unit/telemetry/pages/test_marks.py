"""Characters that act are shown as their numbers."""

import sys
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.marks import visible, visible_in_page

_ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")
#: Those that no version of Unicode has assigned yet may be among what acts in a later one.
_UNASSIGNED = "Cn"
_BLANKS = "\t\n\r"


class Marks(SynchronousTestCase):
    def test_whatever_acts_in_unicode_is_found(self):
        missed = [
            hex(number)
            for number in range(sys.maxunicode + 1)
            if unicodedata.category(chr(number)) in _ACTING and chr(number) == visible(chr(number))
        ]
        self.assertEqual(missed, [])

    def test_blanks_alone_stay_in_a_page(self):
        acting = [
            chr(number)
            for number in range(sys.maxunicode + 1)
            if unicodedata.category(chr(number)) in _ACTING
        ]
        stay = [one for one in acting if visible_in_page(f"a{one}\n") == f"a{one}\n"]
        self.assertEqual(stay, list(_BLANKS))

    def test_their_numbers(self):
        self.assertEqual(visible("a\u202eb\x1b[2J\nc"), "a<U+202E>b<U+001B>[2J<U+000A>c")
        self.assertEqual(visible("Größe \U0001f600 名"), "Größe \U0001f600 名")
        self.assertEqual(
            visible_in_page('<b title="a\u202eb">é\n\x07</b>'),
            '<b title="a&lt;U+202E&gt;b">é\n&lt;U+0007&gt;</b>',
        )

    @given(st.text())
    @example("\U000e0000")
    def test_nothing_acts_in_a_page(self, text):
        shown = visible_in_page(text)
        left = {one for one in shown if unicodedata.category(one) in _ACTING}
        self.assertLessEqual(left, set(_BLANKS))
        if not any(unicodedata.category(one) in (*_ACTING, _UNASSIGNED) for one in text):
            self.assertEqual(shown, text)
            self.assertEqual(visible(text), text)
