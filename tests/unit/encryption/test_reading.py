"""Stored values to what a client sees."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, ColumnSetting, Masking
from acra_twisted.errors import CryptoError

KEY, HMAC, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
PLAIN = ColumnSetting("", "people", "name")
SEARCHED = ColumnSetting("", "people", "email", SEARCHABLE)
CARD = ColumnSetting("", "people", "card", MASKED, masking=Masking(b"xxxx", 4, True))


def stored(setting, plaintext, hmac=HMAC):
    sealer = ColumnSealer(setting, block_seal(KEY), Prefixes(setting, [hmac]))
    return sealer.store(plaintext, os.urandom).data


def show(setting, value, opened=None, may_read=True, **changes):
    """The value that is shown; ``opened``: the content of its first container."""
    setting = setting._replace(**changes)
    reader = ColumnReader(setting, Prefixes(setting, [OTHER, HMAC]), may_read)
    contents = {}
    if opened is not None:
        found = envelopes.find(value)[0]
        contents[found.data(value)] = opened
        quick = reader.show_opened(value[: found.start], opened, value[found.end :])
        slow = parts(reader.show(value, contents))
        if quick is not None and parts(quick) != slow:
            raise AssertionError("two answers")
        return slow
    return parts(reader.show(value, contents))


def parts(shown):
    """All that a Shown says."""
    return shown.value, shown.plain


class Opened(SynchronousTestCase):
    def test_every_kind(self):
        self.assertEqual(show(PLAIN, stored(PLAIN, b"anna"), b"anna"), (b"anna", True))
        self.assertEqual(show(SEARCHED, stored(SEARCHED, b"anna"), b"anna"), (b"anna", True))
        card = stored(CARD, b"41111234")
        self.assertEqual(show(CARD, card, b"1234"), (b"41111234", True))
        right = Masking(b"xxxx", 4, False)
        card = stored(CARD._replace(masking=right), b"41111234")
        self.assertEqual(show(CARD, card, b"4111", masking=right), (b"41111234", True))

    def test_the_value_is_of_its_type(self):
        for data_type, text, value in (
            ("int32", b"+007", b"7"),
            ("bool", b"true", b"t"),
            ("str", "Żó".encode(), "Żó".encode()),
        ):
            found = show(PLAIN, stored(PLAIN, text), text, data_type=data_type)
            self.assertEqual(found, (value, True))
        for data_type, text in (("int32", b"4294967296"), ("int32", b"abc"), ("uuid", b"x")):
            value = stored(PLAIN, text)
            self.assertRaises(ValueRefusedError, show, PLAIN, value, text, data_type=data_type)
        value = stored(PLAIN, b"\xff")
        self.assertEqual(show(PLAIN, value, b"\xff", data_type="str"), (value, False))

    def test_a_prefix_that_does_not_fit_is_a_failure(self):
        for prefix in (
            b"\x7f" + bytes(32),
            Prefixes(SEARCHED, [KEY]).newest(b"anna"),
            Prefixes(SEARCHED, [HMAC]).newest(b"eve"),
        ):
            value = prefix + stored(PLAIN, b"anna")
            self.assertEqual(show(SEARCHED, value, b"anna"), (value, False))
            with self.assertRaises(ValueRefusedError) as caught:
                show(SEARCHED, value, b"anna", on_failure="error")
            self.assertNotIn("anna", str(caught.exception))

    def test_a_prefix_that_cannot_be_checked_is_a_failure(self):
        value = stored(SEARCHED, b"anna")
        (found,) = envelopes.find(value)
        for prefixes in (None, Prefixes(SEARCHED, [])):
            reader = ColumnReader(SEARCHED, prefixes)
            self.assertIsNone(reader.show_opened(value[:33], b"anna", b""))
            shown = reader.show(value, {found.data(value): b"anna"})
            self.assertEqual(parts(shown), (value, False))

    def test_a_searchable_value_without_a_prefix_is_shown(self):
        """It was written before the column was searchable."""
        self.assertEqual(show(SEARCHED, stored(PLAIN, b"anna"), b"anna"), (b"anna", True))

    def test_containers_in_other_bytes_are_opened_where_they_stand(self):
        value = b"<" + stored(PLAIN, b"anna") + b">"
        self.assertEqual(show(PLAIN, value, b"anna"), (b"<anna>", True))

    def test_one_that_stays_closed_closes_the_value(self):
        value = stored(CARD, b"41111234") + stored(PLAIN, b"eve")
        self.assertEqual(show(CARD, value, b"1234"), (b"4111xxxxxxxx", True))
        self.assertEqual(show(PLAIN, value, b"1234"), (value, False))


class Failed(SynchronousTestCase):
    def test_the_reactions(self):
        value = stored(PLAIN, b"anna")
        for data_type in ("", "bytes", "str"):
            self.assertEqual(show(PLAIN, value, data_type=data_type), (value, False))
            self.assertEqual(
                show(PLAIN, value, data_type=data_type, on_failure="default_value", default=b"-"),
                (b"-", True),
            )
        for changes in (
            {"on_failure": "error"},
            {"data_type": "int32"},
            {"data_type": "bool"},
            {"data_type": "int32", "on_failure": "error"},
            {"on_failure": "default_value", "data_type": "int32"},
        ):
            with self.assertRaises(ValueRefusedError) as caught:
                show(PLAIN, value, **changes)
            self.assertEqual(caught.exception.sqlstate, b"22000")
            self.assertIn("people.name", str(caught.exception))

    def test_a_mask_stands_for_what_stays_closed(self):
        self.assertEqual(show(CARD, stored(CARD, b"41111234")), (b"4111xxxx", True))
        self.assertEqual(show(CARD, stored(CARD, b"123")), (b"xxxx", True))
        half = stored(CARD, "Ż€uro".encode())
        self.assertEqual(show(CARD, half, data_type="bytes"), (half[:4] + b"xxxx", True))
        self.assertEqual(show(CARD, half, data_type="str"), ("Żxxxx".encode(), True))


class Damaged(SynchronousTestCase):
    """Values that were changed in the database."""

    def shown(self, setting, value):
        """The value as a client with the key sees it, b"" if it gets an error."""
        opened = {}
        for one in envelopes.find(value):
            try:
                data = one.data(value)
                opened[data] = Opener([], [KEY]).open(one.kind, data, {})
            except CryptoError:
                pass
        reader = ColumnReader(setting._replace(on_failure="error"), Prefixes(setting, [HMAC]))
        try:
            return reader.show(value, opened).value
        except ValueRefusedError:
            return b""

    @given(st.sampled_from((PLAIN, SEARCHED)), st.integers(0, 400), st.integers(1, 255))
    def test_en5_every_byte_counts(self, setting, place, change):
        value = bytearray(stored(setting, b"anna@example.com"))
        value[place % len(value)] ^= change
        if setting.kind == SEARCHABLE and not place % len(value):
            # The kind of a prefix is what makes it one: another is no prefix.
            self.assertNotEqual(self.shown(setting, bytes(value)), b"anna@example.com")
            return
        self.assertEqual(self.shown(setting, bytes(value)), b"")

    @given(st.sampled_from((PLAIN, SEARCHED)), st.integers(0, 400))
    def test_en5_a_part_is_a_failure(self, setting, more):
        """The envelope's header is in it."""
        value = stored(setting, b"anna@example.com")
        least = 45 if setting.kind == SEARCHABLE else 12
        self.assertEqual(self.shown(setting, value[: least + more % (len(value) - least)]), b"")

    def test_en5_a_value_of_another_client_or_value(self):
        foreign = Prefixes(SEARCHED, [OTHER]).newest(b"anna")
        self.assertEqual(self.shown(SEARCHED, foreign + stored(PLAIN, b"anna")), b"")
        other = stored(SEARCHED, b"eve")[:33]
        self.assertEqual(self.shown(SEARCHED, other + stored(PLAIN, b"anna")), b"")

    def test_a_mask_stands_for_a_value_whose_header_is_damaged(self):
        """Both ways to a value see the damage."""
        setting = CARD._replace(masking=Masking(b"xxxx", 12, True))
        value = stored(setting, b"4111111112341234")
        (whole,) = envelopes.find(value)
        for place in (whole.start, whole.start + 3):
            broken = bytearray(value)
            broken[place] ^= 1
            (found,) = envelopes.find(bytes(broken))
            before = bytes(broken[: found.start])
            self.assertIsNone(ColumnReader(setting).show_opened(before, b"1234", b""))
            shown = show(setting, bytes(broken), b"1234")
            self.assertEqual(shown, (before + b"xxxx", True))

    def test_a_mask_stands_for_a_damaged_value(self):
        value = stored(CARD, b"41111234")
        self.assertEqual(show(CARD, value[:-1]), (b"xxxx", True))


