"""Commands that are judged as the statement that says the same."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.equivalents import statement_of
from acra_twisted.exchange import STATEMENT, Statement
from acra_twisted.verdicts import Deny, Replace
from tests.support.mysqlreplies import Followed, numbered
from tests.support.mysqlrequests import Desk, said
from tests.unit.dialects.mysql.test_descriptions import definition
from tests.unit.dialects.mysql.test_request import number

FIELDS = b"\x04customers\0c%"
KILL = b"\x0c\7\1\0\0"
USE = b"\2elsewhere"


class Statements(SynchronousTestCase):
    def test_what_they_say(self):
        self.assertEqual(statement_of(FIELDS), b"SHOW COLUMNS FROM `customers`")
        self.assertEqual(statement_of(b"\x04a b\0"), b"SHOW COLUMNS FROM `a b`")
        self.assertEqual(statement_of(KILL), b"KILL 263")
        self.assertEqual(statement_of(b"\x0c\xff\xff\xff\xff"), b"KILL 4294967295")
        self.assertEqual(statement_of(USE), b"USE `elsewhere`")
        self.assertEqual(statement_of(b"\2a` b"), b"USE `a`` b`")

    def test_names_that_no_statement_has(self):
        for name in (b"", b"\0", b"a", b"a`b\0", b"#mysql50#a\0", b"a" * 257 + b"\0"):
            self.assertIsNone(statement_of(b"\x04" + name), name)

    @given(st.binary(max_size=300))
    def test_whatever_is_in_a_name_it_is_one_name(self, data):
        text = statement_of(b"\x04" + data)
        if text is not None:
            self.assertEqual((text.count(b"`"), text[-1:]), (2, b"`"))
            self.assertEqual(text[19:-1], data.partition(b"\0")[0])

    @given(st.binary(max_size=300))
    def test_whatever_is_in_the_name_of_a_database_it_is_one_name(self, data):
        text = statement_of(b"\2" + data)
        self.assertEqual((text[:5], text[-1:]), (b"USE `", b"`"))
        self.assertEqual(text[5:-1].replace(b"``", b""), data.replace(b"`", b""))
        self.assertEqual(text[5:-1].replace(b"``", b"`"), data)


class Requests(SynchronousTestCase):
    COMMANDS = (
        (FIELDS, replies.FIELDS, "field_list"),
        (KILL, replies.ONE, "process_kill"),
        (USE, replies.ONE, "init_db"),
    )

    def test_they_are_judged_and_go_on_as_they_came(self):
        for payload, code, kind in self.COMMANDS:
            for inspects in ((), (STATEMENT,)):
                desk = Desk(inspects=inspects)
                self.assertEqual(desk.says(said(payload)), said(payload))
                self.assertEqual(desk.owed(), [code])
                self.assertEqual(desk.session.outstanding[0][2].kind, kind)
                judged = [work.item.text for work in desk.works]
                self.assertEqual(judged, [statement_of(payload)] if inspects else [])

    def test_one_that_is_refused_never_leaves(self):
        for payload, _, _ in self.COMMANDS:
            desk = Desk(lambda work: Deny("no"), (STATEMENT,))
            self.assertEqual(desk.says(said(payload, b"\x0e")), said(b"\x0e"))
            answer, ping = desk.owed()
            self.assertEqual((number(answer), ping), (1317, replies.ONE))

    def test_nor_one_for_which_a_stage_has_another_text(self):
        for payload, _, _ in self.COMMANDS:
            desk = Desk(lambda work: Replace(Statement(b"SELECT 1")), (STATEMENT,))
            self.assertEqual(desk.says(said(payload)), b"")
            self.assertEqual(number(desk.owed()[0]), 1047)

    def test_nor_one_that_no_statement_says(self):
        desk = Desk()
        self.assertEqual(desk.says(said(b"\x04a`b\0")), b"")
        self.assertEqual(number(desk.owed()[0]), 1047)

    def test_what_a_server_ignores_behind_a_number_is_cut_off(self):
        desk = Desk()
        self.assertEqual(desk.says(said(KILL + b"more")), said(KILL))


class Replies(SynchronousTestCase):
    FIELDS = (definition(b"a") + b"\xfb", definition(b"b") + b"\1x")

    def test_definitions_end_by_an_eof_or_an_error(self):
        for end in (b"\xfe\0\0\2\0", b"\xff\x7a\x04#42S02none"):
            said = numbered([*self.FIELDS, end]) + numbered([b"\0\0\0\2\0\0\0"])
            for size in (len(said), 1):
                followed = Followed()
                exchange = followed.ask(replies.FIELDS)
                followed.ask(replies.ONE)
                got = [followed.feed(said[at : at + size]) for at in range(0, len(said), size)]
                self.assertEqual(b"".join(got), said)
                self.assertEqual(followed.works, 0)
                self.assertEqual(exchange.rows, 2)
                self.assertFalse(followed.session.outstanding)

    def test_they_are_counted_from_the_beginning(self):
        followed = Followed()
        for _ in range(2):
            exchange = followed.ask(replies.FIELDS)
            followed.feed(numbered([*self.FIELDS, b"\xfe\0\0\2\0"]))
            self.assertEqual(exchange.rows, 2)
