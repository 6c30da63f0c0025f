"""Rows of a result and COPY data: what is known of them, and nothing is made per row.

Whole flows are in test_response.py.
"""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql import replies
from acra_twisted.results import LINES, STREAM, TUPLES, UNKNOWN_FORMAT
from acra_twisted.verdicts import PASS
from acra_twisted.wire.postgres import nested
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Plan, Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    PARSE_COMPLETE,
    SYNC,
    bind,
    columns,
    complete,
    describe,
    error,
    execute,
    parse,
    query,
    ready,
    row,
)


class Walking(SynchronousTestCase):
    def test_a_run_of_rows_is_one_work(self):
        play = Playbook(Plan(lambda batch: PASS), ["rows"])
        play.client(query(b"select"))
        data = columns(b"a") + row(b"x") * 1000 + complete(b"SELECT 1000") + ready()
        self.assertIs(play.database(data), data)
        self.assertEqual([kind for kind, _ in play.works], ["columns", "rows"])
        self.assertEqual(len(play.works[1][1]), 1000)

    @given(st.lists(st.integers(1, 300), max_size=8))
    def test_runs_know_how_many_rows_came_before(self, pieces):
        play = Playbook(Plan(lambda batch: PASS), ["rows"])
        play.client(query(b"select; select"))
        rows = [row(b"%d" % number) for number in range(40)]
        one = columns(b"a") + b"".join(rows) + complete(b"SELECT 40")
        data = one + one + ready()
        for piece in pieces:
            play.database(data[:piece])
            data = data[piece:]
        play.database(data)
        seen = [
            (batch.before + at, int(batch.cells(at)[0]))
            for kind, batch in play.works
            if kind == "rows"
            for at in range(len(batch))
        ]
        self.assertEqual(seen, [(number, number) for number in range(40)] * 2)

    def test_rows_no_stage_wants_make_no_work(self):
        play = Playbook(inspects=["rows"])
        play.client(query(b"select"))
        data = columns(b"a") + row(b"x") * 1000 + complete(b"SELECT 1000") + ready()
        self.assertIs(play.database(data), data)
        self.assertEqual([kind for kind, _ in play.works], ["columns"])


def typed(column):
    """A RowDescription of one column, of a type and format."""
    oid, form = column
    data = columns(b"c")
    return data[:-12] + oid.to_bytes(4, "big") + data[-8:-2] + form.to_bytes(2, "big")


