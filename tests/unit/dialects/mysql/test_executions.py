"""Executions of prepared statements, whose values stages judge."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.contexts import carrier, with_context
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.exchange import PARAMETERS, STATEMENT, Parameters
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql import capabilities, parameters
from acra_twisted.wire.mysql.parameters import Attribute, Execution
from tests.support.mysqlrequests import Desk, about, query, said
from tests.support.profiled import profiled

LAST = 0xFFFFFFFF
ATTRIBUTES = capabilities.QUERY_ATTRIBUTES
CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
#: A string and a number, with their kinds; the number alone, without.
FIRST = b"\0\1\0\0\0\0\1\xfd\0\3\0\1x\1\0\0\0"
AGAIN = b"\0\1\0\0\0\1\0\2\0\0\0"


def number(answer):
    return int.from_bytes(answer[1:3], "little")


def execute(rest=FIRST, statement=7):
    return about(0x17, statement, rest)


def piece(data, parameter=0, statement=7):
    return about(0x18, statement, parameter.to_bytes(2, "little") + data)


def judging(verdict=lambda work: PASS, **options):
    desk = Desk(verdict, (PARAMETERS,), **options)
    desk.prepares(b"INSERT INTO t VALUES (?, ?)", 7, 2)
    return desk


def with_values(*values, formats=(0, 0), types=None):
    return lambda work: Replace(Parameters(values, formats, work.item.statement, types))


class Unread(SynchronousTestCase):
    def test_where_no_stage_judges_values_they_pass_as_they_came(self):
        desk = Desk(inspects=(STATEMENT,))
        desk.prepares(b"SELECT ?", 7, 1)
        data = said(piece(b"x"), execute(b"\0\1\0\0\0whatever"))
        self.assertEqual(desk.says(data), data)
        reply = desk.session.outstanding[0][3]
        self.assertEqual(reply.prepared.number, 7)

    def test_one_that_passes_takes_few_calls(self):
        handed = Propagation(None, lambda exchange: CONTEXT, to_acra=True)
        for most, options in ((36, {}), (39, {"propagation": handed})):
            desk = Desk(inspects=(STATEMENT,), **options)
            desk.prepares(b"SELECT ?", 7, 1)
            data = said(execute())
            for _ in range(3):
                desk.says(data)
            called = []

            def note(frame, event, argument, called=called):
                if event == "call" and "acra_twisted" in frame.f_code.co_filename:
                    called.append(frame.f_code.co_name)

            profiled(note, partial(desk.says, data))
            self.assertLessEqual(len(called), most, called)


class Judged(SynchronousTestCase):
    def test_values_with_their_kinds(self):
        desk = judging()
        data = said(execute(), execute(AGAIN))
        self.assertEqual(desk.says(data), data)
        first, second = (work.item for work in desk.works)
        self.assertEqual((first.values, first.formats), ([b"x", b"\1\0\0\0"], [0, 1]))
        self.assertEqual((second.values, second.types), ([None, b"\2\0\0\0"], [253, 3]))
        self.assertEqual(first.statement.text, b"INSERT INTO t VALUES (?, ?)")

    def test_other_values(self):
        desk = judging(with_values(b"longer", b"\5\0\0\0", formats=(0, 1)))
        out = desk.says(said(execute()))
        self.assertEqual(out, said(execute(b"\0\1\0\0\0\0\1\xfd\0\3\0\6longer\5\0\0\0")))

    def test_bytes_in_place_of_a_number(self):
        desk = judging(with_values(None, b"sealed"))
        self.assertEqual(
            desk.says(said(execute())),
            said(execute(b"\0\1\0\0\0\1\1\xfd\0\xfc\0\6sealed")),
        )
        # The client's kinds hold for the client, and the database is told others each time.
        desk.verdict = lambda work: PASS
        self.assertEqual(
            desk.says(said(execute(AGAIN))),
            said(execute(b"\0\1\0\0\0\1\1\xfd\0\3\0\2\0\0\0")),
        )
        self.assertEqual(desk.works[1].item.types, [253, 3])

    def test_a_refusal(self):
        desk = judging(lambda work: Deny("no"))
        self.assertEqual(desk.says(said(execute())), b"")
        self.assertEqual(number(desk.owed()[0]), 1317)
        # The database has never seen the kinds that came with it.
        desk.verdict = lambda work: PASS
        self.assertEqual(
            desk.says(said(execute(AGAIN))),
            said(execute(b"\0\1\0\0\0\1\1\xfd\0\3\0\2\0\0\0")),
        )

    def test_malformed(self):
        desk = judging()
        for rest in (b"\0\1\0\0\0\0\1\xfd\0\3\0\xfbx", AGAIN, FIRST + b"\0", b"\0\1\0\0\0"):
            self.assertEqual(desk.says(said(execute(rest))), b"")
            self.assertEqual(number(desk.owed()[-1]), 1835)
        self.assertEqual(desk.works, [])

    def test_fr13_broken_executions_leave_the_session_as_it_was(self):
        """Each is an error of ours, and what comes behind it is read as without it."""
        head = b"\0\1\0\0\0"
        kinds = b"\1\xfd\0\3\0"
        for rest, statement, expected in (
            (head, 7, 1835),
            (head + b"\0", 7, 1835),
            (head + b"\0\1\xfd\0\3", 7, 1835),
            (head + b"\0\1\xfd\0\x11\0\1x\1\0\0\0", 7, 1835),
            (head + b"\0" + kinds + b"\xfb\1\0\0\0", 7, 1835),
            (head + b"\0" + kinds + b"\xff\1\0\0\0", 7, 1835),
            (head + b"\0" + kinds + b"\xfe" + b"\xff" * 8 + b"x", 7, 1835),
            (head + b"\0" + kinds + b"\1x\1\0\0", 7, 1835),
            (FIRST + b"\0", 7, 1835),
            (FIRST, 8, 1243),
        ):
            desk = judging()
            good = said(execute())
            self.assertEqual(desk.says(said(execute(rest, statement)) + good), good, rest)
            self.assertEqual(number(desk.owed()[0]), expected, rest)
            self.assertEqual(desk.owed()[1:], [replies.RESULT])
            (work,) = desk.works
            self.assertEqual(work.item.values, [b"x", b"\1\0\0\0"])
            self.assertFalse(desk.flow.terminated)

    def test_types_of_which_mariadb_reads_no_value(self):
        """It would take the next value for it, which stages have seen at another place."""
        for kind, value in ((9, bytes(4)), (13, bytes(2)), (16, b"\1x"), (255, b"\1x")):
            sent = said(execute(b"\0\1\0\0\0\0\1" + bytes((kind, 0, 253, 0)) + value + b"\1y"))
            desk = judging()
            self.assertEqual(desk.says(sent), b"")
            self.assertEqual(number(desk.owed()[0]), 1835)
            self.assertEqual(desk.works, [])
            self.assertEqual(judging(mariadb=False).says(sent), sent)

    def test_a_wrong_number_of_values_is_a_mistake_of_the_stage(self):
        desk = judging(with_values(b"x", formats=(0,)))
        with self.assertRaises(ValueError):
            desk.says(said(execute()))


class Renaming(SynchronousTestCase):
    """A request may change the character set, and is not answered."""

    RENAME = query(b"SET NAMES latin1")

    def test_values_wait_for_their_character_set(self):
        for sent in (execute(), about(0xFA, 7, b"\x80\0\xfd\0\xfd\0\0\1x\0\1y")):
            desk = judging()
            self.assertEqual(desk.says(said(self.RENAME, sent)), said(self.RENAME))
            self.assertEqual(desk.works, [])
            self.assertEqual(desk.replied(), said(sent))
            self.assertEqual(len(desk.works), 1)

    def test_texts_wait_for_that_of_their_results(self):
        for sent in (query(b"SELECT 1"), b"\x16SELECT 1"):
            desk = Desk(inspects=(STATEMENT, PARAMETERS))
            self.assertEqual(desk.says(said(self.RENAME, sent, b"\x0e")), said(self.RENAME))
            self.assertEqual(len(desk.works), 1)
            self.assertEqual(desk.replied(), said(sent, b"\x0e"))
            self.assertEqual(len(desk.works), 2)

    def test_where_no_stage_judges_values_nothing_waits(self):
        desk = Desk(inspects=(STATEMENT,))
        sent = said(self.RENAME, query(b"SELECT 1"))
        self.assertEqual(desk.says(sent), sent)


class PreparedLast(SynchronousTestCase):
    """MariaDB's number for the statement prepared last."""

    def test_its_execution_waits_for_the_count_of_parameters(self):
        desk = Desk(inspects=(PARAMETERS,))
        out = desk.says(said(b"\x16SELECT ?, ?", execute(statement=LAST), b"\x0e"))
        self.assertEqual(out, said(b"\x16SELECT ?, ?"))
        self.assertTrue(desk.flow.awaits_load)
        self.assertEqual(desk.replied(7, 2), said(execute(statement=LAST), b"\x0e"))
        self.assertEqual((len(desk.works), desk.flow.awaits_load), (1, False))
        self.assertEqual(desk.owed(), [replies.RESULT, replies.ONE])

    def test_a_preparation_that_failed_is_the_databases_to_tell(self):
        desk = Desk(inspects=(STATEMENT,))
        sent = said(b"\x16SELECT nope", execute(statement=LAST))
        self.assertEqual(desk.says(sent), sent)

    def test_behind_one_that_failed_the_one_before_is_not_run(self):
        """A server that has no room for another one takes it for the last still."""
        desk = judging()
        commands = [piece(b"x", statement=LAST), execute(statement=LAST), b"\x0e"]
        desk.says(said(b"\x16SELECT ?, ?", *commands))
        self.assertEqual(desk.replied(), said(b"\x0e"))
        self.assertEqual(desk.works, [])
        self.assertEqual(number(desk.owed()[0]), 1243)
        self.assertEqual(desk.says(said(*commands[:2])), b"")

    def test_behind_a_refusal_the_one_before_is_not_run(self):
        def verdict(work):
            return Deny("no") if b"secret" in work.item.text else PASS

        desk = Desk(verdict, (STATEMENT,))
        desk.prepares(b"SELECT ?", 7, 1)
        commands = said(
            b"\x16SELECT secret",
            piece(b"x", statement=LAST),
            execute(statement=LAST),
            about(0xFA, LAST, b"\x80\0"),
            about(0x1A, LAST),
            about(0x1C, LAST, b"\1\0\0\0"),
            about(0x19, LAST),
        )
        self.assertEqual(desk.says(commands), b"")
        self.assertEqual([number(answer) for answer in desk.owed()], [1317, *[1243] * 4])
        # By its number it is still there.
        self.assertEqual(desk.says(said(execute())), said(execute()))

    def test_nor_does_anything_wait_for_what_was_refused(self):
        def verdict(work):
            return Deny("no") if b"secret" in getattr(work.item, "text", b"") else PASS

        desk = Desk(verdict, (STATEMENT, PARAMETERS))
        out = desk.says(said(b"\x16SELECT secret", execute(statement=LAST), b"\x0e"))
        self.assertEqual((out, desk.flow.awaits_load), (said(b"\x0e"), False))
        self.assertEqual([number(answer) for answer in desk.owed()[:2]], [1317, 1243])

    def test_mysql_has_no_such_number(self):
        desk = Desk(mariadb=False)
        desk.prepares(b"SELECT ?", 7, 1)
        self.assertEqual(desk.says(said(execute(statement=LAST))), b"")
        self.assertEqual(number(desk.owed()[0]), 1243)


