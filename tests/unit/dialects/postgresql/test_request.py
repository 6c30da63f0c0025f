"""Client to database: pass-through, batches, denials, limits, desynchronisation."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.exchange import Statement
from acra_twisted.verdicts import PASS, Replace
from acra_twisted.wire.postgres import frontend
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook, deny_marked, denying
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
    PARSE_COMPLETE,
    SYNC,
    TERMINATE,
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

TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COMMENT = b" /*traceparent='" + TRACEPARENT + b"'*/"


CALL = message(b"F", b"\0" * 10)


class PassThrough(SynchronousTestCase):
    def test_a_chunk_that_passes_is_the_object_that_arrived(self):
        play = Playbook()
        for chunk in (
            query(b"select 1"),
            parse(b"", b"select $1") + bind(b"", b"") + describe(b"P", b"") + execute() + SYNC,
        ):
            self.assertIs(play.client(chunk), chunk)

    def test_an_exchange_begins_with_its_first_byte(self):
        play = Playbook()
        first, rest = query(b"select 1")[:7], query(b"select 1")[7:]
        play.client(first)
        began = play.session.clock()
        play.client(rest + query(b"select 2"))
        one, two = play.recorder.opened
        self.assertLess(one.opened, began)
        self.assertIn("acra.time.client_read_ms", one.attributes)
        self.assertGreater(two.opened, began)
        self.assertIsNone(two.attributes)
        play.client(SYNC[:2])
        play.client(SYNC[2:])
        play.client(query(b"select 3"))
        self.assertIsNone(play.recorder.opened[-1].attributes)

    def test_simple_query(self):
        play = Playbook()
        play.client(query(b"select 1"))
        reply = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()
        self.assertIs(play.database(reply), reply)
        play.done()
        self.assertEqual(play.recorder.outcomes, [("query", "ok")])
        self.assertEqual(play.recorder.closed[0].rows, 1)

    def test_a_batch_is_held_until_sync(self):
        play = Playbook()
        held = parse(b"", b"select 1") + bind(b"", b"") + execute()
        self.assertEqual(play.client(held), b"")
        self.assertEqual(play.client(SYNC), held + SYNC)

    def test_flush_releases_the_batch(self):
        play = Playbook()
        self.assertEqual(play.client(parse(b"", b"select 1")), b"")
        self.assertEqual(play.client(FLUSH), parse(b"", b"select 1") + FLUSH)
        self.assertEqual(play.database(PARSE_COMPLETE), PARSE_COMPLETE)
        play.done()

    def test_a_batch_past_the_hold_limit_is_released(self):
        first, second = parse(b"", b"select 1"), bind(b"", b"")
        play = Playbook(hold_limit=len(first))
        self.assertEqual(play.client(first), b"")
        self.assertEqual(play.client(second[:9]), b"")
        self.assertEqual(play.client(second[9:]), first + second)

    def test_with_a_limit_of_nothing_nothing_is_held(self):
        play = Playbook(hold_limit=0)
        for said in (parse(b"", b"select 1"), bind(b"", b""), execute()):
            self.assertEqual(play.client(said[:6]), b"")
            self.assertEqual(play.client(said[6:]), said)

    def test_what_is_held_is_let_go(self):
        play = denying()
        held = parse(b"", b"select 1") + bind(b"", b"")
        self.assertFalse(play.request.holding)
        play.client(held + execute()[:4])
        self.assertTrue(play.request.holding)
        play.request.release_held()
        self.assertEqual(play.request.take_output(), held)
        self.assertFalse(play.request.holding)
        self.assertEqual(play.client(execute()[4:] + SYNC), execute() + SYNC)

    def test_what_waits_for_a_verdict_is_not_let_go(self):
        play = Playbook(inspects=["statement"])
        play.request.feed(bind(b"", b"s") + parse(b"", b"select 1"))
        self.assertIsNotNone(play.request.next_work())
        play.request.release_held()
        self.assertEqual(play.request.take_output(), b"")

    def test_who_is_asked_for_replies_sends_a_flush_behind_what_needs_it(self):
        play = Playbook()
        play.client(parse(b"", b"select 1") + FLUSH)
        self.assertEqual(play.client(bind(b"", b"")), b"")
        play.request.ask_for_replies()
        # What is held stays: none of its replies is outstanding.
        self.assertEqual(play.request.take_output(), FLUSH)
        rest = SYNC + query(b"select 1")
        self.assertEqual(play.client(rest), bind(b"", b"") + rest)
        play.request.ask_for_replies()
        self.assertEqual(play.request.take_output(), b"")

    def test_a_copy_data_that_is_not_whole_waits_where_reading_is_about_to_stop(self):
        batch = parse(b"", b"one") + bind(b"", b"") + execute()
        copied = message(b"d", b"x" * 100)
        for limit, sent in ((3, batch + copied[:50]), (2, b"")):
            play = Playbook()
            play.request.pending_limit = limit
            self.assertEqual(play.client(batch + copied[:50]), sent)
        play.database(b"")
        play.request.pending_limit = 3
        self.assertEqual(play.client(copied[50:70]), batch + copied[:70])

    def test_a_query_after_an_open_batch_goes_behind_it(self):
        play = Playbook()
        data = parse(b"", b"select 1") + query(b"select 2")
        self.assertEqual(play.client(data), data)

    def test_each_statement_of_a_pipeline_is_an_exchange(self):
        play = Playbook()
        one = parse(b"", b"select 1") + bind(b"", b"") + execute()
        play.client(one + one + SYNC)
        done = PARSE_COMPLETE + BIND_COMPLETE + row(b"1") + complete(b"SELECT 1")
        play.database(done + done + ready())
        play.done()
        self.assertEqual(play.recorder.outcomes, [("execute", "ok")] * 2)

    def test_terminate(self):
        play = Playbook()
        self.assertEqual(play.client(TERMINATE), TERMINATE)
        self.assertTrue(play.request.terminated)

    def test_function_call_only_where_it_is_enabled(self):
        play = Playbook(function_call=True)
        self.assertEqual(play.client(CALL), CALL)
        play.database(message(b"V", b"\xff\xff\xff\xff") + ready())
        play.done()
        self.assertEqual(play.recorder.outcomes, [("call", "ok")])


class Copy(SynchronousTestCase):
    def test_copy_data_streams_in_parts(self):
        play = Playbook()
        play.client(query(b"copy t from stdin"))
        play.database(message(b"G", b"\0\0\0"))
        data = message(b"d", b"x" * 100)
        self.assertEqual(play.client(data[:50]), data[:50])
        self.assertTrue(play.request.unfinished)
        self.assertEqual(play.client(data[50:]), data[50:])
        done = message(b"c", b"")
        self.assertEqual(play.client(done), done)
        play.database(complete(b"COPY 1") + ready())
        play.done()

    def test_sync_before_copy_done_draws_nothing(self):
        play = Playbook()
        play.client(parse(b"", b"copy t from stdin") + bind(b"", b"") + execute() + SYNC)
        play.database(PARSE_COMPLETE + BIND_COMPLETE + message(b"G", b"\0\0\0"))
        play.client(message(b"d", b"1\n") + message(b"c", b"") + SYNC)
        play.database(complete(b"COPY 1") + ready())
        play.done()

    def test_copy_done_sent_ahead(self):
        play = Playbook()
        batch = parse(b"", b"copy t from stdin") + bind(b"", b"") + execute()
        play.client(batch + message(b"d", b"1\n") + message(b"c", b"") + SYNC)
        reply = PARSE_COMPLETE + BIND_COMPLETE + message(b"G", b"\0\0\0")
        play.database(reply + complete(b"COPY 1") + ready())
        play.done()

    def test_copy_data_that_has_left_in_part_leaves_whole(self):
        """Else the database would take the Sync for the rest of the message."""
        play = Playbook()
        play.client(parse(b"", b"copy t from stdin") + bind(b"", b"") + execute() + FLUSH)
        play.database(PARSE_COMPLETE + BIND_COMPLETE + message(b"G", b"\0\0\0"))
        data = message(b"d", b"x" * 100)
        self.assertEqual(play.client(data[:50]), data[:50])
        play.database(error(b"22P02"))
        self.assertEqual(play.client(data[50:] + data + SYNC), data[50:] + SYNC)
        play.database(ready())
        play.done()

    def test_what_looks_like_a_request_in_copy_data_is_none(self):
        for request in (
            query(b"deny"),
            bind(b"", b"s") + execute() + SYNC,
        ):
            play = denying()
            play.client(query(b"copy t from stdin"))
            play.database(message(b"G", b"\0\0\0"))
            data = message(b"d", b"x" + request + b"y")
            pieces = data[:6], data[6:-1], data[-1:] + message(b"c", b"")
            self.assertEqual(pieces[1], request)
            self.assertEqual([play.client(piece) for piece in pieces], list(pieces))
            self.assertEqual(len(play.recorder.opened), 1)
            play.database(complete(b"COPY 1") + ready())
            play.done()

    def test_a_sync_is_answered_when_the_database_has_ended_it(self):
        for end in (error(b"22P04"), complete(b"COPY 0"), b""):
            for cut in (0, len(end)):
                play = Playbook()
                play.client(query(b"copy t from stdin"))
                play.database(message(b"G", b"\0\0\0"))
                for said in filter(None, (end[:cut], end[cut:] + ready())):
                    self.assertEqual(play.database(said), said)
                self.assertEqual(play.client(SYNC), SYNC)
                self.assertEqual(play.database(ready()), ready())
                play.done()

    def test_a_sync_is_answered_when_the_database_has_ended_it_before_it_is_ready(self):
        play = Playbook()
        play.client(bind(b"", b"s") + execute() + FLUSH)
        play.database(BIND_COMPLETE + message(b"G", b"\0\0\0"))
        play.database(complete(b"COPY 0"))
        self.assertEqual(play.client(SYNC), SYNC)
        self.assertEqual(play.database(ready()), ready())
        play.done()


class Replacement(SynchronousTestCase):
    def test_query_and_parse(self):
        def judge(work):
            return Replace(Statement(work.item.text.upper()))

        play = Playbook(judge, ["statement"])
        sent = play.client(query(b"one") + parse(b"s", b"two") + SYNC + query(b"three"))
        expected = query(b"ONE") + parse(b"s", b"TWO") + SYNC + query(b"THREE")
        self.assertEqual(sent, expected)

    def test_parameters(self):
        def judge(work):
            work.item.values = [b"new"]
            work.item.formats = [1]
            return Replace(work.item)

        play = Playbook(judge, ["parameters"])
        sent = play.client(bind(b"", b"s") + execute() + SYNC)
        body = messages(sent)[0][1]
        self.assertEqual(frontend.decode_bind(body).values, [b"new"])
        self.assertEqual(types(sent), "BES")

    def test_trace_context_is_taken_and_cut_out(self):
        play = Playbook()
        sent = play.client(query(b"select 1" + COMMENT))
        self.assertEqual(sent, query(b"select 1"))
        self.assertEqual(play.recorder.opened[0].remote.traceparent(), TRACEPARENT.decode())
        sent = play.client(parse(b"", b"select 2" + COMMENT) + SYNC)
        self.assertEqual(sent, parse(b"", b"select 2") + SYNC)

    def test_context_and_replacement_of_one_statement(self):
        play = Playbook(lambda work: Replace(Statement(b"new")), ["statement"])
        self.assertEqual(play.client(query(b"select 1" + COMMENT)), query(b"new"))
        sent = play.client(parse(b"", b"select 1" + COMMENT) + SYNC)
        self.assertEqual(sent, parse(b"", b"new") + SYNC)

    def test_a_malformed_context_stays_and_is_noted(self):
        play = Playbook()
        text = b"select 1 /*traceparent='00-nonsense'*/"
        self.assertEqual(play.client(query(text)), query(text))
        self.assertIn("acra.traceparent_malformed", play.recorder.opened[0].attributes)


class Hostile(SynchronousTestCase):
    def test_fr1_lengths(self):
        for length in (0, 3, (1 << 30) + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            play = Playbook()
            data = b"Q" + length.to_bytes(4, "big") + b"x"
            self.assertRaises(WireError, play.client, data)
        # PostgreSQL would wait for one of this length: it is refused alone.
        play = Playbook()
        play.client(b"Q" + (1 << 30).to_bytes(4, "big") + b"x")
        self.assertEqual([exchange.kind for exchange in play.recorder.opened], ["query"])

    def test_fr2_what_is_too_large_is_refused_alone_and_kept_nowhere(self):
        for made, until in (
            (query, b""),
            (lambda text: parse(b"s", text), SYNC),
            (lambda text: bind(b"", b"s", [text]), execute() + SYNC),
            (lambda text: call(1, [text]), b""),
        ):
            large = made(b"x" * 1000)
            for size in (40, 10_000):
                play = Playbook(message_limit=500)
                data = large + until + query(b"one")
                told = sent = b""
                for start in range(0, len(data), size):
                    sent += play.client(data[start : start + size])
                    told += play.extra
                    self.assertLess(len(play.request._buffer), 500)
                self.assertEqual((types(told), sent), ("EZ", query(b"one")))
                self.assertIn(b"C54000", told)
                for words in (str(len(large) - 1), "500 bytes", "message_size_limit"):
                    self.assertIn(words.encode(), told)
                play.database(complete(b"SELECT 1") + ready())
                play.done()
                self.assertEqual(play.recorder.outcomes[0][1], "denied")

    def test_too_large_in_a_transaction(self):
        play = Playbook(message_limit=500)
        play.client(query(b"begin") + parse(b"", b"one") + query(b"x" * 600)[:100])
        play.database(complete(b"BEGIN") + ready(b"T"))
        sent = play.client(query(b"x" * 600)[100:] + query(b"two"))
        self.assertEqual(sent, query(b"two"))
        said = PARSE_COMPLETE + error(b"42601") + ready(b"E") + error(b"25P02") + ready(b"E")
        self.assertEqual(types(play.database(said)), "1EZEZ")
        play.done()

    def test_what_is_skipped_need_not_be_small(self):
        play = denying(message_limit=500)
        data = parse(b"", b"deny") + bind(b"", b"", [b"x" * 1000]) + message(b"d", b"x" * 1000)
        for start in range(0, len(data), 50):
            self.assertEqual(play.client(data[start : start + 50]), b"")
            self.assertLess(len(play.request._buffer), 100)
        self.assertEqual(play.client(SYNC), b"")
        self.assertEqual(types(play.extra), "Z")
        play.done()

    def test_copy_data_may_be_large(self):
        play = Playbook(message_limit=500)
        play.client(query(b"copy t from stdin"))
        play.database(message(b"G", b"\0\0\0"))
        data = message(b"d", b"x" * 1000)
        self.assertEqual(play.client(data[:600]) + play.client(data[600:]), data)

    def test_small_messages_have_a_small_limit(self):
        play = Playbook()
        data = b"S" + (10_001).to_bytes(4, "big")
        self.assertRaises(FrameTooLarge, play.client, data)

    def test_fr10_unknown_types(self):
        for kind in b"\x00", b"z", b"R", b"\xff":
            self.assertRaises(WireError, Playbook().client, message(kind, b""))

    def test_passwords_belong_to_a_login(self):
        self.assertRaises(WireError, Playbook().client, message(b"p", b"secret\0"))

    def test_bytes_that_come_while_a_verdict_is_awaited_wait(self):
        play = Playbook(inspects=["statement"])
        play.request.feed(query(b"one")[:4])
        self.assertIsNone(play.request.next_work())
        play.request.feed(query(b"one")[4:])
        work = play.request.next_work()
        play.request.feed(query(b"two"))
        self.assertEqual(play.request.take_output(), b"")
        play.request.settle(work, Replace(Statement(b"other")))
        second = play.request.next_work()
        play.request.settle(second, PASS)
        self.assertIsNone(play.request.next_work())
        self.assertEqual(play.request.take_output(), query(b"other") + query(b"two"))

    @given(st.binary(max_size=200))
    def test_fr4_random_bytes_raise_nothing_else(self, data):
        try:
            Playbook(deny_marked, ["statement", "parameters"]).client(data)
        except WireError:
            pass

    @given(
        st.lists(
            st.sampled_from(
                [
                    query(b"select 1"),
                    query(b"deny"),
                    parse(b"", b"x") + bind(b"", b"") + execute() + SYNC,
                    parse(b"s", b"deny"),
                    parse(b"s", b"y" + COMMENT),
                    FLUSH,
                    SYNC,
                ]
            ),
            max_size=6,
        ),
        st.lists(st.integers(1, 40), max_size=12),
    )
    def test_fr5_any_split_gives_the_same_output(self, parts, cuts):
        data = b"".join(parts)
        whole, split = denying(), denying()
        expected = whole.client(data)
        got = b""
        for cut in cuts:
            got += split.client(data[:cut]) if data[:cut] else b""
            data = data[cut:]
        got += split.client(data) if data else b""
        self.assertEqual(got, expected)
