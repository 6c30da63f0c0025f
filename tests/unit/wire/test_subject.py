"""Subjects of certificates as text: Go's own, byte for byte (TL-4)."""

import json
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import HandshakeError
from acra_twisted.wire.subject import common_name, go_text, subject_of

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/subjects.json").read_text())["subjects"]


def der(tag, *parts):
    """One element."""
    content = b"".join(parts)
    size = len(content)
    digits = b"" if size < 128 else size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(digits) if digits else size)) + digits + content


def attribute(value, oid=b"\x55\x04\x03", tag=0x0C):
    return der(0x30, der(6, oid), der(tag, value))


def name(*attributes):
    return der(0x30, *(der(0x31, each) for each in attributes))


def certificate(subject, version=b"\xa0\x03\x02\x01\x02"):
    """The beginning of one, up to its subject."""
    empty = der(0x30)
    return der(0x30, der(0x30, version, der(2, b"\5"), empty, name(), empty, subject, empty))


class Vectors(SynchronousTestCase):
    def test_tl4_each_text_is_the_one_that_go_prints(self):
        for vector in VECTORS:
            subject = bytes.fromhex(vector["der"])
            if vector["text"] is None:
                with self.assertRaises(HandshakeError, msg=vector["about"]):
                    go_text(subject)
            else:
                self.assertEqual(go_text(subject), vector["text"], vector["about"])
        refused = [vector for vector in VECTORS if vector["text"] is None]
        self.assertGreater(len(VECTORS) - len(refused), 50)
        self.assertGreater(len(refused), 8)

    def test_tl4_hostile_names_stay_apart(self):
        texts = [
            go_text(name(*map(attribute, values)))
            for values in (
                (b"b,O=a",),
                (b"b\\,O=a",),
                (b"b+CN=a",),
                (b"B",),
                (b"b",),
                (b"b\0",),
                (b" b",),
                (b"\\ b",),
                (b"#b",),
                (b"\\",),
                (b'b"<>;',),
                ("b\ufffd".encode(),),
            )
        ]
        self.assertEqual(len(set(texts)), len(texts))


class CommonNames(SynchronousTestCase):
    def test_tl4_a_name_has_one_or_none(self):
        organization = attribute(b"a", b"\x55\x04\x0a")
        for attributes, expected in (
            ((attribute(b"a"),), "a"),
            ((organization, attribute(b"a,O=b")), "a,O=b"),
            ((organization,), ""),
            ((attribute(b"a"), attribute(b"b")), ""),
            ((attribute(b"a"), attribute(b"a")), ""),
            ((attribute(b"a\0b"),), ""),
            ((attribute(b""),), ""),
            ((attribute("\xe4".encode()),), "\xe4"),
            ((attribute(b"\xe4", tag=0x14),), "\udce4"),
        ):
            self.assertEqual(common_name(name(*attributes)), expected)


class WhereTheSubjectIs(SynchronousTestCase):
    def test_with_and_without_a_version(self):
        subject = name(attribute(b"app"))
        for version in (b"\xa0\x03\x02\x01\x02", b""):
            self.assertEqual(subject_of(certificate(subject, version)), subject)

    def test_cut_off_anywhere(self):
        whole = certificate(name(attribute(b"app")))
        for size in range(len(whole)):
            with self.assertRaises(HandshakeError):
                go_text(subject_of(whole[:size]))


class WhatIsNoName(SynchronousTestCase):
    def test_it_is_refused(self):
        for wrong in (
            b"",
            b"\x31\x00",
            b"\x30\x80\x00\x00",
            b"\x30\x85\x00\x00\x00\x00\x00",
            b"\x30\x03\x31\x05\x00",
            name(der(0x30, der(6, b""), der(12, b"x"))),
            name(attribute(b"x", b"\x55\x84")),
            name(attribute(b"x", b"\x55" + b"\xff" * 5 + b"\x01")),
            name(der(0x30, der(6, b"\x55\x04\x03"))),
            name(*[attribute(b"x" * 1000)] * 70),
        ):
            with self.assertRaises(HandshakeError):
                go_text(wrong)

    @given(st.binary(max_size=80), st.sampled_from(VECTORS), st.integers(0, 4000))
    @example(b"\x30\x84\xff\xff\xff\xff", VECTORS[0], 1)
    def test_any_bytes_are_a_text_or_refused(self, data, vector, place):
        whole = bytes.fromhex(vector["der"])
        at = place % (len(whole) + 1)
        for subject in (data, whole[:at] + data[:2] + whole[at + 2 :], name(attribute(data))):
            for read in (go_text, lambda given: go_text(subject_of(given))):
                try:
                    read(subject).encode()
                except HandshakeError:
                    pass
