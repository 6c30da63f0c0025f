"""A result that a stage refuses: an error in its place, and nothing of the rest."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.exchange import Notice
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Plan, Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
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

NOTICE = message(b"N", b"SNOTICE\0\0")
SUSPENDED = message(b"s", b"")
RESULT = columns(b"a", b"b") + row(b"1", None) + row(b"22", b"x") + complete(b"SELECT 2") + ready()


class Refused(SynchronousTestCase):
    def test_ds7_denied_in_the_middle_of_a_simple_query(self):
        play = Playbook(Plan(lambda batch: Deny()), ["rows"])
        play.client(query(b"select"))
        got = play.database(RESULT)
        self.assertEqual(types(got), "TEZ")
        play.done()
        self.assertEqual(play.recorder.outcomes, [("query", "denied")])

    def test_ds7_denied_wherever_the_reply_is_cut(self):
        """The rest of the reply is left out, also where it comes by itself."""
        execution = bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC
        for request, before in ((query(b"select"), b""), (execution, BIND_COMPLETE)):
            reply = before + RESULT
            for cut in range(1, len(reply)):
                play = Playbook(Plan(lambda batch: Deny()), ["rows"])
                play.client(request)
                got = play.database(reply[:cut]) + play.database(reply[cut:])
                self.assertEqual(types(got), types(before) + "TEZ")
                play.done()
                self.assertEqual(play.recorder.closed[0].outcome, "denied")
                # The next one is none of it.
                play.client(query(b"begin"))
                for piece in (complete(b"BEGIN"), ready(b"T")):
                    self.assertEqual(play.database(piece), piece)
                play.done()

    def test_what_a_result_stage_says_of_its_refusal_is_kept(self):
        deny = Deny("no", reason="why", rule="r", code=events.STAGE_FAILED)
        play = Playbook(Plan(lambda batch: deny), ["rows"])
        play.client(query(b"a"))
        play.database(RESULT)
        [exchange] = play.recorder.closed
        self.assertEqual(
            (exchange.outcome, exchange.reason, exchange.rule, exchange.code),
            ("denied", "why", "r", events.STAGE_FAILED),
        )

    def test_ds7_denied_in_the_middle_of_a_pipeline(self):
        play = Playbook(Plan(lambda batch: Deny()), ["rows"])
        one = parse(b"", b"one") + bind(b"", b"") + execute()
        play.client(one + one + SYNC + query(b"next"))
        done = PARSE_COMPLETE + BIND_COMPLETE + row(b"x") + complete(b"SELECT 1")
        got = play.database(done + NOTICE + done + ready() + complete(b"SET") + ready())
        self.assertEqual(types(got), "12ENZCZ")
        play.done()


class Told(SynchronousTestCase):
    """Notices of a stage, where their statement is done."""

    def play(self, *notices, kinds=("statement",)):
        """A session whose texts with ``!`` have notices."""
        play = Playbook(self.judge, ["statement", "parameters"])
        play.session.told = set()
        self.notices, self.kinds = notices, kinds
        return play

    def judge(self, work):
        statement = work.exchange.statement
        if work.kind in self.kinds and statement is not None and b"!" in statement.text:
            for notice in self.notices:
                work.exchange.tell(notice)
        return PASS

    def seen(self, data):
        """The letters of messages; the text of a notice in place of its letter."""
        found = []
        for kind, body in messages(data):
            found.append(kind if kind != "N" else body.rpartition(b"M")[2][:-2].decode())
        return found

    def test_before_the_end_of_a_simple_query_each_time(self):
        play = self.play(Notice("copy"))
        for _ in range(2):
            play.client(query(b"!"))
            for reply, seen in ((complete(b"SELECT 1"), ["copy", "C"]), (ready(), ["Z"])):
                self.assertEqual(self.seen(play.database(reply)), seen)
        play.client(query(b"x"))
        whole = complete(b"SELECT 1") + ready()
        self.assertIs(play.database(whole), whole)
        play.done()

    def test_behind_rows_however_the_reply_is_cut(self):
        for cut in range(len(RESULT)):
            play = self.play(Notice("copy"))
            play.client(query(b"!"))
            seen = play.database(RESULT[:cut]) + play.database(RESULT[cut:])
            self.assertEqual(self.seen(seen), ["T", "D", "D", "copy", "C", "Z"])
            play.done()

    def test_in_the_place_of_the_statement_of_a_text(self):
        play = self.play(Notice("last", 2), Notice("first"), Notice("never", 3))
        play.client(query(b"!"))
        replies = complete(b"SELECT 1") * 3
        seen = self.seen(play.database(replies + error() + ready()))
        self.assertEqual(seen, ["first", "C", "C", "last", "C", "E", "Z"])
        play.done()

    def test_not_of_what_fails_or_is_refused(self):
        play = self.play(Notice("copy"))
        play.client(query(b"!"))
        self.assertEqual(self.seen(play.database(error() + ready())), ["E", "Z"])
        play.judge = lambda work: self.judge(work) and Deny()
        play.client(query(b"!"))
        self.assertEqual(self.seen(play.extra), ["E", "Z"])
        play.done()

    def test_in_a_batch_with_the_execution_that_it_is_about(self):
        play = self.play(Notice("copy"), kinds=("parameters",))
        batch = b"".join(
            parse(b"", text) + bind(b"", b"") + execute() for text in (b"x", b"!", b"y")
        )
        play.client(batch + SYNC)
        replies = PARSE_COMPLETE + BIND_COMPLETE + complete(b"SELECT 1")
        seen = self.seen(play.database(replies * 3 + ready()))
        self.assertEqual(seen, [*"12C12", "copy", *"C12CZ"])
        play.done()

    def test_not_of_what_is_left_out_behind_an_error(self):
        play = self.play(Notice("copy"), kinds=("parameters",))
        execution = bind(b"", b"s") + execute()
        play.client(parse(b"s", b"!") + SYNC)
        play.database(PARSE_COMPLETE + ready())
        play.client(bind(b"", b"none") + execute() + execution + SYNC)
        self.assertEqual(self.seen(play.database(error() + ready())), ["E", "Z"])
        play.client(execution + SYNC)
        seen = self.seen(play.database(BIND_COMPLETE + complete(b"SELECT 1") + ready()))
        self.assertEqual(seen, ["2", "copy", "C", "Z"])
        play.done()

    def test_of_what_is_prepared_or_bound_alone(self):
        play = self.play(Notice("search", once=True))
        play.client(parse(b"s", b"!") + SYNC)
        self.assertEqual(self.seen(play.database(PARSE_COMPLETE + ready())), ["search", "1", "Z"])
        play = self.play(Notice("search", once=True), kinds=("parameters",))
        play.client(parse(b"s", b"!") + SYNC)
        self.assertEqual(self.seen(play.database(PARSE_COMPLETE + ready())), ["1", "Z"])
        play.client(bind(b"p", b"s") + FLUSH)
        self.assertEqual(self.seen(play.database(BIND_COMPLETE)), ["search", "2"])
        play.client(execute(b"p") + SYNC)
        self.assertEqual(self.seen(play.database(complete(b"SELECT 1") + ready())), ["C", "Z"])
        play.done()

    def test_of_what_is_executed_in_parts(self):
        play = self.play(Notice("search", once=True))
        play.client(parse(b"", b"!") + bind(b"", b"") + execute() + SYNC)
        seen = self.seen(play.database(PARSE_COMPLETE + BIND_COMPLETE + SUSPENDED + ready()))
        self.assertEqual(seen, ["1", "2", "search", "s", "Z"])
        play.done()

    def test_once_where_that_is_enough_also_if_many_are_sent_before_the_first_is_told(self):
        play = self.play(Notice("search", once=True))
        play.client(query(b"!") * 3)
        replies = complete(b"SELECT 1") + ready()
        seen = self.seen(play.database(replies * 3))
        self.assertEqual(seen, ["search", *"CZCZCZ"])
        play.client(query(b"!"))
        self.assertIs(play.database(replies), replies)
        play.done()

    def test_one_that_has_failed_has_not_told(self):
        play = self.play(Notice("search", once=True))
        replies = complete(b"SELECT 1") + ready()
        play.client(query(b"!") * 2)
        seen = self.seen(play.database(error() + ready() + replies))
        self.assertEqual(seen, ["E", "Z", "search", "C", "Z"])
        play.done()

    def test_nothing_to_a_client_that_wants_none(self):
        play = self.play(Notice("copy"))
        play.session.told = None
        play.client(query(b"!"))
        reply = complete(b"SELECT 1") + ready()
        self.assertIs(play.database(reply), reply)
