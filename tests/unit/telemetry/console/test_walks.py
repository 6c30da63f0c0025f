"""Ways of somebody who is called at night: from the overview to the answer by links alone, and in
few steps."""

import html
import re
from urllib.parse import parse_qsl, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.logs.recent import RecentEvents
from tests.support.consolequestions import QUESTIONS
from tests.support.crowds import Crowd
from tests.support.hours import ACCOUNT, MINUTE, NOW, Hour
from tests.support.incidents import SECOND, line
from tests.support.kepttraces import a_trace
from tests.support.webpages import body


class Walk:
    """A way over the pages of a console, from the overview on."""

    def __init__(self, sources):
        self._console = Console("acra-server", sources)
        self.open("/console/overview")

    def open(self, href):
        """Open a page by its address."""
        parts = urlsplit(href)
        arguments = dict(parse_qsl(parts.query))
        self.page = body(self._console.page(VIEWS[parts.path.rpartition("/")[2]], arguments))
        (self.said, *_) = re.findall(r'<div class="answer[^>]*>(.*?)</div>', self.page, re.S)
        self.text = html.unescape(re.sub("<[^>]+>", "", self.said))

    def click(self, text, within=""):
        """Follow the first link with a text; in the answer, if nothing else is said."""
        where = self.page if within == "page" else self.page[: self.page.index("<section")]
        for href, inside in re.findall(r'<a[^>]* href="([^"]*)"[^>]*>(.*?)</a>', where, re.S):
            if text in html.unescape(re.sub("<[^>]+>", "", inside)):
                return self.open(html.unescape(href))
        raise AssertionError(f"no link {text!r} on the page that says: {self.text}")


class Nights(SynchronousTestCase):
    def test_a_slow_database(self):
        hour = Hour().slow_since(20)
        for number in range(30):
            a_trace(hour.store, NOW - 30 * MINUTE + number * SECOND)
        for number in range(9):
            a_trace(hour.store, NOW - (60 - number) * SECOND, first=41_000)
        walk = Walk(hour.sources)
        self.assertIn("It is the database. Since 23:40 a request takes", walk.text)
        self.assertIn("in one statement, SELECT orders customer", walk.text)
        walk.click("Open the statement")
        self.assertIn("Slow since 23:40", walk.text)
        walk.click("Compare slow with typical")
        self.assertIn("Database, to first byte +39.00 ms: 100 % of the difference.", walk.text)

    def test_a_slow_stage(self):
        walk = Walk(QUESTIONS["alerting"]().sources)
        self.assertIn("It is ours: the censor. Since 23:40", walk.text)
        walk.click("Open the statement")
        self.assertIn("SELECT account", walk.page)
        self.assertIn("censor", walk.text)

    def test_a_wave_of_injections(self):
        hour, recent = Hour(), RecentEvents("acra-server")
        for minute in range(119, 0, -1):
            hour.pass_to(minute)
            hour.ask(minute, ACCOUNT, 9)
        hour.ask(1, b"SELECT amount FROM salaries", 40, outcome="denied")
        for number in range(40):
            recent(
                line(
                    when=NOW - 50 * SECOND + number * SECOND,
                    query="SELECT amount FROM salaries",
                    error="handler 4: table salaries",
                    rule="deny.table",
                    peer="10.20.0.99",
                    session_id=2117,
                )
            )
        walk = Walk(hour.sources._replace(events=recent))
        self.assertIn("40 requests denied", walk.text)
        self.assertIn("kind=denied&amp;range=1h", walk.said)
        walk.click("40 requests denied")
        self.assertIn("shop application sent the same statement 40 times in 39 s", walk.text)
        self.assertIn("none reached the database", walk.text)
        # Who it was, from where, and why, are on the same page.
        for text in ("10.20.0.99", "handler 4: table salaries"):
            self.assertIn(text, walk.page)

    def test_a_poison_record(self):
        found = QUESTIONS["incident"]()
        hour = Hour()
        hour.ask(1, b"SELECT number FROM card", attributes={"acra.poison_records": 1})
        sources = found.sources._replace(figures=hour.figures, sums=hour.sources.sums)
        walk = Walk(sources)
        self.assertIn("1 request read a poison record", walk.text)
        walk.click("1 request read a poison record")
        self.assertIn("A poison record was read. reports worker read it", walk.text)
        walk.click("2117", "page")
        self.assertIn("reports worker tried what is denied 2 times, first at", walk.text)

    def test_a_lost_connector(self):
        crowd, hour = Crowd(), Hour()
        for minute in range(60, 0, -1):
            for connector in ("10.20.0.21", "10.20.0.22")[: 1 if minute <= 15 else 2]:
                crowd.ask(minute, "shop application", 9, connector=connector)
            hour.pass_to(minute)
            hour.ask(minute, ACCOUNT, 18)
        walk = Walk(hour.sources._replace(edges=crowd.edges))
        self.assertIn("Nothing has come here over the connector 10.20.0.22 since 23:45", walk.text)
        walk.click("10.20.0.22")
        self.assertIn("Nothing has come here over the connector 10.20.0.22 since", walk.text)
        self.assertIn("Who talks to whom", walk.page)
