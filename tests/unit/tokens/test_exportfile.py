"""Records of tokens in a file that outlasts every store."""

import errno
import os
import stat

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.errors import ConfigError, TokenStoreError
from acra_twisted.interfaces import ITokenSource
from acra_twisted.tokenentry import Entry
from acra_twisted.tokens.exportfile import ExportSource, ExportWriter
from tests.support.tokenstores import everything

FIRST = b'{"acra-tokens": 1}\n'
ENTRY = Entry(b"b" * 32, b"t.key", b"record")


class Export(SynchronousTestCase):
    def source(self, content):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(content)
        return ExportSource(path)

    def everything(self, source):
        found = self.successResultOf(Deferred.fromCoroutine(everything(source)))
        self.successResultOf(source.close())
        return found

    def test_what_is_written_is_read_in_pages(self):
        path = self.mktemp()
        entries = [ENTRY._replace(key=b"t.%d" % n) for n in range(2500)]
        writer = ExportWriter(path)
        writer.write(entries[:1])
        writer.write(entries[1:])
        writer.close()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        source = ExportSource(path)
        self.assertTrue(verifyObject(ITokenSource, source))
        self.assertEqual(self.everything(source), entries)

    def test_nothing_is_overwritten(self):
        path = self.mktemp()
        ExportWriter(path).close()
        self.assertRaises(ConfigError, ExportWriter, path)
        self.assertEqual(self.everything(ExportSource(path)), [])

    def test_what_cannot_be_written_is_named_and_removed(self):
        path = self.mktemp()
        writer = ExportWriter(path)

        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "fsync", full)
        error = self.assertRaises(OSError, writer.close)
        self.assertEqual((error.errno, error.filename), (errno.ENOSPC, path))
        writer.discard()
        self.assertFalse(os.path.exists(path))
        writer.discard()

    def test_a_file_that_is_none_is_refused(self):
        self.assertRaises(ConfigError, ExportSource, self.mktemp())
        for content in (b"", FIRST[:-1], b"{}\n" + FIRST):
            self.assertRaises(ConfigError, self.source, content)

    def test_a_damaged_line_is_an_error(self):
        bucket = b"62" * 32
        good = b'{"bucket": "%b", "key": "742e", "record": "00"}\n' % bucket
        self.assertEqual(self.everything(self.source(FIRST + good)), [(b"b" * 32, b"t.", b"\0")])
        for line in (
            *(good[:-1], b"\n", b"[]\n", b"{}\n", b"7\n", b"\xff\n", b"[" * 100_000 + b"\n"),
            good.replace(b"00", b"0"),
            good.replace(b'"00"', b"0"),
            good.replace(b"742e", b""),
            good.replace(b"742e", b"74" * 257),
            good.replace(bucket, b"62" * 31),
        ):
            source = self.source(FIRST + line)
            self.failureResultOf(source.page(), TokenStoreError)
            self.successResultOf(source.close())

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, data):
        source = self.source(FIRST + data)
        page = source.page()
        page.addErrback(lambda failure: failure.trap(TokenStoreError))
        self.successResultOf(page)
        self.successResultOf(source.close())
