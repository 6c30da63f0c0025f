"""Rules that find what is wrong with a daemon."""

import re
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import healthfindings
from acra_twisted.telemetry.console.healthfindings import findings
from tests.support.hours import NOW
from tests.support.vitals import certificate, exporter, facts, peer_certificate, secrets

RULES = Path(__file__).parents[4] / "examples" / "monitoring" / "acra-rules.yml"
SET_ASIDE = "server.history.damaged-20270114"
#: A situation for each rule.
PLANTED = {
    "certificate-expired": {"certificates": [certificate(-2)]},
    "certificate": {"certificates": [certificate(9), certificate(61, "other")]},
    "peer-certificate": {
        "peers_certificates": [
            peer_certificate(9, "tls_client_ca"),
            peer_certificate(61, "tls_database_ca", is_client=False),
        ]
    },
    "authentication": {"authentication": [secrets("it refuses connections"), secrets()]},
    "stage": {"stages": [{"stage": "censor", "failures": 3, "last": NOW - 60 * 10**9}]},
    "revocation-list": {
        "revocation": [
            {
                "leg": "clients",
                "lists": 1,
                "list_ends": NOW / 1e9 + 60,
                "asks": False,
                "last_answer": 0.0,
            }
        ]
    },
    "no-history": {"history": None},
    "history": {"history": {**facts()["history"], "trouble": "The history waits: locked"}},
    "history-new": {"history": {**facts()["history"], "set_aside": (NOW / 1e9, SET_ASIDE)}},
    "exporter": {"exporters": [exporter(trouble="connection refused", dropped_failed=311)]},
    "exporter-dropped": {"exporters": [exporter(dropped_queue_full=5)]},
    "reload": {
        "changes": [
            {"time": NOW, "kind": "reload failed", "text": "acra-censor.yaml:31: unknown handler"},
            {"time": NOW - 1, "kind": "reload", "text": "rules"},
        ]
    },
    "late": {"process": {**facts()["process"], "lag_p99_ms": 800.0}},
    "log": {"log": {"lost": 4}},
    "bound": {"pools": {"connections": (9500, 10_000)}},
    "weak": {"warnings": {"insecure": ["tls_database_auth = 0: it is not verified"]}},
    "idle": {"warnings": {"advice": ["nothing uses it"]}},
}


def found(problem="", **changed):
    return findings(facts(**changed), problem, NOW / 1e9)


class Rules(SynchronousTestCase):
    def test_a_daemon_that_works_as_it_should(self):
        self.assertEqual(found(), [])

    def test_each_situation_is_found_by_its_rule_alone(self):
        for rule, changed in PLANTED.items():
            self.assertEqual([one.rule for one in found(**changed)], [rule])
        (one,) = found("database cannot be reached")
        self.assertEqual((one.rule, one.look), ("unreachable", healthfindings.BAD))
        self.assertEqual(one.text, "The database cannot be reached.")

    def test_the_words(self):
        (one,) = found(**PLANTED["certificate"])
        self.assertIn("The certificate of tls_cert (CN=tls_cert) ends in 9 days.", one.text)
        (one,) = found(**PLANTED["exporter"])
        self.assertIn("otlp: connection refused; 311 spans dropped.", one.text)
        (one,) = found(**PLANTED["history-new"])
        self.assertIn("begun at 2027-01-15 00:00: the file of the old one was damaged", one.text)
        self.assertIn(SET_ASIDE, one.text)
        (one,) = found(certificates=[certificate(0.2)])
        self.assertIn("ends in 4 hours", one.text)

    def test_of_peers_sources_and_stages(self):
        (one,) = found(**PLANTED["peer-certificate"])
        self.assertIn("a client (CN=tls_client_ca, verified by tls_client_ca) ends in 9", one.text)
        (peer, _) = PLANTED["peer-certificate"]["peers_certificates"]
        (one,) = found(peers_certificates=[{**peer, "ends": NOW / 1e9 - 1}])
        self.assertEqual((one.look, one.word), (healthfindings.SOON, "expired"))
        # One that is made anew each day.
        self.assertEqual(found(peers_certificates=[peer_certificate(0.5, "a", life=1)]), [])
        self.assertEqual(len(found(peers_certificates=[peer_certificate(0.2, "a", life=1)])), 1)
        (one,) = found(**PLANTED["authentication"])
        self.assertEqual(one.look, healthfindings.BAD)
        self.assertIn("of users cannot be looked up: it refuses connections.", one.text)
        (one,) = found(authentication=[{**secrets("x"), "listener": "second"}])
        self.assertIn("of users of the listener second cannot", one.text)
        (one,) = found(**PLANTED["stage"])
        self.assertEqual((one.look, one.word), (healthfindings.BAD, "fails"))
        self.assertIn("Stage censor failed 3 times since the start, last at 23:59:00", one.text)
        (one,) = found(stages=[{"stage": "censor", "failures": 1, "last": NOW - 3600 * 10**9}])
        self.assertEqual((one.look, one.word), (healthfindings.NOTE, "failed"))

    def test_a_list_that_has_ended_fails(self):
        (leg,) = PLANTED["revocation-list"]["revocation"]
        (one,) = found(revocation=[{**leg, "list_ends": NOW / 1e9 - 1}])
        self.assertEqual((one.look, one.word), (healthfindings.BAD, "ended"))

    def test_a_later_reload_that_worked_is_enough(self):
        failed, worked = PLANTED["reload"]["changes"]
        self.assertEqual(found(changes=[worked, failed]), [])

    def test_the_weightiest_first(self):
        all_of_them = {}
        for changed in PLANTED.values():
            for name, value in changed.items():
                all_of_them.setdefault(name, value)
        looks = [healthfindings.LOOKS.index(one.look) for one in found("it is away", **all_of_them)]
        self.assertEqual(looks, sorted(looks))
        self.assertGreater(len(looks), 8)

    def test_long_texts_of_others_are_cut(self):
        (one,) = found(warnings={"insecure": ["x" * 2000]})
        self.assertLess(len(one.text), 400)

    def test_each_leads_to_a_part_of_the_view_of_health(self):
        template = Path(healthfindings.__file__).parent / "templates/health.html"
        parts = set(re.findall(r'id="(c-[a-z]+)"', template.read_text()))
        some = [one for changed in PLANTED.values() for one in found(**changed)]
        for one in (*some, *found("database cannot be reached")):
            view, part = one.as_json()["href"].split("#")
            self.assertEqual(view, "/console/health")
            self.assertIn(part, parts, one.rule)

    def test_nothing_is_told(self):
        self.assertEqual([one.rule for one in findings({}, "", NOW / 1e9)], ["no-history"])

    def test_alerts_are_those_of_the_rules(self):
        known = {
            rule["alert"]
            for group in yaml.safe_load(RULES.read_text())["groups"]
            for rule in group["rules"]
            if "alert" in rule
        }
        named = [one.alert for changed in PLANTED.values() for one in found(**changed)]
        named += [one.alert for one in found("x")]
        self.assertLessEqual(set(filter(None, named)), known)
        self.assertGreaterEqual(len(set(filter(None, named))), 7)
