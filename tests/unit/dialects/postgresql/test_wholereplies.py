"""A reply that passes whole is treated as if it were taken apart, whatever the database answers."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.propagation import CARRIER, Propagation
from acra_twisted.exchange import ROWS
from acra_twisted.verdicts import PASS
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.playbook import Plan, Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    CLOSE_COMPLETE,
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
    message,
    parse,
    query,
    ready,
    row,
)
from tests.support.twins import both

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
CLOSE = close(b"S", CARRIER + CONTEXT.traceparent().encode())
PREPARED = (("client", parse(b"s", b"SELECT $1") + SYNC), ("database", PARSE_COMPLETE + ready()))
REQUESTS = (
    query(b"SELECT 1"),
    query(b"DEALLOCATE s"),
    bind(b"", b"s") + execute() + SYNC,
    bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC,
    CLOSE + bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC,
    query(b"SELECT 1") + query(b"SELECT 2"),
    describe(b"S", b"s") + SYNC,
)
ONE = columns(b"a")
RESULT = ONE + row(b"x") + row(None) + complete(b"SELECT 2")
pieces = st.sampled_from(
    [
        *(ONE, columns(b"a", b"b"), row(b"x"), row(b"x", b"y"), row(None), row(), RESULT),
        *(complete(b"SELECT 1"), complete(b"DEALLOCATE"), complete(b"BEGIN"), NO_DATA, error()),
        *(BIND_COMPLETE, CLOSE_COMPLETE, ready(), ready(b"T"), message(b"N", b"\0")),
        *(message(b"S", b"client_encoding\0LATIN1\0"), message(b"I", b""), message(b"s", b"")),
        *(message(b"G", b"\0\0\0"), message(b"H", b"\0\0\0"), b"Z\0\0\0\5X", b"T\0\0\0\7\0\1"),
    ]
)
chunks = st.one_of(
    st.lists(pieces, max_size=5).map(b"".join),
    st.lists(pieces, max_size=5).map(lambda parts: b"".join(parts) + ready()),
    st.sampled_from([b"", BIND_COMPLETE, CLOSE_COMPLETE + BIND_COMPLETE]).map(
        lambda first: first + RESULT + ready()
    ),
)
talks = st.lists(
    st.one_of(
        st.tuples(st.just("client"), st.sampled_from(REQUESTS)),
        st.tuples(st.just("database"), chunks),
    ),
    max_size=8,
)


class Whole(SynchronousTestCase):
    def check(self, talk, **options):
        short, general = both([*PREPARED, *talk], **options)
        self.assertEqual(short, general)

    @given(talks, st.booleans(), st.booleans(), st.booleans())
    def test_as_if_taken_apart(self, talk, plans, connector, twice):
        propagation = Propagation(lambda e: CONTEXT, lambda e: CONTEXT, to_acra=True)
        options = {"propagation": propagation} if connector else {}
        # What was described once is known the second time.
        self.check(talk * (1 + twice), inspects=(ROWS,) if plans else (), **options)

    def test_it_is_taken(self):
        replies = (
            (query(b"SELECT 1"), RESULT + ready()),
            (query(b"BEGIN"), complete(b"BEGIN") + ready(b"T")),
            (bind(b"", b"s") + execute() + SYNC, BIND_COMPLETE + complete(b"SELECT 0") + ready()),
            (
                bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC,
                BIND_COMPLETE + RESULT + ready(),
            ),
            (
                bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC,
                BIND_COMPLETE + NO_DATA + complete(b"INSERT 0 1") + ready(),
            ),
        )
        play = Playbook()
        for side, data in (*PREPARED, ("client", replies[0][0]), ("database", replies[0][1])):
            getattr(play, side)(data)
        for request, reply in replies:
            play.client(request)
            taken = play.response.passed_whole
            self.assertIs(play.database(reply), reply)
            self.assertEqual(play.response.passed_whole, taken + 1)
            play.done()
            # It is there and over at one moment: the clock is asked once.
            exchange = play.recorder.closed[-1]
            self.assertEqual(exchange.first_byte, exchange.closed)

    def test_it_is_taken_behind_a_context_that_was_carried(self):
        propagation = Propagation(lambda e: CONTEXT, lambda e: CONTEXT, to_acra=True)
        play = Playbook(propagation=propagation)
        for side, data in PREPARED:
            getattr(play, side)(data)
        described = bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC
        for number in range(2):
            for request, reply in (
                (described, BIND_COMPLETE + RESULT + ready()),
                (described, BIND_COMPLETE + NO_DATA + complete(b"INSERT 0 1") + ready()),
                (bind(b"", b"s") + execute() + SYNC, BIND_COMPLETE + complete(b"SET") + ready()),
            ):
                self.assertEqual(play.client(request), CLOSE + request)
                self.assertEqual(play.database(CLOSE_COMPLETE + reply), reply)
                play.done()
            # Columns must be known.
            self.assertEqual(play.response.passed_whole, (2, 5)[number])

    def test_it_is_taken_where_no_stage_sees_anything_in_the_rows(self):
        asked = []

        def look(data, start, end):
            asked.append(data[start:end])
            return b"see" in data[start:end]

        play = Playbook(Plan(lambda batch: PASS, look), inspects=(ROWS,))
        for value, works in ((b"1", 1), (b"2", 1), (b"see", 2), (b"3", 2)):
            reply = ONE + row(value) + complete(b"SELECT 1") + ready()
            play.client(query(b"SELECT 1"))
            self.assertEqual(play.database(reply), reply)
            self.assertEqual(len(play.works), works)
            play.done()
        self.assertEqual(asked, [row(b"1"), row(b"2"), row(b"see"), row(b"see"), row(b"3")])

    def test_limits_hold(self):
        talk = [("client", query(b"x")), ("database", ONE + row(b"x") + complete(b"SELECT 1"))]
        long = [*talk, ("database", ready()), *talk[:1], ("database", RESULT + ready())]
        long[-1] = ("database", ONE + row(b"x" * 100) + complete(b"SELECT 1") + ready())
        self.check(long, message_limit=60)

    def test_a_description_that_nobody_asked_for(self):
        """PostgreSQL never sends one in reply to an Execute."""
        talk = [("client", bind(b"", b"s") + execute() + SYNC)]
        talk.append(("database", BIND_COMPLETE + RESULT + ready()))
        self.check(talk, inspects=(ROWS,))

    def test_a_description_of_no_length(self):
        for length in range(4):
            said = b"T\0\0\0" + bytes((length,)) + ONE[5:] + row(b"x") + complete(b"SELECT 1")
            self.check([("client", query(b"SELECT 1")), ("database", said + ready())])

    def test_rows_of_several_statements_in_one_text(self):
        talk = [("client", query(b"SELECT 1; SELECT 2")), ("database", RESULT)]
        for played in both([*talk, ("database", RESULT + ready())]):
            self.assertEqual([exchange[3] for exchange in played["exchanges"]], [4])

    def test_a_tag_without_its_end(self):
        talk = [("client", bind(b"", b"s") + execute() + SYNC)]
        talk.append(("database", BIND_COMPLETE + message(b"C", b"SELECT 0?") + ready()))
        self.check(talk)

    def test_two_with_contexts_that_were_carried(self):
        propagation = Propagation(lambda e: CONTEXT, lambda e: CONTEXT, to_acra=True)
        requests = [
            ("client", bind(b"", b"s") + execute() + SYNC),
            ("client", bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC),
        ]
        reply = ("database", CLOSE_COMPLETE + BIND_COMPLETE + RESULT + ready())
        self.check([*requests, reply, reply], propagation=propagation)

    def test_columns_that_concern_a_stage(self):
        talk = [("client", query(b"SELECT 1")), ("database", RESULT + ready())]
        self.check(talk * 3, inspects=(ROWS,))
