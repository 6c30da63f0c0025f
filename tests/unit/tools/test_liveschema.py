"""The schema of a database for a tool; tests/integration/test_explain.py reads a real one."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import liveschema
from tests.support.planning import SETTINGS


class Live(SynchronousTestCase):
    def test_the_question_is_asked_as_the_tool_was_told(self):
        asked = []

        async def ask(*arguments):
            asked.append(arguments)
            return [(b"1", None)]

        self.patch(liveschema, "ask_database", ask)
        reading = liveschema.read_live("reactor", {"a": 1}, b"password", SETTINGS)
        self.assertRaises(ConfigError, reading.send, None)
        [(reactor, settings, password, statement, rows, value, right)] = asked
        self.assertEqual((reactor, settings, password), ("reactor", {"a": 1}, b"password"))
        self.assertIn("E'people'", statement)
        self.assertGreater(rows, 1)
        self.assertEqual((value, right), (b"", ""))
