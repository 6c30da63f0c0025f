"""Where tools find the pages, and what they show them."""

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
        for arguments in ((), ("--from=file:///etc/passwd",), ("--from=a:80",)):
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
