"""Answers of the pages (see also test_site)."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.answers import HEADERS, plain


class Request:
    def __init__(self, method):
        self.method = method
        self.said = {}

    def setResponseCode(self, code):
        self.code = code

    def setHeader(self, name, value):
        self.said[name] = value


class Answers(SynchronousTestCase):
    def test_text(self):
        request = Request(b"GET")
        self.assertEqual(plain(request, 404, "größer"), "größer\n".encode())
        self.assertEqual(request.code, 404)
        self.assertEqual(request.said["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(plain(Request(b"HEAD"), 200, "ok"), b"")

    def test_nothing_may_be_kept_framed_or_guessed(self):
        self.assertEqual(HEADERS["cache-control"], "no-store")
        self.assertEqual(HEADERS["x-content-type-options"], "nosniff")
        self.assertIn("frame-ancestors 'none'", HEADERS["content-security-policy"])
