"""The ways in which values are written."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration import kinds


class Names(SynchronousTestCase):
    def test_names_are_taken_as_they_are_written(self):
        for text, names in (
            ("people", ("people",)),
            ("People", ("People",)),
            ("public.people", ("public", "people")),
            ('"Name"', ("Name",)),
            ('"a.b"', ("a.b",)),
            ('hr."My ""own"" Table".c', ("hr", 'My "own" Table', "c")),
            ("two words", ("two words",)),
            ("Ünïcode", ("Ünïcode",)),
        ):
            self.assertEqual(kinds.names_of(text), names)

    def test_what_is_no_name(self):
        for text in (
            *("", ".", "a.", ".a", "a..b", '"', '""', '"a', 'a"', '"a"b', " a", "a ", "a. b"),
            *("a\0b", "\ud800"),
        ):
            self.assertRaises(ValueError, kinds.names_of, text)

    @given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
    def test_quoted_names_are_read_back(self, names):
        text = ".".join('"' + name.replace('"', '""') + '"' for name in names)
        try:
            self.assertEqual(kinds.names_of(text), tuple(names))
        except ValueError:
            odd = any("\0" in name or "\ud800" <= c <= "\udfff" for name in names for c in name)
            self.assertTrue(odd)

    @given(st.text(alphabet='a".\0 \ud800'))
    def test_any_text_is_names_or_a_mistake(self, text):
        try:
            self.assertTrue(all(kinds.names_of(text)))
        except ValueError:
            pass

    def test_how_many_parts_there_may_be(self):
        self.assertEqual(kinds.Name().parse('"a.b"'), "a.b")
        self.assertRaises(ValueError, kinds.Name().parse, "a.b")
        kind = kinds.Names("TABLE.COLUMN", 2, 3)
        self.assertEqual(kind.parse("a.b.c"), ("a", "b", "c"))
        for text in ("a", "a.b.c.d"):
            self.assertRaisesRegex(ValueError, "expected TABLE.COLUMN", kind.parse, text)


class Values(SynchronousTestCase):
    def test_words_are_exact_and_the_nearest_is_told(self):
        kind = kinds.Word("left", "right", wrong="odd {text}")
        self.assertEqual(kind.parse("left"), "left")
        for text, told in (
            ("lefft", "odd lefft; did you mean 'left'?"),
            ("LEFT", "odd LEFT; expected left or right"),
            ("x" * 99, f"odd {'x' * 40}; expected left or right"),
        ):
            error = self.assertRaises(ValueError, kind.parse, text)
            self.assertEqual(str(error), told)

    def test_flags(self):
        kind = kinds.Flag()
        for text, value in (("true", True), ("No", False), ("ON", True), ("off", False)):
            self.assertIs(kind.parse(text), value)
        for text in ("1", "y", "", "truee"):
            self.assertRaises(ValueError, kind.parse, text)

    def test_whole_numbers_are_decimal(self):
        kind = kinds.Whole()
        self.assertEqual([kind.parse(t) for t in ("0", "-4", "+12", "010")], [0, -4, 12, 10])
        for text in ("0x10", "1_000", "1.0", "", "9" * 19, "٣"):
            self.assertRaises(ValueError, kind.parse, text)

    def test_days(self):
        self.assertEqual(kinds.Day().parse("2027-01-31"), date(2027, 1, 31))
        for text in ("2027-02-30", "31.1.2027", "2027-1-31", "20270131", "2027-01-31T00:00", ""):
            self.assertRaises(ValueError, kinds.Day().parse, text)

    def test_lists(self):
        kind = kinds.Several("names", kinds.Name())
        self.assertEqual(kind.parse("a, b\nc,,"), ("a", "b", "c"))
        self.assertEqual(kind.parse(""), ())
        self.assertRaisesRegex(ValueError, "twice", kind.parse, "a, b, a")
        self.assertRaises(ValueError, kind.parse, "a, b.c")

    def test_client_ids(self):
        self.assertEqual(kinds.Owner().parse("client one"), "client one")
        for text in ("any", "*", "../x", "a" * 257):
            self.assertRaises(ValueError, kinds.Owner().parse, text)

    def test_texts_can_stand_in_a_database(self):
        self.assertEqual(kinds.Text().parse("Żółć"), "Żółć")
        for text in ("\0", "\udfff"):
            self.assertRaises(ValueError, kinds.Text().parse, text)
