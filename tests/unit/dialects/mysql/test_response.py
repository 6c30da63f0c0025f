"""Database to client: recorded conversations, refusals, numbers."""

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.exchange import Copies, Statement
from acra_twisted.session import IN_TRANSACTION
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.link.tracecontext import parse_traceparent
from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqlreplies import Followed, see_all, text_head, text_result, text_tail
from tests.support.mysqlvectors import CLIENT, SERVER, conversations

#: Conversations with packets that no session of ours is in: progress, which is masked, a command
#: with a number of its own, which never leaves, and errors in the place of a greeting.
_OTHERS = frozenset(("maria_progress", "bad_sequence", "too_many_connections"))


def replayed():
    """The recorded sessions that logged in, without their logins."""
    for name, one in conversations().items():
        said = list(one.packets)
        if name in _OTHERS:
            continue
        if one.has_login:
            ends = [at for at, p in enumerate(said) if p.leg == SERVER and p.payload[:1] == b"\0"]
            if not ends:
                continue
            said = said[ends[0] + 1 :]
        yield name, one, allowed(said)


def allowed(said):
    """The packets without commands for a table's columns and their replies: those never leave."""
    left, is_refused = [], False
    for packet in said:
        if packet.leg == CLIENT:
            is_refused = packet.payload[:1] == b"\x04"
        if not is_refused:
            left.append(packet)
    return left


def replay(one, said, size, plan):
    """Feed a flow with the database's part in pieces of ``size`` bytes; return it and what the
    client got, and should have got."""
    followed = Followed(one.capabilities, one.extended, plan)
    got, due, uploads = [], [], False
    for packet in said:
        if packet.leg == CLIENT:
            if followed.state.upload >= 0:
                uploads = bool(packet.payload)
                if not uploads:
                    followed.state.upload = -1
            elif packet.sequence == 0 and packet.payload:
                followed.command(packet.payload)
            elif not followed.session.outstanding:
                followed.command(b"\x0e")
            continue
        data = packet.encoded
        due.append(data)
        for at in range(0, len(data), size):
            got.append(followed.feed(data[at : at + size]))
    return followed, b"".join(got), b"".join(due)


class Recorded(SynchronousTestCase):
    def test_each_conversation_passes_as_it_came(self):
        seen = 0
        for name, one, said in replayed():
            for plan in (None, see_all):
                followed, got, due = replay(one, said, 1 << 20, plan)
                self.assertEqual(got, due, name)
                self.assertFalse(followed.flow.unfinished, name)
                if said and said[-1].leg == SERVER:
                    self.assertFalse(followed.session.outstanding, name)
                seen += len(due)
        self.assertGreater(seen, 30_000)

    def test_each_conversation_passes_byte_by_byte(self):
        for name, one, said in replayed():
            for plan in (None, see_all):
                followed, got, due = replay(one, said, 1, plan)
                self.assertEqual(got, due, name)
                self.assertFalse(followed.flow.unfinished, name)

    @settings(max_examples=20)
    @given(st.integers(2, 300))
    def test_each_conversation_passes_in_pieces(self, size):
        for name, one, said in replayed():
            _, got, due = replay(one, said, size, see_all)
            self.assertEqual(got, due, name)


OK = b"\0\0\0\2\0\0\0"
ERROR = b"\xff\x28\x04#42000You have an error"
DENIAL = b"\xff\x25\x05#70100AcraCensor blocked this query"
MORE = 2 | 8
_TRACK = 0x800000


