"""A tool that talks with the database itself, or not; tests/integration has it with AcraServer."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.sql.comments import add_context, take_context
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.directness import MYSQL, POSTGRESQL, check_direct
from acra_twisted.wire.link.tracecontext import TraceContext


class Direct(SynchronousTestCase):
    def checked(self, change, query=POSTGRESQL):
        self.asked = []

        async def ask(text):
            self.asked.append(text)
            return change(text.encode())

        return Deferred.fromCoroutine(check_direct(query, ask))

    def test_the_text_arrives_as_it_was_sent(self):
        for query in (POSTGRESQL, MYSQL):
            self.successResultOf(self.checked(lambda text: [[text]], query))
            [text] = self.asked
            found = take_context(text.encode())
            self.assertEqual(found.text, query.encode())
            self.assertIsNotNone(found.context)

    def test_somebody_takes_the_context_off(self):
        self.failureResultOf(self.checked(lambda text: [[take_context(text).text]]), ConfigError)

    def test_somebody_puts_another_into_its_place(self):
        other = TraceContext("1" * 32, "2" * 16, False)
        changed = self.checked(lambda text: [[add_context(take_context(text).text, other)]])
        error = self.failureResultOf(changed, ConfigError)
        self.assertIn("name the database itself", str(error.value))

    def test_a_database_that_does_not_tell_is_taken(self):
        def refuse(text):
            raise DatabaseError("no such function")

        for change in (refuse, lambda text: [[None]], lambda text: [], lambda text: [[]]):
            self.successResultOf(self.checked(change))
