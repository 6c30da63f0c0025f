"""A signed log: what was done to it is found (OB-7)."""

import hashlib
import hmac
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.logchain import END, LAST_WORDS, Chain, last_value, verify

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


def problems(lines):
    return [line for line, _ in verify(lines, KEY).problems]


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

    def test_whole(self):
        for style in ("plaintext", "json"):
            lines = write(style=style)
            lines += write(style=style, previous=last_value("".join(lines)))
            self.assertEqual(verify(lines, KEY), (14, 2, [], False))

    @given(st.text(), st.text())
    def test_whatever_is_in_it(self, one, other):
        chain = Chain(KEY, "plaintext")
        texts = [" ".join(text.split()) for text in (one, other)]
        lines = [chain.sign(text) for text in texts]
        self.assertEqual(verify(lines, KEY).problems, [])

    @given(st.lists(st.text(max_size=90), max_size=5))
    def test_other_text(self, lines):
        verify(lines, KEY)


class Tampering(SynchronousTestCase):
    def test_a_changed_byte(self):
        for style in ("plaintext", "json"):
            lines = write(style=style)
            lines[3] = lines[3].replace("number2", "number9")
            self.assertEqual(problems(lines), [4])

    def test_a_removed_line_and_two_that_changed_places(self):
        lines = write()
        self.assertEqual(problems(lines[:3] + lines[4:]), [4])
        lines[2], lines[3] = lines[3], lines[2]
        self.assertEqual(problems(lines), [3])

    def test_an_added_line(self):
        lines = write()
        self.assertEqual(problems([*lines[:3], "msg=forged\n", *lines[3:]]), [4])
        forged = write(key=b"another key")
        self.assertEqual(problems(write() + forged)[:1], [8])

    def test_the_tail_is_missing(self):
        self.assertTrue(verify(write()[:-1], KEY).open_chain)
        # Killed in the middle of a line.
        lines = write()
        lines[-1] = lines[-1][:40]
        self.assertEqual(problems(lines), [7])

    def test_the_head_is_missing(self):
        self.assertEqual(problems(write()[1:]), [1])

    def test_a_whole_chain_is_missing(self):
        first = write()
        second = write(previous=last_value("".join(first)))
        third = write(previous=last_value("".join(second)))
        self.assertEqual(problems(first + second + third), [])
        self.assertEqual(problems(first + third), [8])

    def test_a_peer_cannot_end_a_chain(self):
        last = LAST_WORDS[1]
        for style, text in (
            ("plaintext", f'time="now" level=info msg=x user="msg=\\"{last}\\" chain=end"'),
            ("cef", f"CEF:0|cossacklabs|p|1|560|x|6|user={last} chain\\=end"),
            ("json", f'{{"user": "chain=end {last}"}}'),
        ):
            found = verify([Chain(KEY, style).sign(text)], KEY)
            self.assertEqual((found.problems, found.open_chain), ([], True), text)

    def test_a_chain_that_did_not_end(self):
        lines = write()[:-1]
        lines += write(previous=last_value("".join(lines)))
        self.assertEqual(problems(lines), [7])

    def test_an_old_log_replayed(self):
        first = write()
        second = write(previous=last_value("".join(first)))
        self.assertEqual(problems(first + second + first), [15])
