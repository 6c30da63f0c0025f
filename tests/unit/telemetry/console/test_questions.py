"""Questions that people have: sentence and JSON of a page tell the planted situation.

``docs/console-questions.rst`` has a section for each, which shows the same sentence and JSON.
"""

import csv
import html
import io
import json
import re

import yaml
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import VIEWS
from tests.support.consolequestions import QUESTIONS
from tests.support.documents import TOP
from tests.support.webpages import body

PAGE = TOP / "docs/console-questions.rst"
PICTURES = TOP / "docs/pictures/console"
FORMS = ("light", "dark", "phone")
_ANSWER = re.compile(r'<div class="answer[^>]*><p>(.*?)</p>', re.S)


class Told:
    """The page of a question, with its sentence and its JSON."""

    def __init__(self, name):
        question = QUESTIONS[name]()
        self._console, self._question = question.console, question
        self.page = self.format("html")
        told = [html.unescape(re.sub("<[^>]+>", "", one)) for one in _ANSWER.findall(self.page)]
        self.data = json.loads(self.format("json"))
        # The sentence about the rules stands above their table.
        answers = [self.data[key] for key in ("answer", "rules_answer") if key in self.data]
        number = 1 if question.part else 0
        self.text, self.answer = told[number], answers[number]

    def format(self, name):
        arguments = {**self._question.arguments, "format": name}
        return body(self._console.page(VIEWS[self._question.view], arguments))


class Questions(SynchronousTestCase):
    def told(self, name, *rules):
        """The page's sentence is the JSON's, and by these rules."""
        told = Told(name)
        self.assertEqual(told.text, told.answer["text"])
        self.assertEqual(told.answer["rules"][: len(rules)], list(rules))
        return told

    def test_which_functions_run_often_and_which_seldom(self):
        told = self.told("often", "often")
        self.assertTrue(
            told.text.startswith(
                "SELECT account runs most often: 72 % of all calls. "
                "Least often: SELECT audit, 2 calls."
            ),
            told.text,
        )
        calls = [(one["summary"], one["calls"]) for one in told.data["statements"]]
        self.assertEqual((calls[0], calls[-1]), (("SELECT account", 1080), ("SELECT audit", 2)))

    def test_which_functions_take_longest(self):
        told = self.told("longest", "longest")
        self.assertTrue(
            told.text.startswith(
                "SELECT card takes longest: 5.26 ms a call, of that 3.90 ms in encryption."
            ),
            told.text,
        )
        first = told.data["statements"][0]
        self.assertEqual((first["summary"], first["mean_ms"]), ("SELECT card", 5.26))
        self.assertEqual(max(first["layers_ms"], key=first["layers_ms"].get), "cipher")

    def test_which_span_takes_more_time_than_in_similar_traces(self):
        told = self.told("similar", "difference")
        self.assertEqual(told.text, "Database, to first byte +39.00 ms: 100 % of the difference.")
        self.assertEqual((told.data["with"], told.data["calls"]), ("typical", 30))
        more = {one["name"]: one["more_ms"] for one in told.data["places"]}
        self.assertEqual(max(more, key=more.get), "database, to first byte")

    def test_whether_a_load_balancer_spreads_the_load(self):
        told = self.told("balancer", "uneven")
        self.assertEqual(
            told.text,
            "The load is spread 71 : 17 : 12 over 3 connectors, not evenly. "
            "10.20.0.21 has most of it.",
        )
        connectors = [one for one in told.data["boxes"] if one["name"].startswith("10.20.")]
        self.assertEqual([one["calls"] for one in connectors], [340, 80, 60])

    def test_whether_filter_rules_are_right(self):
        told = self.told("rules", "unreached", "never")
        self.assertEqual(
            told.text,
            "1 rule is never reached: acra-censor.yaml:19; a handler before it decides everything. "
            "1 rule that allows never decided: acra-censor.yaml:6.",
        )
        found = {one["place"]: one["found"] for one in told.data["rules"]}
        self.assertEqual(found["acra-censor.yaml:19"], "unreached")
        self.assertEqual(found["acra-censor.yaml:6"], "never")

    def test_whether_the_daemon_is_well(self):
        told = self.told("monitoring", "certificate", "exporter")
        self.assertTrue(told.text.startswith("Working, with 2 warnings. The certificate of"))
        alerts = [one["alert"] for one in told.data["findings"]]
        self.assertEqual(alerts, ["AcraCertificateExpires", "AcraSpansDropped"])
        self.assertLessEqual(set(alerts), set(self.alerts()))

    def test_what_an_alert_is_about(self):
        told = self.told("alerting", "break")
        self.assertTrue(
            told.text.startswith(
                "It is ours: the censor. Since 23:40 a request takes 50.6 ms instead of 1.71 ms"
            ),
            told.text,
        )
        self.assertEqual(told.data["break"]["since"], "23:40")
        self.assertGreater(told.data["layers_now_ms"]["censor"], 48)
        # The alert says which view to open.
        self.assertEqual(self.alerts()["AcraIsSlow"], QUESTIONS["alerting"]().address)

    def alerts(self):
        """The addresses of views by alert."""
        groups = yaml.safe_load((TOP / "examples/monitoring/acra-rules.yml").read_text())["groups"]
        rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
        return {rule["alert"]: rule["annotations"].get("view", "") for rule in rules}

    def test_what_a_siem_gets(self):
        told = self.told("siem", "burst")
        self.assertEqual(
            told.text,
            "10.20.0.31 was stopped 14 times in 26 s at 23:51: a login was refused, by the "
            "database or by AcraServer.",
        )
        (event,) = told.data["events"]
        self.assertEqual((event["peer"], event["times"]), ("10.20.0.31", 14))
        (line,) = told.format("cef").splitlines()
        self.assertTrue(line.startswith("CEF:0|cossacklabs|acra-server|"), line)
        for part in ("|2010|", " src=10.20.0.31 ", " cnt=14", " cs4=password "):
            self.assertIn(part, line)
        (row,) = csv.DictReader(io.StringIO(told.format("csv")))
        self.assertEqual((row["code"], row["times"]), ("2010", "14"))

    def test_what_an_intruder_did(self):
        told = self.told("incident", "poison", "denied")
        self.assertEqual(
            told.text,
            "reports worker read a poison record, at 23:59:14: SELECT card. reports worker tried "
            "what is denied 2 times, first at 23:59:00: SELECT salaries.",
        )
        did = [(one["name"], one["verdict"]) for one in told.data["requests"]]
        self.assertEqual(
            did,
            [
                ("SELECT orders", "allowed"),
                ("SELECT salaries", "denied"),
                ("SELECT salaries", "denied"),
                ("SELECT account", "allowed"),
                ("SELECT card", "poison"),
            ],
        )
        # Both denials are one event, for they are alike and of a minute.
        self.assertEqual([one["code"] for one in told.data["events"]], [587, 560])