class Unknown(SynchronousTestCase):
    """Numbers that the database has not told, or not yet: clients can guess the next one."""

    #: Each command about a statement by its number, and what is owed for it.
    COMMANDS = (
        (0x17, b"\0\1\0\0\0\1", replies.RESULT),
        (0x18, b"\0\0value", None),
        (0x19, b"", None),
        (0x1A, b"", replies.ONE),
        (0x1C, b"\1\0\0\0", replies.FETCH),
        (0xFA, b"\x80\0", replies.RESULT),
    )

    def desks(self):
        for inspects in ((), (STATEMENT,)):
            for mariadb in (True, False):
                yield Desk(inspects=inspects, mariadb=mariadb)

    def test_the_database_sees_none_of_them(self):
        for code, rest, owed in self.COMMANDS:
            for desk in self.desks():
                desk.prepares(b"SELECT 1", 7, 0)
                out = desk.says(said(about(code, 8, rest), b"\x0e"))
                self.assertEqual(out, said(b"\x0e"), code)
                told = [1243] if owed is not None else []
                self.assertEqual([number(answer) for answer in desk.owed()[:-1]], told)

    def test_they_wait_while_a_statement_may_get_the_number(self):
        for code, rest, owed in self.COMMANDS:
            for desk in self.desks():
                desk.prepares(b"SELECT 1", 7, 0)
                prepare, command = said(b"\x16SELECT 2"), about(code, 8, rest)
                out = desk.says(prepare + said(command, query(b"SELECT 3")))
                self.assertEqual((out, desk.flow.awaits_load), (prepare, True), code)
                self.assertEqual(desk.replied(8, 0), said(command, query(b"SELECT 3")))
                expected = ([] if owed is None else [owed]) + [replies.RESULT]
                self.assertEqual(desk.owed(), expected)
                if owed is not None:
                    reply = desk.session.outstanding[0][3]
                    self.assertEqual(reply.prepared.statement.text, b"SELECT 2")

    def test_behind_a_preparation_that_failed_they_are_unknown(self):
        desk = Desk()
        prepare = said(b"\x16SELECT nope")
        self.assertEqual(desk.says(prepare + said(execute(statement=8))), prepare)
        self.assertEqual(desk.replied(), b"")
        self.assertEqual(number(desk.owed()[0]), 1243)

    def test_values_are_judged_whoever_guesses_the_number(self):
        desk = Desk(inspects=(PARAMETERS,))
        for command in (execute(statement=8), about(0xFA, 8, b"\x80\0\xfd\0\3\0\0\1x\0\1\0\0\0")):
            desk.works.clear()
            prepare = said(b"\x16INSERT INTO t VALUES (?, ?)")
            self.assertEqual(desk.says(prepare + said(command)), prepare)
            self.assertEqual(desk.replied(8, 2), said(command))
            ((text, _),) = [work.item.values for work in desk.works]
            self.assertEqual(text, b"x")
            desk.replied()
            desk.says(said(about(0x19, 8)))

    def test_what_follows_is_read_as_the_execution_leaves_it(self):
        """It may change how texts are read, though its number was guessed."""
        desk = Desk(inspects=(STATEMENT,))
        seen = []
        desk.verdict = lambda work: seen.append(desk.session.in_flight) or PASS
        change = b"\x16SET sql_mode = 'NO_BACKSLASH_ESCAPES'"
        odd = query(b"SELECT '\\'")
        self.assertEqual(desk.says(said(change, execute(b"\0\1\0\0\0", 8), odd)), said(change))
        desk.replied(8, 0)
        self.assertEqual(seen, [False, True])

    def test_numbers_may_begin_anew_behind_a_reset(self):
        for rest, mariadb in ((LAST, True), (7, False)):
            desk = Desk(mariadb=mariadb)
            desk.prepares(b"SELECT 1", 7, 0)
            data = said(b"\x1f", b"\x16SELECT 2")
            command = said(execute(statement=rest))
            self.assertEqual(desk.says(data + command), data)
            desk.replied()
            self.assertEqual(desk.replied(7, 0), command if rest == 7 else b"")
            if rest == 7:
                reply = desk.session.outstanding[0][3]
                self.assertEqual(reply.prepared.statement.text, b"SELECT 2")

    def test_behind_a_reset_alone_they_are_unknown(self):
        desk = Desk()
        desk.prepares(b"SELECT 1", 7, 0)
        self.assertEqual(desk.says(said(b"\x1f", execute())), said(b"\x1f"))
        self.assertEqual(desk.replied(), b"")
        self.assertEqual(number(desk.owed()[0]), 1243)

    def test_a_number_that_nobody_has_may_carry_a_context_at_once(self):
        desk = Desk()
        out = desk.says(said(b"\x16SELECT 1") + carrier(CONTEXT) + said(b"\x0e"))
        self.assertEqual(out, said(b"\x16SELECT 1", b"\x0e"))
        self.assertEqual(desk.recorder.opened[-1].remote, CONTEXT)