class Answers(SynchronousTestCase):
    """Answers of ours stand in their place, with their own numbers."""

    def test_a_denial_waits_for_the_replies_before_it(self):
        followed = Followed()
        before = followed.ask()
        denied = followed.deny(DENIAL)
        behind = followed.ask()
        followed.flow.release_answers()
        self.assertEqual(followed.flow.take_output(), b"")
        said = text_result(b"a")
        self.assertEqual(followed.feed(said), said + packets(DENIAL, 1))
        self.assertEqual([before.outcome, denied.outcome, behind.outcome], ["ok", "ok", None])
        self.assertEqual(followed.feed(packets(OK, 1)), packets(OK, 1))

    def test_a_denial_of_a_command_of_many_parts_has_its_number(self):
        followed = Followed()
        followed.deny(DENIAL, 3)
        followed.flow.release_answers()
        self.assertEqual(followed.flow.take_output(), packets(DENIAL, 3))

    def test_a_reply_is_never_parted_by_one(self):
        said = text_result(b"a", b"b")
        for at in range(1, len(said)):
            followed = Followed()
            followed.ask()
            got = followed.feed(said[:at])
            followed.deny(DENIAL)
            followed.flow.release_answers()
            self.assertEqual(followed.flow.take_output(), b"")
            self.assertEqual(got + followed.feed(said[at:]), said + packets(DENIAL, 1))

    def test_one_that_becomes_due_while_a_stage_works_follows_the_reply(self):
        followed = Followed(plan=see_all)
        followed.ask()
        flow, said = followed.flow, text_result(b"a")
        flow.feed(said)
        work = flow.next_work()
        followed.deny(DENIAL)
        flow.release_answers()
        flow.feed(b"")
        flow.settle(work, PASS)
        self.assertIsNone(flow.next_work())
        self.assertEqual(flow.take_output(), said + packets(DENIAL, 1))

    def test_replies_to_a_command_that_took_other_packets_are_numbered_for_the_client(self):
        """The database has got one packet less than the client has sent."""
        followed = Followed(plan=see_all)
        for _ in range(2):
            followed.ask(reply=Reply(2))
            self.assertEqual(
                followed.feed(text_result(b"a", b"b", first=1)), text_result(b"a", b"b", first=2)
            )
        followed.ask(reply=Reply(2))
        self.assertEqual(followed.feed(packets(ERROR, 1)), packets(ERROR, 2))
        followed.ask()
        self.assertEqual(followed.feed(packets(OK, 1)), packets(OK, 1))

    def test_so_are_long_rows_and_rows_in_pieces(self):
        followed = Followed()
        said = text_result(b"a" * 0xFFFFFF, b"b", first=1)
        due = text_result(b"a" * 0xFFFFFF, b"b", first=255)
        followed.ask(reply=Reply(255))
        got = [followed.feed(said[at : at + 777_777]) for at in range(0, len(said), 777_777)]
        self.assertEqual(b"".join(got) == due, True)

    def test_the_number_that_is_due_is_that_of_the_next_packet(self):
        """An error that ends the session bears it."""
        followed = Followed(plan=see_all)
        flow = followed.flow
        self.assertEqual(flow.due, 0)
        followed.ask(reply=Reply(7))
        followed.ask(reply=Reply(9))
        self.assertEqual(flow.due, 7)
        followed.feed(text_head())
        self.assertEqual(flow.due, 10)
        flow.feed(packets(b"\1a", 4) + packets(b"\1b", 5))
        work = flow.next_work()
        self.assertEqual((flow.due, flow.take_output()), (10, b""))
        flow.settle(work, PASS)
        self.assertEqual(flow.due, 12)
        followed.feed(packets(b"\1c", 6), lambda work: Deny("no", errno=1105))
        self.assertEqual(flow.due, 9)
        followed.feed(text_tail(7))
        self.assertEqual(flow.due, 9)
        followed.feed(packets(OK, 1))
        self.assertEqual(flow.due, 0)


command = st.sampled_from(("result", "ok", "error", "denied", "several", "refused"))


class Conversations(SynchronousTestCase):
    @given(st.lists(command, max_size=12), st.integers(1, 60), st.booleans(), st.data())
    def test_each_reply_comes_in_its_place_with_its_numbers(self, kinds, size, judged, data):
        """Requests are sent before any reply has come, and some are denied, or their results."""
        followed = Followed(plan=see_all if judged else None)
        said, due, outcomes = [], [], []
        for kind in kinds:
            # A command of several packets, which leaves as another number of them.
            sent = data.draw(st.integers(1, 3))
            came = data.draw(st.integers(1, 3))
            if kind == "denied":
                outcomes.append((followed.deny(DENIAL, came), "ok"))
                due.append(packets(DENIAL, came))
                continue
            values = data.draw(st.lists(st.binary(max_size=20), max_size=4))
            values = [b"-" + value for value in values]
            more = values
            outcome = "ok"
            if kind == "ok":
                reply, shown = packets(OK, sent), packets(OK, came)
            elif kind == "error":
                reply, shown, outcome = packets(ERROR, sent), packets(ERROR, came), "error"
            elif kind == "several":
                reply, shown = (
                    text_result(*values, first=number, status=MORE)
                    + text_result(*more, first=number + 4 + len(values))
                    for number in (sent, came)
                )
            elif kind == "refused" and judged:
                reply = text_result(b"refuse", *values, first=sent, status=MORE)
                reply += text_result(*more, first=sent + 5 + len(values))
                shown = text_head(came, MORE) + packets(REFUSAL, came + 3)
                outcome = "denied"
            else:
                reply, shown = (text_result(*values, first=number) for number in (sent, came))
            outcomes.append((followed.ask(reply=Reply(came)), outcome))
            said.append(reply)
            due.append(shown)

        def judge(work):
            cells = [work.item.cells(row)[0] for row in range(len(work.item))]
            return Deny("no", errno=1105) if b"refuse" in cells else PASS

        got = []
        stream = b"".join(said)
        followed.flow.release_answers()
        got.append(followed.flow.take_output())
        for at in range(0, len(stream), size):
            got.append(followed.feed(stream[at : at + size], judge))
        self.assertEqual(b"".join(got), b"".join(due))
        self.assertEqual([one.outcome for one, _ in outcomes], [other for _, other in outcomes])
        self.assertTrue(all(one.closed for one, _ in outcomes))
        self.assertFalse(followed.flow.unfinished)


