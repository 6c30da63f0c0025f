"""Rows of COPY data in every format."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.postgres.copyformat import CopyFormat
from acra_twisted.wire.postgres.copyrows import rows_of


class Rows(SynchronousTestCase):
    def test_each_format_writes_its_own(self):
        for kind, written in (
            ("text", b"a,\\t\\\\x"),
            ("csv", b'"a,\t\\x"'),
            ("binary", b"\0\0\0\5a,\t\\x"),
        ):
            delimiter = b"," if kind == "csv" else b"\t"
            rows = rows_of(CopyFormat(kind, delimiter), 100)
            self.assertEqual(rows.encode(b"a,\t\\x", 0), written)
            self.assertEqual(rows.decode(written, 0), b"a,\t\\x")
