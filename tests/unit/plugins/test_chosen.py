"""From names to stages: nothing is silently off, order is checked and never changed."""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IDatabaseStageFactory
from acra_twisted.options import Settings
from acra_twisted.plugins import chosen as build
from tests.support.stages import Everything


class Factory:
    options = ()
    advisory = False

    def __init__(self, name, after=(), before=(), made=None):
        self.name, self.after, self.before, self.made = name, after, before, made

    def make(self, settings, services):
        return self.made


@implementer(IDatabaseStageFactory)
class OfOneDatabase(Factory):
    languages = ("postgresql",)


class Names(SynchronousTestCase):
    def setUp(self):
        self.installed = {
            factory.name: factory
            for factory in (Factory("one", after=("two",)), Factory("two"), Factory("three"))
        }
        self.patch(build, "stage_factories", lambda: self.installed)

    def test_order_is_kept(self):
        chosen = build.chosen_factories(("two", "three", "one"))
        self.assertEqual([factory.name for factory in chosen], ["two", "three", "one"])
        self.assertEqual([s.name for s in build.stage_sections(("two",))], ["stage:two"])

    def test_mistakes(self):
        self.installed["four"] = Factory("four", before=("two",))
        for names, expected in (
            (("on",), "did you mean 'one'"),
            (("one", "two"), "'one' must come after 'two'"),
            (("two", "four"), "'four' must come before 'two'"),
            (("two", "two"), "twice"),
        ):
            error = self.assertRaises(ConfigError, build.chosen_factories, names)
            self.assertIn(expected, str(error))

    def build(self, on_error="deny", made=None):
        self.installed["x"] = Factory("x", made=made)
        own = Settings({"on_error": on_error})
        services = SimpleNamespace(language="mysql")
        return build.build(Settings({"stages": ("x",)}, {"x": own}), services)

    def test_only_advisory_stages_may_pass(self):
        error = self.assertRaises(ConfigError, self.build, "pass")
        self.assertIn("only advisory stages", str(error))
        self.installed["x"].advisory = True
        stage = Everything("x")
        self.assertEqual(self.build(made=stage).stages, (stage,))

    def test_a_stage_of_another_database_is_none_there(self):
        self.installed["x"] = OfOneDatabase("x")
        build.check_languages(("two", "x"), "postgresql")
        build.check_languages(("two",), "mysql")
        error = self.assertRaises(ConfigError, build.check_languages, ("two", "x"), "mysql")
        self.assertIn("'x' works with postgresql alone, and the database is mysql", str(error))

    def test_it_is_not_made_either(self):
        own = Settings({"on_error": "deny"})
        self.installed["x"] = OfOneDatabase("x", made=Everything("x"))
        chosen = Settings({"stages": ("x",)}, {"x": own})
        services = SimpleNamespace(language="mysql")
        self.assertRaises(ConfigError, build.build, chosen, services)
        services.language = "postgresql"
        self.assertEqual(len(build.build(chosen, services).stages), 1)

    def test_what_is_made_must_be_a_stage(self):
        self.assertRaises(ConfigError, self.build)


class Discovery(SynchronousTestCase):
    def test_two_stages_of_one_name(self):
        self.patch(build, "getPlugins", lambda *args: [Factory("one"), Factory("one")])
        self.assertRaises(ConfigError, build.stage_factories)
