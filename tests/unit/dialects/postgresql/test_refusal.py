"""The bytes for client and database where a statement is refused."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.exchange import Statement
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook, denying
from tests.support.reference_server import ReferenceServer
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
    PARSE_COMPLETE,
    SYNC,
    bind,
    columns,
    complete,
    error,
    execute,
    messages,
    parse,
    query,
    ready,
    types,
)

CALL = message(b"F", b"\0" * 10)
#: What the database gets in place of a request that is refused inside a transaction.
MUST_FAIL = query(b"acra: statement denied")
MUST_FAIL_BATCH = parse(b"acra: statement denied", b"acra: statement denied") + FLUSH


def statuses(data):
    """Return the status of each ReadyForQuery."""
    return [body for kind, body in messages(data) if kind == "Z"]


class Denial(SynchronousTestCase):
    def test_drivers_are_told_of_the_databases_function_by_which_they_know_an_error(self):
        for routine in ("", "RevalidateCachedQuery"):
            deny = Deny("outdated", sqlstate=b"0A000", routine=routine)
            play = Playbook(lambda work, deny=deny: deny, ["parameters"])
            play.client(parse(b"s", b"x") + SYNC)
            play.database(PARSE_COMPLETE + ready())
            play.client(bind(b"", b"s") + execute() + SYNC)
            told = play.extra
            self.assertIn(b"outdated", told)
            self.assertEqual(b"RRevalidateCachedQuery\0" in told, bool(routine))

    def test_ds2_no_name_of_the_clients_makes_it_succeed(self):
        name = b"acra: statement denied"
        play = denying()
        database = ReferenceServer()
        conversation = (
            parse(b"s1", b"ok one")
            + parse(name, b"ok two")
            + bind(b"", b"s1")
            + bind(name, name)
            + execute()
            + FLUSH
        )
        play.database(database.feed(play.client(conversation)))
        got = play.database(database.feed(play.client(parse(b"", b"deny") + execute(name) + SYNC)))
        self.assertEqual(types(got), "EZ")
        self.assertEqual(database.kept, [])
        play.done()

    def test_a_begin_whose_execution_comes_behind_the_answer_to_another_request_is_not_lost(self):
        play = denying()
        database = ReferenceServer()
        batch = parse(b"", b"ok") + bind(b"", b"") + execute()
        batch += parse(b"", b"begin") + bind(b"", b"")
        sent = play.client(query(b"ok") + batch)
        # The request before the batch ends: the portal of BEGIN is of another transaction.
        play.database(database.feed(sent))
        sent = play.client(execute() + parse(b"", b"deny") + SYNC)
        self.assertIn(batch + execute(), sent)
        got = play.database(database.feed(sent))
        self.assertEqual(types(got), "12DC12CEZ")
        self.assertEqual(statuses(got), [b"E"])
        play.done()

    def test_simple_query(self):
        play = denying()
        self.assertEqual(play.client(query(b"deny")), b"")
        self.assertEqual(types(play.extra), "EZ")
        self.assertIn(b"SERROR\0VERROR\0C42000\0", play.extra)
        play.done()

    def test_never_before_earlier_replies(self):
        play = denying()
        sent = play.client(query(b"one") + query(b"deny") + query(b"two"))
        # What is not answered yet may have begun a transaction.
        self.assertEqual(sent, query(b"one") + MUST_FAIL + query(b"two"))
        self.assertEqual(play.extra, b"")
        first = columns(b"a") + complete(b"SELECT 0") + ready(b"T")
        second = error(b"25P02") + ready(b"E")
        got = play.database(first + error(b"42601", "syntax error") + ready(b"E") + second)
        self.assertEqual(types(got), "TCZEZEZ")
        self.assertEqual(statuses(got), [b"T", b"E", b"E"])
        self.assertIn(b"C42000", got)
        self.assertNotIn(b"syntax", got)
        play.done()
        self.assertEqual(
            play.recorder.outcomes, [("query", "ok"), ("query", "denied"), ("query", "error")]
        )

    def test_refusals_begin_no_transaction(self):
        play = denying()
        self.assertEqual(play.client(query(b"deny") + parse(b"", b"deny") + SYNC + CALL), b"")
        self.assertEqual(types(play.extra), "EZEZEZ")
        sent = play.client(query(b"deny") * 100)
        failing = len(sent) // len(MUST_FAIL)
        self.assertEqual(sent, MUST_FAIL * failing)
        said = play.extra + play.database((error() + ready()) * failing)
        self.assertEqual(types(said), "EZ" * 100)
        play.done()

    def test_ds2_a_refusal_fails_the_transaction(self):
        for refused, instead in (
            (query(b"deny"), MUST_FAIL),
            (parse(b"", b"deny") + bind(b"", b"") + execute() + SYNC, MUST_FAIL_BATCH + SYNC),
            (CALL, MUST_FAIL),
        ):
            for began in (
                query(b"begin"),
                parse(b"", b"begin") + bind(b"", b"") + execute() + SYNC,
            ):
                with self.subTest(refused=refused[:1], began=began[:1]):
                    play = denying()
                    play.client(began)
                    done = complete(b"BEGIN") + ready(b"T")
                    play.database(
                        done if began[:1] == b"Q" else PARSE_COMPLETE + BIND_COMPLETE + done
                    )
                    self.assertEqual(play.client(refused), instead)
                    self.assertEqual(play.extra, b"")
                    got = play.database(error(b"34000", "it must fail") + ready(b"E"))
                    self.assertEqual((types(got), statuses(got)), ("EZ", [b"E"]))
                    self.assertNotIn(b"it must fail", got)
                    play.done()

    def test_where_a_transaction_has_failed_it_need_not_fail_again(self):
        play = denying()
        play.client(query(b"begin; select 1/0"))
        play.database(complete(b"BEGIN") + error() + ready(b"E"))
        for refused in (query(b"deny"), parse(b"", b"deny") + SYNC, CALL):
            self.assertEqual(play.client(refused), b"")
            self.assertEqual((types(play.extra), statuses(play.extra)), ("EZ", [b"E"]))
        play.done()

    def test_a_batch_left_open_is_one_transaction_with_the_query_behind_it(self):
        play = denying()
        opened = parse(b"", b"one") + bind(b"", b"") + execute()
        play.client(opened + FLUSH)
        play.database(PARSE_COMPLETE + BIND_COMPLETE + complete(b"INSERT 0 1"))
        self.assertEqual(play.client(query(b"deny")), MUST_FAIL)
        self.assertEqual(types(play.database(error(b"42601") + ready())), "EZ")
        play.done()

    def test_a_query_refused_where_the_database_skips_is_not_answered(self):
        waiting = denying()
        waiting.client(parse(b"", b"bad") + FLUSH)
        waiting.request.feed(query(b"deny"))
        work = waiting.request.next_work()
        waiting.database(error(b"42601"))
        waiting.request.settle(work, Deny())
        self.assertEqual(waiting.client(SYNC), SYNC)
        self.assertEqual(types(waiting.database(ready())), "Z")
        waiting.done()

    def test_what_must_fail_and_does_not_ends_the_session(self):
        for said in (complete(b"SELECT 1"), ready(b"T"), message(b"I", b"")):
            play = denying()
            play.client(query(b"begin") + query(b"deny"))
            play.database(complete(b"BEGIN") + ready(b"T"))
            self.assertRaises(WireError, play.database, said)

    def test_a_function_call_is_refused_alone(self):
        play = denying()
        self.assertEqual(play.client(CALL), b"")
        self.assertEqual(types(play.extra), "EZ")
        self.assertIn(b"C0A000", play.extra)
        self.assertIn(b"function_call_enable = true", play.extra)
        play.done()
        self.assertEqual(play.recorder.outcomes, [("call", "denied")])

    def test_ds1_a_batch_is_denied_as_a_whole(self):
        play = denying()
        good = parse(b"", b"one") + bind(b"", b"") + execute()
        bad = parse(b"", b"deny") + bind(b"", b"") + execute()
        self.assertEqual(play.client(good + bad + good), b"")
        self.assertEqual(types(play.extra), "E")
        self.assertEqual(play.client(SYNC), b"")
        self.assertEqual(types(play.extra), "Z")
        play.done()
        self.assertEqual(play.recorder.outcomes, [("execute", "aborted"), ("prepare", "denied")])
        self.assertEqual(play.session.prepared.statement(b""), None)

    def test_a_batch_partly_sent_fails_at_the_database_as_well(self):
        play = denying()
        play.client(parse(b"s", b"one") + FLUSH)
        sent = play.client(parse(b"", b"deny") + bind(b"", b"") + execute())
        self.assertEqual(types(sent), "PH")
        got = play.database(PARSE_COMPLETE + error(b"34000", "portal does not exist"))
        self.assertEqual(types(got), "1E")
        self.assertIn(b"C42000", got)
        self.assertNotIn(b"portal", got)
        self.assertEqual(play.client(SYNC), SYNC)
        self.assertEqual(play.database(ready()), ready())
        play.done()

    def test_while_the_client_copies_in_the_database_answers_a_refused_request(self):
        """It ends the session for any request, and says so: nobody waits for an answer of ours."""
        copying = message(b"G", b"\0\0\0")
        said = error(b"08P01", "unexpected message type") + error(b"08P01", "lost")
        batch = parse(b"", b"copy") + bind(b"", b"") + execute()
        for begun, answer in (
            (query(b"copy"), copying),
            (batch + FLUSH, PARSE_COMPLETE + BIND_COMPLETE + copying),
            (batch + SYNC, PARSE_COMPLETE + BIND_COMPLETE + copying),
        ):
            for refused, instead in (
                (query(b"deny"), MUST_FAIL),
                (parse(b"", b"deny") + SYNC, MUST_FAIL_BATCH + SYNC),
                (CALL, MUST_FAIL),
            ):
                for known in (True, False):
                    play = denying()
                    play.client(begun)
                    if known:
                        play.database(answer)
                        self.assertTrue(play.session.copying_in)
                    self.assertEqual(play.client(refused), instead)
                    self.assertEqual(play.extra, b"")
                    if not known:
                        play.database(answer)
                    self.assertEqual(play.database(said), said)

    def test_ds1_what_follows_in_writes_of_its_own_is_left_out_up_to_sync(self):
        self.prepared(play := denying())
        play.client(parse(b"", b"deny"))
        self.assertEqual(types(play.extra), "E")
        for behind in (query(b"ok"), bind(b"", b"s") + execute(), CALL):
            self.assertEqual((play.client(behind), play.extra), (b"", b""))
        self.assertEqual(play.client(bind(b"", b"s") + execute() + SYNC), b"")
        self.assertEqual(types(play.extra), "Z")
        play.done()
        self.assertEqual(play.client(query(b"ok")), query(b"ok"))

    def test_what_follows_an_error_in_writes_of_its_own_is_left_out_up_to_sync(self):
        self.prepared(play := denying())
        play.client(parse(b"", b"bad") + FLUSH)
        play.database(error(b"42601"))
        for behind in (query(b"ok"), bind(b"", b"s") + execute(), CALL):
            self.assertEqual((play.client(behind), play.extra), (b"", b""))
        self.assertEqual(play.client(bind(b"", b"s") + execute() + SYNC), SYNC)
        self.assertEqual(play.database(ready()), ready())
        play.done()
        self.assertEqual(play.client(query(b"ok")), query(b"ok"))

    def test_a_batch_sent_in_parts_is_one_only_up_to_its_end(self):
        """A refusal between transactions: the database need not fail."""
        self.prepared(play := denying(function_call=True))
        part, answer = parse(b"", b"ok") + FLUSH, PARSE_COMPLETE
        run = bind(b"", b"s") + execute()
        ran = BIND_COMPLETE + complete(b"SELECT 1")
        for ending, answered in (
            (SYNC, b""),
            (run + SYNC, ran),
            (query(b"ok"), complete(b"SELECT 1")),
            (CALL, message(b"V", b"\xff" * 4)),
        ):
            play.client(part)
            play.database(answer)
            play.client(ending)
            play.database(answered + ready())
            self.assertEqual(play.client(query(b"deny")), b"")
            self.assertEqual(types(play.extra), "EZ")
            play.done()

    def prepared(self, play):
        play.client(parse(b"s", b"one") + SYNC)
        play.database(PARSE_COMPLETE + ready())

    def test_an_earlier_error_makes_a_denial_silent(self):
        play = denying()
        play.client(parse(b"", b"bad") + FLUSH)
        play.database(error(b"42601"))
        self.assertEqual(play.client(parse(b"", b"deny") + SYNC), SYNC)
        self.assertEqual(play.extra, b"")
        self.assertEqual(play.database(ready()), ready())
        play.done()

    def test_both_denied_and_failed_before_it_is_known(self):
        play = denying()
        play.client(parse(b"", b"bad") + FLUSH + parse(b"", b"deny") + SYNC)
        got = play.database(error(b"42601") + ready())
        self.assertEqual(types(got), "EZ")
        self.assertIn(b"C42601", got)
        play.done()

    def test_too_many_prepared_statements(self):
        play = Playbook(prepared=1)
        play.client(parse(b"a", b"one") + SYNC)
        play.database(PARSE_COMPLETE + ready())
        self.assertEqual(play.client(parse(b"b", b"two") + SYNC), b"")
        self.assertIn(b"C54000", play.extra)
        self.assertEqual(play.client(parse(b"", b"two") + bind(b"p", b"") + SYNC), b"")
        self.assertIn(b"C54000", play.extra)
        play.done()

    def test_what_was_to_get_a_name_in_a_refused_batch_has_none(self):
        """Each message of the batch may be the one that was refused."""
        play = Playbook(lambda work: Deny() if work.kind == "parameters" else PASS, ["parameters"])
        play.client(parse(b"s", b"one") + bind(b"p", b"s"))
        self.assertIsNone(play.session.prepared.statement(b"s"))
        self.assertIsNone(play.session.prepared.portal(b"p").statement)
        play = denying()
        play.client(parse(b"s", b"one") + bind(b"p", b"s"))
        self.assertIsNotNone(play.session.prepared.statement(b"s"))
        play.client(parse(b"t", b"deny"))
        for name in (b"s", b"t"):
            self.assertIsNone(play.session.prepared.statement(name))
        self.assertIsNone(play.session.prepared.portal(b"p").statement)

    def test_a_refused_batch_lasts_until_the_database_is_ready(self):
        play = denying()
        play.client(query(b"begin"))
        play.database(complete(b"BEGIN") + ready(b"T"))
        play.client(parse(b"", b"deny") + SYNC)
        play.database(error())
        self.assertEqual(play.recorder.outcomes, [("query", "ok")])
        play.database(ready(b"E"))
        self.assertEqual(play.recorder.outcomes, [("query", "ok"), ("prepare", "denied")])
        play.done()

    def test_parameters_are_judged(self):
        play = Playbook(lambda work: Deny() if work.kind == "parameters" else PASS, ["parameters"])
        play.client(parse(b"", b"one") + bind(b"", b"") + execute() + SYNC)
        self.assertEqual(types(play.extra), "EZ")
        self.assertEqual([kind for kind, _ in play.works], ["parameters"])


class Blocks(SynchronousTestCase):
    """The refused statement would have opened the block that the client takes itself to be in."""

    OPENED = query(b"BEGIN; ROLLBACK PREPARED 'acra: statement denied'")

    def test_ds2_a_text_that_begins_with_begin(self):
        play = denying()
        self.assertEqual(play.client(query(b"begin; select 1; deny")), self.OPENED)
        self.assertEqual(play.extra, b"")
        got = play.database(complete(b"BEGIN") + error(b"3B001", "no savepoint") + ready(b"E"))
        self.assertEqual((types(got), statuses(got)), ("EZ", [b"E"]))
        self.assertIn(b"C42000", got)
        play.done()
        # The database has the block now, and it has failed.
        self.assertEqual(play.client(query(b"begin; deny")), b"")
        self.assertEqual(statuses(play.extra), [b"E"])

    def test_where_a_block_is_reported_it_may_be_that_of_a_batch(self):
        """The database warns of one that is there already, as it does without a refusal."""
        play = denying()
        play.client(parse(b"", b"ok") + bind(b"", b"") + execute() + query(b"ok"))
        ended = complete(b"OK") + ready(b"T")
        play.database(PARSE_COMPLETE + BIND_COMPLETE + complete(b"OK") + ended)
        self.assertEqual(play.client(query(b"begin; deny")), self.OPENED)
        warned = message(b"N", b"SWARNING\0C25001\0\0") + complete(b"BEGIN")
        got = play.database(warned + error(b"3B001") + ready(b"E"))
        self.assertEqual((types(got), statuses(got)), ("NEZ", [b"E"]))

    def test_behind_what_may_end_the_block_before_it_opens_one_of_its_own(self):
        for before, told in ((b"begin", b"T"), (b"error", b"E")):
            play = denying()
            play.client(query(b"begin") + query(before))
            first = complete(b"BEGIN") + ready(b"T")
            play.database(first + (first if told == b"T" else error() + ready(told)))
            sent = play.client(query(b"rollback") + query(b"begin; deny"))
            self.assertEqual(sent, query(b"rollback") + self.OPENED)
            ended = complete(b"ROLLBACK") + ready()
            got = play.database(ended + complete(b"BEGIN") + error(b"3B001") + ready(b"E"))
            self.assertEqual((types(got), statuses(got)), ("CZEZ", [b"I", b"E"]))
            play.done()

    def test_behind_what_has_failed_there_is_no_begin_to_leave_out(self):
        play = denying()
        play.client(query(b"begin"))
        play.database(complete(b"BEGIN") + ready(b"T"))
        self.assertEqual(
            play.client(query(b"error") + query(b"begin; deny")), query(b"error") + self.OPENED
        )
        got = play.database((error() + ready(b"E")) * 2)
        self.assertEqual((types(got), statuses(got)), ("EZEZ", [b"E", b"E"]))
        self.assertIn(b"C42000", got)
        play.done()

    def test_begin_itself_refused_opens_none(self):
        play = denying()
        self.assertEqual(play.client(query(b"begin /* deny */")), b"")
        self.assertEqual(statuses(play.extra), [b"I"])

    def test_what_must_fail_and_does_not_ends_the_session(self):
        for said in (complete(b"BEGIN") * 2, complete(b"BEGIN") + ready(b"T"), ready(b"E")):
            play = denying()
            play.client(query(b"begin; deny"))
            self.assertRaises(WireError, play.database, said)

    def test_ds2_a_batch_with_begin_in_it(self):
        play = denying()
        opened = parse(b"", b"begin") + bind(b"", b"") + execute()
        refused = parse(b"", b"deny") + bind(b"", b"") + execute()
        sent = play.client(opened + refused + SYNC)
        self.assertEqual(sent, opened + MUST_FAIL_BATCH + SYNC)
        begun = PARSE_COMPLETE + BIND_COMPLETE + complete(b"BEGIN")
        got = play.database(begun + error(b"42601") + ready(b"E"))
        self.assertEqual((types(got), statuses(got)), ("12CEZ", [b"E"]))
        play.done()
        self.assertEqual(play.recorder.outcomes, [("execute", "ok"), ("prepare", "denied")])

    def test_ds2_a_batch_with_a_savepoint_in_it(self):
        play = denying()
        play.client(query(b"begin"))
        play.database(complete(b"BEGIN") + ready(b"T"))
        divided = parse(b"", b"savepoint s") + bind(b"", b"") + execute()
        sent = play.client(divided + parse(b"", b"deny") + SYNC)
        self.assertEqual(sent, divided + MUST_FAIL_BATCH + SYNC)

    def test_nothing_of_what_is_refused_leaves_with_it(self):
        """Be it in one chunk, in several, or with other bytes in its place already."""
        opened = parse(b"", b"begin") + bind(b"", b"") + execute()
        comment = b" /*traceparent='00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01'*/"
        for text in (b"deny", b"deny" + comment):
            data = opened + parse(b"", text) + SYNC
            for size in (1, 30, len(opened) + 5, len(data)):
                play = denying()
                sent = b""
                for start in range(0, len(data), size):
                    sent += play.client(data[start : start + size])
                self.assertEqual(sent, opened + MUST_FAIL_BATCH + SYNC)

    def test_nor_if_its_verdict_comes_later(self):
        opened = parse(b"", b"begin") + bind(b"", b"") + execute()
        comment = b" /*traceparent='00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01'*/"
        for verdict, instead in (
            (Deny(), MUST_FAIL_BATCH),
            (Replace(Statement(b"other")), parse(b"", b"other")),
        ):
            play = denying()
            play.client(opened)
            play.request.feed(parse(b"", b"later" + comment))
            work = play.request.next_work()
            # As the relay does while it waits.
            self.assertEqual(play.request.take_output(), b"")
            play.request.settle(work, verdict)
            self.assertEqual(play.client(SYNC), opened + instead + SYNC)

    def test_what_is_too_large_behind_a_begin(self):
        data = parse(b"", b"begin") + bind(b"", b"") + execute()
        for size in (10, len(data), 10_000):
            play = denying(message_limit=500)
            sent = b""
            whole = data + parse(b"", b"x" * 600) + SYNC
            for start in range(0, len(whole), size):
                sent += play.client(whole[start : start + size])
            self.assertEqual(sent, data + MUST_FAIL_BATCH + SYNC)

    def test_a_begin_that_is_not_executed_opens_none(self):
        play = denying()
        self.assertEqual(play.client(parse(b"", b"begin") + parse(b"", b"deny") + SYNC), b"")
        self.assertEqual(statuses(play.extra), [b"I"])
