"""Pages of the console, whole."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import yaml
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.session import Identity
from acra_twisted.telemetry.console.layers import LAYERS
from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.pages.rendering import NotKept
from tests.support.hours import NOW, Hour
from tests.support.incidents import line, planted
from tests.support.kepttraces import a_trace
from tests.support.livesessions import a_connection, asked_by, some_session
from tests.support.vitals import certificate, facts
from tests.support.webpages import body

RULES = Path(__file__).parents[5] / "examples" / "monitoring" / "acra-rules.yml"
HOSTILE = b'SELECT a AS "<script>alert(1)</script>" FROM "</title><b>" WHERE x = \'secret\''


class Pages(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour().slow_since(20)
        self.sources = planted(self.hour.sources, NOW)
        rules = self.sources.fact
        known = facts(certificates=[certificate(9, "<script>alert(1)")])
        self.sources = self.sources._replace(
            fact=lambda name: known[name] if name in known else rules(name),
            sessions=lambda: [some_session(10_000), some_session(5, running=HOSTILE)],
        )
        self.console = Console("acra-server", self.sources)

    def page(self, name, **arguments):
        return body(self.console.page(VIEWS[name], arguments))

    def every(self):
        """The pages of all views, with arguments that they can have."""
        shape = self.hour.shape("orders")
        trace, other = (a_trace(self.hour.store, NOW + number) for number in (0, 1))
        for name in VIEWS:
            given = {
                "statement": {"id": shape},
                "trace": {"id": trace},
                "compare": {"id": trace, "with": other},
                "session": {"id": "2117"},
            }.get(name, {})
            yield (
                name,
                self.page(name, **given),
                json.loads(self.page(name, format="json", **given)),
            )

    def test_html_keeps_to_the_budget_and_to_the_policy(self):
        for name, text, _ in self.every():
            self.assertLess(len(text.encode()), 60_000, name)
            self.assertNotRegex(text, r"style=|<style|<script>|\son[a-z]+=", name)
            self.assertEqual(text.count("<h1>"), 1, name)
            self.assertNotRegex(text, r'(?:href|src)="(?:https?:)?//', name)
            self.assertEqual(
                len(re.findall(' id="([^"]+)"', text)), len(set(re.findall(' id="([^"]+)"', text)))
            )

    def test_json_has_the_question_and_its_answer(self):
        for name, text, data in self.every():
            self.assertTrue(data["question"].endswith("?"), name)
            self.assertTrue(data["answer"]["rules"], name)
            # The sentence of the page is that of the JSON.
            first = data["answer"]["text"].partition(" ")[0]
            self.assertIn(first, text.partition('<div class="answer')[2][:200], name)

    def test_names_show_as_text_and_no_value_is_there(self):
        self.hour.ask(1, HOSTILE, 40, first=900_000)
        for _, text, data in self.every():
            self.assertNotIn("<script>alert", text)
            self.assertNotIn("secret", text + json.dumps(data))
        self.sources.events(
            line(when=NOW - 10**9, query='SELECT "<script>alert(1)"', client_id="</b>")
        )
        events = self.page("security", event="5")
        self.assertNotIn("<script>alert", events)
        self.assertNotIn("</b></td>", events)
        self.assertIn("SELECT &#34;&lt;script&gt;alert(1)", events)
        asking = some_session(10_000, running=HOSTILE)
        asking.identity = Identity("</b>", "127.0.0.1", True)
        self.sources = self.sources._replace(sessions=lambda: [asking])
        self.console = Console("acra-server", self.sources)
        waiting = self.page("sessions")
        self.assertNotRegex(waiting, "<script>alert|</b></td>|secret")
        self.assertIn("&lt;script&gt;", waiting)
        request = asked_by(a_connection(9, NOW), NOW, summary="<script>alert(1)")
        connection = a_connection(9, NOW, reason="</i>")
        for span in (*request, connection):
            self.hour.store.add(span)
        retraced = self.page("session", id="9")
        self.assertNotRegex(retraced, "<script>alert|</i>")
        self.assertIn("&lt;script&gt;", retraced)
        listed = self.page("statements")
        self.assertIn("&lt;script&gt;", listed)

    def test_a_shape_that_nobody_knows(self):
        page = self.console.page(VIEWS["statement"], {"id": "0123456789abcdef"})
        self.assertRaises(NotKept, body, page)
        self.assertRaises(NotKept, self.page, "security", event="99")
        self.assertRaises(NotKept, self.page, "session", id="99")

    def test_nothing_yet(self):
        self.console = Console("acra-server", Hour(1).sources)
        text = self.page("statements")
        self.assertIn("No statements yet in this time.", text)
        self.assertIn("No statements fit.", text)
        text = self.page("security")
        self.assertIn("Nothing was denied or refused, and no poison record was read.", text)
        self.assertIn("No events fit.", text)
        self.assertIn("No rules of AcraCensor are in force", text)
        text = self.page("sessions")
        self.assertIn("No client is connected.", text)
        self.assertIn("No sessions fit.", text)

    def test_each_alert_names_a_view(self):
        for group in yaml.safe_load(RULES.read_text())["groups"]:
            for rule in group["rules"]:
                # A daemon that does not answer has no page.
                if rule.get("alert", "AcraDown") != "AcraDown":
                    path, _, query = rule["annotations"]["view"].partition("?")
                    view = VIEWS[path.removeprefix("/console/")]
                    view.asked(dict(parse_qsl(query, strict_parsing=bool(query))), NOW)

    def test_layers_have_their_colours_in_the_style_sheet(self):
        style = "".join(one.text for one in self.console.assets.by_name.values())
        for layer in LAYERS:
            self.assertIn(f".f-{layer} ", style)
            self.assertIn(f".sw-{layer} ", style)
