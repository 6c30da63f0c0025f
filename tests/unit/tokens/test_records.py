"""Records of one column's tokens; the tokenizer's tests ask for more of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import tokens
from acra_twisted.tokens.records import Column


class Columns(SynchronousTestCase):
    def test_bytes_of_a_record_must_fit(self):
        scope = tokens.scope_of("client")
        column = Column("t.c", "int32", "client", scope, tokens.bucket_of(scope), 1)
        self.assertTrue(column.fits(b"1234"))
        self.assertFalse(column.fits(b"12345"))
        self.assertTrue(column._replace(type="str").fits(b"12345"))

    def test_the_name_of_a_record_depends_on_type_and_scope(self):
        columns = [
            Column("t.c", kind, owner, tokens.scope_of(owner), b"", 1)
            for kind in ("str", "email")
            for owner in ("client", "other")
        ]
        self.assertEqual(len({column.token_key(b"czpL") for column in columns}), 4)
