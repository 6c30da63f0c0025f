"""Signing a log."""

import hashlib
import hmac
import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.logs.chain import END, LAST_WORDS, Chain, last_value

KEY = b"a key of the log, 32 bytes long.."


def write(count=5, style="plaintext", previous="none", key=KEY):
    chain = Chain(key, style)
    if style == "json":
        texts = [
            f'{{"msg": "begins", "previous": "{previous}"}}',
            *(f'{{"msg": "number{n}"}}' for n in range(count)),
            json.dumps({"chain": END, "msg": LAST_WORDS[1]}),
        ]
    else:
        texts = [
            f"begins previous={previous}",
            *(f"msg=number{n}" for n in range(count)),
            f'time="now" level=info msg="{LAST_WORDS[1]}" chain={END}',
        ]
    return [chain.sign(text) + "\n" for text in texts]


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
