"""Results whose columns the client sees with other types than the database has."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.errors import WireError
from acra_twisted.exchange import Statement
from acra_twisted.results import Plan
from acra_twisted.verdicts import PASS, Replace
from acra_twisted.wire.mysql import columndefinitions
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.resultrows import encode_binary, encode_text
from tests.support.mysqlreplies import Followed, numbered, statement
from tests.unit.dialects.mysql.test_descriptions import definition
from tests.unit.dialects.mysql.test_resultsets import prepared_ok

EOF = b"\xfe\0\0\2\0"
DEPRECATE_EOF = 0x1000000
EXTENDED = 8
CACHE = 0x10
LONG = 3
BINARY_LONG = columndefinitions.modifier_of(63, 0x80, 0)


def numbers(columns):
    """Plan for the second column to be a number."""
    return Plan(columns.with_type(1, LONG, 11, BINARY_LONG), (("stage", None, False),), None)


def in_numbers(work):
    batch = work.item
    for row in range(len(batch)):
        value = batch.cells(row)[1]
        if value is not None:
            shown = int(value).to_bytes(4, "little", signed=True) if batch.binary else value
            batch.set_cell(row, 1, shown)
    return Replace(batch)


def is_number(payload, extended=False):
    column = columndefinitions.decode(payload, extended)
    return (column.kind, column.size, column.character_set, column.flags) == (3, 11, 63, 0x80)


def payloads(data):
    found = []
    while data:
        size = int.from_bytes(data[:3], "little")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


class Results(SynchronousTestCase):
    def test_definitions_and_cells_agree_in_text(self):
        for deprecate in (False, True):
            followed = Followed(DEPRECATE_EOF if deprecate else 0, plan=numbers)
            followed.ask()
            end = EOF + (b"\0\0" if deprecate else b"")
            names = [definition(b"a"), definition(b"n", 252)]
            head = [b"\2", *names] + ([] if deprecate else [EOF])
            rows = [encode_text([b"x", b"5"]), encode_text([None, None])]
            said = numbered([*head, *rows, end])
            for size in (len(said), 7, 1):
                followed.ask() if size != len(said) else None
                got = b"".join(
                    followed.feed(said[at : at + size], in_numbers)
                    for at in range(0, len(said), size)
                )
                first, second = payloads(got)[1:3]
                self.assertEqual(first, names[0])
                self.assertTrue(is_number(second))
                self.assertEqual(got, numbered([b"\2", first, second, *payloads(said)[3:]]))

    def test_cells_agree_in_binary(self):
        followed = Followed(DEPRECATE_EOF, plan=numbers)
        prepared = statement()
        followed.ask(replies.PREPARE, Reply(prepared=prepared))
        names = [definition(b"a"), definition(b"n", 252)]
        got = followed.feed(numbered([prepared_ok(7, 2, 0), *names]))
        self.assertTrue(is_number(payloads(got)[2]))
        followed.ask(reply=Reply(prepared=prepared))
        rows = [encode_binary([b"x", b"-5"], [253, 252]), encode_binary([None, None], [253, 252])]
        said = numbered([b"\2", *names, *rows, EOF + b"\0\0"])
        got = payloads(followed.feed(said, in_numbers))
        self.assertTrue(is_number(got[2]))
        number = (-5).to_bytes(4, "little", signed=True)
        self.assertEqual(got[3], encode_binary([b"x", number], [253, 3]))
        self.assertEqual(got[4], encode_binary([None, None], [253, 3]))

    def test_the_database_s_extended_metadata_is_not_the_new_type_s(self):
        followed = Followed(DEPRECATE_EOF, EXTENDED, numbers)
        followed.ask()
        names = [definition(b"a", extended=b""), definition(b"n", 252, extended=b"\1\4json")]
        got = payloads(followed.feed(numbered([b"\2", *names, EOF + b"\0\0"])))
        self.assertTrue(is_number(got[2], True))
        self.assertEqual(columndefinitions.decode(got[2], True).extended, b"")

    def test_an_error_may_stand_in_the_place_of_a_definition(self):
        followed = Followed(plan=numbers)
        followed.ask()
        said = numbered([b"\2", definition(b"a"), b"\xff\x25\x05#70100killed"])
        got = b"".join(followed.feed(said[at : at + 1]) for at in range(len(said)))
        self.assertEqual(got, said)

    def test_a_client_that_is_given_up_has_got_no_definition_that_is_held_back(self):
        followed = Followed(plan=numbers)
        followed.ask()
        said = numbered([b"\2", definition(b"a")])
        self.assertEqual(followed.feed(said), said[:5])
        self.assertEqual(followed.flow.due, 2)

    def test_types_that_a_client_has_kept_are_those_of_the_rows(self):
        chosen = [numbers]
        followed = Followed(DEPRECATE_EOF, CACHE, lambda columns: chosen[0](columns))
        prepared = statement()
        followed.ask(replies.PREPARE, Reply(prepared=prepared))
        names = [definition(b"a"), definition(b"n", 252)]
        followed.feed(numbered([prepared_ok(7, 2, 0), *names]))
        kept = numbered([b"\2\0", encode_binary([b"x", b"5"], [253, 252]), EOF + b"\0\0"])
        followed.ask(reply=Reply(prepared=prepared))
        got = payloads(followed.feed(kept, in_numbers))
        self.assertEqual(got[1], encode_binary([b"x", b"\5\0\0\0"], [253, 3]))
        # The stage shows other types now.
        prepared.columns = prepared.columns.with_type(1, 252)
        chosen[0] = Plan
        followed.ask(reply=Reply(prepared=prepared))
        self.assertRaises(WireError, followed.feed, kept)


class Whole(SynchronousTestCase):
    def test_a_result_with_a_meaning_passes_whole_if_it_concerns_nobody(self):
        seen = []

        def plan(columns):
            seen.append(columns.meaning)
            return numbers(columns) if columns.meaning == "numbers" else Plan(columns)

        followed = Followed(DEPRECATE_EOF, plan=plan)
        followed.session.meaning = "none"
        names = [definition(b"a"), definition(b"n", 252)]
        said = numbered([b"\2", *names, encode_text([b"x", b"5"]), EOF + b"\0\0"])
        for meanings in (None, ["numbers"], []):
            text = Statement(b"SELECT")
            text.meanings = meanings
            followed.ask(statement=text)
            got = followed.feed(said, in_numbers)
            self.assertIs(is_number(payloads(got)[2]), meanings == ["numbers"])
        self.assertEqual(followed.flow.passed_whole, 2)
        self.assertEqual(seen, ["none", "numbers"])

    def test_rows_that_come_whole_are_judged_where_types_are_others(self):
        """A repeated result passes in one piece only as it came."""
        followed = Followed(DEPRECATE_EOF, plan=lambda columns: numbers(columns))
        names = [definition(b"a"), definition(b"n", 252)]
        said = numbered([b"\2", *names, EOF + b"\0\0"])
        for _ in range(2):
            followed.ask()
            got = payloads(followed.feed(said, lambda work: PASS))
            self.assertTrue(is_number(got[2]))
        self.assertEqual(packets(got[3], 4), said[-11:])
