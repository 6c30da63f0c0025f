"""Settings that do nothing are told of; protections that do nothing stop the start."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.effects import Rule, without_effect
from acra_twisted.optionkinds import BOOLEAN, TEXT
from acra_twisted.options import Option, Settings

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


class Listeners(SynchronousTestCase):
    """A protection that does something at one address and not at another."""

    RULES = (
        Rule(
            ("script",),
            lambda settings: settings["on"],
            "it is off",
            protects=True,
            without=("color", "none"),
        ),
    )

    def wrong(self, daemon, listener, given=(), rules=RULES):
        own = Settings({**daemon, **listener}, given=dict.fromkeys(given, "x.ini:9"))
        settings = Settings(daemon, given={"script": "x.ini:1"}, listeners={"other": own})
        wrong, remarks = without_effect(settings, OPTIONS, rules)
        self.assertEqual(remarks, [])
        return [str(error) for error in wrong]

    def test_one_that_a_listener_inherits(self):
        daemon = {"on": True, "script": "a", "color": ""}
        said = "x.ini:1: [listener:other] inherits script, which has no effect there: it is off; "
        self.assertEqual(
            self.wrong(daemon, {"on": False}), [f"{said}set color = none there, or take script out"]
        )
        self.assertEqual(self.wrong(daemon, {"on": False, "color": "none"}), [])
        self.assertEqual(self.wrong(daemon, {"on": True}), [])
        # Where the listener has a value of its own, it is told of that, or has what it wants.
        self.assertEqual(
            self.wrong(daemon, {"on": False, "script": "b"}, ["script"]),
            ["x.ini:9: script has no effect: it is off; take it out"],
        )
        self.assertEqual(self.wrong(daemon, {"on": False, "script": ""}, ["script"]), [])

    def test_one_that_has_an_effect_at_a_listener_alone(self):
        daemon = {"on": False, "script": "a", "color": ""}
        self.assertEqual(
            self.wrong(daemon, {"on": True}),
            [
                "x.ini:1: script has no effect at this daemon's own address: it is off; set it in "
                "the sections [listener:NAME] that need it, or set color = none here"
            ],
        )
        without = {**daemon, "color": "none"}
        self.assertEqual(self.wrong(without, {"on": True}), [])
        # The same holds between listeners.
        own = Settings({**without, "color": ""}, given={"color": "x.ini:9"})
        settings = Settings(
            without,
            given={"script": "x.ini:1"},
            listeners={"one": own.but(on=True), "two": own},
        )
        wrong, _ = without_effect(settings, OPTIONS, self.RULES)
        self.assertEqual(len(wrong), 1)
        self.assertIn("[listener:two] inherits script", str(wrong[0]))
        self.assertEqual(
            self.wrong(daemon, {"on": False}),
            ["x.ini:1: script has no effect: it is off; take it out"],
        )

    def test_a_listener_that_goes_without_by_its_own_settings_is_not_told(self):
        daemon = {"on": True, "script": "a", "color": ""}
        self.assertEqual(self.wrong(daemon, {"on": False}, rules=RULES[:1]), [])
