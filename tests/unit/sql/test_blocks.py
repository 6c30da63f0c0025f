"""Statements that control transactions, and those that do not."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.blocks import controls_transaction, goes_on_in_block


class Blocks(SynchronousTestCase):
    def test_what_controls_them(self):
        for text in (
            b"BEGIN",
            b"begin transaction isolation level serializable",
            b"Start Transaction",
            b" ;\n; BEGIN;",
            b"-- why\nBEGIN",
            b"-- why\r--\nBEGIN",
            b"/* why /* so */ ; */begin/**/",
            b"/**//**/ begin;",
            b"savepoint s",
            b"RELEASE s",
            b"rollback to s",
            b"ABORT",
            b"commit and chain",
            b"END",
            b"prepare transaction 'x'",
        ):
            self.assertTrue(controls_transaction(text), text)
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
            b"SELECT 1; BEGIN",
            b"PREPARE transactions AS SELECT 1",
            b"ending",
            b"* / BEGIN",
        ):
            self.assertFalse(controls_transaction(text), text)
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
        self.assertLessEqual(goes_on_in_block(text), controls_transaction(text))

    def test_many_comments_take_no_longer_than_their_length(self):
        for text in (b"/*" * 100_000, b"/**/" * 100_000, b"--\n" * 100_000, b"--" * 200_000):
            self.assertFalse(controls_transaction(text))
