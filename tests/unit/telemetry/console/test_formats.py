"""Numbers, times and names in the forms of the console."""

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.pages.marks import visible_in_page

MORE = "\N{HORIZONTAL ELLIPSIS}"


class Forms(SynchronousTestCase):
    def test_durations(self):
        for value, text in (
            (0, "0 ms"),
            (0.0004, "0 ms"),
            (0.2141, "0.214 ms"),
            (6.094, "6.09 ms"),
            (48.86, "48.9 ms"),
            (126.4, "126 ms"),
            (2960, "2.96 s"),
            (12_340, "12.3 s"),
            (252_000, "4 min 12 s"),
            (11_100_000, "3 h 05 min"),
            (532_800_000, "6 d 04 h"),
        ):
            self.assertEqual(formats.ms(value), text)
        self.assertEqual(formats.ms(6.094, False), "6.09")
        self.assertEqual(formats.ms(2960, False), "2.96 s")
        self.assertEqual(formats.exact_ms(46.2861), "46.286 ms")

    def test_lines_of_a_grid(self):
        for value, text in ((10, "10 ms"), (0.5, "0.5 ms"), (2000, "2 s"), (100, "100 ms")):
            self.assertEqual(formats.level(value), text)
        self.assertEqual(formats.level(252_000), "4 min 12 s")

    def test_counts(self):
        self.assertEqual(formats.count(604_220), "604,220")
        self.assertEqual(formats.count(1_411_905), "1.41 M")
        self.assertEqual(formats.several(1, "call"), "1 call")
        self.assertEqual(formats.several(2000, "call"), "2,000 calls")
        self.assertEqual(formats.rate(1284.3), "1,284 /s")
        self.assertEqual(formats.rate(8.54), "8.5 /s")
        self.assertEqual(formats.rate(0.02), "< 0.1 /s")
        self.assertEqual(formats.rate(0), "0 /s")

    def test_shares(self):
        self.assertEqual(formats.share(61, 100), "61 %")
        self.assertEqual(formats.share(8.5, 100), "8.5 %")
        self.assertEqual(formats.share(1, 5000), "< 0.1 %")
        self.assertEqual(formats.share(0, 5000), "0 %")
        self.assertEqual(formats.share(0, 0), "–")

    def test_sizes(self):
        for number, text in ((814, "814 B"), (2114, "2.1 kB"), (150_000, "150 kB")):
            self.assertEqual(formats.size(number), text)
        self.assertEqual(formats.size(1_340_000), "1.3 MB")
        self.assertEqual(formats.size(7_200_000_000), "7.2 GB")

    def test_changes(self):
        self.assertEqual(formats.change(3.1, 33.2), "+971 %")
        self.assertEqual(formats.change(10, 9), "\N{MINUS SIGN}10 %")
        self.assertEqual(formats.change(10, 10.4), "same")
        self.assertEqual(formats.change(0.05, 0.065), "same")
        self.assertEqual(formats.change(0, 4), "–")
        self.assertTrue(formats.is_worse(1, 1.2))
        self.assertFalse(formats.is_worse(1, 1.05))
        self.assertFalse(formats.is_worse(0.2, 0.29))
        self.assertFalse(formats.is_worse(2, 1))
        self.assertEqual(formats.signed(44.366, 3), "+44.366")

    def test_names_from_outside(self):
        self.assertEqual(formats.name("shop application"), "shop application")
        self.assertEqual(formats.name("a\u202eb\n\x00"), "a<U+202E>b<U+000A><U+0000>")
        self.assertEqual(len(formats.name("x" * 500)), 120)
        self.assertEqual(formats.short_id("7c1f0a52b9de4e0b"), "7c1f0a52")
        self.assertEqual(formats.clock((14 * 60 + 7) * 60 * 10**9), "14:07")
        moment = ((9 * 60 + 57) * 60 + 41) * 10**9 + 999_999_999
        self.assertEqual(formats.clock_s(moment), "09:57:41")
        self.assertEqual(formats.clock_ms(moment), "09:57:41.999")

    @given(st.text(max_size=300))
    def test_no_name_acts(self, text):
        shown = formats.name(text)
        self.assertLessEqual(len(shown), 120)
        self.assertFalse(any(ord(character) < 32 for character in shown))
        self.assertNotIn("\u202e", shown)

    @given(st.text(max_size=300), st.integers(1, 120))
    def test_a_text_that_is_cut_takes_little_room(self, text, most):
        shown = formats.cut(text, most)
        self.assertLessEqual(len(shown), most)
        room = len(visible_in_page(escape(shown)).encode("utf-8", "replace"))
        self.assertEqual(formats.bytes_of(shown), room)
        self.assertLessEqual(room, 2 * most + len(MORE.encode()))
        kept = shown.removesuffix(MORE)
        self.assertTrue(text.startswith(kept))
        # Only what is long, or takes much room, is cut.
        if len(text) <= most and formats.bytes_of(text) <= most:
            self.assertEqual(shown, text)

    def test_texts_of_letters_are_cut_by_their_number(self):
        self.assertEqual(formats.cut("a" * 90, 90), "a" * 90)
        self.assertEqual(formats.cut("a" * 91, 90), "a" * 89 + MORE)
        cyrillic = "\N{CYRILLIC SMALL LETTER YA}"
        self.assertEqual(formats.cut(cyrillic * 90, 90), cyrillic * 90)
        self.assertLess(len(formats.cut('"' * 90, 90)), 40)

    @given(st.floats(0, 1e12))
    def test_three_digits(self, value):
        number = formats.ms(value).split(" ")[0]
        self.assertLessEqual(len(number.replace(".", "").lstrip("0")), 6)
