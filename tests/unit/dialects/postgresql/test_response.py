"""Database to client: attribution, rows for stages, hostile databases."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.results import LINES
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Plan, Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
    NO_DATA,
    PARSE_COMPLETE,
    SYNC,
    bind,
    call,
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

NOTICE = message(b"N", b"SNOTICE\0\0")
NOTIFICATION = message(b"A", b"\0\0\0\1channel\0payload\0")
STATUS = message(b"S", b"standard_conforming_strings\0off\0")
RESULT = columns(b"a", b"b") + row(b"1", None) + row(b"22", b"x") + complete(b"SELECT 2") + ready()


def upper(batch):
    for index in range(len(batch)):
        for place, value in enumerate(batch.cells(index)):
            if value is not None and value.isalpha():
                batch.set_cell(index, place, value.upper())
    return Replace(batch)


def upper_row(values):
    return row(*(value.upper() for value in values))


def shout(batch):
    for index in range(len(batch)):
        for place, value in enumerate(batch.cells(index)):
            batch.set_cell(index, place, value.upper() if value and value.islower() else value)
    return Replace(batch)


class Attribution(SynchronousTestCase):
    def test_asynchronous_messages_pass_at_any_time(self):
        play = Playbook()
        quiet = NOTICE + NOTIFICATION + STATUS
        self.assertIs(play.database(quiet), quiet)
        self.assertEqual(play.session.parameters, {b"standard_conforming_strings": b"off"})
        play.client(query(b"select 1"))
        data = columns(b"a") + NOTICE + row(b"1") + NOTIFICATION + complete(b"SELECT 1") + ready()
        self.assertEqual(play.database(data), data)
        play.done()

    def test_each_reply_has_its_first_byte_however_they_come(self):
        one = parse(b"", b"a") + bind(b"", b"") + execute()
        replied = PARSE_COMPLETE + BIND_COMPLETE + complete(b"INSERT 0 1")
        for sent, data in (
            (query(b"a") + query(b"b"), (complete(b"INSERT 0 1") + ready()) * 2),
            (one + one + SYNC, replied * 2 + ready()),
        ):
            for size in (len(data), 1):
                play = Playbook()
                play.client(sent)
                for at in range(0, len(data), size):
                    play.database(data[at : at + size])
                play.done()
                first, second = play.recorder.closed
                self.assertLess(first.sent, first.first_byte)
                self.assertLess(first.first_byte, second.first_byte)
                self.assertLess(second.first_byte, second.closed)

    def test_an_error_discards_until_sync(self):
        play = Playbook()
        one = parse(b"s", b"one") + bind(b"", b"s") + execute()
        play.client(one + one + SYNC + query(b"next"))
        play.database(PARSE_COMPLETE + error() + ready() + complete(b"SET") + ready())
        play.done()
        outcomes = [("execute", "error"), ("execute", "aborted"), ("query", "ok")]
        self.assertEqual(sorted(play.recorder.outcomes), sorted(outcomes))
        self.assertEqual(play.recorder.closed[0].status_code, "22012")
        # The first Parse was confirmed; the second never was.
        self.assertEqual(play.session.prepared.names(), {b"s"})

    def test_a_batch_that_fails_lasts_until_the_database_is_ready(self):
        play = Playbook()
        play.client(parse(b"", b"one") + bind(b"", b"") + execute() + SYNC)
        play.database(PARSE_COMPLETE + error())
        self.assertEqual(play.recorder.closed, [])
        play.database(ready())
        self.assertEqual(play.recorder.outcomes, [("execute", "error")])
        # Of several requests the last one has the Sync; those behind the one that failed never ran.
        two = parse(b"", b"one") + bind(b"", b"") + execute()
        play.client(two * 3 + SYNC)
        play.database(PARSE_COMPLETE + BIND_COMPLETE + complete(b"SELECT 1") + error())
        told = [("execute", "ok"), ("execute", "error")]
        self.assertEqual(play.recorder.outcomes[1:], told)
        play.database(ready())
        self.assertEqual(play.recorder.outcomes[1:], [*told, ("execute", "aborted")])
        play.done()

    def test_what_an_error_discards_has_never_been(self):
        """Names that it was to give mean what they meant before, or nothing."""
        for sync, again in ((SYNC, b""), (b"", SYNC)):
            play = Playbook()
            play.client(parse(b"s", b"old") + SYNC)
            play.database(PARSE_COMPLETE + ready())
            play.client(
                parse(b"", b"bad") + FLUSH + parse(b"s", b"new") + parse(b"t", b"new")
                + bind(b"p", b"t") + FLUSH + sync
            )  # fmt: skip
            self.assertEqual(play.session.prepared.statement(b"s").text, b"new")
            play.database(error())
            play.client(again)
            play.database(ready())
            prepared = play.session.prepared
            self.assertEqual(prepared.statement(b"s").text, b"old")
            self.assertEqual((prepared.statement(b"t"), prepared.names()), (None, {b"s"}))
            self.assertIsNone(prepared.portal(b"p").statement)
            play.done()

    def test_an_error_before_the_sync_is_sent(self):
        play = Playbook()
        play.client(parse(b"", b"bad") + message(b"H", b""))
        play.database(error())
        self.assertEqual(play.client(bind(b"", b"") + execute() + SYNC), SYNC)
        play.database(ready())
        play.done()

    def test_an_error_that_answers_nothing_passes(self):
        play = Playbook()
        fatal = backend.encode_error(b"FATAL", b"57P01", "terminating connection")
        self.assertEqual(play.database(fatal), fatal)

    def test_empty_query_and_no_data_and_suspended_portal(self):
        play = Playbook()
        play.client(query(b"") + parse(b"", b"") + describe(b"S", b"") + bind(b"", b"") + SYNC)
        play.database(message(b"I", b"") + ready())
        play.database(PARSE_COMPLETE + message(b"t", b"\0\0") + NO_DATA + BIND_COMPLETE + ready())
        play.client(execute() + SYNC)
        play.database(row(b"1") + message(b"s", b"") + ready(b"T"))
        play.done()

    def test_copy_out_streams(self):
        play = Playbook()
        play.client(query(b"copy t to stdout"))
        play.database(message(b"H", b"\0\0\0"))
        data = message(b"d", b"x" * 50)
        self.assertEqual(play.database(data[:20]), data[:20])
        self.assertFalse(play.response.may_interject)
        self.assertEqual(play.database(data[20:]), data[20:])
        play.database(message(b"c", b"") + complete(b"COPY 1") + ready())
        play.done()

    def test_rows_stream_in_parts(self):
        play = Playbook()
        play.client(query(b"select"))
        cut = len(columns(b"a", b"b")) + 12
        self.assertEqual(play.database(RESULT[:cut]) + play.database(RESULT[cut:]), RESULT)
        play.done()


class Later(SynchronousTestCase):
    def test_what_belongs_to_a_login_does_not_come_later(self):
        for kind, body in ((b"R", bytes(4)), (b"K", b"\0\0\0\7key!"), (b"v", bytes(8))):
            self.assertRaises(WireError, Playbook().database, message(kind, body))


class Rows(SynchronousTestCase):
    def test_rows_are_changed_and_the_rest_is_not(self):
        play = Playbook(Plan(upper), ["rows"])
        play.client(query(b"select"))
        got = play.database(RESULT)
        self.assertEqual(got, RESULT.replace(row(b"22", b"x"), row(b"22", b"X")))
        kinds = [kind for kind, _ in play.works]
        self.assertEqual(kinds, ["columns", "rows"])
        self.assertEqual(play.works[0][1].names, [b"a", b"b"])
        play.done()

    def test_copy_data_is_judged_line_by_line(self):
        lines = [message(b"d", text) for text in (b"one\t1\n", b"two\t2\n", b"")]
        end = message(b"c", b"") + complete(b"COPY 3") + ready()
        data = message(b"H", b"\0\0\2\0\0\0\0") + b"".join(lines) + end
        for size in (1, 7, len(data)):
            play = Playbook(Plan(shout), ["rows"])
            play.client(query(b"copy t to stdout"))
            got = b"".join(play.database(data[n : n + size]) for n in range(0, len(data), size))
            self.assertEqual(got, data.replace(b"one", b"ONE").replace(b"two", b"TWO"))
            play.done()
            batches = [item for kind, item in play.works if kind == "rows"]
            self.assertEqual(sum(map(len, batches)), 3)
            self.assertEqual(batches[0].columns.layout, LINES)

    def test_copy_data_may_be_denied(self):
        play = Playbook(Plan(lambda batch: Deny()), ["rows"])
        play.client(query(b"copy t to stdout"))
        play.database(message(b"H", b"\0\0\0"))
        self.assertEqual(types(play.database(message(b"d", b"secret\n"))), "E")
        rest = message(b"d", b"more\n") + message(b"c", b"") + complete(b"COPY 2") + ready()
        self.assertEqual(types(play.database(rest)), "Z")
        play.done()

    def test_a_result_behind_copy_data_is_planned_anew(self):
        play = Playbook(Plan(shout), ["rows"])
        play.client(query(b"copy t to stdout; select"))
        copied = message(b"H", b"\0\0\0") + message(b"d", b"one") + message(b"c", b"")
        got = play.database(copied + complete(b"COPY 1") + RESULT)
        changed = RESULT.replace(row(b"22", b"x"), row(b"22", b"X"))
        self.assertEqual(got, (copied + complete(b"COPY 1")).replace(b"one", b"ONE") + changed)
        kinds = [kind for kind, _ in play.works]
        self.assertEqual(kinds, ["columns", "rows"] * 2)

    def test_rows_need_a_description_of_their_own(self):
        """One of before, of this query or of another, is not theirs."""
        one = columns(b"a") + row(b"x")
        done = complete(b"SELECT 1")
        for between in (done, done + ready(), ready(), error() + ready()):
            for inspects in ((), ("rows",)):
                play = Playbook(Plan(lambda batch: PASS), inspects)
                play.client(query(b"select") * 2)
                play.database(one + between)
                with self.assertRaisesRegex(WireError, "DataRow before RowDescription"):
                    play.database(row(b"x") + complete(b"SELECT 1") + ready())

    def test_results_of_one_query_are_planned_each(self):
        play = Playbook(Plan(upper), ["rows"])
        play.client(query(b"select; select"))
        for names in ([b"a"], [b"a", b"b"], [b"c"]):
            one = columns(*names) + row(*names) + complete(b"SELECT 1")
            self.assertEqual(play.database(one), one.replace(row(*names), upper_row(names)))
        self.assertEqual([kind for kind, _ in play.works], ["columns", "rows"] * 3)
        self.assertEqual([len(item) for kind, item in play.works if kind == "columns"], [1, 2, 1])
        play.database(ready())
        play.done()

    def test_an_execution_knows_the_columns_of_its_preparation(self):
        play = Playbook(Plan(upper), ["rows"])
        play.client(parse(b"s", b"select") + describe(b"S", b"s") + SYNC)
        play.database(PARSE_COMPLETE + message(b"t", b"\0\0") + columns(b"c") + ready())
        play.client(bind(b"", b"s") + execute() + SYNC)
        got = play.database(BIND_COMPLETE + row(b"x") + complete(b"SELECT 1") + ready())
        self.assertIn(row(b"X"), got)
        self.assertEqual(play.works[0][1].names, [b"c"])
        play.done()

    def test_without_any_description_the_first_row_counts(self):
        play = Playbook(Plan(upper), ["rows"])
        play.client(bind(b"", b"s") + execute() + SYNC)
        got = play.database(BIND_COMPLETE + row(b"x", b"y") + complete(b"SELECT 1") + ready())
        self.assertIn(row(b"X", b"Y"), got)

    def test_a_value_that_is_written_like_a_reply(self):
        """However it comes, it is a value, and not the end of what it stands in."""
        inner = columns(b"a") + row(b"x") + complete(b"SELECT 1") + ready()
        before = columns(b"a") + row(b"--" + inner)[: -len(inner)]
        after = row(b"y") + complete(b"SELECT 2") + ready()
        seen = []
        for judged in (False, True):
            play = Playbook(Plan(lambda batch: seen.append(len(batch)) or PASS), ["rows"] * judged)
            play.client(query(b"select"))
            play.database(inner)
            seen.clear()
            play.client(query(b"select"))
            pieces = before, inner, after
            self.assertEqual(b"".join(map(play.database, pieces)), b"".join(pieces))
            play.done()
            self.assertEqual(play.recorder.closed[1].rows, 2)
            self.assertEqual(sum(seen), 2 * judged)

    def test_a_database_that_tells_of_more_rows_than_numbers_have_room_for(self):
        play = Playbook()
        play.client(query(b"select"))
        many = complete(b"SELECT 999999999999999") * 20_000
        self.assertEqual(play.database(many + ready()), many + ready())
        self.assertLess(0, play.recorder.closed[0].rows)
        self.assertLess(play.recorder.closed[0].rows, 1 << 53)

    @given(st.lists(st.integers(1, 30), max_size=12))
    def test_fr5_any_split_gives_the_same_output(self, cuts):
        play = Playbook(Plan(upper), ["rows"])
        play.client(query(b"select"))
        data, got = RESULT, b""
        for cut in cuts:
            if data[:cut]:
                got += play.database(data[:cut])
            data = data[cut:]
        if data:
            got += play.database(data)
        self.assertEqual(got, RESULT.replace(row(b"22", b"x"), row(b"22", b"X")))
        play.done()


class Messages(SynchronousTestCase):
    """Texts that are no rows, where a stage looks at them."""

    def play(self, verdict=PASS):
        def judge(work):
            return verdict if work.kind == "messages" else PASS

        return Playbook(judge, ["messages"])

    def seen(self, play):
        return [item.cells(0)[0] for kind, item in play.works if kind == "messages"]

    CALL = message(b"V", b"\0\0\0\1x")

    def talk(self, play):
        """A notification to an idle session; a notice, an error, and the result of a call."""
        got = play.database(NOTIFICATION)
        play.client(query(b"one") + query(b"two"))
        got += play.database(NOTICE + STATUS + error() + ready() + RESULT)
        play.request._function_calls = True
        play.client(call(1, []))
        got += play.database(self.CALL + ready())
        play.done()
        return got

    def test_each_is_judged_and_passes_in_its_place(self):
        play = self.play()
        whole = NOTIFICATION + NOTICE + STATUS + error() + ready() + RESULT + self.CALL + ready()
        self.assertEqual(self.talk(play), whole)
        texts = [body for kind, body in messages(whole) if kind in "NAESV"]
        self.assertEqual(self.seen(play), texts)
        outcomes = [outcome for _, outcome in play.recorder.outcomes]
        self.assertEqual(outcomes, ["error", "ok", "ok"])
        self.assertFalse(play.session.conforming)

    def test_what_is_refused_is_not_told(self):
        play = self.play(Deny("no", sqlstate=b"58000"))
        no = backend.encode_error(b"ERROR", b"58000", "no")
        self.assertEqual(self.talk(play), no + ready() + RESULT + no + ready())
        self.assertFalse(play.session.conforming)
        # An error that ends the session; one that had to come.
        self.assertEqual(play.database(error(b"57P01")), no)

    def test_what_becomes_due_meanwhile_comes_behind_it(self):
        def judge(work):
            return Deny("denied", sqlstate=b"42000") if work.kind == "statement" else PASS

        play = Playbook(judge, ["messages", "statement"])
        work = play.response.begin(NOTIFICATION)
        play.client(query(b"refused"))
        self.assertEqual(play.extra, b"")
        play.response.settle(work, PASS)
        self.assertIsNone(play.response.next_work())
        got = play.response.take_output()
        self.assertEqual(got[: len(NOTIFICATION)], NOTIFICATION)
        self.assertEqual(types(got), "AEZ")
        play.done()

    def test_nothing_is_made_of_them_where_no_stage_looks(self):
        play = Playbook(inspects=["rows"])
        play.client(query(b"one"))
        play.database(NOTIFICATION + NOTICE + error() + ready())
        self.assertEqual(play.works, [])

    @given(st.lists(st.integers(1, 30), max_size=12))
    def test_fr5_any_split(self, cuts):
        play = self.play()
        play.client(query(b"one") + query(b"two"))
        data, got = NOTICE + error() + ready() + NOTIFICATION + RESULT, b""
        whole = data
        for cut in cuts:
            if data[:cut]:
                got += play.database(data[:cut])
            data = data[cut:]
        got += play.database(data) if data else b""
        self.assertEqual(got, whole)
        self.assertEqual(len(self.seen(play)), 3)


class Hostile(SynchronousTestCase):
    def broken(self, data, client=None):
        play = Playbook()
        if client is None:
            client = query(b"select")
        if client:
            play.client(client)
        self.assertRaises(WireError, play.database, data)

    def test_fr7_rows(self):
        self.broken(row(b"1"))
        self.broken(columns(b"a", b"b") + row(b"1"))
        self.broken(columns(b"a") + row(b"1") + row(b"1", b"2"))
        self.broken(columns(b"a") + b"D\0\0\0\5\0\1")
        self.broken(columns(b"a") + b"D\x7f\xff\xff\xff\0\1")
        batch = bind(b"", b"") + execute() + SYNC
        self.broken(BIND_COMPLETE + row(b"1") + row(b"1", b"2"), batch)

    def test_fr10_unknown_types(self):
        self.broken(message(b"!", b""), b"")

    def test_replies_to_nothing(self):
        for data in (
            ready(),
            complete(b"SELECT 1"),
            PARSE_COMPLETE,
            BIND_COMPLETE,
            NO_DATA,
            message(b"3", b""),
            message(b"G", b"\0\0\0"),
            message(b"V", b""),
        ):
            self.broken(data, b"")

    def test_replies_of_another_kind(self):
        self.broken(PARSE_COMPLETE)
        self.broken(ready(), parse(b"", b"x") + SYNC)
        self.broken(message(b"Z", b"?"))

    def test_lengths(self):
        self.broken(b"N\0\0\0\0")
        self.broken(b"N" + (65 << 20).to_bytes(4, "big"))

    def test_fr8_odd_errors_pass(self):
        for body in (b"\0", b"Sx\0\0", b"C\xff\xff\xff\xff\xff\0\0", b"?what\0\0"):
            play = Playbook()
            play.client(query(b"select"))
            data = message(b"E", body) + ready()
            self.assertEqual(play.database(data), data)
            play.done()

    @given(st.binary(max_size=200))
    def test_fr4_random_bytes_raise_nothing_else(self, data):
        play = Playbook(Plan(upper), ["rows"])
        play.client(query(b"select") + parse(b"", b"x") + bind(b"", b"") + execute() + SYNC)
        try:
            play.database(data)
        except WireError:
            pass


class Watch:
    """Notes what a stage is told; ``goes_on``: an execution apart from its Bind may be sent."""

    def __init__(self, told, goes_on=True):
        self.told = told
        self.goes_on = goes_on

    def completed(self, tag):
        self.told.append(tag.decode())

    def executed(self, exchange):
        self.told.append("again")
        return self.goes_on

    def ended(self, exchange):
        self.told.append(exchange.outcome)


class Watched(SynchronousTestCase):
    """A stage that wants to know what the database has completed is told."""

    def told(self, *asked):
        """Play a text of two statements, a statement, an execution and an error; return what the
        watches that were ``asked`` for are told."""
        kinds, told = iter(asked), []

        def judge(work):
            work.exchange.watch = Watch(told) if next(kinds) else None
            return PASS

        play = Playbook(judge, ["statement"])
        play.session.on_ready = lambda: told.append(play.session.transaction)
        play.client(query(b"create; select"))
        play.database(complete(b"CREATE TABLE") + complete(b"SELECT 0") + ready(b"T"))
        play.client(query(b"set"))
        play.database(complete(b"SET") + ready())
        play.client(parse(b"", b"drop") + bind(b"", b"") + execute() + SYNC)
        play.database(PARSE_COMPLETE + BIND_COMPLETE + complete(b"DROP TABLE") + ready())
        play.client(query(b"select 1/0"))
        play.database(error() + ready())
        play.done()
        return told

    def test_a_transaction_is_as_old_as_what_has_begun_it(self):
        play = Playbook()
        since = []
        for text, state in ((b"begin", b"T"), (b"select", b"E"), (b"rollback", b"I")):
            play.client(query(text))
            play.database(complete(text) + ready(state))
            since.append(play.session.transaction_since)
        self.assertGreater(since[0], 0)
        self.assertEqual(since[1:], [since[0], 0])

    def test_each_statement_that_was_completed_and_its_end_before_the_database_is_ready(self):
        told = self.told(True, True, True, True)
        self.assertEqual(
            told,
            [
                *("CREATE TABLE", "SELECT 0", "ok", "in_transaction", "SET", "ok", "idle"),
                *("DROP TABLE", "ok", "idle", "error", "idle"),
            ],
        )

    def test_of_those_that_it_asks_for_alone(self):
        told = self.told(False, True, False, False)
        self.assertEqual(told, ["in_transaction", "SET", "ok", "idle", "idle", "idle"])

    def apart(self, goes_on, between=b""):
        """Execute what was bound in another batch, or behind a Flush."""
        told = []

        def judge(work):
            work.exchange.watch = Watch(told, goes_on)
            return PASS

        play = Playbook(judge, ["parameters"])
        if between:
            play.client(parse(b"", b"drop") + bind(b"p", b"") + between)
            play.database(PARSE_COMPLETE + BIND_COMPLETE)
        else:
            play.client(parse(b"", b"drop") + bind(b"p", b"") + SYNC)
            play.database(PARSE_COMPLETE + BIND_COMPLETE + ready(b"T"))
        sent = play.client(execute(b"p") + SYNC)
        self.assertEqual(execute(b"p") in sent, goes_on)
        if goes_on:
            play.database(complete(b"DROP TABLE") + ready())
            play.done()
        return told

    def test_an_execution_apart_from_its_bind_is_followed_as_well(self):
        for between in (b"", FLUSH):
            self.assertEqual(self.apart(True, between), ["ok", "again", "DROP TABLE", "ok"])

    def test_or_refused(self):
        for between in (b"", FLUSH):
            self.assertEqual(self.apart(False, between)[:2], ["ok", "again"])

    def test_two_that_are_watched_in_one_exchange_are_not_told_apart(self):
        play = Playbook(self.watched, ["parameters"])
        sent = play.client(parse(b"", b"drop") + bind(b"p", b"") + execute(b"p") + SYNC)
        self.assertIn(execute(b"p"), sent)
        sent = play.client(bind(b"q", b"") + bind(b"p", b"") + execute(b"q") + SYNC)
        self.assertNotIn(execute(b"q"), sent)

    @staticmethod
    def watched(work):
        work.exchange.watch = Watch([])
        return PASS
