"""What opens a transaction block, and what does not."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.blocks import goes_on_in_block, opens_block


class Blocks(SynchronousTestCase):
    def test_what_opens_one(self):
        for text in (
            b"BEGIN",
            b"begin transaction isolation level serializable",
            b"Start Transaction",
            b" ;\n; BEGIN;",
            b"-- why\nBEGIN",
            b"-- why\r--\nBEGIN",
            b"/* why /* so */ ; */begin/**/",
            b"/**//**/ begin;",
        ):
            self.assertTrue(opens_block(text), text)
            self.assertFalse(goes_on_in_block(text), text)

    def test_what_does_not(self):
        for text in (
            b"",
            b";",
            b"SELECT 'BEGIN'",
            b"beginning",
            b"START_",
            b"/* BEGIN",
            b"-- BEGIN",
            b"/* /* */ BEGIN",
            b"DO $$ BEGIN END $$",
            b"COMMIT; BEGIN",
            b"* / BEGIN",
        ):
            self.assertFalse(opens_block(text), text)
            self.assertFalse(goes_on_in_block(text + b"; SELECT 1"), text)

    def test_what_goes_on_in_it(self):
        for text in (b"BEGIN; SELECT 1", b"/**/begin/**/;;select 1;", b"start transaction;--\n\nx"):
            self.assertTrue(goes_on_in_block(text), text)
        for text in (
            b"BEGIN",
            b"BEGIN;",
            b"BEGIN; -- so",
            b"BEGIN; /* so */ ;",
            b"SELECT 1; BEGIN; x",
        ):
            self.assertFalse(goes_on_in_block(text), text)

    @given(st.lists(st.sampled_from([b"/*", b"*/", b"--", b"\n", b";", b"begin", b"x", b" "])))
    def test_any_text(self, parts):
        text = b"".join(parts)
        self.assertLessEqual(goes_on_in_block(text), opens_block(text))

    def test_many_comments_take_no_longer_than_their_length(self):
        for text in (b"/*" * 100_000, b"/**/" * 100_000, b"--\n" * 100_000, b"--" * 200_000):
            self.assertFalse(opens_block(text))