REFUSAL = b"\xff\x51\x04#HY000no"


class Replies(SynchronousTestCase):
    def test_rows_are_counted_over_all_results(self):
        followed = Followed()
        exchange = followed.ask()
        followed.feed(text_result(b"a", b"b", status=MORE) + text_result(b"c", first=7))
        self.assertEqual((exchange.rows, exchange.attributes), (3, {"acra.mysql.results": 2}))
        exchange = followed.ask()
        followed.feed(packets(OK, 1))
        self.assertEqual((exchange.rows, exchange.attributes), (-1, None))

    def test_warnings_are_counted(self):
        followed = Followed()
        exchange = followed.ask()
        followed.feed(packets(b"\0\0\0\2\0\3\0", 1))
        self.assertEqual(exchange.attributes, {"acra.mysql.warnings": 3})

    def test_an_error_has_its_number(self):
        followed = Followed()
        exchange = followed.ask()
        followed.feed(text_head() + packets(ERROR, 4))
        self.assertEqual((exchange.outcome, exchange.status_code), ("error", "1064"))
        self.assertEqual(exchange.rows, 0)

    def test_the_first_byte_is_the_reply_s_own(self):
        followed = Followed()
        first, second = followed.ask(), followed.ask()
        followed.feed(text_head())
        self.assertTrue(first.first_byte)
        self.assertFalse(second.first_byte)

    def test_a_reply_that_answers_nothing_is_refused(self):
        followed = Followed()
        self.assertRaises(WireError, followed.feed, packets(OK, 1))
        self.assertEqual(followed.flow.take_output(), b"")

    def test_an_error_that_answers_nothing_is_passed_on(self):
        """The database ends a session that was idle for long."""
        followed = Followed()
        error = packets(b"\xff\xbf\x0f#HY000The client was disconnected", 0)
        self.assertEqual(followed.feed(error), error)

    def test_a_reply_of_another_form_is_refused(self):
        for code, said in ((replies.ONE, b"\1"), (replies.ONE, b"\xfb")):
            followed = Followed()
            followed.ask(code)
            self.assertRaises(WireError, followed.feed, packets(said, 1))
            self.assertEqual(followed.flow.take_output(), b"")

    def test_a_text_without_a_form_is_a_reply(self):
        followed = Followed()
        exchange = followed.ask(replies.TEXT)
        self.assertEqual(followed.feed(packets(b"\xfbUptime: 1", 1)), packets(b"\xfbUptime: 1", 1))
        self.assertEqual(exchange.outcome, "ok")

    def test_who_waits_for_the_database_is_told(self):
        followed = Followed()
        seen = []
        followed.session.on_ready = lambda: seen.append(followed.session.transaction)
        followed.ask()
        followed.feed(packets(b"\0\0\0\3\0\0\0", 1))
        self.assertEqual(seen, [IN_TRANSACTION])
        self.assertGreater(followed.session.transaction_since, 0)

    def test_what_was_prepared_is_gone_behind_a_reset(self):
        for said, left in ((OK, {}), (ERROR, {1: "one"})):
            followed = Followed()
            followed.statements.known[1] = "one"
            followed.ask(replies.ONE, Reply(changes=replies.RESETS))
            followed.feed(packets(said, 1))
            self.assertEqual(followed.statements.known, left)
            self.assertEqual(followed.session.resets, int(said is OK))

    def test_a_login_of_another_user_goes_on_until_it_ends(self):
        followed = Followed()
        exchange = followed.ask(replies.AUTH, Reply(changes=replies.RESETS, collation=28))
        switch = packets(b"\xfemysql_native_password\0abc\0", 1)
        self.assertEqual(followed.feed(switch), switch)
        self.assertFalse(exchange.closed)
        self.assertEqual(followed.feed(packets(OK, 3)), packets(OK, 3))
        self.assertEqual(exchange.outcome, "ok")
        self.assertEqual(followed.session.resets, 1)
        self.assertEqual(followed.session.parameters[b"character_set_client"], b"gbk")

    def test_one_that_is_refused_is_a_security_event(self):
        for number, told in ((1045, [events.LOGIN_REFUSED]), (1053, [])):
            followed = Followed()
            exchange = followed.ask(replies.AUTH, Reply(changes=replies.RESETS))
            denied = packets(b"\xff" + number.to_bytes(2, "little") + b"#28000denied", 1)
            self.assertEqual(followed.feed(denied), denied)
            self.assertEqual((exchange.outcome, exchange.status_code), ("error", str(number)))
            self.assertEqual([code for code, _ in followed.observer.events], told)

    def test_each_packet_of_it_is_shown_to_its_plugin(self):
        seen = []
        followed = Followed()
        login = SimpleNamespace(from_database=seen.append)
        followed.ask(replies.AUTH, Reply(changes=replies.RESETS, login=login))
        followed.feed(packets(b"\1\3", 1) + packets(OK, 2))
        self.assertEqual(seen, [b"\1\3", OK])

    def test_what_a_plugin_refuses_is_not_passed_on(self):
        def refuse(payload):
            raise WireError("database", "not without TLS")

        followed = Followed()
        login = SimpleNamespace(from_database=refuse)
        followed.ask(replies.AUTH, Reply(changes=replies.RESETS, login=login))
        self.assertRaises(WireError, followed.feed, packets(b"\1\4", 1))
        self.assertEqual(followed.flow.take_output(), b"")


