"""Files of BoltDB."""

import base64
import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.formats.boltdb import BoltFile, _fnv
from tests.support import vectors

STORE = vectors.encryption()["token_store"]
FILE = zlib.decompress(base64.b64decode(STORE["boltdb_file"]["data"]))
SIZE = 4096


def leaf(pairs):
    """A leaf page without its number: flag, key and value of each pair."""
    head = struct.pack("<QHHI", 0, 2, len(pairs), 0)
    elements, data, at = b"", b"", 16 * len(pairs)
    for n, (flag, key, value) in enumerate(pairs):
        elements += struct.pack("<IIII", flag, at + len(data) - 16 * n, len(key), len(value))
        data += key + value
    return head + elements + data


def branch(children):
    head = struct.pack("<QHHI", 0, 1, len(children), 0)
    return head + b"".join(struct.pack("<IIQ", 0, 0, child) for child in children)


def meta(root, transaction, checksum=None):
    content = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, SIZE, 0, root, 0, 0, 99, transaction)
    found = _fnv(content) if checksum is None else checksum
    return struct.pack("<QHHI", 0, 4, 0, 0) + content + struct.pack("<Q", found)


def file(*pages, root=2, first=None):
    metas = (first or meta(root, 1), meta(root, 2))
    return b"".join(page.ljust(SIZE, b"\0") for page in (*metas, *pages))


def bucket(root):
    return struct.pack("<QQ", root, 0)


def inline(pairs):
    return bucket(0) + leaf(pairs)


def records(data, name=b"tokens"):
    return list(BoltFile(data).records(name))


class Reading(SynchronousTestCase):
    def test_a_file_of_bbolt(self):
        found = {(b.hex(), key.hex(), value.hex()) for b, key, value in records(FILE)}
        expected = {(STORE["bucket"], r["key"], r["record"]) for r in STORE["records"]}
        self.assertEqual(found, expected)
        self.assertEqual(records(FILE, b"other"), [])

    def test_pages_below_pages_and_buckets_within_values(self):
        data = file(
            leaf([(0, b"plain", b"no bucket"), (1, b"tokens", bucket(3))]),
            branch([4, 5]),
            leaf([(1, b"one", inline([(0, b"k", b"v"), (1, b"deeper", bucket(9))]))]),
            leaf([(1, b"two", bucket(6)), (0, b"pair", b"beside")]),
            leaf([(0, b"l", b"w")]),
        )
        self.assertEqual(records(data), [(b"one", b"k", b"v"), (b"two", b"l", b"w")])

    def test_the_newer_meta_page_that_is_valid_counts(self):
        pages = (leaf([]), leaf([(1, b"tokens", inline([(1, b"b", inline([(0, b"k", b"v")]))]))]))
        found = [(b"b", b"k", b"v")]
        self.assertEqual(records(file(*pages, first=meta(3, 3))), found)
        self.assertEqual(records(file(*pages, first=meta(3, 1))), [])
        self.assertEqual(records(file(*pages, first=meta(3, 3, checksum=7))), [])

    def test_a_file_without_an_end_or_beginning_is_refused(self):
        pair = [(0, b"k", b"v")]
        for pages in (
            [branch([2])],
            [branch([3]), branch([2])],
            [branch([99])],
            [branch([0])],
            [leaf([(1, b"tokens", b"short")])],
            [leaf([(1, b"tokens", bucket(0) + b"short")])],
            [leaf([(1, b"tokens", bucket(2))])],
            [leaf(pair)[:8] + struct.pack("<HHI", 2, 0xFFFF, 0)],
            [leaf(pair)[:16] + struct.pack("<IIII", 0, 16, 0xFFFFFFFF, 1)],
            [struct.pack("<QHHI", 0, 0x10, 0, 0)],
            [],
        ):
            self.assertRaises(ValueError, records, file(*pages))

    def test_pairs_that_share_their_bytes_are_refused(self):
        element = struct.pack("<IIII", 0, 16, 1, 3000)
        page = struct.pack("<QHHI", 0, 2, 2, 0) + element * 2
        self.assertRaises(ValueError, records, file(page))

    @given(st.data())
    def test_a_file_with_any_bytes_changed_is_read_or_refused(self, data):
        changed = bytearray(FILE)
        for at in data.draw(st.lists(st.integers(0, len(FILE) - 1), min_size=1, max_size=8)):
            changed[at] = data.draw(st.integers(0, 255))
        end = data.draw(st.one_of(st.just(len(FILE)), st.integers(0, len(FILE))))
        try:
            found = records(bytes(changed[:end]))
        except ValueError:
            return
        self.assertLess(sum(len(value) for *_, value in found), len(FILE))
