"""Bulk executions, whose rows stages judge."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import PARAMETERS, Parameters
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

    def test_malformed(self):
        for rest in (b"\0\0" + ROWS, HEAD + ROWS[:-1], HEAD + b"\4", b"\x80\0\3\0"):
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