class Files(SynchronousTestCase):
    def test_a_file_is_asked_for_where_it_may_be(self):
        followed = Followed()
        exchange = followed.ask(reply=Reply(files=1))
        asking = packets(b"\xfb/tmp/data", 1)
        self.assertEqual(followed.feed(asking), asking)
        self.assertEqual((followed.state.upload, followed.session.copying_in), (2, True))
        followed.state.upload = -1
        self.assertEqual(followed.feed(packets(OK, 4)), packets(OK, 4))
        self.assertEqual((exchange.outcome, followed.session.copying_in), ("ok", False))

    def test_an_error_behind_it(self):
        followed = Followed()
        exchange = followed.ask(reply=Reply(files=1))
        followed.feed(packets(b"\xfb/tmp/data", 1))
        followed.state.upload = -1
        self.assertEqual(followed.feed(packets(ERROR, 4)), packets(ERROR, 4))
        self.assertEqual((exchange.outcome, followed.session.copying_in), ("error", False))

    def test_a_reply_in_the_middle_of_it_ends_the_session(self):
        """The database might read the rest of the file as commands."""
        for said, outcome, reason in (
            (OK, None, EndReason.PROTOCOL),
            (ERROR, "error", None),
        ):
            followed = Followed()
            exchange = followed.ask(reply=Reply(files=1))
            followed.feed(packets(b"\xfb/tmp/data", 1))
            error = self.assertRaises(WireError, followed.feed, packets(said, 4))
            self.assertEqual((exchange.outcome, error.reason), (outcome, reason))
            # The client has got what the database says of its end.
            got = followed.flow.take_output()
            self.assertEqual(got, packets(said, 4) if outcome else b"")

    def test_anything_else_that_asks_for_one_ends_the_session(self):
        asking = packets(b"\xfb/etc/passwd", 1)
        more = packets(b"\0\0\0\x0a\0\0\0", 1)
        again = more + packets(b"\xfb/etc/passwd", 2)
        for reply, said, left in ((Reply(), asking, b""), (Reply(), again, more)):
            followed = Followed()
            followed.ask(reply=reply)
            error = self.assertRaises(WireError, followed.feed, said)
            self.assertNotIn("passwd", str(error))
            self.assertEqual(followed.flow.take_output(), left)
            self.assertFalse(followed.session.copying_in)
            # The error that the client gets has the number of what it does not get.
            self.assertEqual(followed.flow.due, 2 if left else 1)

    def test_several_results_have_files_as_many_as_the_text_may_load(self):
        followed = Followed()
        followed.ask(reply=Reply(files=2))
        more = b"\0\0\0\x0a\0\0\0"
        followed.feed(packets(more, 1))
        for number in (2, 5):
            asking = packets(b"\xfb/tmp/data", number)
            self.assertEqual(followed.feed(asking), asking)
            followed.state.upload = -1
            followed.feed(packets(more, number + 2))
        self.assertRaises(WireError, followed.feed, packets(b"\xfb/tmp/data", 8))
        self.assertEqual(followed.flow.due, 8)

    def test_a_stage_takes_the_rows_of_the_first_result_alone(self):
        followed = Followed()
        exchange = followed.ask(reply=Reply(files=2))
        exchange.statement = Statement(b"LOAD")
        exchange.statement.copies = Copies(lambda _: self.fail("taken"))
        followed.feed(packets(b"\0\0\0\x0a\0\0\0", 1))
        self.assertRaises(WireError, followed.feed, packets(b"\xfb/tmp/data", 2))


