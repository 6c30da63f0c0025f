"""Contexts handed on with every kind of request, and what a client is told."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.propagation import (
    asks_for_notices,
    startup_contexts,
    startup_notices,
    wants_notices,
)
from acra_twisted.dialects.propagation import CARRIER, Propagation
from acra_twisted.exchange import Statement
from acra_twisted.session import IN_TRANSACTION
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import StartupPacket
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    CLOSE_COMPLETE,
    FLUSH,
    NO_DATA,
    PARSE_COMPLETE,
    SYNC,
    bind,
    close,
    columns,
    complete,
    describe,
    error,
    execute,
    messages,
    parse,
    query,
    ready,
    row,
    types,
)

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
PARENT = CONTEXT.traceparent().encode()
COMMENT = b" /*traceparent='" + PARENT + b"'*/"
RESULT = row(b"1") + complete(b"SELECT 1")


def connector(**options):
    handed = Propagation(lambda exchange: CONTEXT, lambda exchange: CONTEXT, to_acra=True)
    return Playbook(propagation=handed, hold_limit=0, **options)


def to_database(**options):
    return Playbook(propagation=Propagation(onward=lambda exchange: CONTEXT), **options)


class HandedOn(SynchronousTestCase):
    """A connector's bytes become again, at its server, what the application said."""

    def through(self, data):
        """Application to database by way of both."""
        self.near, self.far = connector(), Playbook()
        return self.far.client(self.near.client(data))

    def test_texts(self):
        for data in (query(b"SELECT 1"), parse(b"s", b"SELECT $1") + SYNC, query(b"")):
            self.assertEqual(self.through(data), data)
            self.assertEqual(self.far.recorder.opened[0].remote, CONTEXT)
        sent = connector().client(query(b"SELECT 1"))
        self.assertEqual(sent, query(b"SELECT 1" + COMMENT))

    def test_an_execution_carries_the_context_of_its_own_exchange(self):
        asked = []

        def onward(exchange):
            asked.append(exchange)
            return CONTEXT

        near = Playbook(propagation=Propagation(onward, onward, to_acra=True), hold_limit=0)
        near.client(parse(b"s", b"SELECT $1") + SYNC)
        near.database(PARSE_COMPLETE + ready())
        asked.clear()
        near.client(bind(b"", b"s") + execute() + SYNC)
        self.assertIs(asked[-1], near.recorder.opened[-1])

    def test_an_execution_is_preceded_by_a_close_that_carries_it(self):
        near = connector()
        near.client(parse(b"s", b"SELECT $1") + SYNC)
        near.database(PARSE_COMPLETE + ready())
        batch = bind(b"", b"s") + execute() + SYNC
        carrier = close(b"S", CARRIER + PARENT)
        self.assertEqual(near.client(batch), carrier + batch)
        # A server that knows nothing of it answers, and the application does not see that.
        reply = BIND_COMPLETE + RESULT + ready()
        self.assertEqual(near.database(CLOSE_COMPLETE + reply), reply)
        near.done()

    def test_acra_server_takes_it_off_and_answers(self):
        far = Playbook()
        far.client(parse(b"s", b"SELECT $1") + SYNC)
        far.database(PARSE_COMPLETE + ready())
        batch = bind(b"", b"s") + execute() + SYNC
        self.assertEqual(far.client(close(b"S", CARRIER + PARENT) + batch), batch)
        # With what the database answers: one write instead of two.
        self.assertEqual(far.extra, b"")
        self.assertEqual(far.recorder.opened[-1].remote, CONTEXT)
        reply = BIND_COMPLETE + RESULT + ready()
        self.assertEqual(far.database(reply), CLOSE_COMPLETE + reply)
        far.done()

    def test_where_the_database_has_nothing_to_say_it_is_answered_at_once(self):
        far = Playbook()
        far.client(close(b"S", CARRIER + PARENT) + FLUSH)
        self.assertEqual(far.extra, CLOSE_COMPLETE)
        far.done()

    def test_pipelined(self):
        near, far = connector(), Playbook()
        for play in (near, far):
            play.client(parse(b"s", b"SELECT $1") + SYNC)
            play.database(PARSE_COMPLETE + ready())
        batch = bind(b"", b"s") + execute()
        data = batch + batch + close(b"P", b"p") + SYNC + describe(b"S", b"s") + SYNC
        self.assertEqual(far.client(near.client(data)), data)
        self.assertEqual([e.remote for e in far.recorder.opened[1:]], [CONTEXT] * 3)
        one = BIND_COMPLETE + RESULT
        reply = one + one + CLOSE_COMPLETE + ready() + NO_DATA + ready()
        self.assertEqual(near.database(far.extra + far.database(reply)), reply)
        near.done()
        far.done()

    def test_after_an_error_the_rest_up_to_sync_is_skipped(self):
        near, far = connector(), Playbook()
        for play in (near, far):
            play.client(parse(b"s", b"SELECT $1") + SYNC)
            play.database(PARSE_COMPLETE + ready())
        batch = bind(b"", b"s") + execute()
        sent = far.client(near.client(batch + batch + SYNC))
        self.assertEqual(sent, batch + batch + SYNC)
        reply = BIND_COMPLETE + error() + ready()
        self.assertEqual(near.database(far.extra + far.database(reply)), reply)
        near.done()
        far.done()

    def test_split_at_every_byte(self):
        whole = parse(b"s", b"SELECT $1") + bind(b"", b"s") + execute() + SYNC + query(b"x")
        once = connector().client(whole)
        near = connector()
        self.assertEqual(b"".join(near.client(bytes([b])) for b in whole), once)
        far = Playbook()
        self.assertEqual(b"".join(far.client(bytes([b])) for b in once), whole)

    def test_a_close_of_such_a_name_that_is_no_context_is_a_close(self):
        far = Playbook()
        data = close(b"S", CARRIER + b"x") + close(b"P", CARRIER + PARENT) + SYNC
        self.assertEqual(far.client(data), data)

    def test_the_state_of_others_goes_along(self):
        near = connector()
        near.client(query(b"SELECT 1 /*traceparent='" + PARENT + b"',tracestate='a%3D1'*/"))
        self.assertEqual(near.recorder.opened[0].remote.state, "a=1")
        near = connector()
        text = b"SELECT 1 /*traceparent='" + PARENT + b"',tracestate='a%3D1'*/"
        self.assertEqual(near.client(query(text)), query(text))

    def test_the_state_of_others_goes_along_with_the_other_tags(self):
        state = b",tracestate='a%3D1'"
        for tags in (b"", b"action='a',"):
            text = b"SELECT 1 /*" + tags + b"traceparent='" + PARENT + b"'" + state + b"*/"
            for near in (connector(), to_database()):
                got = near.client(query(text))
                self.assertIn(state, got)
                self.assertIn(tags, got)


