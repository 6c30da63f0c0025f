"""Pieces of copied rows, read and written."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.loading import Piece, do
from acra_twisted.encryption.plan import Copied
from acra_twisted.encryption.postgresql.copying import CopiedRows
from acra_twisted.encryption.sealing import Stored
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from tests.support.copied import cut

NAME = ColumnSetting("", "people", "name", data_type="str")
AGE = ColumnSetting("", "people", "age", data_type="int32")
COPIED = Copied((None, NAME, AGE), {}, ("id", "name", "age"))


class Sealer:
    """Stores a value in capitals; one that is in capitals was stored before."""

    def store(self, plaintext, random_bytes):
        if plaintext == b"mask":
            raise ValueRefusedError(b"22000", "mask_written_back", "it looks like a mask")
        assert len(random_bytes(100)) == 100
        return Stored(plaintext.upper(), plaintext == b"BOB")


def source(size):
    return bytes(size)


def encode(rows, data, sealers):
    piece = Piece(rows, data)
    do(piece.read())
    do(piece.write(sealers, source))
    return piece.written


class Pieces(SynchronousTestCase):
    sealers = {NAME: Sealer(), AGE: Sealer()}

    @given(st.lists(st.integers(0, 60)))
    def test_fr5_wherever_they_begin_and_end(self, places):
        rows = CopiedRows(COPIED, 1000)
        data = b"1\tanna\t42\n2\t\\N\t7\n3\tBOB\t\\N"
        text = b""
        counts = {}
        for piece in (*cut(data, places), None):
            written = encode(rows, piece, self.sealers)
            text += written.text
            for key, number in written.counts.items():
                counts[key] = counts.get(key, 0) + number
        made = b"1\t\\\\x414e4e41\t\\\\x3432\n2\t\\N\t\\\\x37\n3\t\\\\x424f42\t\\N"
        self.assertEqual(text, made)
        self.assertEqual(
            counts, {(NAME, "encrypted"): 1, (NAME, "passed_as_is"): 1, (AGE, "encrypted"): 2}
        )

    def test_a_value_that_cannot_be_stored(self):
        rows = CopiedRows(COPIED, 1000)
        with self.assertRaises(ValueRefusedError) as caught:
            encode(rows, b"1\tmask\t\\N\n", self.sealers)
        self.assertEqual(
            str(caught.exception),
            "column people.name is protected by AcraServer: it looks like a mask",
        )

    def test_values_are_read_before_anything_is_stored(self):
        token = AGE._replace(kind=TOKENIZED)
        rows = CopiedRows(COPIED._replace(columns=(None, NAME, token)), 1000)
        piece = Piece(rows, b"1\ta\t2\n3\tb\t4\n5")
        self.assertEqual(piece.size, len(b"1\ta\t2\n3\tb\t4\n"))
        do(piece.read())
        self.assertEqual(piece.token_values(), {token: [b"2", b"4"]})

    def test_each_row_is_a_step_that_costs_more_the_more_values_it_has(self):
        rows = CopiedRows(COPIED, 1000)
        piece = Piece(rows, b"1\ta\t2\n2\t\\N\t\\N\n3\tb\t\\N\n")
        self.assertEqual(len(list(piece.read())), 3)
        both, none, one = piece.write(self.sealers, source)
        self.assertEqual(both - one, one - none)
        self.assertGreater(one, none)
