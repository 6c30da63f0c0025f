"""Links to traces in another viewer."""

import json
import re
from urllib.parse import parse_qs, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.links import LinkTemplate, address
from tests.support.documents import TOP


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

    def test_those_that_the_page_names(self):
        page = (TOP / "docs/console.rst").read_text()
        templates = re.findall(r"^    trace_link_template = (\S+)$", page, re.M)
        trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
        kind, seen = LinkTemplate(), []
        for template in templates:
            url = urlsplit(address(kind.parse(template), trace_id))
            seen.append(url.hostname)
            if url.hostname != "grafana":
                self.assertEqual(url.path.rpartition("/")[2], trace_id)
                continue
            (panes,) = parse_qs(url.query)["panes"]
            ((query,),) = (pane["queries"] for pane in json.loads(panes).values())
            self.assertEqual((query["query"], query["queryType"]), (trace_id, "traceql"))
        self.assertEqual(seen, ["jaeger", "zipkin", "app.datadoghq.com", "grafana"])

    def test_an_address(self):
        self.assertEqual(address("http://x/{trace_id}?", "12"), "http://x/12?")
        self.assertEqual(address("", "12"), "")