class ToTheDatabase(SynchronousTestCase):
    def test_texts_but_those_of_named_statements(self):
        play = to_database()
        self.assertEqual(play.client(query(b"SELECT 1")), query(b"SELECT 1" + COMMENT))
        unnamed = parse(b"", b"SELECT 1") + SYNC
        self.assertEqual(play.client(unnamed), parse(b"", b"SELECT 1" + COMMENT) + SYNC)
        named = parse(b"s", b"SELECT 1") + bind(b"", b"s") + execute() + SYNC
        self.assertEqual(play.client(named), named)

    def test_stages_do_not_see_it(self):
        play = to_database(inspects=["statement"])
        play.client(query(b"SELECT 1") + parse(b"", b"SELECT 2") + SYNC)
        self.assertEqual([item.text for _, item in play.works], [b"SELECT 1", b"SELECT 2"])

    def test_nothing_of_exchanges_that_have_no_context(self):
        play = Playbook(propagation=Propagation(onward=lambda exchange: None))
        data = query(b"SELECT 1")
        self.assertIs(play.client(data), data)


class FromTheApplication(SynchronousTestCase):
    def startup(self, **parameters):
        return StartupPacket(0, {key.encode(): value for key, value in parameters.items()})

    def test_forms(self):
        for parameters in (
            {"application_name": b"app traceparent=" + PARENT},
            {"application_name": b"traceparent='" + PARENT + b"'"},
            {"options": b"-c geqo=off -c acra.traceparent=" + PARENT},
            {"options": b"-c acra.traceparent=traceparent=\\'" + PARENT + b"\\'"},
            {"options": b"--pg_tracing.trace_context=" + PARENT},
            {"options": b"-c application_name=a\\ traceparent=" + PARENT},
            {"acra.traceparent": PARENT},
            {"application_name": PARENT},
            {"application_name": b"shop traceparent='" + PARENT + b"'"},
        ):
            contexts, malformed = startup_contexts(self.startup(**parameters))
            self.assertEqual((list(contexts.values()), malformed), ([CONTEXT], False))

    def test_none_and_malformed(self):
        for parameters in ({}, {"application_name": b"app"}, {"options": b"-c geqo=off"}):
            self.assertEqual(startup_contexts(self.startup(**parameters)), ({}, False))
        for text in (b"x", PARENT.upper(), PARENT[:-1]):
            for name in ("application_name", "acra.traceparent"):
                found = startup_contexts(self.startup(**{name: b"traceparent=" + text}))
                self.assertEqual(found, ({}, True))
        self.assertEqual(startup_contexts(self.startup(**{"acra.traceparent": b"x"})), ({}, True))

    def test_it_is_the_parent_of_requests_that_bring_none(self):
        play = Playbook()
        play.session.context = CONTEXT
        play.client(query(b"SELECT 1") + parse(b"", b"x") + SYNC + bind(b"", b"s") + SYNC)
        self.assertEqual([e.remote for e in play.recorder.opened], [CONTEXT] * 3)


