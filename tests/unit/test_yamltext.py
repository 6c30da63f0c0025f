"""YAML as nodes: nothing is constructed, and every mistake has a place."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.yamltext import compose, place


class Nodes(SynchronousTestCase):
    def refused(self, text, largest=1_000_000):
        return str(self.assertRaises(ConfigError, compose, "c.yaml", text, largest))

    def test_the_root_of_the_document(self):
        self.assertIsNone(compose("c.yaml", "# nothing\n", 100))
        [(key, value)] = compose("c.yaml", "# one\na: !!python/object:os.system x\n", 100).value
        self.assertEqual((key.value, value.value), ("a", "x"))
        self.assertEqual(place("c.yaml", key.start_mark.line), "c.yaml:2")

    def test_mistakes_say_where(self):
        for text, expected in (
            ("a: 1\nb: [\n", "c.yaml:3: this is no YAML"),
            ("a: 1\nb: *c\n", "c.yaml:2: this is no YAML"),
            ("a: 1\n--- \nb: 1\n", "c.yaml:2: this is no YAML"),
            ("a: 1\n\nb: \x01\n", "c.yaml:3: this is no YAML: a character"),
            ("[" * 100_000, "c.yaml: this is no YAML: too many levels"),
        ):
            self.assertIn(expected, self.refused(text))

    def test_a_text_that_is_too_long_is_not_read(self):
        self.assertIn("more than 10 characters", self.refused("[" * 11, 10))

    @given(st.text() | st.lists(st.sampled_from("a:\n- [{'\"&*!|>#%@?, 1<~")).map("".join))
    def test_any_text_is_read_or_refused(self, text):
        try:
            compose("c.yaml", text, 1_000)
        except ConfigError as error:
            self.assertTrue(str(error).startswith("c.yaml"))
