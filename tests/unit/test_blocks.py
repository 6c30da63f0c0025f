"""Sections of an ini file that may be repeated are told apart by their subjects."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.blocks import ALL_BLOCKS, CENSOR_BLOCKS, COLUMN_BLOCKS, blocks_of
from acra_twisted.options import Block

NAMES = ("censor:a", "encrypt:t.c", "bypass:x", "encryptor", "other:censor:b")
BLOCKS = [Block(name, "", {}, {}) for name in NAMES]


class Subjects(SynchronousTestCase):
    def test_sections_of_a_subject(self):
        for prefixes, expected in (
            (CENSOR_BLOCKS, NAMES[:1]),
            (COLUMN_BLOCKS, NAMES[1:3]),
            (ALL_BLOCKS, NAMES[:3]),
            ((), ()),
        ):
            found = [block.name for block in blocks_of(BLOCKS, prefixes)]
            self.assertEqual(found, list(expected), prefixes)
