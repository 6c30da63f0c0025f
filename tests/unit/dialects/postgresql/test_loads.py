"""Rows that a client loads: judged in whole lines, or message by message; refused they fail."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.errors import RolledBackError, WireError
from acra_twisted.exchange import Copies
from acra_twisted.interfaces import ILoadStage
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.results import LINES, STREAM
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    SYNC,
    bind,
    complete,
    error,
    execute,
    message,
    messages,
    query,
    ready,
    types,
)

TEXT, BINARY = message(b"G", b"\0\0\1\0\0"), message(b"G", b"\1\0\1\0\1")
DONE = message(b"c", b"")


def copied(*parts):
    return b"".join(message(b"d", part) for part in parts)


def payload(data):
    return b"".join(body for kind, body in messages(data) if kind == "d")


@implementer(ILoadStage)
class Loads:
    """Writes x as X, refuses what is secret, and looks for either."""

    name = "loads"
    columns = None

    def __init__(self, wants=(LINES, STREAM)):
        self.wants = wants
        self.seen = []

    def plan_load(self, columns):
        return self if columns.layout in self.wants else None

    @staticmethod
    def concerns(data, start, end):
        run = data[start:end]
        return b"x" in run or b"secret" in run

    def transform(self, batch, exchange):
        rows = [batch.cells(row)[0] for row in range(len(batch))]
        self.seen += rows
        if any(b"secret" in value for value in rows):
            return Deny("no")
        for row, value in enumerate(rows):
            if b"x" in value:
                batch.set_cell(row, 0, value.replace(b"x", b"X"))
        return Replace(batch) if any(b"x" in value for value in rows) else PASS

    def stop(self):
        pass


class Loading(SynchronousTestCase):
    def setUp(self):
        self.begin()

    def begin(self, answer=TEXT, **options):
        self.stage = Loads()
        pipeline = Pipeline([self.stage])
        self.play = Playbook(pipeline.run, loads=pipeline.loads, **options)
        self.play.client(query(b"COPY t FROM STDIN"))
        if answer:
            self.play.database(answer)

    def finish(self):
        self.play.database(complete(b"COPY 2") + ready())
        self.play.done()

    def test_lines_that_concern_nobody_leave_as_they_came(self):
        data = copied(b"1\ta\n", b"2\tb\n")
        self.assertIs(self.play.client(data), data)
        self.assertEqual(self.play.client(DONE), DONE)
        self.assertEqual(self.stage.seen, [])
        self.finish()

    def test_lines_are_changed(self):
        got = self.play.client(copied(b"1\tx\n", b"2\ty\n3\tx\n") + DONE)
        self.assertEqual(got, copied(b"1\tX\n2\ty\n3\tX\n") + DONE)
        self.assertEqual(self.stage.seen, [b"1\tx\n", b"2\ty\n", b"3\tx\n"])
        self.finish()

    @given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 40), st.booleans())
    def test_fr5_however_the_client_cuts_them(self, cuts, size, ended):
        self.begin()
        text = b"1\tone x\n2\ttwo\n\n3\tsix xx" + b"\n" * ended
        parts, rest = [], text
        for cut in cuts:
            parts.append(rest[:cut])
            rest = rest[cut:]
        data = copied(*filter(None, parts), rest) + DONE
        got = b"".join(self.play.client(data[n : n + size]) for n in range(0, len(data), size))
        self.assertEqual(payload(got), text.replace(b"x", b"X"))
        self.assertTrue(got.endswith(DONE))
        lines = text.splitlines(keepends=True)
        self.assertTrue(set(self.stage.seen) <= set(lines), self.stage.seen)
        self.finish()

    def test_what_is_no_text_message_by_message(self):
        self.begin(BINARY)
        got = self.play.client(copied(b"ax", b"b", b"\nx"))
        self.assertEqual(got, copied(b"aX", b"b", b"\nX"))
        self.assertEqual(self.stage.seen, [b"ax", b"b", b"\nx"])

    def test_ahead_of_the_word_that_the_database_copies(self):
        self.begin(b"")
        self.assertEqual(self.play.client(copied(b"a x\nb", b" x\n")), copied(b"a X\nb", b" X\n"))
        self.assertEqual(self.stage.seen, [b"a x\nb", b" x\n"])
        with self.assertRaises(RolledBackError):
            self.play.client(copied(b"secret\n"))

    def test_refused_the_load_fails(self):
        got = self.play.client(copied(b"1\n", b"2 secret\n", b"3\n") + copied(b"4\n"))
        self.assertEqual(types(got), "f")
        # Its rest goes nowhere, in whatever pieces it comes.
        more = copied(b"5\n")
        self.assertEqual(self.play.client(more[:7]) + self.play.client(more[7:]), b"")
        answer = self.play.database(error(b"57014") + ready())
        self.assertEqual(types(answer), "EZ")
        self.assertIn(b"Mno\0", answer)
        self.play.client(DONE)
        self.play.done()
        self.assertEqual(self.play.recorder.outcomes, [("query", "denied")])

    def test_the_next_load_is_judged_anew(self):
        """Also where the client says no word about the end of the one that was refused."""
        self.play.client(copied(b"secret\n"))
        self.play.database(error(b"57014") + ready())
        self.play.client(query(b"COPY t FROM STDIN"))
        self.play.database(TEXT)
        self.assertEqual(self.play.client(copied(b"x\n")), copied(b"X\n"))

    def test_refused_in_the_extended_protocol(self):
        for sync_first in (True, False):
            self.begin(b"")
            self.play.database(error() + ready())
            self.play.client(bind(b"", b"s") + execute() + message(b"H", b""))
            self.play.database(BIND_COMPLETE + TEXT)
            self.assertEqual(types(self.play.client(copied(b"secret\n"))), "f")
            sent = self.play.client(copied(b"rest\n") + SYNC) if sync_first else b""
            answer = self.play.database(error(b"57014"))
            self.assertEqual(types(answer), "E")
            self.assertIn(b"Mno\0", answer)
            sent += b"" if sync_first else self.play.client(copied(b"rest\n") + SYNC)
            self.assertEqual(sent, SYNC)
            self.assertEqual(self.play.database(ready()), ready())
            self.play.done()

    def test_lines_of_no_end_are_not_kept(self):
        self.begin(message_limit=100)
        with self.assertRaises(WireError):
            for _ in range(20):
                self.play.client(copied(b"no end "))
        self.begin(message_limit=100)
        self.assertRaises(WireError, self.play.client, copied(b"x" * 200)[:20])

    def test_layouts_that_no_stage_wants_stream(self):
        self.stage = Loads(wants=())
        play = Playbook(loads=Pipeline([self.stage]).loads)
        play.client(query(b"COPY t FROM STDIN"))
        play.database(TEXT)
        data = copied(b"secret x")
        self.assertEqual(play.client(data[:9]), data[:9])
        self.assertEqual(play.client(data[9:]), data[9:])


class Taker:
    """Sends lines in capitals, keeps what is no line, and refuses what is secret."""

    name = "taker"

    def __init__(self, exchange):
        self.exchange = exchange
        self.pieces = []
        self.rest = b""

    def feed(self, data, exchange):
        assert exchange is self.exchange
        self.pieces.append(data)
        lines, newline, self.rest = (self.rest + data).rpartition(b"\n")
        if b"secret" in lines:
            return Deny("no")
        return PASS if data == b"same" else Replace((lines + newline).upper())

    def finish(self, data, exchange):
        self.pieces.append(None)
        return Deny("no end") if b"secret" in self.rest else Replace(self.rest.upper())


class Taking(SynchronousTestCase):
    """Rows that an ILoad takes."""

    def setUp(self):
        self.begin()

    def begin(self, answer=TEXT, stages=(), text=b"COPY t FROM STDIN"):
        self.takers = []
        pipeline = Pipeline(stages)
        self.play = Playbook(self.judge(pipeline), ["statement"], loads=pipeline.loads)
        self.waits = None
        self.play.client(query(text))
        if answer:
            self.play.database(answer)

    def judge(self, pipeline):
        def judge(work):
            if work.kind == "statement" and b"COPY t" in work.item.text:
                work.item.copies = Copies(self.take)
            return pipeline.run(work)

        return judge

    def take(self, exchange):
        self.takers.append(Taker(exchange))
        return self.takers[-1]

    def finish(self):
        self.play.database(complete(b"COPY 2") + ready())
        self.play.done()

    @given(
        st.lists(st.integers(0, 9), max_size=12),
        st.integers(1, 40),
        st.booleans(),
        st.sampled_from((TEXT, BINARY)),
    )
    def test_fr5_each_piece_as_it_comes(self, cuts, size, ended, answer):
        self.begin(answer)
        text = b"1\tone x\n2\ttwo\n\n3\tsix xx" + b"\n" * ended
        parts, rest = [], text
        for cut in cuts:
            parts.append(rest[:cut])
            rest = rest[cut:]
        data = copied(*parts, rest) + DONE
        got = b"".join(self.play.client(data[n : n + size]) for n in range(0, len(data), size))
        self.assertEqual(payload(got), text.upper())
        self.assertTrue(got.endswith(DONE))
        self.assertNotIn(copied(b""), got)
        [taker] = self.takers
        self.assertEqual(b"".join(taker.pieces[:-1]), text)
        self.assertIsNone(taker.pieces[-1])
        self.finish()

    def test_long_messages_come_in_short_pieces(self):
        text = b"x" * 100_000 + b"\n"
        got = self.play.client(copied(text, text) + DONE)
        self.assertEqual(payload(got), (text + text).upper())
        self.assertLessEqual(max(map(len, self.takers[0].pieces[:-1])), 32 * 1024)

    def test_a_piece_that_passes(self):
        data = copied(b"sa") + copied(b"me")
        self.assertEqual(self.play.client(data + DONE), copied(b"same") + copied(b"SAME") + DONE)

    def test_refused_the_load_fails(self):
        got = self.play.client(copied(b"1\n", b"2 secret\n", b"3\n") + copied(b"4\n"))
        self.assertEqual(got, message(b"f", b"\0"))
        more = copied(b"5\n")
        self.assertEqual(self.play.client(more[:7]) + self.play.client(more[7:]), b"")
        answer = self.play.database(error(b"57014") + ready())
        self.assertEqual(types(answer), "EZ")
        self.assertIn(b"Mno\0", answer)
        self.play.client(DONE)
        self.assertEqual(self.play.client(copied(b"too late\n")), b"")
        self.play.done()
        self.assertEqual(self.play.recorder.outcomes, [("query", "denied")])

    def test_refused_at_its_end(self):
        self.assertEqual(self.play.client(copied(b"1\nsecret") + DONE)[-6:], b"f\0\0\0\5\0")
        answer = self.play.database(error(b"57014") + ready())
        self.assertIn(b"Mno end\0", answer)
        self.play.done()

    def test_what_comes_after_the_database_has_given_up(self):
        """It goes nowhere: it may be in clear."""
        data = copied(b"1\nhalf a row of 20 bytes\n")
        self.play.client(data[:12])
        self.play.database(error(b"22P02"))
        self.assertEqual(self.play.client(data[12:] + copied(b"secret\n" * 9_000)), b"")
        self.assertEqual(types(self.play.database(ready())), "Z")
        self.assertEqual(self.play.client(copied(b"secret\n")), b"")
        self.play.client(DONE)
        self.play.done()
        self.play.client(query(b"COPY other FROM STDIN"))
        early = copied(b"early\n")
        self.assertEqual(self.play.client(early), early)
        self.play.database(TEXT)
        self.assertEqual(self.play.client(early), early)
        self.assertEqual(self.takers[0].pieces, [b"1\nhalf "])

    def test_what_comes_while_the_database_gives_up_and_a_verdict_is_awaited(self):
        for verdict in (Deny("no"), Replace(b"1\n")):
            self.begin()
            request = self.play.request
            request.feed(copied(b"1\n"))
            work = request.next_work()
            self.play.database(error(b"22P02") + ready())
            request.settle(work, verdict)
            self.assertIsNone(request.next_work())
            self.assertEqual(request.take_output(), b"")
            self.play.client(DONE)
            self.play.done()

    def test_the_client_gives_up(self):
        failed = message(b"f", b"changed my mind\0")
        self.assertEqual(self.play.client(copied(b"1\nrest") + failed), copied(b"1\n") + failed)
        self.assertEqual(self.takers[0].pieces, [b"1\nrest"])

    def test_data_that_the_database_has_not_asked_for(self):
        """It waits: some drivers do not."""
        for answer, sent in (
            (TEXT, copied(b"1\n") + copied(b"RE") + DONE),
            (error(b"42501") + ready(), DONE),
        ):
            self.begin(b"")
            early = copied(b"1\nre") + DONE
            self.assertEqual(self.play.client(early[:4]), b"")
            self.assertEqual(self.play.client(early[4:]), b"")
            self.assertTrue(self.play.request.awaits_load)
            self.play.database(answer)
            self.assertEqual(self.go_on(), sent)
            self.assertFalse(self.play.request.awaits_load)

    def test_data_that_waits_for_what_a_batch_does(self):
        """The database keeps its replies back until it is asked for them, and skips the data behind
        an error."""
        parsed = message(b"P", b"\0COPY t FROM STDIN\0\0\0")
        whole = parsed + bind(b"", b"") + execute()
        for batch, replies, asked in (
            (parsed, message(b"1", b""), "PH"),
            (whole, message(b"1", b"") + error(), "PBEH"),
            (whole + message(b"H", b""), error(), "PBEHH"),
        ):
            self.begin(b"")
            self.play.database(error() + ready())
            self.assertEqual(types(self.play.client(batch + copied(b"secret\n"))), asked)
            self.assertTrue(self.play.request.awaits_load)
            self.play.database(replies)
            self.assertEqual(self.go_on(), b"")
            self.assertFalse(self.play.request.awaits_load)
            self.assertEqual(self.play.client(SYNC), SYNC)
            self.play.database(ready())
            self.play.done()

    def test_data_that_has_waited_for_a_load_that_nobody_takes(self):
        self.begin(b"")
        self.play.session.meaning = "some"
        early = copied(b"1\n")
        other = query(b"COPY other FROM STDIN")
        self.assertEqual(
            self.play.client(execute(b"p") + SYNC + other + early)[-len(other) :], other
        )
        self.assertTrue(self.play.request.awaits_load)
        self.play.database(error() + ready() + error(b"34000") + ready() + TEXT)
        self.assertEqual(self.go_on(), early)
        self.assertFalse(self.play.request.awaits_load)
        self.assertEqual(self.play.client(DONE), DONE)
        self.finish()

    def go_on(self):
        """The database gets what has waited."""
        request = self.play.request
        work = request.next_work()
        while work is not None:
            request.settle(work, self.play.judge(work))
            work = request.next_work()
        return request.take_output()

    def test_data_for_a_statement_that_was_refused(self):
        """A session with protected columns sends none of it."""
        self.play = Playbook(lambda work: Deny("no"), ["statement"])
        self.play.session.meaning = "some"
        self.assertEqual(self.play.client(query(b"COPY t FROM STDIN") + copied(b"secret\n")), b"")

    def test_a_load_that_nobody_takes_streams(self):
        self.begin(text=b"COPY other FROM STDIN")
        data = copied(b"1\n", b"2\n")
        self.assertEqual(self.play.client(data[:6]), data[:6])
        self.assertEqual(self.play.client(data[6:] + DONE), data[6:] + DONE)
        self.finish()

    def test_the_next_load_is_another(self):
        for _ in range(2):
            self.play.client(copied(b"1\n") + DONE)
            self.play.database(complete(b"COPY 1") + ready())
            self.play.client(query(b"COPY t FROM STDIN"))
            self.play.database(TEXT)
        self.assertEqual(len(self.takers), 3)
        self.assertEqual(self.takers[1].pieces, [b"1\n", None])

    def test_in_the_extended_protocol(self):
        self.begin(b"")
        self.play.database(error() + ready())
        parsed = message(b"P", b"\0COPY t FROM STDIN\0\0\0")
        for text in (b"1\n", b"secret\n"):
            self.play.client(parsed + bind(b"", b"") + execute() + message(b"H", b""))
            self.play.database(message(b"1", b"") + BIND_COMPLETE + TEXT)
            sent = self.play.client(copied(text) + DONE + SYNC)
            if b"secret" in text:
                self.assertEqual(types(sent), "fcS")
                answer = self.play.database(error(b"57014") + ready())
                self.assertIn(b"Mno\0", answer)
            else:
                self.assertEqual(sent, copied(b"1\n") + DONE + SYNC)
                self.play.database(complete(b"COPY 1") + ready())
            self.play.done()

    def test_the_taker_waits_for_no_message_that_is_not_its_own(self):
        flush = message(b"H", b"")
        sent = self.play.client(copied(b"1\nre") + flush + SYNC + copied(b"st\n") + DONE)
        self.assertEqual(sent, copied(b"1\n") + flush + SYNC + copied(b"REST\n") + DONE)

    def test_beside_a_stage_that_looks_at_loads_it_is_refused(self):
        self.begin(stages=[Loads()])
        self.assertEqual(types(self.play.client(copied(b"1\n"))), "f")
        self.assertEqual(self.takers[0].pieces, [])

    def test_a_message_of_an_impossible_length(self):
        self.assertRaises(WireError, self.play.client, b"d\0\0\0\1")