class Known(SynchronousTestCase):
    """Columns are those of what is executed, or not known."""

    INT4, BYTEA = (23, 0), (17, 0)

    def setUp(self):
        self.play = Playbook(Plan(lambda batch: PASS), ["rows"])
        # Two statements that are described, as (type, format) of their column.
        self.prepare(b"sa", b"SELECT 1", self.INT4)
        self.prepare(b"sb", b"SELECT data FROM cards", self.BYTEA)

    def prepare(self, name, text, column):
        self.play.client(parse(name, text) + describe(b"S", name) + SYNC)
        described = message(b"t", b"\0\0") + typed(column)
        self.play.database(
            PARSE_COMPLETE + described + ready(replies.STATUSES[self.play.session.transaction])
        )

    def results(self, *conversation):
        """Types and formats of the results of a conversation: requests and replies by turns."""
        self.play.works.clear()
        for number, data in enumerate(conversation):
            (self.play.database if number % 2 else self.play.client)(data)
        self.play.done()
        judged = [item.columns for kind, item in self.play.works if kind == "rows"]
        return [(each.types[0], each.formats[0]) for each in judged]

    def columns(self):
        """Return the columns of the rows that were judged first."""
        return next(item.columns for kind, item in self.play.works if kind == "rows")

    UNKNOWN = (0, UNKNOWN_FORMAT)
    ROWS = row(b"x") + complete(b"SELECT 1")

    def test_another_portal_is_described(self):
        both = bind(b"pb", b"sb") + bind(b"pa", b"sa")
        bound = BIND_COMPLETE * 2
        for request, reply in (
            (describe(b"P", b"pa"), typed(self.INT4)),
            (describe(b"S", b"sa"), message(b"t", b"\0\0") + typed(self.INT4)),
            (parse(b"", b"SELECT 1") + describe(b"S", b""),
             PARSE_COMPLETE + message(b"t", b"\0\0") + typed(self.INT4)),
            (describe(b"P", b"pa") + execute(b"pa"), typed(self.INT4) + self.ROWS),
            (b"", b""),
        ):  # fmt: skip
            conversation = (
                both + request + execute(b"pb") + SYNC,
                bound + reply + self.ROWS + ready(),
            )
            found = self.results(*conversation)
            self.assertEqual(found[-1], self.BYTEA)
            # The same, with another row count: it is no fault of the other description's.
            wide = BIND_COMPLETE * 2 + reply + row(b"x", b"y") + complete(b"SELECT 1") + ready()
            found = self.results(conversation[0], wide)
            self.assertEqual(found[-1], (0, 0))

    def test_alone_and_whole_as_well(self):
        """A portal of an earlier batch is described between Bind and Execute of another."""
        self.play.client(query(b"BEGIN") + bind(b"pa", b"sa") + SYNC)
        self.play.database(complete(b"BEGIN") + ready(b"T") + BIND_COMPLETE + ready(b"T"))
        whole = bind(b"", b"sb") + describe(b"P", b"pa") + execute() + SYNC
        reply = BIND_COMPLETE + typed(self.INT4) + self.ROWS + ready(b"T")
        own = bind(b"", b"sa") + describe(b"P", b"") + execute() + SYNC
        self.assertEqual(self.results(own, reply), [self.INT4])
        # No stage need be asked of numbers any more.
        self.play.ignore(self.columns())
        self.assertEqual(self.results(own, reply), [])
        self.assertEqual(self.results(whole, reply), [self.BYTEA])

    def test_formats_of_the_portal(self):
        request = bind(b"", b"sb", binary=True) + execute() + SYNC
        reply = BIND_COMPLETE + self.ROWS + ready()
        self.assertEqual(self.results(request, reply), [(17, 1)])
        self.assertEqual(self.results(bind(b"", b"sb") + execute() + SYNC, reply), [self.BYTEA])
        # Formats for two columns, and one comes.
        two = message(b"B", b"\0sb\0\0\0\0\0\0\2\0\0\0\1")
        self.assertEqual(self.results(two + execute() + SYNC, reply), [(17, UNKNOWN_FORMAT)])

    def test_cursors_of_sql(self):
        """Nobody knows whether it is binary."""
        request = query(b"BEGIN; DECLARE k BINARY CURSOR FOR SELECT data FROM cards")
        begun = complete(b"BEGIN") + complete(b"DECLARE CURSOR") + ready(b"T")
        fetched = self.ROWS + ready(b"T")
        self.assertEqual(
            self.results(request, begun, execute(b"k") + SYNC, fetched), [self.UNKNOWN]
        )

    def test_a_name_that_was_given_away_by_sql(self):
        """A portal's, in the same batch or before it is known that its transaction has ended."""
        declare = query(b"CLOSE pa; DECLARE pa BINARY CURSOR FOR SELECT data FROM cards")
        declared = complete(b"CLOSE CURSOR") + complete(b"DECLARE CURSOR") + ready(b"T")
        self.play.client(query(b"BEGIN") + bind(b"pa", b"sa") + describe(b"P", b"pa") + SYNC)
        bound = BIND_COMPLETE + typed(self.INT4) + ready(b"T")
        self.play.database(complete(b"BEGIN") + ready(b"T") + bound)
        used = execute(b"pa") + SYNC
        self.assertEqual(self.results(used, self.ROWS + ready(b"T")), [self.INT4])
        found = self.results(declare + used, declared + self.ROWS + ready(b"T"))
        self.assertEqual(found, [self.UNKNOWN])
        again = bind(b"pa", b"sa") + SYNC + query(b"BEGIN") + declare + used
        replied = BIND_COMPLETE + ready() + complete(b"BEGIN") + ready(b"T") + declared
        found = self.results(query(b"COMMIT"), complete(b"COMMIT") + ready(), again, replied
                             + self.ROWS + ready(b"T"))  # fmt: skip
        self.assertEqual(found, [self.UNKNOWN])

    def test_a_statement_that_was_given_away_by_sql(self):
        used = bind(b"", b"sa") + execute() + SYNC
        reply = BIND_COMPLETE + self.ROWS + ready()
        for text, tags in (
            (b"DEALLOCATE sa; PREPARE sa AS SELECT data", (b"DEALLOCATE", b"PREPARE")),
            (b"DO $$ execute 'deallocate sa'; execute 'prepare sa as ...' $$", (b"DO",)),
            (b"DISCARD ALL", (b"DISCARD ALL",)),
        ):
            self.prepare(b"sa", b"SELECT 1", self.INT4)
            self.assertEqual(self.results(used, reply), [self.INT4])
            done = b"".join(map(complete, tags)) + ready()
            self.assertEqual(self.results(query(text) + used, done + reply), [(0, 0)])
            self.prepare(b"sa", b"SELECT 1", self.INT4)
            self.assertEqual(self.results(used, reply), [self.INT4])

    def test_a_portal_keeps_the_statement_that_it_was_bound_to(self):
        """It holds whatever the name means by now."""
        for bound, described in ((self.INT4, self.BYTEA), (self.BYTEA, self.INT4)):
            self.setUp()
            self.prepare(b"s", b"SELECT", bound)
            self.play.client(query(b"BEGIN") + bind(b"p", b"s") + SYNC)
            self.play.database(complete(b"BEGIN") + ready(b"T") + BIND_COMPLETE + ready(b"T"))
            self.play.client(query(b"DEALLOCATE s; PREPARE s AS SELECT"))
            self.play.database(complete(b"DEALLOCATE") + complete(b"PREPARE") + ready(b"T"))
            row_ready = self.ROWS + ready(b"T")
            # Described is what the name means now.
            again = typed(described)
            found = self.results(
                *(describe(b"S", b"s") + SYNC, message(b"t", b"\0\0") + again + ready(b"T")),
                *(execute(b"p") + SYNC, row_ready),
            )
            self.assertEqual(found, [(0, 0)])
            # Described is the portal.
            found = self.results(
                *(describe(b"P", b"p") + execute(b"p") + SYNC, typed(bound) + row_ready),
                *(bind(b"", b"s") + execute() + SYNC, BIND_COMPLETE + row_ready),
            )
            self.assertEqual(found, [bound, described])

    def test_statements_that_run_what_has_a_name(self):
        for text in (
            b"FETCH ALL FROM k",
            b"EXECUTE x",
            b"CALL p(1)",
            b"/* SELECT */ FETCH k",
            b"/* /* */ SELECT */ FETCH ALL FROM k",
            b"-- x\n FETCH k",
        ):
            self.prepare(b"s", text, self.INT4)
            request, reply = bind(b"", b"s") + execute() + SYNC, BIND_COMPLETE + self.ROWS + ready()
            self.assertEqual(self.results(request, reply), [(0, 0)], text)
            # What the portal itself is described as holds.
            request = bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC
            reply = BIND_COMPLETE + typed(self.BYTEA) + self.ROWS + ready()
            self.assertEqual(self.results(request, reply), [self.BYTEA])
        for text in (
            b"/* a * b */ -- c\n((SELECT 1))",
            b"with x as (select 1) table x",
            b"\nVALUES(1)",
        ):
            self.prepare(b"s", text, self.BYTEA)
            request, reply = bind(b"", b"s") + execute() + SYNC, BIND_COMPLETE + self.ROWS + ready()
            self.assertEqual(self.results(request, reply), [self.BYTEA], text)

    def test_a_bind_that_fails_leaves_the_portal_before_it(self):
        self.play.client(query(b"BEGIN") + bind(b"p", b"sb", binary=True) + SYNC)
        self.play.database(complete(b"BEGIN") + ready(b"T") + BIND_COMPLETE + ready(b"T"))
        self.play.client(query(b"SAVEPOINT s") + bind(b"p", b"sa") + SYNC)
        self.play.database(complete(b"SAVEPOINT") + ready(b"T") + error(b"42P03") + ready(b"E"))
        self.play.client(query(b"ROLLBACK TO s"))
        self.play.database(complete(b"ROLLBACK") + ready(b"T"))
        found = self.results(execute(b"p") + SYNC, self.ROWS + ready(b"T"))
        self.assertEqual(found, [(17, 1)])

    def test_a_describe_that_fails_tells_nothing(self):
        self.play.client(parse(b"sc", b"SELECT") + describe(b"S", b"sc") + SYNC)
        self.play.database(PARSE_COMPLETE + error() + ready())
        request, reply = bind(b"", b"sc") + execute() + SYNC, BIND_COMPLETE + self.ROWS + ready()
        self.assertEqual(self.results(request, reply), [(0, 0)])

    def test_a_portal_that_goes_on(self):
        first = bind(b"p", b"sb") + describe(b"P", b"p") + execute(b"p", 1) + SYNC
        suspended = row(b"x") + message(b"s", b"") + ready(b"T")
        self.play.client(query(b"BEGIN"))
        self.play.database(complete(b"BEGIN") + ready(b"T"))
        found = self.results(
            *(first, BIND_COMPLETE + typed((17, 1)) + suspended),
            *(bind(b"", b"sa") + execute() + execute(b"p") + SYNC,
              BIND_COMPLETE + self.ROWS + self.ROWS + ready(b"T")),
        )  # fmt: skip
        self.assertEqual(found, [(17, 1), self.INT4, (17, 1)])

    def test_a_row_that_is_not_what_was_announced(self):
        """Code that a SELECT calls can give a statement's name away unseen: numbers are short."""
        used = bind(b"", b"sa") + execute() + SYNC
        long, short = row(b"x" * 139), row(b"1")
        for rows, judged in ((short * 3, 0), (short + long + short + long, 3), (long, 1)):
            data = BIND_COMPLETE + rows + complete(b"SELECT 4") + ready()
            for size in (1, 30, 1000):
                self.results(used, BIND_COMPLETE + self.ROWS + ready())
                self.play.ignore(self.columns())
                self.play.works.clear()
                self.play.client(used)
                pieces = [data[n : n + size] for n in range(0, len(data), size)]
                self.assertEqual(b"".join(map(self.play.database, pieces)), data)
                self.play.done()
                batches = [item for kind, item in self.play.works if kind == "rows"]
                formats = {tuple(batch.columns.formats) for batch in batches}
                self.assertEqual(formats, {(UNKNOWN_FORMAT,)} if judged else set())
                seen = sum(len(item) for kind, item in self.play.works if kind == "rows")
                self.assertEqual(seen, judged)
                self.setUp()

    def test_a_portal_of_an_earlier_batch_that_is_not_what_it_was(self):
        """Code can give its name away as well, where a savepoint has ended it."""
        bound = bind(b"p", b"sa") + describe(b"P", b"p") + SYNC
        described = BIND_COMPLETE + typed(self.INT4) + ready(b"T")
        self.play.client(query(b"BEGIN") + bound)
        self.play.database(complete(b"BEGIN") + ready(b"T") + described)
        long = row(b"x" * 139) + complete(b"SELECT 1") + ready(b"T")
        used = execute(b"p") + SYNC
        self.assertEqual(self.results(used, self.ROWS + ready(b"T")), [self.INT4])
        self.play.ignore(self.columns())
        self.assertEqual(self.results(used, self.ROWS + ready(b"T")), [])
        self.assertEqual(self.results(used, long), [self.UNKNOWN])
        self.assertEqual(self.results(query(b"COMMIT"), complete(b"COMMIT") + ready()), [])
        # Where nothing ran in between it is.
        first = bound[: -len(SYNC)]
        whole = first + execute(b"p") + SYNC
        self.assertEqual(self.results(whole, described[:-6] + long), [])
        run = bind(b"f", b"sb") + execute(b"f")
        found = self.results(
            first + run + execute(b"p") + SYNC,
            described[:-6] + BIND_COMPLETE + self.ROWS + long,
        )
        self.assertEqual(found, [self.BYTEA, self.UNKNOWN])

    def test_a_portal_behind_whose_bind_something_has_run(self):
        """Alone and whole, as most is: it may have given the name away."""
        described = BIND_COMPLETE + typed(self.INT4) + ready(b"T")
        long = row(b"x" * 139) + complete(b"SELECT 1") + ready(b"T")
        between = (
            (query(b"SELECT f()"), complete(b"SELECT 1")),
            (query(b"SELECT f()"), typed(self.INT4) + self.ROWS),
            (bind(b"", b"sa") + execute() + SYNC, BIND_COMPLETE + complete(b"SELECT 0")),
        )
        self.play.client(query(b"BEGIN"))
        self.play.database(complete(b"BEGIN") + ready(b"T"))
        self.results(bind(b"p", b"sa") + describe(b"P", b"p") + SYNC, described)
        found = self.results(execute(b"p") + SYNC, self.ROWS + ready(b"T"))
        self.assertEqual(found, [self.INT4])
        self.play.ignore(self.columns())
        for request, reply in between:
            self.results(bind(b"p", b"sa") + describe(b"P", b"p") + SYNC, described)
            found = self.results(request, reply + ready(b"T"), execute(b"p") + SYNC, long)
            self.assertEqual(found, [self.UNKNOWN])

    def test_a_portal_is_gone_with_its_transaction(self):
        """Another one has its name then."""
        for request, reply in (
            (query(b"COMMIT"), complete(b"COMMIT")),
            (query(b"ROLLBACK"), complete(b"ROLLBACK")),
            (bind(b"", b"sa") + execute() + SYNC, BIND_COMPLETE + complete(b"SELECT 0")),
            (query(b"COMMIT"), error()),
        ):
            self.play.client(query(b"BEGIN") + bind(b"p", b"sa") + describe(b"P", b"p") + SYNC)
            described = BIND_COMPLETE + typed(self.INT4) + ready(b"T")
            self.play.database(complete(b"BEGIN") + ready(b"T") + described)
            used = execute(b"p") + SYNC
            self.assertEqual(self.results(used, self.ROWS + ready(b"T")), [self.INT4])
            found = self.results(request, reply + ready(), used, self.ROWS + ready())
            self.assertEqual(found, [self.UNKNOWN])

    def test_what_is_told_of_a_portal_is_told_of_its_statement(self):
        described = bind(b"", b"sa") + describe(b"P", b"") + execute() + SYNC
        told = BIND_COMPLETE + typed(self.INT4) + self.ROWS + ready()
        self.assertEqual(self.results(described, told), [self.INT4])
        self.play.ignore(self.columns())
        # Names may have been given to others since the statement was described.
        self.results(query(b"DEALLOCATE x"), complete(b"DEALLOCATE") + ready())
        self.assertEqual(self.results(described, told), [])
        again = bind(b"", b"sa") + execute() + SYNC, BIND_COMPLETE + self.ROWS + ready()
        self.assertEqual(self.results(*again), [])

    def test_each_execution_is_recorded_as_its_own_statement(self):
        request = bind(b"pb", b"sb") + bind(b"pa", b"sa") + describe(b"P", b"pa")
        reply = BIND_COMPLETE * 2 + typed(self.INT4) + self.ROWS + row(b"y") + complete(b"SELECT 7")
        self.results(request + execute(b"pb") + execute(b"pa") + SYNC, reply + ready())
        told = [(e.statement.text, e.rows) for e in self.play.recorder.closed if e.rows >= 0]
        self.assertEqual(told, [(b"SELECT data FROM cards", 1), (b"SELECT 1", 7)])

    def test_a_name_is_dropped_by_the_statement_that_is_executed(self):
        play = self.play
        play.client(parse(b"drop", b"DEALLOCATE sa") + SYNC)
        play.database(PARSE_COMPLETE + ready())
        play.client(bind(b"d", b"drop") + bind(b"", b"sb") + execute(b"d") + SYNC)
        play.database(BIND_COMPLETE * 2 + complete(b"DEALLOCATE") + ready())
        self.assertEqual(play.session.prepared.names(), {b"sb", b"drop"})

    def test_what_a_stage_planned_for_one_result_is_not_for_the_next(self):
        seen = []
        self.play.judge = Plan(lambda batch: seen.append(batch.columns.types[0]) or PASS)
        both = bind(b"pb", b"sb") + execute(b"pb") + bind(b"pa", b"sa") + execute(b"pa") + SYNC
        reply = (BIND_COMPLETE + self.ROWS) * 2 + ready()
        self.results(both, reply)
        self.play.ignore([item.columns for kind, item in self.play.works if kind == "rows"][1])
        self.results(both, reply)
        self.assertEqual(seen, [17, 23, 17])