class LongData(SynchronousTestCase):
    SENT = b"\0\1\0\0\0\1\1\xfc\0\3\0\1\0\0\0"

    def test_it_is_judged_with_the_rest_though_it_is_said_to_be_null(self):
        desk = judging()
        pieces = said(piece(b"one"), piece(b"two"))
        self.assertEqual(desk.says(pieces), b"")
        self.assertEqual(desk.says(said(execute(self.SENT))), pieces + said(execute(self.SENT)))
        self.assertEqual(desk.works[0].item.values, [b"onetwo", b"\1\0\0\0"])
        # It holds for one execution.
        desk.says(said(execute(self.SENT)))
        self.assertEqual(desk.works[1].item.values, [None, b"\1\0\0\0"])

    def test_another_value_goes_with_the_execution(self):
        desk = judging(with_values(b"sealed", b"\1\0\0\0", formats=(0, 1)))
        out = desk.says(said(piece(b"one"), execute(self.SENT)))
        self.assertEqual(out, said(execute(b"\0\1\0\0\0\0\1\xfc\0\3\0\6sealed\1\0\0\0")))

    def test_a_refusal_leaves_nothing_of_it(self):
        desk = judging(lambda work: Deny("no"))
        self.assertEqual(desk.says(said(piece(b"one"), execute(self.SENT))), b"")
        desk.verdict = lambda work: PASS
        desk.says(said(execute(self.SENT)))
        self.assertEqual(desk.works[1].item.values, [None, b"\1\0\0\0"])

    def test_reset_and_close_drop_it(self):
        desk = judging()
        self.assertEqual(desk.says(said(piece(b"one"), about(0x1A, 7))), said(about(0x1A, 7)))
        desk.says(said(execute(self.SENT)))
        self.assertEqual(desk.works[0].item.values[0], None)
        self.assertEqual(desk.says(said(piece(b"one"), about(0x19, 7))), said(about(0x19, 7)))

    def test_too_much_of_it_is_refused_at_the_execution(self):
        desk = judging(message_limit=100)
        desk.says(said(*[piece(b"x" * 60)] * 3))
        self.assertEqual(desk.says(said(execute(self.SENT))), b"")
        self.assertEqual(number(desk.owed()[0]), 1153)
        self.assertFalse(desk.flow.terminated)
        self.assertNotEqual(desk.says(said(execute(self.SENT))), b"")


