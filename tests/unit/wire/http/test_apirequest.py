"""Requests to AcraServer's HTTP API: who asks, in which trace, and the bytes of the answers."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.http import apirequest
from acra_twisted.wire.http.head import HeadReader, Refused

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def head(*lines):
    reader = HeadReader()
    reader.feed("\r\n".join(lines).encode() + b"\r\n\r\n")
    return reader.next_head()


class Requests(SynchronousTestCase):
    def test_answers_are_acras(self):
        for answer, status, body in (
            (apirequest.OK, 200, b""),
            (apirequest.INCORRECT, 404, b"incorrect request\r\n\r\n"),
            (apirequest.FAILED, 500, b"\r\n\r\n"),
            (apirequest.refusal(403, "Forbidden", "no"), 403, b"no\r\n\r\n"),
        ):
            self.assertEqual(apirequest.status_of(answer), status)
            first, _, rest = answer.partition(b"\r\n\r\n")
            self.assertNotIn(b"\n", first)
            self.assertEqual(rest, body)

    def test_a_page_of_a_browser(self):
        self.assertFalse(apirequest.is_from_a_page(head("GET / HTTP/1.1", "Host: x")))
        for field in ("Origin: http://evil.example", "Sec-Fetch-Site: cross-site"):
            self.assertTrue(apirequest.is_from_a_page(head("GET / HTTP/1.1", "Host: x", field)))

    def test_its_context(self):
        found = apirequest.context_of(head("GET / HTTP/1.0", f"TraceParent: {PARENT}"))
        self.assertEqual(found.traceparent(), PARENT)
        for lines in ((), ("traceparent: 00-0-0-0",), (f"traceparent: {PARENT}",) * 2):
            self.assertIsNone(apirequest.context_of(head("GET / HTTP/1.0", *lines)))

    def test_methods_are_few(self):
        self.assertEqual(apirequest.method_of(head("GET / HTTP/1.0")), "GET")
        self.assertEqual(apirequest.method_of(head("SECRET / HTTP/1.0")), "_OTHER")

    @given(st.binary(max_size=300))
    def test_whatever_comes_is_judged_or_refused(self, data):
        reader = HeadReader()
        reader.feed(data + b"\r\n\r\n")
        try:
            found = reader.next_head()
        except Refused:
            return
        if found is not None:
            self.assertIn(apirequest.is_from_a_page(found), (True, False))
            self.assertRegex(apirequest.method_of(found), "^[A-Z_]+$")
            apirequest.context_of(found)
