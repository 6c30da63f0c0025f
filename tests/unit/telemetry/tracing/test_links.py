"""Links to traces in another viewer."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.links import LinkTemplate, address


class Links(SynchronousTestCase):
    def test_what_a_template_may_be(self):
        kind = LinkTemplate()
        for text in ("", "http://jaeger:16686/trace/{trace_id}", "https://x/?q={trace_id}&a=1"):
            self.assertEqual(kind.parse(f" {text} "), text)
        for text in (
            "http://jaeger:16686/trace/",
            "javascript:alert('{trace_id}')",
            "//x/{trace_id}",
            "http://{trace_id}/",
            "http://user@x/{trace_id}",
            "http://x/{trace_id} y",
        ):
            self.assertRaises(ValueError, kind.parse, text)

    def test_an_address(self):
        self.assertEqual(address("http://x/{trace_id}?", "12"), "http://x/12?")
        self.assertEqual(address("", "12"), "")