class Tracking(SynchronousTestCase):
    told = b"\0\0\0\2\x40\0\0\0\x1d\0\x1b\x14character_set_client\5gbk12"

    def test_a_client_that_tracks_gets_it_all(self):
        followed = Followed(_TRACK)
        followed.ask(reply=Reply(changes=replies.RENAMES))
        self.assertEqual(followed.feed(packets(self.told, 1)), packets(self.told, 1))
        self.assertEqual(followed.session.parameters[b"character_set_client"], b"gbk12")

    def test_any_other_sees_nothing_of_what_we_asked_for(self):
        followed = Followed(tracked_for_us=True)
        followed.ask(reply=Reply(2, changes=replies.RENAMES))
        self.assertEqual(followed.feed(packets(self.told, 1)), packets(OK, 2))
        self.assertEqual(followed.session.parameters[b"character_set_client"], b"gbk12")

    def test_nor_in_the_end_of_rows(self):
        ends = b"\xfe\0\0\2\x40"
        followed = Followed(tracked_for_us=True)
        followed.ask()
        self.assertEqual(followed.feed(text_result(b"a", status=0x4002)), text_result(b"a"))
        followed.ask(replies.ONE)
        self.assertEqual(followed.feed(packets(ends, 1)), packets(ends[:-1] + b"\0", 1))
        followed = Followed(0x1000000, tracked_for_us=True)
        followed.ask()
        said = text_head(deprecate=True) + packets(b"\xfe" + self.told[1:], 3)
        due = text_head(deprecate=True) + packets(b"\xfe" + OK[1:], 3)
        self.assertEqual(followed.feed(said), due)


class Messages(SynchronousTestCase):
    def test_an_error_is_judged_where_stages_look_at_texts(self):
        followed = Followed(messages=True)
        exchange = followed.ask()
        seen = []

        def judge(work):
            seen.append((work.kind, work.item.cells(0), work.exchange))
            return PASS

        self.assertEqual(followed.feed(packets(ERROR, 1), judge), packets(ERROR, 1))
        self.assertEqual(seen, [("messages", [ERROR], exchange)])
        self.assertEqual(exchange.outcome, "error")

    def test_the_client_gets_another_one_in_its_place(self):
        followed = Followed(messages=True)
        followed.ask()
        got = followed.feed(packets(ERROR, 1), lambda work: Deny("no", errno=1105))
        self.assertEqual(got, packets(REFUSAL, 1))
        self.assertFalse(followed.session.outstanding)

    def test_one_that_answers_nothing_is_judged_as_well(self):
        followed = Followed(messages=True)
        got = followed.feed(packets(ERROR, 0), lambda work: Deny("no", errno=1105))
        self.assertEqual(got, packets(REFUSAL, 0))

    def test_an_error_tells_of_its_trace_where_that_is_wanted(self):
        context = parse_traceparent(f"00-{'ab' * 16}-{'cd' * 8}-01")
        followed = Followed(propagation=Propagation(context=lambda _: context, errors=True))
        followed.ask()
        told = ERROR + b" (trace_id " + b"ab" * 16 + b")"
        self.assertEqual(followed.feed(packets(ERROR, 1)), packets(told, 1))
