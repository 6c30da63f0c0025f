"""Plaintexts to what is stored."""

import os
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.masks import conceal
from acra_twisted.encryption.sealing import ColumnSealer, block_seal, struct_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, ColumnSetting, Masking
from acra_twisted.themis import keys
from tests.support.vectors import encryption, unhex

SYMMETRIC, SYMMETRIC_OLD, HMAC, HMAC_OLD = unhex(
    encryption()["keys"], "symmetric", "symmetric_rotated", "hmac", "hmac_rotated"
)
PAIR = keys.generate()
PUBLIC = PAIR.public_key()
OPENER = Opener([PAIR], [SYMMETRIC])

PLAIN = ColumnSetting("", "people", "name")
SEARCHED = ColumnSetting("", "people", "email", SEARCHABLE)
CARD = ColumnSetting("", "people", "card", MASKED, masking=Masking(b"xxxx", 4, True))


def opened(stored):
    """The value with its containers opened."""
    parts, done = [], 0
    for one in envelopes.find(stored):
        parts += [stored[done : one.start], OPENER.open(one.kind, one.data(stored), {})]
        done = one.end
    return b"".join((*parts, stored[done:]))


def sealer(setting, opener=OPENER, *, refuses_own=False, **changes):
    setting = setting._replace(**changes)
    seal = struct_seal(PUBLIC) if setting.envelope == "acrastruct" else block_seal(SYMMETRIC)
    return ColumnSealer(setting, seal, Prefixes(setting, [HMAC, HMAC_OLD]), opener, refuses_own)


class Made(NamedTuple):
    """A stored value, to be compared."""

    data: bytes
    passed: bool


def store(setting, plaintext, opener=OPENER, **changes):
    stored = sealer(setting, opener, **changes).store(plaintext, os.urandom)
    return Made(stored.data, stored.passed)


BLOCK = store(PLAIN, b"secret").data
STRUCT = store(PLAIN, b"secret", envelope="acrastruct").data
FOREIGN = ColumnSealer(PLAIN, block_seal(bytes(32))).store(b"secret", os.urandom).data


class Vectors(SynchronousTestCase):
    def test_the_layouts(self):
        """The random bytes are those of the vector."""
        seen = set()
        for vector in encryption()["stored"]["vectors"]:
            plain, stored, without_key = unhex(vector, "plain", "stored", "without_key")
            kind = vector["kind"]
            if "prefix wrong" in kind:
                continue
            (found,) = envelopes.find(stored)
            key = SYMMETRIC_OLD if kind == "plain, rotated key" else SYMMETRIC
            block = found.data(stored)
            data_key = acrablock.Opener(key).unwrap_key(block)
            drawn = data_key + block[34:46] + block[110:122]
            setting = PLAIN
            if "search" in kind:
                setting = SEARCHED
            elif "masked" in kind:
                length = int(vector["setting"].rpartition(" ")[2])
                setting = CARD._replace(
                    masking=Masking(b"xxxx", length, "left" in vector["setting"])
                )
            prefixes = Prefixes(setting, [HMAC_OLD if "rotated hmac" in kind else HMAC])
            made = ColumnSealer(setting, block_seal(key), prefixes).store(
                plain, lambda size, drawn=drawn: drawn
            )
            self.assertEqual((made.data, made.passed), (stored, False), kind)
            if without_key:
                self.assertEqual(
                    conceal(setting.masking, stored, envelopes.outermost(stored)), without_key
                )
            seen.add(setting.kind)
        self.assertEqual(seen, {"plain", "searchable", "masked"})


class Layouts(SynchronousTestCase):
    @given(st.binary(min_size=1, max_size=200), st.sampled_from(("acrablock", "acrastruct")))
    def test_every_value_comes_back(self, plaintext, envelope):
        for setting, before in ((PLAIN, 0), (SEARCHED, 33), (CARD, 0)):
            if setting.kind == MASKED and plaintext.endswith(b"xxxx"):
                continue
            stored, passed = store(setting, plaintext, envelope=envelope)
            self.assertFalse(passed)
            self.assertEqual(opened(stored)[before:], plaintext)
            overhead = 150 if envelope == "acrablock" else 201
            self.assertEqual(len(stored), len(plaintext) + overhead + before)

    def test_the_empty_value_stays(self):
        for setting in (PLAIN, SEARCHED, CARD):
            self.assertEqual(store(setting, b""), (b"", False))

    def test_equal_values_differ(self):
        found = {store(PLAIN, b"anna").data for _ in range(100)}
        self.assertEqual(len(found), 100)

    def test_without_random_bytes_nothing_is_stored(self):
        def broken(size):
            raise OSError("no entropy")

        for setting in (PLAIN, SEARCHED, CARD):
            self.assertRaises(OSError, sealer(setting).store, b"12345678", broken)

    def test_a_mask_is_not_written_back(self):
        with self.assertRaises(ValueRefusedError) as caught:
            store(CARD, b"4111xxxx")
        self.assertEqual(caught.exception.reason, "mask_written_back")
        self.assertNotIn("4111", str(caught.exception))
        self.assertEqual(opened(store(CARD, b"4111xxxx", mask_writes=True).data), b"4111xxxx")

    def test_a_searchable_value_needs_a_key(self):
        column = ColumnSealer(SEARCHED, block_seal(SYMMETRIC), Prefixes(SEARCHED, []))
        with self.assertRaises(ValueRefusedError) as caught:
            column.store(b"anna", os.urandom)
        self.assertEqual(caught.exception.reason, "no_key")


