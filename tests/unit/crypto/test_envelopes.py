"""Containers in bytes: bare, in envelopes, side by side, nested, look-alikes."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.crypto.envelopes import ACRABLOCK, ACRASTRUCT
from acra_twisted.themis import keys
from tests.support.vectors import load, unhex

KEY = keys.generate()
STRUCT = acrastruct.create(b"text", KEY.public_key(), b"", os.urandom)
BLOCK = acrablock.create(b"text", b"key", b"", os.urandom)
KINDS = {STRUCT: ACRASTRUCT, BLOCK: ACRABLOCK}


def found(data):
    return [(e.kind, data[e.start : e.end], data[e.inner : e.end]) for e in envelopes.find(data)]


class Finding(SynchronousTestCase):
    def test_made_by_acra(self):
        for item in load()["crypto_envelope"]:
            (data,) = unhex(item, "envelope")
            kind = {0xF0: ACRABLOCK, 0xF1: ACRASTRUCT}[item["envelope_id"]]
            self.assertEqual(found(data), [(kind, data, data[12:])])
            self.assertEqual(envelopes.wrap(kind, data[12:]), data)

    # Whatever stands around: of these characters none makes an envelope's header longer.
    noise = st.lists(st.sampled_from([b"", b"%", b'"', b"\0", b"x", b'""""UEC2'])).map(b"".join)

    @given(st.lists(st.tuples(noise, st.sampled_from([STRUCT, BLOCK]), st.booleans()), max_size=4))
    def test_anywhere(self, parts):
        data = b""
        expected = []
        for before, inner, wrapped in parts:
            whole = envelopes.wrap(KINDS[inner], inner) if wrapped else inner
            data += before + whole
            expected.append((KINDS[inner], whole, inner))
        self.assertEqual(found(data + b"end"), expected)

    def test_a_header_of_another_length_is_not_part_of_it(self):
        data = envelopes.wrap(ACRABLOCK, BLOCK + b"x")
        self.assertEqual(found(data), [(ACRABLOCK, BLOCK, BLOCK)])
        other = envelopes.wrap(ACRASTRUCT, BLOCK)
        self.assertEqual(found(other), [(ACRABLOCK, BLOCK, BLOCK)])

    def test_a_look_alike_does_not_hide_what_is_inside(self):
        cover = STRUCT[:137] + (len(STRUCT) + 60).to_bytes(8, "little") + b"x" * 60 + STRUCT
        self.assertEqual(found(cover), [(ACRASTRUCT, cover, cover), (ACRASTRUCT, STRUCT, STRUCT)])

    def test_a_cell_of_look_alikes_is_not_work_by_the_square(self):
        head = STRUCT[:137]
        size = len(head) + 8
        count = 2000
        data = b"".join(
            head + (size * (count - n) + 200 - size).to_bytes(8, "little") for n in range(count)
        ) + bytes(200)
        envelopes_ = envelopes.find(data)
        self.assertGreater(len(envelopes_), 0)
        whole = sum(len(envelope.data(data)) for envelope in envelopes_ if not envelope.deep)
        self.assertLessEqual(whole, envelopes.MAX_DEPTH * len(data))
        heads = sum(len(envelope.data(data)) for envelope in envelopes_ if envelope.deep)
        self.assertLessEqual(heads, len(data))

    def test_many_look_alikes_do_not_hide_the_head_of_what_is_inside(self):
        data = STRUCT
        for _ in range(envelopes.MAX_DEPTH + 2):
            data = STRUCT[:137] + (60 + len(data)).to_bytes(8, "little") + b"x" * 60 + data
        found_ = envelopes.find(data)
        self.assertEqual([e.deep for e in found_], [False] * 4 + [True] * 3)
        self.assertEqual(found_[-1].data(data), STRUCT[: envelopes.HEAD_SIZE])

    def test_what_begins_before_the_data_is_none(self):
        """Also where its beginning stands at the end, as places are counted from there."""
        for size in range(1, acrablock.MARK_OFFSET + 1):
            for head in (BLOCK[:size], BLOCK[:12] + bytes(8)):
                self.assertEqual(envelopes.find(BLOCK[size:] + head), [])
        for size in range(1, 16):
            self.assertEqual(envelopes.find(STRUCT[size:] + STRUCT[:size]), [])

    def test_what_is_cut_off_is_none(self):
        for whole in (STRUCT, BLOCK):
            for size in range(len(whole)):
                self.assertEqual(envelopes.find(b"before" + whole[:size]), [])

    @given(st.binary(max_size=300))
    def test_garbage(self, data):
        for before in (b"", STRUCT[:60], BLOCK[:40]):
            for envelope in envelopes.find(before + data):
                self.assertLessEqual(envelope.end, len(before + data))
        self.assertEqual(envelopes.find(b'"' * 100_000), [])


class Damaged(SynchronousTestCase):
    def test_what_is_left_of_a_container_is_known(self):
        for inner, kind in KINDS.items():
            whole = envelopes.wrap(kind, inner)
            for size in (12, 60, len(whole) - 1):
                self.assertTrue(envelopes.is_damaged(whole[:size]))
            self.assertTrue(envelopes.is_damaged(inner[:-1]))
        for data in (b"", b"%%%", b"%%% and some text", b"text"):
            self.assertFalse(envelopes.is_damaged(data))

    @given(st.sampled_from((STRUCT, BLOCK)), st.integers(0, 11), st.integers(1, 255))
    def test_a_broken_header_is_known(self, inner, place, change):
        data = bytearray(envelopes.wrap(KINDS[inner], inner))
        data[place] ^= change
        (one,) = envelopes.find(bytes(data))
        self.assertTrue(envelopes.has_broken_header(bytes(data), one))

    def test_a_whole_header_and_none_are_not_broken(self):
        for data in (BLOCK, b"x" * 12 + BLOCK, envelopes.wrap(ACRABLOCK, BLOCK), b"x" + BLOCK):
            (one,) = envelopes.find(data)
            self.assertFalse(envelopes.has_broken_header(data, one))