class ToldToTheClient(SynchronousTestCase):
    def play(self, **options):
        told = Propagation(lambda exchange: CONTEXT, errors=True, notices=True)
        return Playbook(propagation=told, **options)

    def hint(self, data):
        ((_, body),) = (m for m in messages(data) if m[0] == "E")
        return backend.decode_error(body).get("H")

    def test_errors_have_a_hint(self):
        play = self.play()
        play.client(query(b"x"))
        seen = play.database(error() + ready())
        self.assertEqual(types(seen), "EZ")
        self.assertEqual(self.hint(seen), b"trace_id " + CONTEXT.trace_id.encode())
        self.assertIn(b"division by zero", seen)

    def test_refusals_too(self):
        play = self.play(judge=lambda work: Deny(), inspects=["statement"])
        play.client(query(b"x"))
        self.assertEqual(self.hint(play.extra), b"trace_id " + CONTEXT.trace_id.encode())

    def test_a_hint_of_the_databases_own_stays(self):
        body = messages(backend.encode_error(b"ERROR", b"42601", "x", hint="look"))[0][1]
        self.assertIn(b"Hlook; again\0", backend.with_hint(body, "again"))

    def test_notices_on_demand(self):
        play = self.play()
        reply = columns(b"a") + RESULT + ready()
        for text, expected in (
            (b"SELECT 1", "TDCZ"),
            (b"SET acra.trace_notice = on", "TDCNZ"),
            (b"SELECT 1", "TDCNZ"),
            (b"set session acra.trace_notice to 'off';", "TDCZ"),
        ):
            play.client(query(text))
            seen = play.database(reply)
            self.assertEqual(types(seen), expected, text)
            if "N" in expected:
                notice = dict(messages(seen))["N"].decode()
                self.assertRegex(notice, f"trace_id {CONTEXT.trace_id}, total .* ms, .*first byte")
        play.done()

    def test_behind_a_batch_and_a_refusal(self):
        play = self.play(judge=lambda work: Deny(), inspects=["statement"])
        play.session.notices = True
        play.client(query(b"x"))
        self.assertEqual(types(play.extra), "ENZ")
        play = self.play()
        play.session.notices = True
        play.client(parse(b"", b"x") + bind(b"", b"") + execute() + SYNC)
        seen = play.database(PARSE_COMPLETE + BIND_COMPLETE + complete(b"SET") + ready())
        self.assertEqual(types(seen), "12CNZ")

    def test_behind_a_batch_whose_requests_are_over_before_its_sync(self):
        play = self.play(judge=lambda work: Deny(), inspects=["statement"])
        play.session.notices = True
        play.client(parse(b"", b"x"))
        self.assertEqual(types(play.extra), "E")
        play.client(SYNC)
        self.assertEqual(types(play.extra), "NZ")
        play = self.play()
        play.session.notices = True
        play.client(parse(b"", b"x") + bind(b"", b"") + execute() + FLUSH)
        seen = play.database(PARSE_COMPLETE + BIND_COMPLETE + complete(b"SET"))
        self.assertEqual(types(seen), "12C")
        play.client(SYNC)
        self.assertEqual(types(play.database(ready())), "NZ")
        play.done()

    def test_only_where_it_is_allowed(self):
        play = Playbook(propagation=Propagation(lambda exchange: CONTEXT))
        play.client(query(b"SET acra.trace_notice = on"))
        self.assertEqual(types(play.database(complete(b"SET") + ready())), "CZ")

    def test_how_it_is_asked_for(self):
        self.assertIsNone(asks_for_notices(b"SELECT 'acra.trace_notice'"))
        self.assertTrue(asks_for_notices(b" SET acra.trace_notice=1 ; "))
        self.assertIsNone(asks_for_notices(b"SET acra.trace_notice=1" + b" " * 500_000 + b"-- on"))
        options = StartupPacket(0, {b"options": b"-c acra.trace_notice=on"})
        self.assertTrue(startup_notices(options))
        self.assertFalse(startup_notices(StartupPacket(0, {})))


