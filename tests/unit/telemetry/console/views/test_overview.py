"""The overview: situations are planted, and its sentence and JSON tell them."""

from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.console.views import overview
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.hours import ACCOUNT, CARD, NOW, ORDERS, Hour
from tests.support.livesessions import some_session
from tests.support.stepping import plain, returned
from tests.support.webpages import body


class Overview(SynchronousTestCase):
    def view(self, hour, **arguments):
        span = overview.asked(arguments, NOW - 1)
        self.gathered = returned(overview.gather(hour.sources, span))
        return plain(overview.as_json(self.gathered))

    def steady(self, **late):
        """Two hours of the same; ``late`` is what differs in the last ten minutes."""
        hour = Hour()
        for minute in range(119, 0, -1):
            hour.pass_to(minute)
            hour.ask(minute, ACCOUNT, 9, **(late if minute <= 10 else {}))
            hour.ask(minute, ORDERS, 2)
        return hour

    def test_the_database(self):
        data = self.view(Hour().slow_since(20))
        self.assertEqual(data["answer"]["rules"], ["break"])
        self.assertEqual(
            data["answer"]["text"],
            "It is the database. Since 23:40 a request takes 12.5 ms instead of 2.39 ms on average;"
            " nearly all of the 10.2 ms added are spent before the database's first byte, 100 % of"
            " that in one statement, SELECT orders customer. Proxy, stages and link take"
            " 0.780 ms a request.",
        )

    def test_ours(self):
        data = self.view(self.steady(censor=5_000))
        self.assertEqual(data["answer"]["rules"], ["break"])
        self.assertRegex(
            data["answer"]["text"],
            r"^It is ours: the censor\. Since 23:50 .* are spent in the censor, 100 % of that in "
            r"one statement, SELECT account\. ",
        )
        self.assertGreater(data["layers_now_ms"]["censor"], data["layers_before_ms"]["censor"] + 3)

    def test_faster(self):
        hour = Hour()
        for minute in range(119, 0, -1):
            hour.pass_to(minute)
            hour.ask(minute, ACCOUNT, 6, first=9_000 if minute > 30 else 1_000)
        self.assertEqual(
            self.view(hour)["answer"]["text"],
            "Since 23:30 a request takes 1.36 ms instead of 9.36 ms on average.",
        )

    def test_errors(self):
        data = self.view(self.steady(outcome="error", status_code="40P01"))
        self.assertEqual(data["answer"]["rules"], ["errors"])
        self.assertTrue(data["answer"]["text"].startswith("90 requests failed lately"))

    def test_denials(self):
        hour = self.steady()
        hour.ask(1, b"SELECT amount FROM salaries", 6, outcome="denied")
        self.assertEqual(self.view(hour)["answer"]["text"], "6 requests denied.")

    def test_poison(self):
        hour = self.steady()
        hour.ask(1, CARD, 1, attributes={"acra.poison_records": 1})
        self.assertEqual(self.view(hour)["answer"]["rules"][0], "poison")

    def test_sessions_that_wait_now_are_in_no_figure_yet(self):
        hour = self.steady()
        waiting = [some_session(6_000 + n, b"UPDATE t SET a = 1", number=n) for n in range(3)]
        holder = some_session(12_000, transaction=15_000, number=9)
        for live, text in (
            (waiting, "3 sessions wait for the database now, one of them for 6.00 s."),
            (
                [waiting[0], holder],
                "1 session waits for the database now, for 6.00 s; client has been idle in a "
                "transaction for 12.0 s, and may hold locks.",
            ),
            # A long statement waits for nobody.
            (waiting[:1], None),
            ([some_session(61_000, b"SELECT 1")], "1 session waits for the database now, for "),
            ([some_session(4_900, b"SELECT 1", number=n) for n in range(3)], None),
            ([holder], None),
        ):
            hour.sources = hour.sources._replace(sessions=lambda live=live: live)
            said = self.view(hour)["answer"]
            if text is None:
                self.assertEqual(said["rules"], ["nothing"])
            else:
                self.assertEqual(said["rules"], ["waiting"])
                self.assertIn(text, said["text"])

    def away(self, late, **facts):
        """An hour of which the last six minutes have so many requests, and no database."""
        self.asked = 0

        def problem():
            self.asked += 1
            return succeed("database cannot be reached")

        hour = Hour()
        for minute in range(119, 6, -1):
            hour.pass_to(minute)
            hour.ask(minute, ACCOUNT, 9)
        hour.pass_to(1)
        hour.ask(1, ACCOUNT, late, **facts)
        hour.sources = hour.sources._replace(reach=lambda: SimpleNamespace(problem=problem))
        return self.view(hour)

    def test_a_database_that_is_away(self):
        data = self.away(0)
        self.assertEqual(data["answer"]["rules"], ["unreachable"])
        self.assertEqual(
            data["answer"]["text"],
            "The database cannot be reached, and the last answered request came after 23:53.",
        )
        self.assertEqual(data["findings"][0]["rule"], "unreachable")
        # What failed, or was denied, tells nothing of the database.
        for facts in ({"outcome": "error", "status_code": "08006"}, {"outcome": "denied"}):
            data = self.away(3, **facts)
            self.assertEqual(data["answer"]["rules"][0], "unreachable")
            self.assertIn(" after 23:53.", data["answer"]["text"])

    def test_a_database_that_answers_is_not_tried(self):
        self.assertEqual(self.away(3)["answer"]["rules"], ["nothing"])
        self.assertEqual(self.asked, 0)

    def many_more(self, calls, first=1_000):
        hour = Hour()
        for minute in range(119, 0, -1):
            hour.pass_to(minute)
            hour.ask(minute, ORDERS, 20, first=2_900)
            hour.ask(minute, ACCOUNT, calls if minute <= 15 else 2, first=first)
        return hour

    def test_many_more_requests(self):
        said = self.view(self.many_more(100))["answer"]
        # A request is faster on average, for there are more of the fast ones.
        self.assertEqual(said["rules"], ["more", "faster"])
        self.assertTrue(
            said["text"].startswith(
                "5.5 times as many requests since 23:45, 2.0 /s instead of 0.4 /s; 100 % of what "
                "was added is one statement, SELECT account. Since "
            ),
            said["text"],
        )
        self.assertEqual(self.view(self.many_more(40))["answer"]["rules"], ["faster"])
        # Days have their own ups and downs.
        self.assertNotIn("more", self.view(self.many_more(100), range="24h")["answer"]["rules"])

    def test_nothing_stands_out(self):
        data = self.view(self.steady())
        self.assertEqual(
            data["answer"]["text"],
            "Nothing stands out: 1.36 ms a request, as before, 81 % of it in the database.",
        )
        self.assertIsNone(data["break"])
        self.assertEqual(sum(one["calls"] for one in data["columns"]), data["figures"]["calls"])

    def test_nothing_yet(self):
        self.assertEqual(self.view(Hour(1))["answer"]["rules"], ["empty"])
        self.assertEqual(plain(returned(overview.shown(self.gathered)))["first"], [])

    def test_where_there_is_no_before_nothing_is_worse(self):
        hour = Hour(30)
        hour.ask(1, ACCOUNT, 6, outcome="error", status_code="40P01")
        self.view(hour)
        shown = plain(returned(overview.shown(self.gathered)))
        self.assertEqual({one.below for one in shown["figures"]}, {"nothing before"})
        self.assertFalse(any(one.is_bad for one in shown["figures"]))
        self.assertEqual({one["change"] for one in shown["changes"]}, {"–"})
        self.assertFalse(any(one["worse"] for one in shown["changes"]))

    def test_what_the_page_shows(self):
        self.view(Hour().slow_since(20))
        shown = plain(returned(overview.shown(self.gathered)))
        self.assertEqual(shown["heads"], ("before 23:40", "now"))
        changes = {line["name"]: (line["change"], line["worse"]) for line in shown["changes"]}
        self.assertEqual(changes["Censor"], ("same", False))
        self.assertTrue(changes["Database, first byte"][1])
        self.assertEqual(shown["first"][0]["summary"], "SELECT orders customer")
        self.assertEqual(len(list(shown["latency_rows"])), 60)
        titles = [figure[0] for figure in shown["figures"]]
        self.assertEqual(titles, ["Requests", "Median", "p95", "p99", "Errors", "Denied", "Poison"])
        # Each leads to what it is made of; nothing leads nowhere.
        doors = {figure[0]: figure[6] for figure in shown["figures"]}
        self.assertEqual(doors["Requests"], "/console/statements?sort=calls&range=1h")
        self.assertEqual(doors["p99"], "/console/traces?sort=slowest&since=1h")
        self.assertEqual(doors["Denied"], "")

    def test_every_door_of_the_figures_opens(self):
        hour = self.steady(outcome="error", status_code="40P01")
        hour.ask(1, ACCOUNT, 3, outcome="denied")
        hour.ask(1, ACCOUNT, 1, attributes={"acra.poison_records": 1})
        self.view(hour)
        console = Console("acra-server", hour.sources)
        figures = returned(overview.shown(self.gathered))["figures"]
        for figure in figures:
            parts = urlsplit(figure.href)
            view = VIEWS[parts.path.rpartition("/")[2]]
            self.assertIn("<h1>", body(console.page(view, dict(parse_qsl(parts.query)))), figure)

    def test_what_cannot_be(self):
        self.assertRaises(Unfit, overview.asked, {"range": "1y"}, NOW)