class Readers(SynchronousTestCase):
    """Clients that may not read a column whose keys they have."""

    def test_they_get_what_a_client_without_keys_gets(self):
        value = stored(PLAIN, b"anna")
        self.assertEqual(show(PLAIN, value, b"anna", False), (value, False))
        self.assertEqual(show(CARD, stored(CARD, b"41111234"), b"1234", False), (b"4111xxxx", True))
        self.assertRaises(ValueRefusedError, show, PLAIN, value, b"anna", False, on_failure="error")

    def test_they_get_no_plaintext_that_was_never_encrypted(self):
        with self.assertRaises(ValueRefusedError) as caught:
            show(PLAIN, b"anna", None, False)
        self.assertEqual(caught.exception.sqlstate, b"42501")
        self.assertEqual(show(CARD, b"41111234", None, False), (b"xxxx", True))


class Plaintext(SynchronousTestCase):
    """Values that are no containers."""

    def test_the_reactions(self):
        self.assertEqual(show(PLAIN, b"anna"), (b"anna", True))
        self.assertEqual(show(PLAIN, b"anna", on_plaintext="null"), (None, True))
        with self.assertRaises(ValueRefusedError) as caught:
            show(PLAIN, b"anna", on_plaintext="error")
        self.assertNotIn("anna", str(caught.exception))

    def test_the_default_is_an_answer_that_counts_as_a_failure(self):
        setting = PLAIN._replace(default=b"nobody", on_plaintext="default_value")
        for may_read in (True, False):
            self.assertEqual(show(setting, b"anna", None, may_read), (b"nobody", True))
        reader = ColumnReader(setting)
        reader.show(b"anna", {})
        self.assertEqual(dict(reader.fates.counts(1)), {(setting, "failed"): 1})

    def test_its_type_counts(self):
        self.assertEqual(show(PLAIN, b"42", data_type="int32", on_failure="error"), (b"42", True))
        self.assertRaises(ValueRefusedError, show, PLAIN, b"anna", data_type="int32")
        found = show(PLAIN, b"anna", data_type="int32", on_failure="default_value", default=b"-7")
        self.assertEqual(found, (b"-7", True))

    def test_the_empty_value(self):
        for setting in (PLAIN, SEARCHED, CARD):
            self.assertEqual(show(setting, b"", on_failure="error"), (b"", True))
        self.assertRaises(ValueRefusedError, show, PLAIN, b"", data_type="int32")
