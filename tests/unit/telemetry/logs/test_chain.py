"""Signing a log."""

import hashlib
import hmac

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.logs.chain import Chain, last_value
from tests.support.signedlogs import KEY, write


class Lines(SynchronousTestCase):
    def test_as_acra_writes_them(self):
        """Computed by hand from the description of the format."""
        chain = Chain(KEY, "cef")
        key = hashlib.sha256(KEY).digest()
        before = b""
        for number, text in enumerate(("CEF:0|one|a=b ", "CEF:0|two|")):
            body = text.rstrip(" ")
            before = hmac.new(key, body.encode() + before, "sha256").digest()
            shown = hashlib.sha256(before).hexdigest()
            tail = "" if number else " chain=new"
            self.assertEqual(chain.sign(text), f"{body} integrity={shown}{tail}")
            key = hashlib.sha256(key).digest()

    def test_the_last_value(self):
        lines = write()
        self.assertEqual(last_value("".join(lines) + "cut of"), lines[-1].split("=")[-1].strip())
        self.assertEqual(last_value("nothing\n"), "")
