"""A result that a stage refuses: an error in its place, and nothing of the rest."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.verdicts import Deny
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
    execute,
    parse,
    query,
    ready,
    row,
    types,
)

NOTICE = message(b"N", b"SNOTICE\0\0")
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
