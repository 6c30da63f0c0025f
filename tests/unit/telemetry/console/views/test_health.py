"""The view of health: does it work as it should, and is it set up as I think?"""

import re

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import health
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.pages.waiting import Wait
from tests.support.hours import ACCOUNT, NOW, Hour
from tests.support.stepping import returned
from tests.support.vitals import certificate, exporter, facts, peer_certificate, setting
from tests.support.webpages import body


class Reach:
    """Something behind the daemon."""

    def __init__(self, problem):
        self.answer = problem

    def problem(self):
        return self.answer if isinstance(self.answer, Deferred) else succeed(self.answer)


class Health(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(3)
        self.hour.ask(2, ACCOUNT, 5)
        self.reach = Reach("")

    def sources(self, **changed):
        known = facts(**changed)
        return self.hour.sources._replace(fact=known.get, reach=lambda: self.reach)

    def view(self, show="", **changed):
        wanted = health.asked({"show": show}, NOW)
        return health.as_json(returned(health.gather(self.sources(**changed), wanted)))

    def page(self, show="", **changed):
        console = Console("acra-server", self.sources(**changed))
        return body(console.page(health.VIEW, {"show": show}))

    def test_all_is_as_it_should_be(self):
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["nothing"])
        self.assertEqual((data["findings"], data["behind"], data["calls"]), ([], "", 5))
        self.assertEqual(data["layers_ms"]["dbfirst"], 1.0)
        self.assertIn("Nothing is wrong, and nothing ends soon.", self.page())

    def test_warnings_are_counted_and_told(self):
        data = self.view(
            certificates=[certificate(9)],
            exporters=[exporter(trouble="connection refused", dropped_failed=311)],
            history=None,
        )
        self.assertEqual(data["answer"]["rules"], ["certificate", "exporter"])
        text = data["answer"]["text"]
        self.assertTrue(text.startswith("Working, with 2 warnings. The certificate of tls_cert"))
        self.assertIn("311 spans dropped", text)
        self.assertEqual(len(data["findings"]), 3)

    def test_a_database_that_is_away_comes_first(self):
        self.reach = Reach("database cannot be reached")
        data = self.view(certificates=[certificate(9)])
        self.assertEqual(data["answer"]["rules"], ["unreachable", "certificate"])
        self.assertIn("Not working as it should: 2 warnings.", data["answer"]["text"])
        self.assertIn("cannot be reached", self.page())

    def test_the_table_of_certificates_says_the_same_as_the_warnings(self):
        for days, life, soon in ((9, 365, True), (61, 365, False), (0.5, 1, False), (0.2, 1, True)):
            known = {"peers_certificates": [peer_certificate(days, "tls_ca", life=life)]}
            known["certificates"] = []
            self.assertEqual("peer-certificate" in self.view(**known)["answer"]["rules"], soon)
            (row,) = re.findall(r"<tr><th[^>]*>CN=tls_ca</th>.*?</tr>", self.page(**known))
            self.assertEqual("<strong>" in row, soon, (days, life))

    def test_it_waits_for_the_answer_and_holds_nothing(self):
        self.reach = Reach(Deferred())
        steps = health.gather(self.sources(), "set")
        pieces = [next(steps) for _ in range(len(health.FACTS) + 1)]
        self.assertIsInstance(pieces[-1], Wait)
        self.reach.answer.callback("database cannot be reached")
        self.assertEqual(returned(steps).problem, "database cannot be reached")

    def test_nothing_is_behind(self):
        self.reach = None
        self.assertIsNone(self.view()["behind"])
        self.assertIn("was not tried", self.page())

    def test_settings_with_their_origins(self):
        page = self.page()
        self.assertIn("1 of 2 are set", page)
        self.assertIn("DB_HOST", page)
        self.assertNotIn("max_connections", page)
        self.assertIn("max_connections", self.page("all"))
        self.assertEqual(len(self.view()["settings"]), 2)
        self.assertRaises(Unfit, health.asked, {"show": "some"}, NOW)

    def test_an_origin_has_the_name_of_its_file(self):
        one = setting("db_port", "5432", "file", "/etc/acra/acra-server.ini:7")
        page = self.page(settings=[one])
        self.assertIn('title="/etc/acra/acra-server.ini:7">acra-server.ini:7<', page)

    def test_all_settings_keep_to_the_budget(self):
        many = [
            setting(f"a_setting_with_a_long_name_{number}", "v" * 300, "file", "/etc/a.ini:44")
            for number in range(260)
        ]
        page = self.page("all", settings=many)
        self.assertLess(len(page.encode()), 60_000)
        self.assertRegex(page, "[0-9]+ more are in the JSON")

    def test_what_is_bounded_and_what_is_kept(self):
        page = self.page()
        for text in ("31", "10,000", "312.0 MB of 512.0 MB|312 MB of 512 MB", "381,204 pieces"):
            self.assertRegex(page, text)
        self.assertIn("trace_store_file", self.page(history=None))

    def test_a_daemon_that_tells_nothing(self):
        sources = self.hour.sources
        data = health.as_json(returned(health.gather(sources, "set")))
        self.assertEqual([one["rule"] for one in data["findings"]], ["no-history"])
        page = body(Console("x", sources).page(health.VIEW, {}))
        self.assertIn("No certificate is in use.", page)