class Page(SynchronousTestCase):
    """The page has a section for each question, and what it shows is what the console says."""

    def setUp(self):
        parts = re.split(r"^\.\. _(\w+):$", PAGE.read_text(), flags=re.M)[1:]
        self.sections = dict(zip(parts[::2], parts[1::2], strict=True))

    def test_each_question_has_a_section(self):
        self.assertEqual(list(self.sections), list(QUESTIONS))

    def test_each_section_has_its_pictures(self):
        for name, text in self.sections.items():
            shown = re.findall(r":: pictures/console/([\w.-]+)$", text, re.M)
            self.assertEqual(shown, [f"{name}-{form}.webp" for form in FORMS])

    def test_there_are_no_others_and_they_are_small(self):
        wanted = {f"{name}-{form}.webp" for name in QUESTIONS for form in FORMS}
        found = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
        self.assertEqual(set(found), wanted)
        self.assertGreater(min(found.values()), 4000)
        self.assertLess(sum(found.values()), 2_000_000)

    def test_each_section_names_its_test(self):
        tests = [name for name in dir(Questions) if name.startswith("test_")]
        named = [re.findall(r"``(test_\w+)``", text) for text in self.sections.values()]
        self.assertEqual([len(one) for one in named], [1] * len(QUESTIONS))
        self.assertEqual(sorted(one for (one,) in named), sorted(tests))

    def test_each_section_has_the_address_the_sentence_and_the_json(self):
        for name, text in self.sections.items():
            told, question = Told(name), QUESTIONS[name]()
            words = re.sub(r"\s+", " ", text)
            self.assertIn(told.text, words, name)
            if "id" not in question.arguments:
                self.assertIn(f"``{question.address}``", text)
            (block,) = re.findall(r"^\.\. code-block:: json\n\n((?: .*\n|\n)+)", text, re.M)
            self.assertEqual(missing(json.loads(block), told.data), [], name)


def missing(part, whole, at=""):
    """Return where a part differs from the whole; a list is a part of the beginning of one."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return [
            place for key in part for place in missing(part[key], whole.get(key), f"{at}.{key}")
        ]
    if isinstance(part, list) and isinstance(whole, list) and len(part) <= len(whole):
        pairs = zip(part, whole, strict=False)
        return [place for n, pair in enumerate(pairs) for place in missing(*pair, f"{at}[{n}]")]
    return [] if part == whole else [f"{at}: {part!r} and {whole!r}"]