class Levels(SynchronousTestCase):
    """The messages that a client has asked for when it connected."""

    def test_notices_are_left_out_by_the_levels_above(self):
        for options, wanted in (
            (b"", True),
            (b"-c client_min_messages=debug1", True),
            (b"-c client_min_messages=NOTICE", True),
            (b"-c client_min_messages=Warning", False),
            (b"--client-min-messages=error", False),
            (b"-c client_min_messages=error -c client_min_messages=log", True),
            (b"-c client_min_messages=", True),
        ):
            packet = StartupPacket(0, {b"options": options})
            self.assertEqual(wants_notices(packet), wanted, options)
        packet = StartupPacket(0, {b"client_min_messages": b"error"})
        self.assertFalse(wants_notices(packet))
        self.assertTrue(wants_notices(StartupPacket(0, {})))

    @given(st.binary(), st.binary())
    def test_any_bytes(self, options, value):
        packet = StartupPacket(0, {b"options": options, b"client_min_messages": value})
        self.assertIsInstance(wants_notices(packet), bool)


OTHER = TraceContext("1af7651916cd43dd8448eb211c80319c", "c7ad6b7169203331", True)
EXECUTION = bind(b"", b"s") + execute() + SYNC


class OfPreparedStatements(SynchronousTestCase):
    """A statement that came with a context, executed in later batches."""

    def setUp(self):
        self.play = Playbook()

    def prepared(self, more=SYNC, play=None):
        play = play or self.play
        play.client(parse(b"s", b"SELECT $1" + COMMENT) + more)
        if more == SYNC:
            play.database(PARSE_COMPLETE + ready())
        return play

    def contexts(self, *batches):
        """Return the parent and the links of each further request."""
        before = len(self.play.recorder.opened)
        for batch in batches:
            self.play.client(batch)
        return [(e.remote, e.linked) for e in self.play.recorder.opened[before:]]

    def test_the_first_execution_follows_it_and_later_ones_are_linked(self):
        for inspects in ((), ("parameters",), ("rows",)):
            self.play = Playbook(inspects=inspects)
            self.prepared()
            found = self.contexts(EXECUTION, EXECUTION, EXECUTION)
            self.assertEqual(found, [(CONTEXT, None), (None, CONTEXT), (None, CONTEXT)])

    def test_executed_with_its_parse(self):
        self.prepared(EXECUTION)
        self.assertEqual(self.contexts(EXECUTION), [(None, CONTEXT)])

    def test_described_first(self):
        self.prepared()
        found = self.contexts(describe(b"S", b"s") + SYNC, EXECUTION, describe(b"S", b"s") + SYNC)
        self.assertEqual(found, [(CONTEXT, None), (CONTEXT, None), (None, CONTEXT)])

    def test_in_one_batch(self):
        self.prepared()
        once = bind(b"", b"s") + execute()
        found = self.contexts(once + once + once + SYNC)
        self.assertEqual(found, [(CONTEXT, None), (None, CONTEXT), (None, CONTEXT)])

    def test_a_portal_that_is_executed_later(self):
        self.prepared()
        self.play.session.transaction = IN_TRANSACTION
        again = execute(b"p") + SYNC
        found = self.contexts(
            bind(b"p", b"s") + SYNC, describe(b"P", b"p") + SYNC, again, again, EXECUTION
        )
        self.assertEqual(found, [(CONTEXT, None)] * 3 + [(None, CONTEXT)] * 2)

    def test_what_holds_for_the_session_is_not_the_statements(self):
        self.prepared()
        self.play.session.context = OTHER
        found = self.contexts(EXECUTION, EXECUTION)
        self.assertEqual(found, [(CONTEXT, None), (OTHER, CONTEXT)])

    def test_a_context_of_its_own_wins(self):
        self.prepared()
        own = close(b"S", CARRIER + OTHER.traceparent().encode())
        found = self.contexts(own + EXECUTION, EXECUTION)
        self.assertEqual(found, [(OTHER, None), (None, CONTEXT)])

    def test_prepared_anew(self):
        self.prepared()
        self.contexts(EXECUTION)
        self.play.database(BIND_COMPLETE + RESULT + ready())
        self.prepared()
        self.assertEqual(self.contexts(EXECUTION), [(CONTEXT, None)])
        self.play.client(parse(b"s", b"SELECT 1") + SYNC)
        self.assertEqual(self.contexts(EXECUTION), [(None, None)])

    def test_through_a_connector(self):
        near, far = connector(), Playbook()
        for batch in (parse(b"s", b"SELECT $1" + COMMENT) + SYNC, EXECUTION, EXECUTION):
            far.client(near.client(batch))
        self.assertEqual([e.remote for e in near.recorder.opened], [CONTEXT, CONTEXT, None])
        self.assertEqual([e.linked for e in near.recorder.opened], [None, None, CONTEXT])
        # Each has what the connector gave it.
        self.assertEqual([e.remote for e in far.recorder.opened], [CONTEXT] * 3)