class Copying(SynchronousTestCase):
    """How the data of a COPY is laid out."""

    HEADER = nested.SIGNATURE + bytes(8)
    TUPLE = b"\0\1\0\0\0\1x"

    def layouts(self, begin, *lines, size=0, text=b"COPY t TO STDOUT"):
        play = Playbook(Plan(lambda batch: PASS), ["rows"])
        play.client(query(text))
        data = begin + b"".join(message(b"d", line) for line in lines)
        size = size or len(data)
        got = b"".join(play.database(data[n : n + size]) for n in range(0, len(data), size))
        self.assertEqual(got, data)
        batches = [item for kind, item in play.works if kind == "rows"]
        return [batch.columns.layout for batch in batches for _ in range(len(batch))]

    def test_what_the_database_says(self):
        text, binary = message(b"H", b"\0\0\1\0\0"), message(b"H", b"\1\0\1\0\1")
        self.assertEqual(self.layouts(text, b"x\n", b"y\n"), [LINES] * 2)
        self.assertEqual(self.layouts(binary, self.HEADER + self.TUPLE, self.TUPLE), [TUPLES] * 2)
        # A base backup; replication; nothing at all.
        for begin in (message(b"H", b"\0\0\0"), message(b"W", b"\0\0\0"), message(b"H", b""), b""):
            self.assertEqual(self.layouts(begin, b"x", self.HEADER + self.TUPLE), [STREAM] * 2)

    def test_a_short_message_does_not_wait_for_the_next(self):
        begin = message(b"H", b"\0\0\1\0\0")
        for line in (b"", b"\n", b"x\n"):
            for size in (1, 5, 6, 100):
                self.assertEqual(self.layouts(begin, b"x\n", line, size=size), [LINES] * 2)

    def test_lines_in_which_digits_may_be_null(self):
        begin = message(b"H", b"\0\0\1\0\0")
        text = b"COPY t TO STDOUT (FORMAT csv, NULL '00')"
        self.assertEqual(self.layouts(begin, b"x", text=text), [STREAM])
        play = Playbook(Plan(lambda batch: PASS), ["rows"])
        play.client(execute(b"unknown") + SYNC)
        play.database(begin + message(b"d", b"x"))
        self.assertEqual(play.works[-1][1].columns.layout, STREAM)

    def test_tuples_that_messages_cut(self):
        """From there on nothing is known, wherever the bytes are cut on their way."""
        binary = message(b"H", b"\1\0\1\0\1")
        half, rest = self.TUPLE[:4], self.TUPLE[4:]
        for size in (1, 7, 10_000):
            found = self.layouts(
                binary, self.HEADER + self.TUPLE, half, rest, self.TUPLE, size=size
            )
            self.assertEqual(found, [TUPLES] + [STREAM] * 3)
            self.assertEqual(self.layouts(binary, self.TUPLE, self.TUPLE, size=size), [STREAM] * 2)
