"""Descriptions reach the client as the database gives them, or as a stage has made them."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.errors import WireError
from acra_twisted.exchange import Copies, Unload
from acra_twisted.interfaces import IResultStage
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.results import Plan, Planner
from acra_twisted.session import IN_TRANSACTION
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    NO_DATA,
    PARSE_COMPLETE,
    SYNC,
    bind,
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
from tests.support.stages import Retyping


class Retyped(SynchronousTestCase):
    """A stage gives a column another type: the client is told so, and the rows follow."""

    TOLD = columns(b"n").replace(b"\0\0\0\x19\xff\xff", b"\0\0\0\x17\0\4")

    def setUp(self):
        self.pipeline = Pipeline([Retyping()])
        self.play = Playbook(self.pipeline.run, ["rows"], results=self.pipeline.results)

    def talk(self, size=1 << 20):
        """A text and a statement that is described, then executed with results in binary."""
        play, got = self.play, b""
        for request, reply in (
            (query(b"select"), columns(b"n") + row(b"12") + complete(b"SELECT 1") + ready()),
            (parse(b"s", b"select") + describe(b"S", b"s") + SYNC,
             PARSE_COMPLETE + message(b"t", b"\0\0") + columns(b"n") + ready()),
            (bind(b"", b"s", binary=True) + execute() + SYNC,
             BIND_COMPLETE + row(b"12") + row(None) + complete(b"SELECT 2") + ready()),
            (bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC,
             BIND_COMPLETE + columns(b"n") + row(b"34") + complete(b"SELECT 1") + ready()),
        ):  # fmt: skip
            play.client(request)
            for at in range(0, len(reply), size):
                got += play.database(reply[at : at + size])
            play.done()
        return got

    def test_descriptions_and_rows(self):
        expected = (
            *(self.TOLD, row(b"21"), complete(b"SELECT 1"), ready()),
            *(PARSE_COMPLETE, message(b"t", b"\0\0"), self.TOLD, ready()),
            *(BIND_COMPLETE, row(b"\0\0\0\x0c"), row(None), complete(b"SELECT 2"), ready()),
            *(BIND_COMPLETE, self.TOLD, row(b"43"), complete(b"SELECT 1"), ready()),
        )
        # What is known the second time is not told otherwise, however the bytes are cut.
        for size in (1 << 20, 1 << 20, 1, 7):
            self.assertEqual(self.talk(size), b"".join(expected))

    def test_other_columns_stay_as_they_are(self):
        described = columns(b"n").replace(b"\0\0\0\x19", b"\0\0\0\x11")
        reply = described + row(b"12") + complete(b"SELECT 1") + ready()
        self.play.client(query(b"select"))
        self.assertIs(self.play.database(reply), reply)


class Meant(SynchronousTestCase):
    """Results are planned with what a stage knows of them; columns that nobody asks for are asked
    for."""

    def setUp(self):
        self.seen = []
        self.play = Playbook(inspects=["statement", "rows"], results=Planner(self.plan))
        self.play.judge = self.judge
        self.play.session.meaning = "session"
        self.meanings = None

    def plan(self, described):
        self.seen.append(described.meaning)
        return Plan(described.with_type(0, 23, 4) if described.meaning == "int" else described)

    def judge(self, work):
        work.item.meanings = self.meanings
        return PASS

    def exchange(self, request, reply, size=1 << 20):
        """Send both in pieces of some size; returned are what the database and the client get."""
        parts = range(0, len(request), size), range(0, len(reply), size)
        sent = b"".join(self.play.client(request[at : at + size]) for at in parts[0])
        got = b"".join(self.play.database(reply[at : at + size]) for at in parts[1])
        self.play.done()
        return sent, got

    def test_each_statement_of_a_text_has_its_own(self):
        self.meanings = ["int", "other"]
        one = columns(b"n") + row(b"1") + complete(b"SELECT 1")
        reply = one + complete(b"SET") + one + ready()
        retyped = Retyped.TOLD + row(b"1") + complete(b"SELECT 1")
        for size in (1 << 20, 1, 9):
            _, got = self.exchange(query(b"select; set; select"), reply, size)
            self.assertEqual(got, retyped + complete(b"SET") + one + ready())
        # The third result is one that the stage did not tell of.
        self.assertEqual(self.seen, ["int", "session"])

    def test_a_text_without_any_has_that_of_its_session(self):
        reply = columns(b"n") + row(b"1") + complete(b"SELECT 1") + ready()
        _, got = self.exchange(query(b"fetch c"), reply)
        self.assertEqual((self.seen, got), (["session"], reply))

    def test_a_reply_that_comes_whole_is_taken_as_one_in_pieces(self):
        reply = columns(b"n") + row(b"1") + complete(b"SELECT 1") + ready()
        for _ in range(2):
            self.exchange(query(b"select"), reply)
        self.assertGreater(self.play.response.passed_whole, 0)
        self.meanings = ["int"]
        for size in (1 << 20, 3):
            _, got = self.exchange(query(b"select"), reply, size)
            self.assertEqual(messages(got)[0], messages(Retyped.TOLD)[0])

    def test_where_no_session_has_one_statements_are_not_asked(self):
        self.play.session.meaning = None
        self.meanings = ["int"]
        self.exchange(query(b"select"), columns(b"n") + complete(b"SELECT 0") + ready())
        self.assertEqual(self.seen, [None])

    def test_columns_are_asked_for_if_the_client_does_not(self):
        self.meanings = ["int"]
        ours = describe(b"P", b"")
        request = parse(b"s", b"select") + bind(b"", b"s", binary=True) + execute() + SYNC
        reply = (
            *(PARSE_COMPLETE, BIND_COMPLETE, columns(b"n"), row(b"\0\0\0\1")),
            *(complete(b"SELECT 1"), ready()),
        )
        for size in (1 << 20, 1, 7):
            sent, got = self.exchange(request, b"".join(reply), size)
            self.assertEqual(
                sent,
                parse(b"s", b"select") + bind(b"", b"s", binary=True) + ours + execute() + SYNC,
            )
            self.assertEqual(got, b"".join(reply[:2] + reply[3:]))
        self.assertEqual(self.seen[-1], "int")
        # A statement without result has nothing to describe.
        sent, got = self.exchange(
            bind(b"", b"s") + execute() + SYNC,
            BIND_COMPLETE + NO_DATA + complete(b"INSERT 0 1") + ready(),
        )
        self.assertEqual(sent, bind(b"", b"s") + ours + execute() + SYNC)
        self.assertEqual(got, BIND_COMPLETE + complete(b"INSERT 0 1") + ready())
        self.assertEqual({outcome for _, outcome in self.play.recorder.outcomes}, {"ok"})

    def test_the_unnamed_portal_is_not_described_if_nothing_is_bound_to_it(self):
        """Left behind by a text that has failed it may end the whole database: PostgreSQL reads
        memory that is free."""
        failed = error() + ready(b"E")
        for requests, state in (((), b"I"), ((query(b"begin; select 1 / 0"),), b"E")):
            for request in requests:
                self.exchange(request, failed)
            sent = self.play.client(execute() + SYNC)
            got = self.play.extra
            self.assertEqual(sent, b"")
            self.assertIn(b"C34000\0", got)
            self.assertEqual(messages(got)[-1], ("Z", state))
            self.play.done()

    def test_the_unnamed_portal_may_be_bound_to_a_name_that_sql_has_made(self):
        """PREPARE q AS ...; nobody but the database knows of it, however the messages come."""
        bound, run = bind(b"", b"q"), execute() + SYNC
        ours = describe(b"P", b"")
        rows = columns(b"n") + row(b"1") + complete(b"SELECT 1") + ready(b"T")
        for size in (1 << 20, len(bound), 1, 7):
            sent, got = self.exchange(bound + run, BIND_COMPLETE + rows, size)
            self.assertEqual(sent.replace(ours, b""), bound + run, size)
            self.assertEqual(types(got), "2DCZ")
        # It is executed in a later batch.
        self.exchange(bound + SYNC, BIND_COMPLETE + ready(b"T"))
        self.assertEqual(types(self.exchange(run, rows)[1]), "DCZ")
        # Before the database has said that it has bound it, that may have failed.
        failed = error() + ready(b"E")
        sent, got = self.exchange(bound + SYNC + run, failed + failed)
        self.assertEqual(types(sent), "BSPHS")
        self.assertIn(b"C34000\0", got)

    def test_a_statement_is_described_as_what_its_name_still_means(self):
        """The Parse of another one has failed."""
        told = PARSE_COMPLETE + message(b"t", b"\0\0") + columns(b"n") + ready()
        self.meanings = ["int"]
        _, got = self.exchange(parse(b"s", b"select") + describe(b"S", b"s") + SYNC, told)
        self.assertEqual(messages(got)[2], messages(Retyped.TOLD)[0])
        self.meanings = ["other"]
        again = parse(b"s", b"select n") + SYNC + describe(b"S", b"s") + SYNC
        _, got = self.exchange(again, error(b"42P05") + ready() + told[len(PARSE_COMPLETE) :])
        self.assertEqual(messages(got)[3], messages(Retyped.TOLD)[0])

    def test_columns_are_asked_for_again_where_a_description_may_be_skipped(self):
        """An error before it in its batch does so; what comes behind the Sync is done."""
        self.play.session.now_in(IN_TRANSACTION)
        self.exchange(parse(b"s", b"select 1") + SYNC, PARSE_COMPLETE + ready(b"T"))
        wrong, run = parse(b"", b"selec"), execute(b"p") + SYNC
        ours = describe(b"P", b"p")
        rows = columns(b"n") + row(b"1") + complete(b"SELECT 1") + ready(b"T")
        failed = error() + ready(b"T")
        for skipped in (ours, bind(b"p", b"s") + describe(b"P", b"p"), execute(b"p")):
            self.exchange(bind(b"p", b"s") + SYNC, BIND_COMPLETE + ready(b"T"))
            sent, got = self.exchange(wrong + skipped + SYNC + run, failed + rows)
            self.assertTrue(sent.endswith(SYNC + ours + run), skipped)
            self.assertEqual(types(got), "EZDCZ")
        sent, got = self.exchange(
            wrong + describe(b"S", b"s") + SYNC + bind(b"", b"s") + execute() + SYNC,
            failed + BIND_COMPLETE + rows,
        )
        self.assertEqual(types(sent), "PDSBDES")

    def test_columns_are_asked_for_once(self):
        """Not where the client asks, nor again for the same portal or a statement that it knows."""
        described = PARSE_COMPLETE + message(b"t", b"\0\0") + columns(b"n") + ready()
        self.exchange(parse(b"s", b"select 1") + describe(b"S", b"s") + SYNC, described)
        again = bind(b"", b"s") + execute() + SYNC
        done = BIND_COMPLETE + complete(b"SELECT 0") + ready()
        self.assertEqual(self.exchange(again, done), (again, done))
        # A statement without any has been described as well.
        told = PARSE_COMPLETE + message(b"t", b"\0\0") + NO_DATA + ready()
        self.exchange(parse(b"i", b"insert") + describe(b"S", b"i") + SYNC, told)
        once = bind(b"", b"i") + execute() + SYNC
        none = BIND_COMPLETE + complete(b"INSERT 0 1") + ready()
        self.assertEqual(self.exchange(once, none), (once, none))
        portal = (
            bind(b"p", b"s") + describe(b"P", b"p") + execute(b"p", 1) + execute(b"p", 1) + SYNC
        )
        told = (
            BIND_COMPLETE + columns(b"n") + row(b"1") + message(b"s", b"") + complete(b"SELECT 0")
        )
        self.assertEqual(self.exchange(portal, told + ready()), (portal, told + ready()))

    def fetch_some(self):
        """Fetch the first row of a portal that is described; returned are later fetches, and what
        they are answered."""
        self.play.session.now_in(IN_TRANSACTION)
        self.exchange(parse(b"s", b"select 1") + SYNC, PARSE_COMPLETE + ready(b"T"))
        more = row(b"1") + message(b"s", b"") + ready(b"T")
        request = bind(b"p", b"s") + describe(b"P", b"p") + execute(b"p", 1) + SYNC
        reply = BIND_COMPLETE + columns(b"n") + more
        self.assertEqual(self.exchange(request, reply), (request, reply))
        return execute(b"p", 1) + SYNC, more

    def test_columns_of_a_portal_that_goes_on_are_not_asked_for(self):
        again, more = self.fetch_some()
        for size in (1 << 20, 1, 7):
            self.assertEqual(self.exchange(again, more, size), (again, more))
        twice = execute(b"p", 1) + again
        both = row(b"1") + message(b"s", b"") + more
        self.assertEqual(self.exchange(twice, both), (twice, both))
        # Two rounds of it that are under way.
        self.assertEqual(self.exchange(again + again, more + more), (again * 2, more * 2))
        # The same where the columns are told because of a question of ours.
        first = bind(b"p", b"s") + again
        told = BIND_COMPLETE + columns(b"n") + more
        sent, got = self.exchange(first, told)
        self.assertEqual((types(sent), types(got)), ("BDES", "2DsZ"))
        self.assertEqual(self.exchange(again, more), (again, more))

    def test_columns_are_asked_for_where_something_else_may_have_taken_a_portals_name(self):
        """It has run, or may run before; or the name is bound anew."""
        ran = (
            (query(b"select code()"), columns(b"n") + complete(b"SELECT 0") + ready(b"T")),
            (query(b"close p; declare p"),
             complete(b"CLOSE CURSOR") + complete(b"DECLARE CURSOR") + ready(b"T")),
            (bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC,
             BIND_COMPLETE + columns(b"n") + complete(b"SELECT 0") + ready(b"T")),
            (bind(b"p", b"s") + SYNC, BIND_COMPLETE + ready(b"T")),
        )  # fmt: skip
        ours = describe(b"P", b"p")
        for request, reply in ran:
            for at_once in (False, True):
                again, more = self.fetch_some()
                if at_once:
                    sent, _ = self.exchange(request + again, reply + columns(b"n") + more)
                else:
                    self.exchange(request, reply)
                    sent, _ = self.exchange(again, columns(b"n") + more)
                self.assertTrue(sent.endswith(ours + again), request)

    def test_what_a_name_stands_for_may_change_between_two_executions(self):
        """FETCH has the columns of whatever its cursor is at the time, described or not."""
        described = PARSE_COMPLETE + message(b"t", b"\0\0") + columns(b"n") + ready()
        self.exchange(parse(b"s", b"fetch c") + describe(b"S", b"s") + SYNC, described)
        sent, got = self.exchange(
            bind(b"", b"s") + execute() + SYNC,
            BIND_COMPLETE + columns(b"n") + complete(b"FETCH 0") + ready(),
        )
        self.assertEqual(sent, bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC)
        self.assertEqual(got, BIND_COMPLETE + complete(b"FETCH 0") + ready())

    def test_a_portal_has_the_meaning_that_its_statement_had_when_it_was_bound(self):
        """Another portal of the statement may mean another thing by it: FETCH."""
        suspended = message(b"s", b"")
        self.play = Playbook(
            inspects=["statement", "parameters", "rows"], results=Planner(self.plan)
        )
        self.play.session.meaning = "session"

        def judge(work):
            (
                work.item.statement if work.kind == "parameters" else work.item
            ).meanings = self.meanings
            return PASS

        self.play.judge = judge
        self.exchange(parse(b"s", b"fetch c") + SYNC, PARSE_COMPLETE + ready())
        self.meanings = ["int"]
        done = BIND_COMPLETE + columns(b"n") + row(b"1") + suspended + ready(b"T")
        self.exchange(bind(b"p", b"s") + execute(b"p", 1) + SYNC, done)
        self.meanings = ["other"]
        whole = BIND_COMPLETE + columns(b"n") + row(b"1") + complete(b"FETCH 1") + ready(b"T")
        again = bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC
        self.assertEqual(self.exchange(again, whole)[1], whole)
        self.assertEqual(self.seen, ["int", "other"])
        # The first one goes on.
        _, got = self.exchange(
            describe(b"P", b"p") + execute(b"p") + SYNC,
            columns(b"n") + row(b"1") + complete(b"FETCH 1") + ready(b"T"),
        )
        self.assertEqual(messages(got)[0], messages(Retyped.TOLD)[0])
        # The next one is judged while the first waits for its reply.
        whole = BIND_COMPLETE + columns(b"n") + row(b"1") + complete(b"FETCH 1") + ready(b"T")
        for first, meaning in (("other", "third"), ("third", "int")):
            self.meanings = [first]
            self.play.client(again)
            self.meanings = [meaning]
            self.play.client(again[: -len(SYNC)])
            got = self.play.database(whole)
            self.assertEqual(self.seen[-1], first)
            self.assertEqual(got, whole)
            self.play.client(SYNC)
            self.play.database(whole)
            self.play.done()

    def test_a_cursor_of_sql_is_described_by_what_a_stage_knows_of_it(self):
        self.play.session.cursor_meanings = {b"c": ["int"]}.get
        reply = columns(b"n") + ready(b"T")
        for size in (1 << 20, 5):
            _, got = self.exchange(describe(b"P", b"c") + SYNC, reply, size)
            self.assertEqual(messages(got)[0], messages(Retyped.TOLD)[0])
            _, got = self.exchange(describe(b"P", b"d") + SYNC, reply, size)
            self.assertEqual(got, reply)

    def test_parameters_of_a_statement_of_sql_are_those_that_a_stage_tells(self):
        self.play.session.parameters_of_sql = lambda name, kinds: [25] if name == b"s" else kinds
        reply = message(b"t", b"\0\1\0\0\0\x11") + NO_DATA + ready()
        told = message(b"t", b"\0\1\0\0\0\x19") + NO_DATA + ready()
        for size in (1 << 20, 5):
            for name, expected in ((b"s", told), (b"t", reply)):
                _, got = self.exchange(describe(b"S", name) + SYNC, reply, size)
                self.assertEqual(got, expected)
        self.play.session.parameters_of_sql = None
        self.assertEqual(self.exchange(describe(b"S", b"s") + SYNC, reply, 5)[1], reply)

    def test_an_error_ends_what_was_asked_for_as_well(self):
        request = parse(b"", b"select") + bind(b"", b"") + execute() + SYNC
        sent, got = self.exchange(request, PARSE_COMPLETE + error() + ready(b"E"), 5)
        self.assertIn(describe(b"P", b""), sent)
        self.assertEqual(got, PARSE_COMPLETE + error() + ready(b"E"))

    def test_nobody_asks_in_a_session_without_a_meaning(self):
        self.play.session.meaning = None
        request = parse(b"", b"select") + bind(b"", b"") + execute() + SYNC
        self.assertEqual(self.play.client(request), request)

    def test_columns_of_what_was_declared_in_sql(self):
        self.play.session.meaning = "int"
        sent, got = self.exchange(
            execute(b"c", 1) + SYNC, columns(b"n") + row(b"1") + message(b"s", b"") + ready()
        )
        self.assertEqual(sent, describe(b"P", b"c") + execute(b"c", 1) + SYNC)
        self.assertEqual(got, row(b"1") + message(b"s", b"") + ready())
        self.assertEqual(self.seen, ["int"])

    def test_a_description_that_never_came_is_asked_for(self):
        """The batch that the client's Describe stood in has failed before it."""
        self.exchange(parse(b"s", b"select") + SYNC, PARSE_COMPLETE + ready())
        failed = bind(b"p", b"none") + describe(b"S", b"s") + describe(b"P", b"p") + SYNC
        self.exchange(failed, error() + ready())
        sent, _ = self.exchange(
            bind(b"", b"s") + execute() + SYNC,
            BIND_COMPLETE + columns(b"n") + complete(b"SELECT 0") + ready(),
        )
        self.assertEqual(sent, bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC)


