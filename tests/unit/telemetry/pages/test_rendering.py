"""Pages in pieces."""

import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.rendering import Templates, as_json, made


class Rendering(SynchronousTestCase):
    def test_json_of_lists_and_of_iterators(self):
        value = {"a": 1, "b": [1, {"c": "x"}], "d": [], "e": None}
        pieces = list(as_json({**value, "f": iter([1, 2])}))
        self.assertEqual(json.loads("".join(pieces)), {**value, "f": [1, 2]})
        self.assertGreater(len(pieces), 5)

    def test_the_kind_is_what_is_asked_for(self):
        self.assertEqual(made({"format": "json"}, iter(())).kind, "application/json")
        self.assertEqual(made({}, iter(())).kind, "text/html; charset=utf-8")

    def test_templates_escape(self):
        pieces = Templates("<b>").render("start.html", title="Start", places=[("/<i>", "<s>")])
        text = "".join(pieces)
        for tag in ("<b>", "<i>", "<s>"):
            self.assertNotIn(tag, text)
