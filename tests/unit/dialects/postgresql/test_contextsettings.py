"""Contexts in settings: how they are set, how long they hold."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.contextsettings import Change, ContextSettings, read_changes
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    PARSE_COMPLETE,
    SYNC,
    bind,
    complete,
    error,
    execute,
    parse,
    query,
    ready,
)

ONE = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
TWO = TraceContext("1af7651916cd43dd8448eb211c80319c", "c7ad6b7169203331", False)
FIRST, SECOND = ONE.traceparent().encode(), TWO.traceparent().encode()
NAME, OWN, PG = b"application_name", b"acra.traceparent", b"pg_tracing.trace_context"


def told(value):
    return message(b"S", b"application_name\0" + value + b"\0")


class Forms(SynchronousTestCase):
    def one(self, text):
        changes = read_changes(text, True)
        self.assertIsNotNone(changes, text)
        self.assertEqual(len(changes.changes), 1, text)
        return changes.changes[0]

    def test_set(self):
        for name in (NAME, OWN, PG):
            for text in (
                b"SET %b = '%b'",
                b"set %b to '%b'",
                b"SET SESSION %b='%b';",
                b"/* x */ SET /* y */ %b TO E'%b' -- z",
                b"SET %b = $$%b$$",
                b"SET %b = 'traceparent=''%b'''",
                b"SET %b = 'shop traceparent=%b'",
                b'SET %b = "%b"',
            ):
                self.assertEqual(self.one(text % (name, FIRST)), Change(name, ONE), text)
            local = self.one(b"SET LOCAL %b = '%b'" % (name, FIRST))
            self.assertEqual(local, Change(name, ONE, is_local=True))
        self.assertEqual(self.one(b"SET \"application_name\" = '%b'" % FIRST), Change(NAME, ONE))
        self.assertEqual(self.one(b"SET Application_Name = '%b'" % FIRST), Change(NAME, ONE))

    def test_set_to_something_else(self):
        for text in (b"SET application_name = 'shop'", b"SET application_name TO shop, x"):
            self.assertEqual(self.one(text), Change(NAME))
        for text in (b"SET acra.traceparent = DEFAULT", b"RESET acra.traceparent"):
            self.assertEqual(self.one(text), Change(OWN, resets=True))
        for text in (b"RESET ALL", b"DISCARD ALL", b"discard all;"):
            self.assertEqual(self.one(text), Change(b"", resets=True))

    def test_set_config(self):
        for text, expected in (
            (b"SELECT set_config('application_name', '%b', false)" % FIRST, Change(NAME, ONE)),
            (
                b"select pg_catalog.set_config('Acra.Traceparent'::text, '%b'::text, true) AS x"
                % FIRST,
                Change(OWN, ONE, is_local=True),
            ),
            (
                b"SELECT set_config('acra.traceparent', '%b', 't')" % FIRST,
                Change(OWN, ONE, is_local=True),
            ),
            (b"SELECT set_config('acra.traceparent', ('x'), true)", Change(OWN, is_local=True)),
            (b"SELECT set_config('acra.traceparent', $2, false)", Change(OWN, number=2)),
            (b"SELECT set_config('acra.traceparent', f(a, b), true)", Change(OWN, is_local=True)),
        ):
            self.assertEqual(self.one(text), expected)

    def test_by_a_parameter(self):
        changes = read_changes(b"SELECT set_config('acra.traceparent', $2, false)", True)
        given = changes.with_parameters([b"x", FIRST])
        self.assertEqual(given.changes, (Change(OWN, ONE),))
        for values in ([], [b"x"], [b"x", None]):
            self.assertEqual(changes.with_parameters(values).changes, (Change(OWN),))

    def test_more_than_one_statement(self):
        text = b"BEGIN; SET LOCAL acra.traceparent = '%b'; SELECT 1; COMMIT" % FIRST
        changes = read_changes(text, True)
        self.assertEqual(changes.changes, (Change(OWN, ONE, is_local=True),))
        self.assertFalse(changes.alone)
        self.assertTrue(read_changes(b"SET timezone = 'UTC'; RESET ALL", True).alone)

    def test_what_sets_no_context(self):
        for text in (
            b"SELECT '00-'",
            b"SET timezone = '%b'" % FIRST,
            b"SET acra.traceparent",
            b"SET acra.traceparent '%b'" % FIRST,
            b"SELECT 'SET acra.traceparent = x'",
            b"SELECT set_config('timezone', '%b', false)" % FIRST,
            b"SELECT set_config('acra.traceparent', '%b')" % FIRST,
            b"SELECT set_config(name, '%b', false)" % FIRST,
            b"SET acra.traceparent = 'open",
            b"SET acra.traceparent = '%b'" % FIRST + b" " * 5000,
            b"DISCARD TEMP",
            b";",
            b"",
        ):
            self.assertIsNone(read_changes(text, True), text)

    @given(
        st.lists(
            st.sampled_from(
                (b"SET", b"LOCAL", b"SESSION", b"RESET", b"DISCARD", b"ALL", OWN, NAME, b"=", b"TO")
                + (b"'%b'" % FIRST, b"set_config(", b"$1", b"$99999999999", b",", b")", b";", b".")
                + (b"(", b'"', b"--", b"/*", b"\xff", b"SELECT")
            ),
            max_size=9,
        ).map(b" ".join),
        st.sampled_from((True, False, None)),
    )
    def test_any_text(self, text, conforming):
        changes = read_changes(text, conforming)
        if changes is not None:
            changes.with_parameters([])


class Holding(SynchronousTestCase):
    def setUp(self):
        self.play = Playbook()

    def says(self, text, tag=b"SET", status=b"I", before=b""):
        """A whole request and its reply; the context that it goes on with."""
        self.play.client(query(text))
        self.play.database(complete(tag) + before + ready(status))
        return self.play.recorder.opened[-1].remote

    def context(self):
        """That of the next request."""
        found = self.says(b"SELECT 1", b"SELECT 1", replies.STATUSES[self.play.session.transaction])
        self.play.done()
        return found

    def sets(self, value=FIRST, name=OWN, scope=b"", **options):
        return self.says(b"SET %b %b = '%b'" % (scope, name, value), **options)

    def test_until_it_changes(self):
        self.assertIsNone(self.sets())
        self.assertEqual([self.context(), self.context()], [ONE, ONE])
        self.assertIsNone(self.sets(SECOND))
        self.assertEqual(self.context(), TWO)
        self.assertIsNone(self.sets(b"shop"))
        self.assertIsNone(self.context())

    def test_it_ends(self):
        for text in (b"RESET acra.traceparent", b"RESET ALL", b"DISCARD ALL"):
            self.sets()
            self.assertIsNone(self.says(text, text.split(b" ")[0]))
            self.assertIsNone(self.context())

    def test_the_one_that_was_set_last(self):
        self.sets(FIRST, NAME)
        self.sets(SECOND, PG)
        self.assertEqual(self.context(), TWO)
        self.says(b"RESET pg_tracing.trace_context")
        self.assertEqual(self.context(), ONE)

    def test_a_comment_wins(self):
        self.sets()
        comment = b" /*traceparent='%b'*/" % SECOND
        self.assertEqual(self.says(b"SELECT 1" + comment, b"SELECT 1"), TWO)
        self.assertEqual(self.says(b"SET acra.traceparent = 'x'" + comment), TWO)
        self.assertIsNone(self.context())

    def test_what_fails_or_is_denied_has_set_nothing(self):
        self.play.client(query(b"SET acra.traceparent = '%b'" % FIRST))
        self.play.database(error() + ready())
        self.assertIsNone(self.context())
        denies = Playbook(lambda w: Deny() if b"SET" in w.item.text else PASS, ["statement"])
        self.play = denies
        self.play.client(query(b"SET acra.traceparent = '%b'" % FIRST))
        self.assertIsNone(self.context())

    def test_behind_it_before_it_is_answered(self):
        self.play.client(query(b"SET acra.traceparent = '%b'" % FIRST) + query(b"SELECT 1"))
        self.assertEqual([e.remote for e in self.play.recorder.opened], [None, ONE])
        self.play.database(error() + ready() + complete(b"SELECT 1") + ready())
        self.assertIsNone(self.context())

    def test_transactions(self):
        for scope, tag, expected in (
            (b"", b"COMMIT", ONE),
            (b"", b"ROLLBACK", None),
            (b"LOCAL", b"COMMIT", None),
            (b"LOCAL", b"ROLLBACK", None),
        ):
            self.play = Playbook()
            self.says(b"BEGIN", b"BEGIN", b"T")
            self.sets(scope=scope, status=b"T")
            self.assertEqual(self.context(), ONE)
            self.says(b"COMMIT", tag)
            self.assertEqual(self.context(), expected, (scope, tag))

    def test_local_outside_of_a_transaction_is_nothing(self):
        self.sets(scope=b"LOCAL")
        self.assertIsNone(self.context())

    def test_several_statements_in_one_text_are_of_it(self):
        text = b"SET LOCAL acra.traceparent = '%b'; SELECT 1" % FIRST
        self.assertEqual(self.says(text, b"SELECT 1"), ONE)
        self.assertIsNone(self.context())

    def test_the_database_has_the_last_word_about_application_name(self):
        self.says(b"SELECT f()", b"SELECT 1", before=told(FIRST))
        self.assertEqual(self.context(), ONE)
        self.says(b"SELECT g()", b"SELECT 1", before=told(b"shop"))
        self.assertIsNone(self.context())
        self.says(b"BEGIN", b"BEGIN", b"T")
        self.sets(FIRST, NAME, b"LOCAL", status=b"T", before=told(FIRST))
        self.assertEqual(self.context(), ONE)
        self.says(b"COMMIT", b"COMMIT", before=told(b"shop"))
        self.assertIsNone(self.context())

    def test_a_name_that_was_cut_is_known_from_its_statement(self):
        value = b"traceparent=''%b''" % FIRST
        self.sets(value, NAME, before=told(value.replace(b"''", b"'")[:63]))
        self.assertEqual(self.context(), ONE)

    def test_the_extended_protocol(self):
        text = b"SET acra.traceparent = '%b'" % FIRST
        self.play.client(parse(b"", text) + bind(b"", b"") + execute() + SYNC)
        self.play.database(PARSE_COMPLETE + BIND_COMPLETE + complete(b"SET") + ready())
        self.assertIsNone(self.play.recorder.opened[-1].remote)
        self.assertEqual(self.context(), ONE)

    def test_prepared_and_executed_later(self):
        text = b"SELECT set_config('acra.traceparent', $1, false)"
        for inspects in ((), ("parameters",)):
            self.play = Playbook(inspects=inspects)
            self.play.client(parse(b"s", text) + SYNC)
            self.play.database(PARSE_COMPLETE + ready())
            self.assertIsNone(self.context())
            for value, expected in ((FIRST, ONE), (SECOND, TWO), (b"x", None)):
                self.play.client(bind(b"", b"s", [value]) + execute() + SYNC)
                self.play.database(BIND_COMPLETE + complete(b"SELECT 1") + ready())
                self.assertIsNone(self.play.recorder.opened[-1].remote)
                self.assertEqual(self.context(), expected)

    def test_what_was_there_at_the_start(self):
        session = self.play.session
        session.settings = ContextSettings(session, {OWN: ONE, NAME: TWO})
        self.assertEqual(self.context(), ONE)
        self.says(b"SELECT 1", b"SELECT 1", before=told(SECOND))
        self.assertEqual(self.context(), ONE)
        self.sets(SECOND, PG)
        self.assertEqual(self.context(), TWO)
        self.sets(b"x", OWN)
        self.says(b"RESET pg_tracing.trace_context")
        self.assertEqual(self.context(), TWO)
        self.says(b"RESET ALL", b"RESET")
        self.assertEqual(self.context(), ONE)
