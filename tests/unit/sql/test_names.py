"""Names as PostgreSQL compares them, in whatever encoding it keeps them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import names

NAMES = st.text(st.sampled_from("abAB_ÄäßÉ\u301c\uff5e漢字ÿ\u0130"), max_size=80)
#: Encodings that a server may keep its names in, and how many bytes of a name it keeps.
CODECS = ("iso8859-1", "iso8859-9", "cp1252", "euc-jp", "euc_jis_2004", "utf-8")


def kept(name, codec):
    """Return the name that a server keeps: whole characters in 63 bytes; None if it has none."""
    found = []
    size = 0
    for character in name:
        try:
            size += len(character.encode(codec))
        except UnicodeEncodeError:
            return None
        if size > 63:
            break
        found.append(character)
    return "".join(found)


class Cut(SynchronousTestCase):
    def test_as_the_server_cuts(self):
        for name, expected in (
            ("a" * 63, "a" * 63),
            ("a" * 64, "a" * 63),
            ("a" * 62 + "ä", "a" * 62),
            ("a" * 61 + "ä", "a" * 61 + "ä"),
            ("ä" * 40, "ä" * 31),
            ("\U0001f600" * 16, "\U0001f600" * 15),
        ):
            self.assertEqual(names.cut(name), expected)

    @given(NAMES)
    def test_in_utf8(self, name):
        self.assertEqual(names.cut(name), kept(name, "utf-8"))


class Loose(SynchronousTestCase):
    """Names that are one to some server are never told apart."""

    @given(NAMES, NAMES, st.sampled_from(CODECS))
    def test_names_that_a_server_cuts_to_one(self, one, tail, codec):
        shortened = kept(one, codec)
        if shortened is not None:
            for other in (shortened, one + tail if shortened != one else one):
                if kept(other, codec) == shortened:
                    self.assertEqual(names.loose(one), names.loose(other))

    @given(NAMES)
    def test_letters_above_127_folded_or_not(self, name):
        lower = "".join(c if c.isascii() or len(c.lower()) > 1 else c.lower() for c in name)
        self.assertEqual(names.loose(name), names.loose(lower))

    def test_ascii_letters_are_folded_by_the_grammar_before(self):
        self.assertNotEqual(names.loose("Secrets"), names.loose("secrets"))

    def test_codes_with_two_readings(self):
        for one, other in (("\u301c", "\uff5e"), ("\u2212", "\uff0d"), ("\u00a6", "\uffe4")):
            self.assertEqual(names.loose(f"a{one}"), names.loose(f"a{other}"))


class Spellings(SynchronousTestCase):
    def test_what_a_name_may_be(self):
        for name, expected in (
            ("products", ("products",)),
            ("äpfel", ("äpfel",)),
            ("Äpfel", ("Äpfel", "äpfel")),
            ("\u0130x", ("\u0130x", "ix")),
            ("a" * 59, ("a" * 59,)),
            ("a" * 60, ()),
            ("ä" * 30, ()),
            ("a\u301c", ()),
            ("a\uff5e", ()),
            ("\ub894", ()),
            ("가", ("가",)),
        ):
            self.assertEqual(names.spellings(name), expected, name)


class Comparison(SynchronousTestCase):
    def test_by_both_encodings(self):
        for server, client, expected in (
            ("utf-8", "utf-8", names.EXACT),
            ("utf-8", "iso8859-1", names.EXACT),
            ("utf-8", "euc-jp", names.LOOSE),
            ("utf-8", "euc-kr", names.LOOSE),
            ("iso8859-1", "utf-8", names.LOOSE),
            ("iso8859-1", "iso8859-1", names.LOOSE),
            ("iso8859-2", "cp1250", names.UNSURE),
            ("", "utf-8", names.UNSURE),
        ):
            self.assertEqual(names.comparison(server, client), expected)
