"""The console of a real server, as somebody uses it: numbers, keys, pointer, and what is live."""

from __future__ import annotations

import json
import unittest
import urllib.error

import psycopg

from acra_twisted.sandbox.keys import Keys
from tests.integration.base import Surroundings, eventually, get
from tests.support.browsing import Browser, served
from tests.support.daemons import metric
from tests.support.doors import wrong_doors

RULES = """version: 0.85.0
handlers:
  - handler: deny
    tables: [salaries]
  - handler: allowall
"""
_VIEWS = ("overview", "statements", "traces", "sessions", "security", "topology", "health")
#: The text of what has the focus.
_FOCUSED = "document.activeElement.textContent"


class Console(Surroundings):
    """Requests that were allowed, denied, slow, and failed, some of them in one trace."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rules = cls.folder / "rules.yaml"
        rules.write_text(RULES)
        cls.linked = cls.chain(
            link="secure-session",
            keys=Keys(cls.folder, "shop application"),
            server={
                "pipeline": {"stages": "censor"},
                "censor": {"acracensor_config_file": str(rules)},
                "history": {"trace_store_file": str(cls.folder / "server.history")},
            },
            connector={"tracing": {"tracing_to_server": "true", "tracing_interval": "0.1"}},
        )
        with cls.connect(cls.linked) as db:
            db.execute("CREATE TABLE account (id int, owner text)")
            trace = "/*traceparent='00-%032x-%016x-01'*/" % (77, 5)
            for text in (
                *(f"SELECT owner FROM account WHERE id = {number}" for number in range(5)),
                *("SELECT amount FROM salaries", "SELECT amount FROM salaries"),
                *("SELECT 1/0 FROM pg_class", "SELECT nothing FROM account"),
                "SELECT pg_sleep(0.2)",
                f"SELECT amount FROM salaries {trace}",
                f"SELECT owner FROM account {trace}",
            ):
                try:
                    db.execute(text)
                except psycopg.Error:
                    pass
        # The connector's spans have come, those of the last requests too.
        eventually(cls.is_whole, "the connector's spans arrive")
        cls.browser = Browser(f"http://127.0.0.1:{cls.linked.server_pages}")
        cls.addClassCleanup(cls.browser.close)

    @classmethod
    def is_whole(cls):
        found = [
            one
            for one in cls.told("traces?limit=100")["traces"]
            if one["name"].startswith("SELECT")
        ]
        return len(found) >= 11 and all(
            {span["service"] for span in cls.told(f"trace?id={one['trace_id']}")["spans"]}
            == {"acra-server", "acra-connector"}
            for one in found
        )

    @classmethod
    def told(cls, view):
        mark = "&" if "?" in view else "?"
        return json.loads(get(cls.linked.server_pages, f"/console/{view}{mark}format=json"))

    def tearDown(self):
        self.assertEqual(self.browser.errors(), [])

    def test_numbers_lead_to_as_many_things(self):
        def ask(address):
            try:
                return get(self.linked.server_pages, address)
            except urllib.error.HTTPError:
                return ""

        starts = [f"/console/{view}" for view in _VIEWS]
        wrong = [(*door, things) for door, things in wrong_doors(ask, starts)]
        self.assertEqual(wrong, [])
        self.assertEqual(self.told("overview")["figures"]["denied"], 3)

    def test_keys(self):
        browser = self.browser
        browser.open("/console/overview")
        views = ("statements", "traces", "compare", "sessions", "security", "topology", "health")
        for key, view in zip("stceypho", (*views, "overview"), strict=True):
            browser.press("g", key)
            browser.wait(f"location.pathname == '/console/{view}'")
        browser.press("?")
        browser.wait("location.pathname == '/console/help'")
        browser.press("/")
        browser.wait("location.pathname == '/console/traces'")
        browser.press("/")
        self.assertEqual(browser.say("document.activeElement.name"), "statement")
        browser.type("salaries")
        browser.press("Enter")
        browser.wait("location.search.includes('statement=salaries')")
        # Within a field letters are letters.
        browser.press("/")
        browser.type("gs")
        self.assertTrue(browser.say("location.pathname == '/console/traces'"))
        browser.press("Escape", "j")
        first = browser.say(_FOCUSED)
        browser.press("j")
        self.assertNotEqual(browser.say(_FOCUSED), first)
        browser.press("k")
        self.assertEqual(browser.say(_FOCUSED), first)
        browser.press("Enter")
        browser.wait("location.pathname == '/console/trace'")
        # The request before it in its session, and back.
        here = json.dumps(browser.say("location.search"))
        browser.press("[")
        browser.wait(f"!location.search.startsWith({here})")
        browser.press("]")
        # There it has two requests, one of which is shown.
        browser.wait(f"location.search.startsWith({here})")

    def test_what_is_live_comes_by_itself(self):
        browser = self.browser
        browser.open("/console/sessions")
        rows = "document.querySelectorAll('[data-live=rows] th a').length"
        browser.wait("document.querySelector('.scope .live').textContent == 'Live'")
        self.assertEqual(browser.say(rows), 0)
        with self.connect(self.linked) as db:
            db.execute("SELECT 1")
            browser.wait(f"{rows} == 1")
            # What has the focus stays as it is.
            browser.say("document.querySelector('[data-live=rows] th a').focus()")
            with self.connect(self.linked) as other:
                other.execute("SELECT 2")
                said = "document.querySelector('[data-live=answer]').textContent"
                browser.wait(f"{said}.includes('2 sessions')")
                self.assertEqual(browser.say(rows), 1)
                browser.say("document.activeElement.blur()")
                browser.wait(f"{rows} == 2")
        browser.wait(f"{rows} == 0")

    def test_a_hidden_tab_asks_for_nothing(self):
        browser = self.browser
        live = 'acra_pool_entries{pool="listeners to live parts"}'

        def listeners():
            return metric(self.linked.server_pages, live)

        def hide(is_hidden):
            browser.say(
                "(() => { Object.defineProperty(document, 'hidden', {value: "
                f"{json.dumps(is_hidden)}, configurable: true}});"
                " document.dispatchEvent(new Event('visibilitychange')); })()"
            )

        browser.open("/console/overview")
        eventually(lambda: listeners() == 1, "it listens")
        hide(True)
        eventually(lambda: listeners() == 0, "it listens no longer")
        hide(False)
        eventually(lambda: listeners() == 1, "it listens again")

    def test_a_pointer_shows_the_numbers_of_a_chart(self):
        browser = self.browser
        browser.open("/console/overview")
        browser.hover(".chart[data-cross] svg", (0.995, 0.5))
        browser.wait("[...document.querySelectorAll('.tip')].some((tip) => !tip.hidden)")
        last = browser.say("document.querySelector('.tip:not([hidden])').textContent")
        table = "document.querySelector('.chart[data-cross]').closest('.body')"
        row = browser.say(
            f"[...{table}.querySelectorAll('details.data tbody tr:last-child > *')]"
            ".map((cell) => cell.textContent)"
        )
        for text in row:
            self.assertIn(text, last)

    def test_points_and_rows_of_one_trace(self):
        browser = self.browser
        browser.open("/console/traces")
        # The one that is drawn last: no other covers it.
        browser.hover("svg a[data-trace] >> nth=-1")
        browser.wait("document.querySelectorAll('tr[data-trace].sel').length == 1")
        lit = browser.say("document.querySelector('tr[data-trace].sel').dataset.trace")
        shown = browser.say(
            "[...document.querySelectorAll('svg a[data-trace]')].at(-1).dataset.trace"
        )
        self.assertEqual(lit, shown)
        # For the keyboard as well.
        selected = "document.querySelectorAll('tr[data-trace].sel').length"
        browser.hover("h1")
        browser.wait(f"{selected} == 0")
        browser.say("document.querySelector('svg a[data-trace]').focus()")
        browser.wait(f"{selected} == 1")
        browser.say("document.activeElement.blur()")
        browser.wait(f"{selected} == 0")

    def test_a_cell_of_the_heat_map_opens_its_traces(self):
        browser = self.browser
        (one,) = [
            row for row in self.told("statements")["statements"] if "sleep" in row["statement"]
        ]
        browser.open(f"/console/statement?id={one['id']}")
        # The only call: where it is in the picture.
        at = browser.say(
            "(() => { const chart = document.querySelector('.chart[data-cells]'), path ="
            " chart.querySelector('path[class^=h]'), box = path.getBoundingClientRect(), all ="
            " chart.querySelector('svg').getBoundingClientRect(); return [(box.left + box.width /"
            " 2 - all.left) / all.width, (box.top + box.height / 2 - all.top) / all.height]; })()"
        )
        browser.click(".chart[data-cells] svg", tuple(at))
        browser.wait("location.pathname == '/console/traces'")
        for name in ("shape=", "since=", "until=", "min_ms="):
            self.assertIn(name, browser.where)
        self.assertEqual(self.told(browser.where.removeprefix("/console/"))["found"], 1)

    def test_a_twisty_folds_what_is_below(self):
        browser = self.browser
        slow = self.told("traces?min_ms=200")["traces"][0]["trace_id"]
        browser.open(f"/console/trace?id={slow}")
        rows = "[...document.querySelectorAll('.wf tbody tr')].filter((row) => !row.hidden).length"
        before = browser.say(rows)
        browser.click(".wf .tw")
        self.assertEqual(browser.say(rows), 1)
        browser.click(".wf .tw")
        self.assertEqual(browser.say(rows), before)
        self.assertGreater(before, 2)

    def test_a_theme_stays(self):
        browser = self.browser
        browser.open("/console/overview")
        theme = "document.documentElement.dataset.theme || 'auto'"
        for wanted in ("light", "dark"):
            browser.click("[data-theme-toggle]")
            self.assertEqual(browser.say(theme), wanted)
        browser.open("/console/health")
        self.assertEqual(browser.say(theme), "dark")
        browser.click("[data-theme-toggle]")
        self.assertEqual(browser.say(theme), "auto")


class Away(unittest.TestCase):
    def test_a_page_says_that_it_is_not_live_any_more(self):
        with served("tests.support.consolestory") as (pages, process):
            origin, path = pages["sessions"].split("/console/")
            browser = Browser(origin)
            self.addCleanup(browser.close)
            browser.open(f"/console/{path}")
            badge = "document.querySelector('.scope .live').textContent"
            browser.wait(f"{badge} == 'Live'")
            process.kill()
            browser.wait(f"{badge}.startsWith('Not live since ')")
            self.assertTrue(browser.say("document.documentElement.classList.contains('stale')"))
            self.assertGreater(browser.say("document.querySelectorAll('tbody tr').length"), 0)
