"""Where tools find the pages, and what they show them."""

import http.client
import io

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import pages
from acra_twisted.tools.commandline import Parser


class Given(SynchronousTestCase):
    def make(self, *arguments, **environment):
        parser = Parser(prog="x", description="x")
        pages.add_options(parser)
        return pages.Pages(parser.parse_args(arguments), environment)

    def test_sources(self):
        self.assertEqual(
            self.make("--from=http://a/", "--from=https://b").sources, ["http://a", "https://b"]
        )
        self.assertEqual(
            self.make(ACRA_TRACE_FROM="http://a, http://b").sources, ["http://a", "http://b"]
        )
        for arguments in (
            (),
            ("--from=file:///etc/passwd",),
            ("--from=a:80",),
            ("--from=http://[::1",),
            ("--from=http://a:99999",),
            ("--from=http://:80",),
        ):
            self.assertRaises(ConfigError, self.make, *arguments)
        self.assertRaises(ConfigError, self.make, "--from=http://a", "--tls_ca=/nowhere")

    def test_a_token(self):
        seen = []

        def urlopen(request, timeout, context):
            seen.append(request.get_header("Authorization"))
            return io.BytesIO(b"{}")

        self.patch(pages.urllib.request, "urlopen", urlopen)
        made = self.make("--from=http://a", ACRA_ZPAGES_TOKEN="a token")
        self.assertEqual(made.get("http://a", "/debug/rpcz"), {})
        self.assertEqual(seen, ["Bearer a token"])

    def test_a_token_that_is_none_is_not_shown(self):
        arguments = {"ACRA_ZPAGES_TOKEN": "sécret\n"}
        error = self.assertRaises(ConfigError, self.make, "--from=http://a", **arguments)
        self.assertIn("ACRA_ZPAGES_TOKEN", str(error))
        self.assertNotIn("cret", str(error))

    def test_answers_that_are_none(self):
        made = self.make("--from=http://a")
        for answer in (b"[]", b"1", b"", b"{", b"[" * 100_000, b"\xff"):
            self.patch(
                pages.urllib.request, "urlopen", lambda *_, told=answer, **__: io.BytesIO(told)
            )
            error = self.assertRaises(ConfigError, made.get, "http://a", "/debug/rpcz")
            self.assertIn("http://a: no trace pages there", str(error))

    def test_an_answer_that_ends_in_the_middle(self):
        def urlopen(*_, **__):
            raise http.client.IncompleteRead(b"{")

        self.patch(pages.urllib.request, "urlopen", urlopen)
        made = self.make("--from=http://a")
        self.assertRaises(ConfigError, made.get, "http://a", "/debug/rpcz")

    def test_what_no_daemon_tells(self):
        for answer in ({}, {"sessions": 1}, {"sessions": [{}]}, {"sessions": [1]}):

            def read(answer=answer):
                with pages.understood("http://a"):
                    return answer["sessions"][0]["state"].upper()

            error = self.assertRaises(ConfigError, read)
            self.assertIn("http://a: ", str(error))
