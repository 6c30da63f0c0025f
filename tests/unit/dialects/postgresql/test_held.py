"""A batch that is held back: its order and release, what takes the place of a message.

Whole flows are in test_request.py.
"""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Statement
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support.playbook import Playbook, denying
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
    PARSE_COMPLETE,
    SYNC,
    bind,
    describe,
    error,
    execute,
    parse,
    query,
    ready,
    types,
)

TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COMMENT = b" /*traceparent='" + TRACEPARENT + b"'*/"


class Held(SynchronousTestCase):
    def test_bytes_of_earlier_chunks_go_first(self):
        play = Playbook()
        pieces = parse(b"", b"one"), bind(b"", b""), describe(b"P", b"") + execute()
        for piece in pieces:
            self.assertEqual(play.client(piece), b"")
            self.assertEqual(len(play.session.outstanding), 0)
        self.assertEqual(play.recorder.opened[0].sent, 0)
        self.assertEqual(play.client(FLUSH), b"".join(pieces) + FLUSH)
        self.assertEqual(len(play.session.outstanding), 4)
        self.assertTrue(play.recorder.opened[0].sent)

    def test_a_part_that_was_sent_is_not_sent_again(self):
        play = Playbook()
        play.client(parse(b"", b"one") + FLUSH)
        play.client(bind(b"", b""))
        self.assertEqual(play.client(execute() + SYNC), bind(b"", b"") + execute() + SYNC)

    def test_it_is_told_whether_something_runs_before_a_message(self):
        for earlier, runs in (
            (b"", False),
            (parse(b"", b"begin") + bind(b"", b"") + execute(), False),
            (parse(b"", b"select f()") + bind(b"", b""), False),
            (parse(b"", b"select f()") + bind(b"", b"") + execute(), True),
            (bind(b"", b"unknown") + execute(), True),
            (parse(b"", b"begin") + bind(b"", b"") + execute() + FLUSH, True),
        ):
            play = Playbook()
            play.client(earlier)
            self.assertEqual(play.session.runs_before(), runs, earlier)
            play.client(SYNC)
            self.assertFalse(play.session.runs_before(), earlier)

    def test_other_bytes_in_place_of_a_message(self):
        """Once for the context that is taken out of it, and once more for the verdict."""

        def judge(work):
            return Replace(Statement(b"other")) if work.item.text == b"one" else PASS

        for text in (b"one", b"one" + COMMENT):
            for pieces in (1, 2, 7):
                play = Playbook(judge, ["statement"])
                sent = parse(b"", b"before") + parse(b"", text) + bind(b"", b"") + SYNC
                size = -(-len(sent) // pieces)
                got = b"".join(
                    play.client(sent[at : at + size]) for at in range(0, len(sent), size)
                )
                expected = parse(b"", b"before") + parse(b"", b"other") + bind(b"", b"") + SYNC
                self.assertEqual(got, expected)

    def test_what_is_left_out_is_not_answered(self):
        play = denying()
        play.client(parse(b"s", b"one") + bind(b"p", b"s"))
        self.assertEqual(play.client(parse(b"", b"deny")), b"")
        self.assertEqual(play.recorder.outcomes[0], ("execute", "aborted"))
        self.assertIsNone(play.session.prepared.statement(b"s"))
        self.assertEqual(play.client(SYNC), b"")
        play.done()

    def test_nor_is_what_follows_an_error(self):
        play = Playbook(lambda work: Deny() if b"deny" in work.item.text else PASS, ["statement"])
        play.client(parse(b"", b"one") + FLUSH)
        play.client(bind(b"p", b""))
        play.database(error())
        self.assertIsNotNone(play.session.prepared.portal(b"p").statement)
        self.assertEqual(play.client(execute(b"p") + query(b"deny")), b"")
        self.assertIsNone(play.session.prepared.portal(b"p").statement)
        self.assertEqual(play.client(SYNC + query(b"two")), SYNC + query(b"two"))
        got = play.database(ready())
        self.assertEqual(types(got), "Z")

    def test_of_what_is_held_only_so_much(self):
        whole = parse(b"", b"one") + bind(b"", b"") + execute()
        for limit in range(0, len(whole) + 10, 5):
            play = Playbook(hold_limit=limit)
            got = [play.client(whole[at : at + 1]) for at in range(len(whole))]
            left = len(whole) - sum(map(len, got))
            self.assertLessEqual(left, limit)
            self.assertEqual(b"".join(got) + play.client(SYNC), whole + SYNC)
            play.database(PARSE_COMPLETE + BIND_COMPLETE + error() + ready())
            play.done()

    def test_what_was_left_out_is_not_counted_as_held(self):
        held = parse(b"", b"one") + bind(b"", b"") + execute()
        refused = parse(b"s", b"two") + parse(b"", b"deny") + SYNC
        failed = parse(b"", b"bad") + FLUSH
        for before in ((), (query(b"deny"),), (refused,), (failed, bind(b"", b""), SYNC)):
            for limit, size in ((len(held), 0), (len(held) - 1, len(held))):
                play = denying(hold_limit=limit)
                for said in before:
                    play.client(said)
                    if said is failed:
                        play.database(error())
                if failed in before:
                    play.database(ready())
                self.assertEqual(len(play.client(held)), size)
