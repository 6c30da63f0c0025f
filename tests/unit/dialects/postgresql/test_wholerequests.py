"""A request that passes whole is treated as if it were taken apart, whatever the client sends."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.propagation import CARRIER, Propagation
from acra_twisted.exchange import PARAMETERS, ROWS, STATEMENT
from acra_twisted.outstanding import FORWARD
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
    PARSE_COMPLETE,
    SYNC,
    bind,
    close,
    complete,
    describe,
    error,
    execute,
    parse,
    query,
    ready,
)
from tests.support.twins import both

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
CLOSE = close(b"S", CARRIER + CONTEXT.traceparent().encode())
TRACED = b"SELECT 1 /*action='a',traceparent='" + CONTEXT.traceparent().encode() + b"'*/"
SETS = b"SET application_name = '" + CONTEXT.traceparent().encode() + b"'"
PREPARED = (("client", parse(b"s", b"SELECT $1") + SYNC), ("database", PARSE_COMPLETE + ready()))
EXECUTION = bind(b"", b"s") + execute() + SYNC
DESCRIBED = bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC


def overlook(statement, session):
    """No stage looks at values, but some give results a meaning."""
    session.meaning = "a meaning"
    return False


def pass_over(statement, exchange):
    """The same for statements."""
    return overlook(statement, exchange.session)


pieces = st.sampled_from(
    [
        *(bind(b"", b"s"), bind(b"p", b"s"), bind(b"", b"other"), bind(b"", b"s")[:-1] + b"\1"),
        *(describe(b"P", b""), describe(b"S", b"s"), describe(b"P", b"p")),
        *(execute(), execute(b"p"), SYNC, FLUSH, CLOSE, close(b"S", b"s"), close(b"P", b"")),
        *(query(b"DECLARE c CURSOR FOR " + TRACED), query(b"FETCH c")),
        *(parse(b"s", TRACED), query(TRACED), parse(b"s", SETS), query(SETS)),
        *(query(b"SELECT 1"), query(b""), parse(b"", b"SELECT 2"), b"B", b"C\0\0\0\5", b"\0"),
        *(message(b"d", b"x"), message(b"c", b""), message(b"f", b"\0")),
    ]
)
chunks = st.one_of(
    st.lists(pieces, max_size=5).map(b"".join),
    st.sampled_from([EXECUTION, DESCRIBED, CLOSE + EXECUTION, CLOSE + DESCRIBED]),
    st.lists(pieces, max_size=4).map(lambda parts: b"".join(parts) + SYNC),
)
answers = st.sampled_from(
    [
        *(ready(), error() + ready(), BIND_COMPLETE + complete(b"SELECT 1") + ready(b"T")),
        *(message(b"G", b"\0\0\0"), BIND_COMPLETE + message(b"G", b"\0\0\0")),
    ]
)
talks = st.lists(
    st.tuples(st.just("client"), chunks) | st.tuples(st.just("database"), answers), max_size=6
)


class Whole(SynchronousTestCase):
    def check(self, talk, **options):
        short, general = both([*PREPARED, *talk], **options)
        self.assertEqual(short, general)
        return short

    @example(
        [("client", DESCRIBED), ("database", BIND_COMPLETE + complete(b"SELECT 1") + ready())],
        set(),
        False,
        None,
        None,
    )
    @given(
        talks,
        st.sets(st.sampled_from([STATEMENT, PARAMETERS, ROWS])),
        st.booleans(),
        st.sampled_from([None, overlook, lambda statement, session: True]),
        st.sampled_from([None, pass_over, lambda statement, exchange: True]),
    )
    def test_as_if_taken_apart(self, talk, inspects, connector, looks_at, judges):
        propagation = Propagation(lambda e: CONTEXT, lambda e: CONTEXT, to_acra=True)
        options = {"propagation": propagation} if connector else {}
        self.check(talk, inspects=inspects, looks_at=looks_at, judges=judges, **options)

    def test_a_query_is_judged_unless_no_stage_looks_at_it(self):
        for judges, is_judged in ((None, True), (pass_over, False), (lambda *_: True, True)):
            play = Playbook(inspects=[STATEMENT], judges=judges)
            self.assertEqual(play.client(query(b"SELECT 1")), query(b"SELECT 1"))
            self.assertEqual([kind for kind, _ in play.works], [STATEMENT] if is_judged else [])
            # A Parse is: values may be bound to what it makes.
            play.client(parse(b"s", b"SELECT 1") + SYNC)
            self.assertEqual(play.works[-1][0], STATEMENT)

    def test_a_query_that_is_changed_before_it_is_judged_leaves_so(self):
        def rewrite(statement, exchange):
            statement.rewrite(b"SELECT 2")
            return False

        for options in ({}, {"propagation": Propagation(lambda e: CONTEXT, lambda e: CONTEXT)}):
            play = Playbook(inspects=[STATEMENT], judges=rewrite, **options)
            for _ in range(2):
                sent = play.client(query(b"SELECT 1") + query(b"SELECT 3"))
                self.assertEqual(sent.count(b"SELECT 2"), 2)
                self.assertNotIn(b"SELECT 1", sent)
                self.assertNotIn(b"SELECT 3", sent)
            self.assertEqual(play.works, [])

    def test_an_execution_passes_whole_if_no_stage_looks_at_its_values(self):
        for looks_at, passes in ((None, False), (overlook, True), (lambda *_: True, False)):
            for request in (EXECUTION, DESCRIBED, CLOSE + DESCRIBED):
                play = Playbook(inspects=[PARAMETERS], looks_at=looks_at)
                for side, data in PREPARED:
                    getattr(play, side)(data)
                before = play.request.passed_whole
                self.assertEqual(play.client(request)[-len(SYNC) :], SYNC)
                self.assertEqual(play.request.passed_whole - before, passes)
                self.assertEqual([kind for kind, _ in play.works], [] if passes else [PARAMETERS])

    def test_values_are_looked_at_where_the_name_may_be_another_statements(self):
        play = Playbook(inspects=[PARAMETERS], looks_at=overlook)
        for side, data in PREPARED:
            getattr(play, side)(data)
        play.client(query(b"DISCARD ALL"))
        play.database(complete(b"DO") + ready())
        play.client(EXECUTION)
        play.client(bind(b"", b"nobody") + execute() + SYNC)
        self.assertEqual([kind for kind, _ in play.works], [PARAMETERS, PARAMETERS])

    def test_a_result_with_a_meaning_is_described_as_if_taken_apart(self):
        for request in (EXECUTION, DESCRIBED):
            talk = [("client", request), ("client", query(b"SELECT 1"))]
            short = self.check(talk, inspects=[PARAMETERS, ROWS], looks_at=overlook)
            sent = [code for _, code in short["owed"]].count(replies.DESCRIBE_PORTAL)
            self.assertEqual(sent, 1)

    def test_behind_part_of_a_batch(self):
        """It is the rest of the same batch: its statement's exchange and context hold for it."""
        answered = ("database", PARSE_COMPLETE)
        for part, answers in (
            (CLOSE, ()),
            (CLOSE + FLUSH, ()),
            (bind(b"p", b"s"), ()),
            (parse(b"s", TRACED), ()),
            (parse(b"s", TRACED) + FLUSH, (answered,)),
            (parse(b"s", b"SELECT $1") + bind(b"", b"s") + FLUSH, (answered,)),
        ):
            for rest in (EXECUTION, DESCRIBED):
                talk = [("client", part), *answers, ("client", rest)]
                done = ("database", error() + ready())
                self.check([*talk, done, ("client", query(b"SELECT 1"))])

    def test_in_the_middle_of_copying_in_a_sync_draws_nothing(self):
        copying = ("database", BIND_COMPLETE + message(b"G", b"\0\0\0"))
        short = self.check([("client", EXECUTION), copying, ("client", EXECUTION)])
        self.assertTrue(short["copying"])
        self.assertEqual(short["owed"].count((FORWARD, replies.SYNC)), 0)

    def test_a_statement_that_has_the_name_of_a_carrier_is_closed(self):
        name = CARRIER + CONTEXT.traceparent().encode()
        prepared = [("client", parse(name, b"SELECT 1") + SYNC), PREPARED[1]]
        for behind in (EXECUTION, SYNC):
            short = self.check([*prepared, ("client", CLOSE + behind)])
            self.assertIn(CLOSE, short["to_database"])

    def test_it_is_taken(self):
        for batch in (query(b"SELECT 1"), EXECUTION, DESCRIBED, CLOSE + EXECUTION):
            play = Playbook()
            for side, data in PREPARED:
                getattr(play, side)(data)
            taken = play.request.passed_whole
            self.assertEqual(play.client(batch), batch.removeprefix(CLOSE))
            self.assertEqual(play.request.passed_whole, taken + 1)

    def test_limits_hold(self):
        self.check([("client", query(b"x" * 100))], message_limit=50)
        large = bind(b"", b"s")[:-4] + b"\0\1\0\0\0\x64" + b"x" * 100 + b"\0\0"
        large = b"B" + (len(large) - 1).to_bytes(4, "big") + large[5:]
        self.check([("client", large + execute() + SYNC)], message_limit=50)