class Tags(SynchronousTestCase):
    """The rest of the comment is the database's, and nobody's between."""

    TAGS = b"application='shop',route='%2Fbuy',x='secret'"
    TEXT = b"SELECT 1 /*" + TAGS + b",traceparent='" + PARENT + b"'*/"
    KEPT = b"SELECT 1 /*" + TAGS + b"*/"

    def test_it_reaches_the_database(self):
        for make in (query, lambda text: parse(b"s", text) + EXECUTION):
            far = Playbook(inspects=["statement"])
            self.assertEqual(far.client(make(self.TEXT)), make(self.KEPT))
            self.assertEqual(far.works[0][1].text, b"SELECT 1")
            far = Playbook()
            self.assertEqual(far.client(connector().client(make(self.TEXT))), make(self.KEPT))

    def test_with_the_context_of_the_database_where_the_other_was(self):
        other = Propagation(onward=lambda exchange: OTHER)
        sent = Playbook(propagation=other).client(query(self.TEXT))
        expected = self.TEXT.replace(PARENT, OTHER.traceparent().encode())
        self.assertEqual(sent, query(expected))

    def test_a_statement_that_is_replaced_keeps_them(self):
        far = Playbook(lambda work: Replace(Statement(b"SELECT 2")), ["statement"])
        comment = self.KEPT.removeprefix(b"SELECT 1 ")
        self.assertEqual(far.client(query(self.TEXT)), query(b"SELECT 2 " + comment))

    def test_on_every_request_of_the_statement(self):
        play = Playbook()
        play.client(query(self.TEXT) + parse(b"s", self.TEXT) + SYNC + EXECUTION + EXECUTION)
        shown = {"acra.tag.application": "shop", "acra.tag.route": "/buy"}
        self.assertEqual([e.attributes for e in play.recorder.opened], [shown] * 4)