@implementer(IResultStage)
class Reading:
    """Shows the values of a column in capitals if it has a meaning, and refuses ``secret``."""

    name = "reading"
    concerns = None
    columns = None

    def __init__(self):
        self.seen = []

    def plan_result(self, columns):
        return self if columns.meaning is not None and len(columns) == 2 else None

    def transform(self, batch, exchange):
        changed = False
        for row_number in range(len(batch)):
            cells = batch.cells(row_number)
            self.seen.append((batch.columns.meaning, tuple(cells)))
            if cells[1] == b"secret":
                return Deny("no")
            if cells[1]:
                changed = True
                batch.set_cell(row_number, 1, cells[1].upper())
        return Replace(batch) if changed else PASS

    def stop(self):
        pass


UNLOAD = Unload({}, ("a", "b"), (0, 17))


class CopiedOut(SynchronousTestCase):
    """The rows of COPY ... TO STDOUT, value by value."""

    OUT = message(b"H", b"\0\0\2\0\0\0\0")
    END = message(b"c", b"") + complete(b"COPY 2") + ready()

    def setUp(self):
        self.stage = Reading()
        pipeline = Pipeline([self.stage])
        self.play = Playbook(pipeline.run, ["rows"], results=pipeline.results)
        self.play.session.meaning = "the session's"

    def begin(self, text=b"COPY t TO STDOUT", unloads=(UNLOAD,)):
        self.play.client(query(text))
        statement = self.play.session.outstanding[0][2].statement
        statement.copies = Copies(None, unloads)
        statement.meanings = [f"statement {n}" for n in range(len(unloads))]

    def test_values_change(self):
        rows = message(b"d", b"1\tx\n") + message(b"d", b"2\t\\N\n")
        for size in (1, 7, 1000):
            self.begin()
            reply = self.OUT + rows + self.END
            got = b"".join(
                self.play.database(reply[at : at + size]) for at in range(0, len(reply), size)
            )
            self.assertEqual(got, reply.replace(b"x", b"X"))
            self.play.done()
        self.assertEqual(self.stage.seen[0], ("statement 0", (b"1", b"x")))

    def test_each_statement_of_a_text_has_its_own(self):
        self.begin(b"SELECT 1; COPY t TO STDOUT", (None, UNLOAD))
        copied = self.OUT + message(b"d", b"1\tx\n") + self.END
        self.play.database(columns(b"n") + row(b"1"))
        got = self.play.database(complete(b"SELECT 1") + copied)
        self.assertEqual(got, complete(b"SELECT 1") + copied.replace(b"x", b"X"))
        self.assertEqual(self.stage.seen[-1][0], "statement 1")

    def test_in_the_extended_protocol(self):
        play = self.play
        play.client(parse(b"s", b"COPY t TO STDOUT") + SYNC)
        play.session.outstanding[0][3].copies = Copies(None, (UNLOAD,))
        play.database(PARSE_COMPLETE + ready())
        play.client(bind(b"", b"s") + execute() + SYNC)
        got = play.database(
            BIND_COMPLETE + NO_DATA + self.OUT + message(b"d", b"1\tx\n") + self.END
        )
        self.assertIn(message(b"d", b"1\tX\n"), got)
        play.done()

    def test_a_refusal_ends_it(self):
        self.begin()
        rows = message(b"d", b"1\tx\n")
        got = self.play.database(self.OUT + rows + message(b"d", b"1\tsecret\n"))
        got += self.play.database(message(b"d", b"3\tz\n") + self.END)
        self.assertEqual([kind for kind, _ in messages(got)], list("HEZ"))
        self.assertNotIn(b"secret", got)
        self.play.done()

    def test_rows_of_another_layout_are_refused(self):
        for out, options in (
            (message(b"H", b"\0\0\3" + bytes(6)), {}),
            (message(b"H", b"\1\0\2\0\1\0\1"), {}),
            (self.OUT, {"format": "binary"}),
            (self.OUT, {"encoding": "LATIN1"}),
        ):
            self.begin(unloads=(Unload(options, ("a", "b"), (0, 17)),))
            got = self.play.database(out + message(b"d", b"1\tsecret\n") + self.END)
            self.assertEqual([kind for kind, _ in messages(got)], list("EZ"))
            self.play.done()

    def test_rows_that_no_stage_reads_pass(self):
        self.begin(unloads=(Unload({"format": "binary"}, ("a", "b", "c"), (0, 0, 0)),))
        reply = message(b"H", b"\1\0\3" + b"\0\1" * 3) + message(b"d", b"whatever") + self.END
        self.assertEqual(self.play.database(reply), reply)

    def test_rows_that_end_in_the_middle(self):
        self.begin()
        self.play.database(self.OUT)
        self.assertRaises(WireError, self.play.database, message(b"d", b"1\thalf") + self.END)