class Containers(SynchronousTestCase):
    """Values that are encrypted already."""

    def test_they_are_kept(self):
        inner = BLOCK[12:]
        for value in (BLOCK, inner, FOREIGN):
            self.assertEqual(store(PLAIN, value), (value, True))
        self.assertEqual(store(PLAIN, STRUCT, reencrypts=False), (STRUCT, True))
        self.assertEqual(store(PLAIN, STRUCT, envelope="acrastruct"), (STRUCT, True))
        self.assertEqual(store(CARD, b"4111" + BLOCK), (b"4111" + BLOCK, True))
        right = Masking(b"xxxx", 4, False)
        self.assertEqual(store(CARD, BLOCK + b"4111", masking=right), (BLOCK + b"4111", True))

    def test_characters_that_say_a_containers_bytes(self):
        """A reader gets such text for what does not open, and may write it back."""
        text = b"\\x" + BLOCK.hex().encode()
        self.assertEqual(store(PLAIN, text, data_type="str"), (BLOCK, True))
        self.assertEqual(opened(store(PLAIN, text, data_type="bytes").data), text)
        for other in (text + b"4", text[1:], b"\\x" + b"4" * 400):
            stored, passed = store(PLAIN, other, data_type="str")
            self.assertFalse(passed)
            self.assertEqual(opened(stored), other)

    def test_anything_around_them_makes_them_plaintext(self):
        prefix = Prefixes(SEARCHED, [HMAC]).newest(b"secret")
        for setting, value in (
            (PLAIN, b"x" + BLOCK),
            (PLAIN, BLOCK + b"x"),
            (PLAIN, BLOCK[:-1]),
            (PLAIN, prefix + BLOCK),
            (SEARCHED, b"x" + BLOCK),
            (SEARCHED, b"x" * 33 + BLOCK),
            (SEARCHED, BLOCK + b"x"),
            (CARD, b"41111" + BLOCK),
            (CARD, BLOCK + b"4"),
        ):
            self.assertFalse(store(setting, value).passed, (setting.kind, value[:4]))

    def test_a_searchable_one_gets_its_prefix(self):
        prefix = Prefixes(SEARCHED, [HMAC]).newest(b"secret")
        old = Prefixes(SEARCHED, [HMAC_OLD]).newest(b"secret")
        for value in (BLOCK, prefix + BLOCK, old + BLOCK, b"\x7f" + bytes(32) + BLOCK):
            self.assertEqual(store(SEARCHED, value), (prefix + BLOCK, True))

    def test_a_searchable_one_that_does_not_open_is_refused(self):
        for value, opener in (
            (FOREIGN, OPENER),
            (BLOCK, None),
            (b"\x7f" + bytes(32) + FOREIGN, OPENER),
        ):
            with self.assertRaises(ValueRefusedError) as caught:
                store(SEARCHED, value, opener)
            self.assertEqual(caught.exception.reason, "not_opened")

    def test_own_ones_of_a_client_that_may_not_read_all(self):
        """It may have them from a column that it may not read; others may be written back."""
        text = b"\\x" + BLOCK.hex().encode()
        for setting, value, changes in (
            (PLAIN, BLOCK, {}),
            (PLAIN, BLOCK[12:], {}),
            (PLAIN, text, {"data_type": "str"}),
            (PLAIN, STRUCT, {}),
            (PLAIN, STRUCT, {"reencrypts": False}),
            (PLAIN, STRUCT, {"envelope": "acrastruct"}),
            (CARD, b"4111" + BLOCK, {}),
            (SEARCHED, BLOCK, {}),
            (SEARCHED, b"\x7f" + bytes(32) + BLOCK, {}),
        ):
            made = sealer(setting, refuses_own=True, **changes)
            with self.assertRaises(ValueRefusedError) as caught:
                made.store(value, os.urandom)
            self.assertEqual(caught.exception.reason, "ready_container", value[:4])
            self.assertEqual(caught.exception.sqlstate, b"42501")
        made = sealer(PLAIN, refuses_own=True)
        self.assertEqual(made.store(FOREIGN, os.urandom).data, FOREIGN)
        for value in (b"text", b"x" + BLOCK):
            self.assertEqual(opened(made.store(value, os.urandom).data), value)

    def test_an_acrastruct_becomes_an_acrablock(self):
        for setting, value, before in (
            (PLAIN, STRUCT, b""),
            (PLAIN, STRUCT[12:], b""),
            (CARD, b"4111" + STRUCT, b"4111"),
            (SEARCHED, STRUCT, Prefixes(SEARCHED, [HMAC]).newest(b"secret")),
        ):
            stored, passed = store(setting, value)
            self.assertTrue(passed)
            self.assertEqual(stored[: len(before)], before)
            (found,) = envelopes.find(stored)
            self.assertEqual(found.kind, "acrablock")
            self.assertEqual(opened(stored), before + b"secret")
        self.assertEqual(store(PLAIN, STRUCT, None), (STRUCT, True))

    def test_lookalikes_in_a_container_do_not_hide_it(self):
        value = store(PLAIN, b"x" * 300).data
        forged = value[:200] + acrastruct.MARK + value[216:]
        self.assertTrue(store(PLAIN, forged).passed)
