"""The page of facts."""

import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.facts import Facts
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.webpages import body


class Page(SynchronousTestCase):
    def test_names_then_the_one_that_is_asked_for(self):
        facts = Facts("acra-server")
        asked = []
        facts.tell("one", lambda: asked.append(1) or {"a": [1]})
        facts.tell("two", lambda: [{"b": 2}])
        page = facts.page({})
        self.assertEqual(page.kind, "application/json")
        told = json.loads(body(page))
        self.assertEqual(told, {"service": "acra-server", "facts": ["one", "two"]})
        self.assertEqual(asked, [])
        for name, value in (("one", {"a": [1]}), ("two", [{"b": 2}])):
            told = json.loads(body(facts.page({"of": name})))
            self.assertEqual(told, {"service": "acra-server", name: value})
        self.assertRaises(Unfit, facts.page, {"of": "three"})
        self.assertEqual((facts.value("two"), facts.value("three")), ([{"b": 2}], None))
