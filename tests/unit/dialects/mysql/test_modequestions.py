"""Questions about how a session's texts are read."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.modequestions import TEXT
from acra_twisted.dialects.mysql.prepared import Prepared
from acra_twisted.dialects.mysql.replies import ANYTHING, MAY_CHANGE, Reply
from acra_twisted.exchange import PARAMETERS, STATEMENT, Statement
from acra_twisted.outstanding import FORWARD
from acra_twisted.session import Session
from acra_twisted.verdicts import PASS
from tests.support.mysqlrequests import Desk, about, query, said

QUOTED = query(b'SELECT "a"')
ASKED = said(query(TEXT))
KNOWN = [(b"ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES", b"utf8mb4", b"utf8mb4")]


class Modes(SynchronousTestCase):
    def desk(self, *, mariadb=False, inspects=(STATEMENT,)):
        self.read = []
        desk = Desk(inspects=inspects, mariadb=mariadb, verdict=self.verdict)
        self.session: Session = desk.session
        return desk

    def verdict(self, work):
        if work.kind != STATEMENT:
            return PASS
        self.read.append((work.item.text, self.session.parameters[b"sql_mode"]))
        return PASS

    def answered(self, desk, rows=(), failure=""):
        """The question has its answer.  Return what the database gets then."""
        question = desk.session.outstanding[0][3].question
        for row in rows:
            question.add(row, 1)
        if failure:
            question.fail(failure)
        question.is_over = True
        return desk.replied()

    def forgets(self, desk):
        """A routine has left it unknown."""
        desk.session.outstanding.append((FORWARD, replies.ONE, None, Reply(changes=MAY_CHANGE)))
        reply = desk.session.outstanding[0][3]
        desk.state.sent(reply)
        desk.state.reported(desk.state.status ^ 0x8000 ^ 0x200, reply)
        desk.state.ended(reply, failed=False)
        desk.session.outstanding.popleft()


class Waiting(Modes):
    def test_a_text_waits_for_the_answer_and_is_judged_by_it(self):
        for modes, expected in (
            (b"", b""),
            (b"MYSQL40,HIGH_NOT_PRECEDENCE", b""),
            (b"ANSI_QUOTES", b"ANSI_QUOTES"),
            (
                b"ANSI,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES",
                b"NO_BACKSLASH_ESCAPES,ANSI_QUOTES",
            ),
        ):
            desk = self.desk()
            self.assertEqual((desk.says(said(QUOTED)), self.read), (ASKED, []))
            self.assertTrue(desk.flow.awaits_load)
            self.assertEqual(self.answered(desk, [(modes, b"utf8mb4", b"latin1")]), said(QUOTED))
            self.assertEqual(self.read, [(b'SELECT "a"', expected)])

    def test_what_is_known_is_not_asked_until_it_may_have_changed(self):
        desk = self.desk()
        desk.says(said(QUOTED))
        self.answered(desk, KNOWN)
        self.assertEqual(
            desk.says(said(QUOTED, b"\x16" + QUOTED[1:])), said(QUOTED, b"\x16" + QUOTED[1:])
        )
        for _ in range(3):
            desk.replied(7)
        self.forgets(desk)
        self.assertEqual(desk.says(said(b"\x16" + QUOTED[1:])), ASKED)
        self.assertEqual(self.answered(desk, KNOWN), said(b"\x16" + QUOTED[1:]))

    def test_mariadb_is_asked_behind_a_routine_that_has_left_it_unknown(self):
        desk = self.desk(mariadb=True)
        self.assertEqual(desk.says(said(QUOTED)), said(QUOTED))
        desk.replied()
        self.forgets(desk)
        escaped = query(b"SELECT '\\''")
        self.assertEqual(desk.says(said(escaped)), ASKED)
        self.assertEqual(self.answered(desk, [(b"", b"latin1", None)]), said(escaped))
        self.assertIs(desk.session.conforming, False)
        self.assertEqual(desk.session.parameters[b"character_set_client"], b"latin1")

    def test_it_is_put_once_nothing_is_owed(self):
        desk = self.desk()
        before = query(b"SELECT 1")
        self.assertEqual(desk.says(said(before, before, QUOTED, before)), said(before, before))
        self.assertEqual(desk.replied(), b"")
        self.assertEqual(desk.replied(), ASKED)
        self.assertEqual(desk.says(said(before)), b"")
        self.assertEqual(self.answered(desk, KNOWN), said(QUOTED, before, before))

    def test_commands_that_are_judged_as_statements_wait_as_well(self):
        for payload in (b"\2b\xc3\xbccher", b"\x04b\xc3\xbccher\0"):
            desk = self.desk()
            self.assertEqual(desk.says(said(payload)), ASKED)
            self.assertEqual(self.answered(desk, KNOWN), said(payload))
            self.assertEqual([modes for _, modes in self.read], [b""])
            desk = self.desk(inspects=())
            self.assertEqual(desk.says(said(payload)), said(payload))

    def test_its_bytes_may_go_while_it_waits(self):
        for size in range(1, 30):
            desk = self.desk()
            data = said(QUOTED, query(b"SELECT 2"))
            self.assertEqual(desk.says_in_pieces(data, size), ASKED)
            self.assertEqual(self.answered(desk, KNOWN), data)


class Characters(Modes):
    """A statement that was executed may have changed them, and nothing is told."""

    SHOWING = query(b"SELECT name FROM people")

    def forgetting(self, inspects=(STATEMENT, PARAMETERS)):
        desk = self.desk(mariadb=True, inspects=inspects)
        prepared = Prepared(Statement(b"INSERT INTO t VALUES (?)", b""))
        desk.session.prepared.confirm(prepared, 7, 1)
        desk.says(said(query(b"EXECUTE s")))
        reply = desk.session.outstanding.popleft()[3]
        self.assertEqual(reply.changes, ANYTHING)
        desk.state.ended(reply, failed=False)
        self.assertTrue(desk.state.lacks_characters)
        return desk

    def test_a_text_whose_rows_are_read(self):
        for text in (b"select 1", b"INSERT INTO t VALUES (1) RETURNING a", b"TABLE t"):
            desk = self.forgetting()
            self.assertEqual(desk.says(said(query(text))), ASKED)
            self.assertEqual(self.answered(desk, [(b"", b"utf8mb4", b"latin1")]), said(query(text)))
            self.assertEqual(desk.session.parameters[b"character_set_results"], b"latin1")
            self.assertEqual(desk.says(said(self.SHOWING)), said(self.SHOWING))

    def test_the_set_of_results_alone(self):
        """Another statement has told that of texts since."""
        execute = about(0x17, 7, b"\0\1\0\0\0\0\1\xfd\0\1a")
        for data in (said(self.SHOWING), said(execute)):
            desk = self.forgetting()
            desk.state.answered(b"", b"utf8mb4", b"utf8mb4")
            self.assertEqual(desk.says(data), data)
            desk = self.forgetting()
            desk.state.tracked(b"character_set_client", b"utf8mb4")
            self.assertEqual(desk.says(data), ASKED)
            self.assertEqual(self.answered(desk, [(b"", b"utf8mb4", b"latin1")]), data)
            self.assertEqual(desk.session.parameters[b"character_set_results"], b"latin1")
            desk = self.forgetting((STATEMENT,))
            desk.state.tracked(b"character_set_client", b"utf8mb4")
            self.assertEqual(desk.says(data), data)

    def test_values_of_an_execution(self):
        execute = about(0x17, 7, b"\0\1\0\0\0\0\1\xfd\0\1a")
        desk = self.forgetting()
        self.assertEqual(desk.says(said(execute)), ASKED)
        self.assertEqual(self.answered(desk, [(b"", b"utf8mb4", b"utf8mb4")]), said(execute))
        self.assertEqual(desk.session.parameters[b"character_set_client"], b"utf8mb4")

    def test_commands_that_show_no_rows(self):
        desk = self.forgetting()
        data = said(query(b"INSERT INTO t VALUES (1)"), b"\x0e", about(0x1A, 7))
        self.assertEqual(desk.says(data), data)

    def test_where_no_stage_reads_values(self):
        desk = self.forgetting((STATEMENT,))
        execute = about(0x17, 7, b"\0\1\0\0\0\0\1\xfd\0\1a")
        data = said(self.SHOWING, execute)
        self.assertEqual(desk.says(data), data)

    def test_an_execution_that_shows_what_the_statement_before_has_left(self):
        desk = self.forgetting()
        shown = Prepared(Statement(b"SELECT ROW_COUNT()", b""))
        desk.session.prepared.confirm(shown, 8, 0)
        execute = about(0x17, 8, b"\0\1\0\0\0")
        self.assertEqual(desk.says(said(execute)), said(execute))


class NotWaiting(Modes):
    def test_texts_that_mean_the_same_however_they_are_read(self):
        desk = self.desk()
        data = said(query(b"SELECT 'a', `b`"), query(b"CALL p()"))
        self.assertEqual(desk.says(data), data)

    def test_texts_that_show_what_the_one_before_has_left(self):
        for text in (b'SELECT ROW_COUNT() AS "n"', b'SHOW WARNINGS -- "', b'get diagnostics @"a"'):
            desk = self.desk()
            self.assertEqual(desk.says(said(query(text))), said(query(text)))

    def test_where_no_stage_judges_texts(self):
        desk = self.desk(inspects=())
        self.assertEqual(desk.says(said(QUOTED)), said(QUOTED))

    def test_behind_what_may_be_changing_it(self):
        """It is read both ways, as everywhere."""
        desk = self.desk()
        data = said(query(b"SET sql_mode = 'ANSI_QUOTES'"), QUOTED)
        self.assertEqual(desk.says(data), data)


class WithoutAnAnswer(Modes):
    def test_an_error_leaves_it_unknown(self):
        desk = self.desk()
        desk.says(said(QUOTED))
        self.assertEqual(self.answered(desk, failure="no"), said(QUOTED))
        self.assertEqual(self.read, [(b'SELECT "a"', b"ANSI_QUOTES?")])
        # The next one asks again.
        desk.replied()
        self.assertEqual(desk.says(said(QUOTED)), ASKED)

    @given(st.lists(st.lists(st.none() | st.binary(max_size=12), max_size=3), max_size=2))
    def test_so_does_one_that_is_not_understood(self, rows):
        desk = self.desk()
        desk.says(said(QUOTED))
        self.assertEqual(self.answered(desk, rows), said(QUOTED))
        ((_, modes),) = self.read
        if modes != b"ANSI_QUOTES?":
            ((told, charset, _),) = rows
            # In some character sets a letter has zeros beside it.
            told, charset = told.replace(b"\0", b""), charset.replace(b"\0", b"")
            self.assertRegex(told, rb"\A[A-Za-z0-9_,]*\Z")
            self.assertRegex(charset, rb"\A[A-Za-z][A-Za-z0-9_]*\Z")
