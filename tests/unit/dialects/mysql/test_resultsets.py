"""Beginnings of results, and prepared statements."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.exchange import Statement
from acra_twisted.results import Plan
from acra_twisted.verdicts import PASS
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.lenenc import encode_int
from acra_twisted.wire.mysql.resultrows import encode_binary
from tests.support.mysqlreplies import Followed, numbered, see_all, statement, text_result
from tests.unit.dialects.mysql.test_descriptions import definition

_CACHE = 0x10
_DEPRECATE_EOF = 0x1000000
EOF = b"\xfe\0\0\2\0"
OPENED = b"\xfe\0\0\x42\0"
#: The same within a procedure.
CALLED = b"\xfe\0\0\x4a\0"


def row(value):
    return encode_binary([value], [253])


def prepared_ok(number, columns, parameters):
    counts = columns.to_bytes(2, "little") + parameters.to_bytes(2, "little")
    return b"\0" + number.to_bytes(4, "little") + counts + b"\0\0\0"


class Counts(SynchronousTestCase):
    def test_a_result_has_columns(self):
        for first in (b"\xfe" + b"\xff" * 8, b"\xfd\1\0\x10", b"\xfc\0", b"\1\1", b"\xfc\0\0"):
            followed = Followed()
            followed.ask()
            self.assertRaises(WireError, followed.feed, packets(first, 1))
            self.assertEqual(followed.flow.take_output(), b"")

    def test_many_columns_come_one_behind_the_other(self):
        for count in (250, 251, 252, 300, 0x10001):
            followed = Followed(plan=see_all)
            followed.ask()
            names = [definition(b"c%d" % at) for at in range(count)]
            said = numbered([encode_int(count), *names, EOF, b"\xfb" * count, EOF])
            got = [followed.feed(said[at : at + 999]) for at in range(0, len(said), 999)]
            self.assertEqual(b"".join(got), said)
            self.assertEqual(followed.works, 1)

    def test_definitions_have_a_limit(self):
        followed = Followed(plan=see_all, message_limit=2000)
        followed.ask()
        said = numbered([b"\xfc\0\1", *[definition(b"a" * 100)] * 20])
        self.assertRaises(FrameTooLarge, followed.feed, said)

    def test_an_error_may_stand_in_the_place_of_a_definition(self):
        for plan in (None, see_all):
            followed = Followed(plan=plan)
            exchange = followed.ask()
            said = numbered([b"\2", definition(b"a"), b"\xff\x25\x05#70100killed"])
            self.assertEqual(followed.feed(said), said)
            self.assertEqual((exchange.outcome, exchange.status_code), ("error", "1317"))
            self.assertEqual(exchange.rows, -1)

    def test_packets_that_are_due_are_not_empty_or_of_many_parts(self):
        """A header and a byte tell that: nobody waits for 16 MiB."""
        for said in (b"\xff\xff\xff\1a", b"\1\0\0\1\1\0\0\0\2", b"\1\0\0\1\1\xff\xff\xff\2a"):
            for cut in (0, len(said) - 1):
                followed = Followed()
                followed.ask()
                followed.feed(said[:cut])
                self.assertRaises(WireError, followed.feed, said[cut:])


class Prepared(SynchronousTestCase):
    def prepare(self, followed, *said):
        prepared = statement()
        followed.ask(replies.PREPARE, Reply(prepared=prepared))
        data = numbered(said)
        self.assertEqual(followed.feed(data), data)
        self.assertFalse(followed.session.outstanding)
        return prepared

    def test_parameters_and_columns(self):
        parameter, column = definition(b"?"), definition(b"a")
        for capabilities, end in ((0, [EOF]), (_DEPRECATE_EOF, [])):
            for columns, parameters in ((0, 0), (1, 0), (0, 2), (1, 2)):
                followed = Followed(capabilities, plan=see_all)
                said = [parameter] * parameters + (end if parameters else [])
                said += [column] * columns + (end if columns else [])
                prepared = self.prepare(followed, prepared_ok(7, columns, parameters), *said)
                self.assertIs(followed.statements.known[7], prepared)
                self.assertEqual(prepared.parameters, parameters)
                names = list(prepared.columns.names) if columns else prepared.columns
                self.assertEqual(names, [b"a"] if columns else None)

    def test_one_that_fails(self):
        followed = Followed()
        prepared = self.prepare(followed, b"\xff\x28\x04#42000You have an error")
        self.assertEqual(followed.statements.failures, [prepared])
        self.assertEqual(followed.statements.known, {})

    def test_an_answer_of_another_form_is_refused(self):
        for said in (b"\0\1\0\0\0\0\0\0\0\0\0", b"\xfe\0\0\2\0", b"\1"):
            followed = Followed()
            followed.ask(replies.PREPARE, Reply(prepared=statement()))
            self.assertRaises(WireError, followed.feed, packets(said, 1))

    def test_columns_that_the_client_keeps_are_kept_for_it(self):
        """The first execution leaves them out; one behind a change of the table brings others."""
        for capabilities, end in ((0, [EOF]), (_DEPRECATE_EOF, [])):
            seen = []

            def plan(columns, seen=seen):
                seen.append(list(columns.names))
                return Plan(columns, ("hook",), None)

            followed = Followed(capabilities, _CACHE, plan)
            prepared = self.prepare(followed, prepared_ok(1, 1, 0), definition(b"a"), *end)
            done = EOF if end else EOF + b"\0\0"
            for count, names in ((b"\1\0", ()), (b"\1\1", (b"b",)), (b"\1\0", ())):
                followed.ask(reply=Reply(prepared=prepared))
                said = numbered([count, *map(definition, names), *end, row(b"x"), done])
                self.assertEqual(followed.feed(said), said)
                self.assertFalse(followed.session.outstanding)
            self.assertEqual(seen, [[b"a"], [b"b"]])
            self.assertEqual(followed.works, 3)

    def test_rows_of_a_cursor_are_its_statement_s(self):
        for capabilities in (0, _DEPRECATE_EOF):
            followed = Followed(capabilities, plan=see_all)
            prepared = statement()
            opening = followed.ask(reply=Reply(prepared=prepared, opens=True))
            end = OPENED + (b"\0\0" if capabilities else b"")
            said = numbered([b"\1", definition(b"a"), end])
            self.assertEqual(followed.feed(said), said)
            self.assertEqual(opening.outcome, "ok")
            fetching = followed.ask(replies.FETCH, Reply(prepared=prepared))
            seen = []
            said = numbered([row(b"x"), row(None), end])

            def judge(work, seen=seen):
                seen += [list(work.item.cells(at)) for at in range(len(work.item))]
                return PASS

            self.assertEqual(followed.feed(said, judge), said)
            self.assertEqual((seen, fetching.rows), ([[b"x"], [None]], 2))

    def test_a_cursor_of_a_procedure_is_none_of_the_client_s(self):
        """The client gets rows, of a function as well."""
        done = b"\0\0\0\2\0\0\0"
        results = [b"\1", definition(b"a"), CALLED, row(b"x"), CALLED]
        for opens in (False, True):
            followed = Followed(plan=see_all)
            calling = followed.ask(reply=Reply(prepared=statement(), opens=opens))
            said = numbered([*results, *results, done])
            self.assertEqual(followed.feed(said), said)
            self.assertEqual((calling.outcome, calling.rows, followed.works), ("ok", 2, 2))
        followed = Followed(plan=see_all)
        selecting = followed.ask()
        said = numbered([b"\1", definition(b"a"), OPENED, b"\1x", OPENED])
        self.assertEqual(followed.feed(said), said)
        self.assertEqual((selecting.outcome, selecting.rows, followed.works), ("ok", 1, 1))

    @given(st.integers(1, 30))
    def test_pieces_do_not_matter(self, size):
        followed = Followed(plan=see_all)
        prepared = statement()
        followed.ask(replies.PREPARE, Reply(prepared=prepared))
        said = numbered([prepared_ok(1, 1, 1), definition(b"?"), EOF, definition(b"a"), EOF])
        got = [followed.feed(said[at : at + size]) for at in range(0, len(said), size)]
        self.assertEqual(b"".join(got), said)
        self.assertEqual(list(prepared.columns.names), [b"a"])


class Meanings(SynchronousTestCase):
    def test_each_result_has_the_meaning_of_its_statement(self):
        seen = []

        def plan(columns):
            seen.append(columns.meaning)
            return Plan(columns)

        followed = Followed(plan=plan)
        followed.session.meaning = "session"
        text = Statement(b"SELECT 1; SELECT 2; CALL p()")
        text.meanings = ["first", "second"]
        followed.ask(statement=text)
        more = 2 | 8
        followed.feed(text_result(b"a", status=more) + text_result(b"b", first=6, status=more))
        followed.feed(text_result(b"c", first=11))
        self.assertEqual(seen, ["first", "second", "session"])
