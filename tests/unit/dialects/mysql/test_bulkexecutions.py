"""Bulk executions, whose rows stages judge."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import PARAMETERS, STATEMENT, Parameters
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.mysql import capabilities
from tests.support.mysqlrequests import Desk, about, said

HEAD = b"\x80\0\3\0\xfd\0"
ROWS = b"\0\1\0\0\0\0\3one\0\2\0\0\0\1\1\0\1x"


def number(answer):
    return int.from_bytes(answer[1:3], "little")


def rows(rest=HEAD + ROWS):
    return about(0xFA, 7, rest)


def judging(verdict=lambda work: PASS):
    desk = Desk(verdict, (PARAMETERS,), extended=capabilities.STMT_BULK)
    desk.prepares(b"INSERT INTO t VALUES (?, ?)", 7, 2)
    return desk


def sealed(work):
    """Bytes in place of each value."""
    values = [None if value is None else b"#" + value for value in work.item.values]
    return Replace(Parameters(values, [0, 0], work.item.statement))


class Rows(SynchronousTestCase):
    def test_each_is_judged_and_all_leave_as_they_came(self):
        desk = judging()
        data = said(rows(), b"\x0e")
        self.assertEqual(desk.says(data), data)
        values = [list(work.item.values) for work in desk.works]
        expected = [[b"\1\0\0\0", b"one"], [b"\2\0\0\0", None], [None, b"x"]]
        self.assertEqual(values, expected)
        self.assertEqual(len({id(work.exchange) for work in desk.works}), 1)
        exchange = desk.recorder.opened[1]
        self.assertEqual(
            (exchange.kind, exchange.attributes), ("bulk", {"db.operation.batch.size": 3})
        )

    def test_unread_where_nobody_judges(self):
        desk = Desk()
        desk.prepares(b"INSERT INTO t VALUES (?, ?)", 7, 2)
        data = said(rows())
        self.assertIs(desk.says(data), data)

    def test_others_in_their_place(self):
        desk = judging(sealed)
        expected = b"\x80\0\xfc\0\xfd\0\0\5#\1\0\0\0\0\4#one\0\5#\2\0\0\0\1\1\0\2#x"
        self.assertEqual(desk.says(said(rows())), said(rows(expected)))
        # The database was told other kinds than the client has told.
        desk.verdict = lambda work: PASS
        out = desk.says(said(rows(b"\0\0" + ROWS)))
        self.assertEqual(out, said(rows()))

    def test_a_default_stays_one(self):
        desk = judging(sealed)
        out = desk.says(said(rows(HEAD + b"\2\3")))
        self.assertEqual(out, said(rows(b"\x80\0\3\0\xfd\0\2\3")))

    def test_one_refusal_refuses_all(self):
        desk = judging(lambda work: Deny("no") if work.item.values[1] is None else PASS)
        self.assertEqual(desk.says(said(rows(), b"\x0e")), said(b"\x0e"))
        self.assertEqual((number(desk.owed()[0]), len(desk.works)), (1317, 2))

    def test_a_value_is_of_one_kind_in_all_rows(self):
        desk = judging(lambda work: sealed(work) if work.item.values[0] == b"\1\0\0\0" else PASS)
        self.assertEqual(desk.says(said(rows())), b"")
        self.assertEqual(number(desk.owed()[0]), 1105)

    def test_values_of_two_forms_in_one_place(self):
        forms = iter((10, 12))
        dates = iter((bytes(4), bytes(7)))

        def dated(work):
            value = None if work.item.values[0] is None else next(dates)
            values = [value, work.item.values[1]]
            return Replace(Parameters(values, [1, 0], work.item.statement, [next(forms, 12), 253]))

        desk = judging(dated)
        self.assertEqual(desk.says(said(rows())), b"")
        self.assertEqual((number(desk.owed()[0]), len(desk.works)), (1105, 2))

    def test_rows_that_are_too_large_as_they_leave(self):
        large = b"#" * 400

        def grown(work):
            return Replace(Parameters([large, large], [0, 0], work.item.statement))

        desk = Desk(grown, (PARAMETERS,), message_limit=2000, extended=capabilities.STMT_BULK)
        desk.prepares(b"INSERT INTO t VALUES (?, ?)", 7, 2)
        self.assertEqual(desk.says(said(rows(HEAD + ROWS + ROWS), b"\x0e")), said(b"\x0e"))
        # Nothing was made of the rows behind.
        self.assertEqual((number(desk.owed()[0]), len(desk.works)), (1153, 3))

    def test_malformed(self):
        for rest in (b"\0\0" + ROWS, HEAD + ROWS[:-1], HEAD + b"\4", b"\x80\0\3\0", HEAD):
            desk = judging()
            self.assertEqual(desk.says(said(rows(rest))), b"")
            self.assertEqual(number(desk.owed()[0]), 1835)

    def test_types_of_which_mariadb_reads_no_value(self):
        for kind, value in ((9, bytes(4)), (13, bytes(2)), (16, b"\1x"), (255, b"\1x")):
            desk = judging()
            sent = b"\x80\0" + bytes((kind, 0, 253, 0)) + b"\0" + value + b"\0\1y"
            self.assertEqual(desk.says(said(rows(sent))), b"")
            self.assertEqual(number(desk.owed()[0]), 1835)
            self.assertEqual(desk.works, [])

    def test_of_the_statement_prepared_last(self):
        desk = Desk(inspects=(PARAMETERS,))
        bulk = about(0xFA, 0xFFFFFFFF, HEAD + ROWS)
        desk.says(said(b"\x16INSERT INTO t VALUES (?, ?)", bulk))
        self.assertEqual(desk.replied(7, 2), said(bulk))
        self.assertEqual(len(desk.works), 3)


#: Kinds of values, with some of each.
VALUES = {
    3: st.binary(min_size=4, max_size=4),
    1: st.binary(min_size=1, max_size=1),
    8 | 0x8000: st.binary(min_size=8, max_size=8),
    5: st.binary(min_size=8, max_size=8),
    10: st.sampled_from((b"", bytes(4), bytes(7))),
    11: st.sampled_from((b"", bytes(8), bytes(12))),
    253: st.binary(max_size=300),
    252: st.binary(max_size=5),
    246: st.binary(max_size=5),
}
#: Bytes of a value whose length is that of its type.
WIDTHS = {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 8: 8}
INDICATORS = st.sampled_from((1, 2, 3))


@st.composite
def bulks(draw):
    """Kinds, and rows of values or indicators."""
    kinds = draw(st.lists(st.sampled_from([*VALUES]), min_size=2, max_size=2))
    row = st.tuples(*(INDICATORS | VALUES[kind] for kind in kinds))
    return kinds, draw(st.lists(row, min_size=1, max_size=6))


def encoded(kinds, made):
    """A bulk execution, told by hand."""
    out = b"\x80\0" + b"".join(kind.to_bytes(2, "little") for kind in kinds)
    for row in made:
        for kind, cell in zip(kinds, row, strict=True):
            if isinstance(cell, int):
                out += bytes((cell,))
                continue
            size = b""
            if kind in (10, 11):
                size = bytes((len(cell),))
            elif kind in (246, 252, 253):
                size = bytes((len(cell),))
                if len(cell) > 250:
                    size = b"\xfc" + len(cell).to_bytes(2, "little")
            out += b"\0" + size + cell
    return rows(out)


def read_by_hand(command):
    """The values of a bulk execution with two values a row, told by their lengths."""
    kinds, at, found = (command[7], command[9]), 11, []
    while at < len(command):
        row = []
        for kind in kinds:
            indicator, at = command[at], at + 1
            value = None
            if not indicator and kind != 6:
                size = WIDTHS.get(kind)
                if size is None:
                    size, at = command[at], at + 1
                    if size > 250:
                        wide = {252: 2, 253: 3, 254: 8}[size]
                        size, at = int.from_bytes(command[at : at + wide], "little"), at + wide
                value, at = command[at : at + size], at + size
            row.append(value)
        found.append(tuple(row))
    return found


class AnyRows(SynchronousTestCase):
    @given(bulks(), st.sets(st.integers(0, 5)), st.sets(st.integers(0, 1)))
    def test_the_database_gets_each_value_as_it_was_judged(self, given, changed, places):
        kinds, made = given
        judged = []

        def verdict(work):
            values = list(work.item.values)
            judged.append(tuple(values))
            if len(judged) - 1 not in changed or not places:
                return PASS
            for place in places:
                values[place] = None if values[place] is None else b"#" + values[place]
            formats = [
                0 if place in places else form for place, form in enumerate(work.item.formats)
            ]
            return Replace(Parameters(values, formats, work.item.statement))

        desk = judging(verdict)
        out = desk.says(said(encoded(kinds, made)))
        shown = [tuple(None if isinstance(cell, int) else cell for cell in row) for row in made]
        self.assertEqual(judged, shown)
        expected, sent = [], list(kinds)
        for number, row in enumerate(made):
            cells = list(row)
            for place in places if number in changed else ():
                if not isinstance(cells[place], int):
                    cells[place] = b"#" + cells[place]
                    if kinds[place] not in (246, 252, 253):
                        sent[place] = 252
            expected.append(cells)
        mixed = any(
            sent[place] != kinds[place]
            and any(
                not isinstance(row[place], int)
                for row in [row for number, row in enumerate(made) if number not in changed]
            )
            for place in (0, 1)
        )
        if mixed:
            self.assertEqual(out, b"")
        else:
            self.assertEqual(out, said(encoded(sent, expected)))

    @given(bulks(), st.data())
    def test_whatever_is_judged_is_what_leaves(self, given, data):
        """Damaged commands leave as they came, with all their values judged, or are refused."""
        whole = bytearray(encoded(*given))
        for _ in range(data.draw(st.integers(0, 3))):
            whole[data.draw(st.integers(5, len(whole) - 1))] = data.draw(st.integers(0, 255))
        whole = bytes(whole[: data.draw(st.integers(7, len(whole)))])
        desk = judging()
        out = desk.says(said(whole))
        if not out:
            self.assertEqual(number(desk.owed()[0]), 1835)
            return
        self.assertEqual(out, said(whole))
        values = [tuple(work.item.values) for work in desk.works]
        self.assertEqual(values, read_by_hand(whole))
        count = desk.recorder.opened[1].attributes["db.operation.batch.size"]
        self.assertEqual(len(desk.works), count)


COMMANDS = st.one_of(
    bulks().map(lambda given: encoded(*given)),
    st.sampled_from(
        (
            b"\x0e",
            b"\x03SELECT 1",
            b"\x03DENIED",
            b"\x16SELECT ?",
            about(0x18, 7, b"\0\0long"),
            about(0x17, 7, b"\0\1\0\0\0\0\1\xfd\0\3\0\1x\1\0\0\0"),
            about(0x1A, 7),
            about(0x19, 9),
        )
    ),
)


class Meanwhile(SynchronousTestCase):
    """More comes while verdicts are waited for."""

    @given(st.lists(COMMANDS, max_size=6), st.integers(1, 200), st.booleans())
    def test_it_changes_nothing(self, commands, size, seals):
        def verdict(work):
            if work.kind == PARAMETERS:
                return sealed(work) if seals else PASS
            return Deny("no") if b"DENIED" in work.item.text else PASS

        data = said(*commands)
        found = []
        for says in (Desk.says, lambda desk, data: desk.says_meanwhile(data, size)):
            desk = Desk(verdict, (STATEMENT, PARAMETERS), extended=capabilities.STMT_BULK)
            desk.prepares(b"INSERT INTO t VALUES (?, ?)", 7, 2)
            found.append((says(desk, data), desk.owed(), len(desk.works)))
        self.assertEqual(found[1], found[0])

    def test_a_command_behind_does_not_take_the_place_of_rows(self):
        desk = judging()
        data = said(rows())
        behind = said(b"\x03SELECT 1 AS its_bytes_are_in_the_place_of_the_rows")
        out = desk.says_meanwhile(data + behind, len(data))
        self.assertEqual(out, data + behind)
