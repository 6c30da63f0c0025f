"""Settings that do nothing are told of; protections that do nothing stop the start."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.effects import Rule, without_effect
from acra_twisted.options import BOOLEAN, TEXT, Option, Settings

OPTIONS = (
    Option("on", BOOLEAN, False, ""),
    Option("script", TEXT, "", ""),
    Option("color", TEXT, "", ""),
)
RULES = (
    Rule(("script",), lambda settings: settings["on"], "it is off", protects=True),
    Rule(("color", "script"), lambda settings: settings["on"], "nothing is shown"),
)


class Effects(SynchronousTestCase):
    def found(self, given=("script", "color"), **values):
        settings = Settings(
            {"on": False, "script": "", "color": "", **values},
            given={name: f"x.ini:{n}" for n, name in enumerate(given, 1)},
        )
        wrong, remarks = without_effect(settings, OPTIONS, RULES)
        return [str(error) for error in wrong], remarks

    def test_each_is_named_with_its_place_and_the_reason(self):
        wrong, remarks = self.found(script="a", color="red")
        self.assertEqual(wrong, ["x.ini:1: script has no effect: it is off"])
        self.assertEqual(remarks, ["x.ini:2: color has no effect: nothing is shown"])

    def test_what_has_an_effect_is_not_told_of(self):
        self.assertEqual(self.found(on=True, script="a", color="red"), ([], []))

    def test_what_nobody_set_is_not_told_of(self):
        self.assertEqual(self.found((), script="a", color="red"), ([], []))

    def test_a_value_that_is_the_default_is_not_told_of(self):
        self.assertEqual(self.found(), ([], []))
