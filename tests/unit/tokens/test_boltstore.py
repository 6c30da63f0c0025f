"""Acra's token store in a file of BoltDB."""

import base64
import zlib

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.errors import ConfigError, TokenStoreError
from acra_twisted.interfaces import ITokenSource
from acra_twisted.tokenentry import Entry
from acra_twisted.tokens.boltstore import BoltSource
from tests.support import vectors
from tests.support.tokenstores import everything

STORE = vectors.encryption()["token_store"]
FILE = zlib.decompress(base64.b64decode(STORE["boltdb_file"]["data"]))


class Bolt(SynchronousTestCase):
    def source(self, data):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(data)
        return BoltSource(path)

    def test_every_record_comes(self):
        source = self.source(FILE)
        self.assertTrue(verifyObject(ITokenSource, source))
        found = self.successResultOf(Deferred.fromCoroutine(everything(source)))
        bucket = bytes.fromhex(STORE["bucket"])
        expected = [
            Entry(bucket, *vectors.unhex(record, "key", "record")) for record in STORE["records"]
        ]
        self.assertEqual(sorted(found), sorted(expected))
        self.successResultOf(source.close())

    def test_a_file_that_is_none_is_refused(self):
        self.assertRaises(ConfigError, self.source, b"")
        self.assertRaises(ConfigError, self.source, b"SQLite format 3\0" * 1000)
        self.assertRaises(ConfigError, BoltSource, self.mktemp())

    def test_a_damaged_page_is_an_error(self):
        damaged = FILE[: 2 * 4096] + b"\xff" * (len(FILE) - 2 * 4096)
        self.failureResultOf(self.source(damaged).page(), TokenStoreError)
