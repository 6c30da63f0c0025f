"""A point's other coordinate: OpenSSL's where interpreted, ours where compiled."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import CryptoError
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.fast.points import uncompressed
from acra_twisted.themis import keys

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
#: Limbs that carry and borrow, and any.
LIMBS = st.one_of(
    st.sampled_from((0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 2**32, 2**64 - 1)),
    st.integers(0, 2**64 - 1),
)


def by_openssl(point):
    """Uncompressed; None if it is none of the curve's."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return None
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def compressed(x, odd):
    return bytes((3 if odd else 2,)) + x.to_bytes(32, "big")


class Points(SynchronousTestCase):
    def check(self, x, odd):
        point = compressed(x, odd)
        expected = by_openssl(point)
        if COMPILED:
            self.assertEqual(uncompressed(point), expected or point)
        else:
            self.assertEqual(uncompressed(point), point)
        # Whichever it is, the key that is made of it is the same.
        try:
            key = keys.decode_point(point)
        except CryptoError:
            self.assertIsNone(expected)
        else:
            self.assertEqual(
                key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), expected
            )

    @given(st.lists(LIMBS, min_size=4, max_size=4), st.booleans())
    @example([0, 0, 0, 0], False)
    @example([2**64 - 1] * 4, True)
    def test_any(self, limbs, odd):
        self.check(sum(limb << 64 * place for place, limb in enumerate(limbs)), odd)

    def test_near_what_carries(self):
        near = [1 << bit for bit in range(0, 256, 8)] + [P, P // 2, 2**256 - P]
        for x in {place + by for place in near for by in range(-3, 4)}:
            if 0 <= x < 2**256:
                self.check(x, False)
                self.check(x, True)

    def test_what_is_no_compressed_point_stays(self):
        generator = by_openssl(compressed(*GENERATOR))
        for point in (b"", b"\0", b"\2" * 32, b"\2" * 34, b"\4" + b"\1" * 32, generator):
            self.assertEqual(uncompressed(point), point)

    def test_the_generator(self):
        self.check(*GENERATOR)


#: Its first coordinate (FIPS 186-4, D.1.2.3), and that the second is odd.
GENERATOR = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, True)