class QueryAttributes(SynchronousTestCase):
    def execution(self, values, attributes):
        kinds = [254] * len(values)
        made = Execution(7, 8, 1, kinds, (), values, attributes, True)
        return said(parameters.encode_execution(made, with_attributes=True))

    def desk(self, count=1, **options):
        desk = Desk(capabilities=ATTRIBUTES, **options)
        desk.prepares(b"SELECT ?", 7, count)
        return desk

    def test_ours_go_and_others_stay(self):
        shop = Attribute(254, b"shop", b"a")
        for inspects in ((), (PARAMETERS,)):
            desk = self.desk(inspects=inspects)
            out = desk.says(self.execution([b"x"], with_context([shop], CONTEXT, "")))
            self.assertEqual(out, self.execution([b"x"], [shop]))
            self.assertEqual(desk.recorder.opened[-1].remote, CONTEXT)

    def test_a_statement_without_parameters(self):
        desk = self.desk(0)
        out = desk.says(self.execution([], with_context([], CONTEXT, "")))
        self.assertEqual(out, said(about(0x17, 7, b"\x08\1\0\0\0\0")))

    def test_attributes_are_no_parameters(self):
        desk = self.desk(inspects=(PARAMETERS,))
        data = self.execution([b"x"], [Attribute(254, b"shop", b"secret")])
        self.assertEqual(desk.says(data), data)
        self.assertEqual(desk.works[0].item.values, [b"x"])

    def test_a_value_that_looks_like_one_passes(self):
        desk = self.desk()
        data = said(about(0x17, 7, b"\x08\1\0\0\0\1\0\0\x0btraceparent"))
        self.assertEqual(desk.says(data), data)


