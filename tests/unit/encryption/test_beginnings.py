"""Texts whose beginning tells what they give values to."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.beginnings import Heads, goes_on, is_one
from acra_twisted.sql import skeleton


class Ends(SynchronousTestCase):
    def test_what_stands_behind_a_semicolon(self):
        for text in (b"", b"SELECT 1", b"SELECT 1;", b"SELECT 1 ; ;\r\n\t"):
            self.assertFalse(goes_on(text), text)
        for text in (b"SELECT 1; SELECT 2", b"SELECT ';'", b"SELECT 1;-- c"):
            self.assertTrue(goes_on(text), text)

    def test_one_whose_literals_have_semicolons(self):
        for text in (b"SELECT ';'", b"SELECT 'a;b', ';' ; ", b"INSERT INTO a VALUES (';')"):
            self.assertTrue(is_one(skeleton.split(text, b'"')), text)
        for text in (b"SELECT ';'; SELECT 2", b"SELECT 1 /* ; */ + 1", b"SELECT ';\\'"):
            self.assertFalse(is_one(skeleton.split(text, b'"')), text)
        self.assertFalse(is_one(None))


class Kept(SynchronousTestCase):
    def test_what_stands_before_the_bracket(self):
        heads: Heads[str] = Heads()
        text = b"INSERT INTO new (a) VALUES (1)"
        self.assertIsNone(heads.get(text))
        heads.keep(text, len(b"INSERT INTO new"), ("new",))
        self.assertEqual(heads.get(b"INSERT INTO new (b) VALUES (2)"), ("new",))
        self.assertIsNone(heads.get(b"INSERT INTO newer (a) VALUES (1)"))

    def test_the_word_values_may_stand_between(self):
        heads: Heads[str] = Heads()
        for text in (b"INSERT INTO new VALUES (1)", b"INSERT INTO new\n  values(1)"):
            heads.keep(text, len(b"INSERT INTO new"), ("new",))
            self.assertEqual(heads.get(text.replace(b"1", b"2")), ("new",))
        for text in (b"INSERT INTO new SELECT (1)", b"INSERT INTO new VALUES 'a' (1)"):
            heads.keep(text, len(b"INSERT INTO new"), ("new",))
            self.assertIsNone(heads.get(text))

    @given(st.lists(st.sampled_from([b"new", b"newer", b"old", b"ne"]), max_size=12))
    def test_whatever_was_asked_for_before(self, names):
        heads: Heads[str] = Heads()
        for name in (b"new", b"newer", b"old"):
            heads.keep(b"INSERT INTO %b (a)" % name, 12 + len(name), (name.decode(),))
        for name in names:
            expected = None if name == b"ne" else (name.decode(),)
            for values in (b"", b"(1), (2)"):
                self.assertEqual(heads.get(b"INSERT INTO %b (b) %b" % (name, values)), expected)

    def test_a_value_is_not_kept(self):
        heads: Heads[str] = Heads()
        text = b"UPDATE new SET a = 'secret' || (b)"
        heads.keep(text, len(b"UPDATE new"), ("new",))
        self.assertIsNone(heads.get(text))

    @given(st.binary(max_size=400), st.integers(0, 400))
    def test_a_text_without_a_bracket_nearby_is_not_known(self, text, end):
        heads: Heads[str] = Heads()
        far = text.replace(b"(", b"") + b"x" * 160 + b"("
        heads.keep(far, end, ("new",))
        self.assertIsNone(heads.get(far))
