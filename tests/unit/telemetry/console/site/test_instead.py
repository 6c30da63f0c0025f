"""Pages in the place of views that cannot be shown."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site import instead
from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.hours import Hour
from tests.support.webpages import body

_ANSWER = re.compile(r'<div class="answer[^>]*><p>(.*?)</p>(.*?)</div>', re.S)
_LINK = re.compile(r'<a class="btn[^"]*" href="([^"]+)">([^<]+)</a>')


class Pages(SynchronousTestCase):
    def setUp(self):
        self.console = Console("acra-server", Hour().slow_since(20).sources)

    def told(self, name, **arguments):
        """The sentence of a view that cannot be shown, and its links."""
        view = VIEWS[name]
        try:
            page = self.console.page(view, arguments)
            try:
                body(page)
                self.fail("it can be shown")
            except NotKept as error:
                text = page.instead(str(error))
        except Unfit as error:
            text = self.console.unfit(view, arguments, str(error))
        self.assertEqual(text.count("<h1>"), 1)
        self.assertIn('href="/console/health"', text)
        said, links = _ANSWER.search(text).groups()
        found = {html.unescape(title): html.unescape(href) for href, title in _LINK.findall(links)}
        return html.unescape(said), found

    def test_a_filter_that_cannot_be(self):
        said, links = self.told("traces", min_ms="20 mss", verdict="deny")
        self.assertEqual(said, "min_ms is “20 mss”, but must be a number of milliseconds.")
        self.assertEqual(links["Without min_ms"], "/console/traces?verdict=deny")
        self.assertEqual(links["The view without arguments"], "/console/traces")
        said, _ = self.told("overview", range="2x")
        self.assertIn("15m, 1h, 24h, 7d, 30d", said)

    def test_an_argument_that_there_is_not(self):
        said, links = self.told("overview", depth="1")
        self.assertIn("'depth'", said)
        self.assertEqual(list(links.values()), ["/console/overview"])

    def test_one_that_names_nothing(self):
        for name, lists in (
            ("trace", ["/console/traces", "/console/statements"]),
            ("statement", ["/console/statements"]),
            ("session", ["/console/sessions", "/console/security"]),
        ):
            for arguments in ({}, {"id": "<b>"}):
                if name == "statement" and arguments:
                    continue
                said, links = self.told(name, **arguments)
                self.assertTrue(said.lower().startswith("id "), said)
                self.assertEqual(list(links.values()), lists)

    def test_a_trace_that_is_not_kept(self):
        for name in ("trace", "compare"):
            said, links = self.told(name, id="0" * 32)
            self.assertTrue(said.startswith("Not found: only recent traces are kept"), said)
            self.assertIn("trace_store_file", said)
            self.assertIn("/console/traces", links.values())

    def test_a_statement_without_calls_in_the_time(self):
        said, links = self.told("statement", id="0" * 16, range="15m")
        self.assertEqual(said, "Not found: no call of this statement came in the last 15 minutes.")
        self.assertEqual(links["In the last 30 d"], f"/console/statement?id={'0' * 16}&range=30d")
        self.assertNotIn("In the last 30 d", self.told("statement", id="0" * 16, range="30d")[1])

    def test_a_session_of_which_nothing_is_kept(self):
        said, links = self.told("session", id="99")
        self.assertIn("no session of this number is open", said)
        self.assertIn("/console/sessions", links.values())

    @given(st.sampled_from(sorted(VIEWS)), st.dictionaries(st.text(), st.text()), st.text())
    def test_whatever_is_asked_for_is_shown_as_text(self, name, arguments, why):
        view = VIEWS[name]
        for told in (
            instead.of_unfit(view, arguments, f"{next(iter(arguments), '')} {why}"),
            instead.of_missing(view, arguments, why),
        ):
            self.assertTrue(told.links)
            for _, href in told.links:
                self.assertTrue(href.startswith("/console/"), href)
        self.assertNotIn(
            "<script>alert", self.console.unfit(view, arguments, f"{why}<script>alert")
        )