class Both(SynchronousTestCase):
    @given(
        st.lists(
            st.tuples(
                st.none() | st.binary(max_size=9),
                st.none() | st.integers(0, 2**31 - 1),
                st.booleans(),
                st.sampled_from(("pass", "seal", "deny")),
            ),
            min_size=1,
            max_size=8,
        )
    )
    def test_a_database_reads_what_stages_left(self, given):
        """The client leaves kinds out where it has told them; the database knows only what
        reached it."""
        desk = judging()
        told, client_told = None, False
        for text, numbered, brings, what in given:
            kinds = [253, 3]
            values = [text, None if numbered is None else numbered.to_bytes(4, "little")]
            execution = Execution(7, 0, 1, kinds, (), values, (), True)
            payload = parameters.encode_execution(execution)
            if client_told and not brings:
                payload = payload[:11] + b"\0" + payload[16:]
            client_told = True
            expected = values
            if what == "deny":
                desk.verdict = lambda work: Deny("no")
            elif what == "seal":
                expected = [text and b"#" + text, None if numbered is None else b"%d" % numbered]
                desk.verdict = with_values(*expected)
            else:
                desk.verdict = lambda work: PASS
            out = desk.says(said(payload))
            if what == "deny":
                self.assertEqual(out, b"")
                continue
            read = parameters.decode_execution(out[4:], 2, told)
            told = read.kinds
            self.assertEqual(read.values, expected)
            sealed = what == "seal" and numbered is not None
            self.assertEqual(read.kinds[1], 252 if sealed else 3)
