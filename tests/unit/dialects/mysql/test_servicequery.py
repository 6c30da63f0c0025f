"""Questions of the service's own to MySQL; tests/integration/test_mysql_service.py has real
servers."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.dialectinterfaces import IServiceQuery
from acra_twisted.dialects.mysql.servicelogin import Account
from acra_twisted.dialects.mysql.servicequery import ServiceQuery
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.queryactions import Answered, Refused
from acra_twisted.wire.mysql.frames import PART_MAX, packets
from tests.support.mysqllogins import OK
from tests.support.mysqlservice import DEFINITION, EOF, Played, answer, numbered

ACCOUNT = Account(b"u", b"pw", statement=b"SELECT 'own'", rows=3, size=1000)
CELLS = st.one_of(st.none(), st.binary(max_size=300))


class Questions(SynchronousTestCase):
    def setUp(self):
        self.played = Played(ACCOUNT).log_in()

    def asked(self, data, pieces=None):
        self.played.ask()
        self.played.feed(data, pieces)
        return self.played.done

    def refused(self, data):
        raising = (WireError, HandshakeError)
        return str(self.assertRaises(raising, self.asked, data))

    def test_the_contract(self):
        verifyObject(IServiceQuery, ServiceQuery(ACCOUNT))

    def test_a_question_and_its_rows(self):
        found = self.asked(answer([b"one", None], [b"", b"x" * 300]))
        self.assertEqual(self.played.said, [(0, b"\3SELECT 1")])
        self.assertEqual(found, [Answered(((b"one", None), (b"", b"x" * 300)))])
        self.assertEqual(self.asked(packets(OK, 1)), [Answered(())])
        self.assertEqual(self.asked(answer()), [Answered(())])

    def test_the_accounts_own_question(self):
        self.played.ask(b"")
        self.assertEqual(self.played.said, [(0, b"\3SELECT 'own'")])

    def test_a_question_of_several_parts(self):
        self.played.perform(self.played.query.ask(b"x" * PART_MAX))
        self.played.feed(packets(OK, 2))
        self.assertEqual(self.played.done[-1], Answered(()))

    @given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=3))
    def test_any_rows_in_any_pieces(self, rows):
        self.setUp()
        rows = [[cell and cell[:100] for cell in row] for row in rows]
        for pieces in (1, 7):
            [found] = self.asked(answer(*rows), pieces)
            self.assertEqual(found, Answered(tuple(map(tuple, rows))))

    def test_an_error_has_its_number_and_no_text(self):
        for number, told in ((1142, "lacks a right"), (4711, "log")):
            payload = b"\xff" + number.to_bytes(2, "little") + b"#42000secret in 'a value'"
            [found] = self.asked(packets(payload, 1))
            self.assertIsInstance(found, Refused)
            self.assertEqual(found.code, str(number))
            self.assertIn(told, found.reason)
            self.assertNotIn("secret", found.reason)
        # In the middle of rows, too, and the next question is answered.
        [found] = self.asked(numbered([b"\1", DEFINITION, EOF, b"\1a", payload]))
        self.assertEqual(found.code, "4711")
        self.assertEqual(self.asked(answer([b"a"])), [Answered(((b"a",),))])

    def test_answers_are_bounded(self):
        self.assertIn("longer than 3 rows", self.refused(answer(*[[b"a"]] * 4)))
        self.setUp()
        self.assertIn("1000 bytes", self.refused(answer(*[[b"a" * 400]] * 3)))
        self.setUp()
        self.assertIn("limit of 1000 bytes", self.refused((2000).to_bytes(3, "little") + b"\1"))

    def test_what_no_server_says(self):
        for text, data in (
            ("more results", packets(b"\0\0\0\x0a\0\0\0", 1)),
            ("file of this host", packets(b"\xfb/etc/passwd", 1)),
            ("an answer that is none", packets(b"\1\1", 1)),
            ("an answer that is none", packets(b"\xfc\xff\xff", 1)),
            ("an empty packet", packets(b"", 1)),
            ("more columns", numbered([b"\1", DEFINITION, DEFINITION])),
            ("past its end", numbered([b"\1", DEFINITION, EOF, b"\5ab"])),
            ("out of order", packets(OK, 2)),
        ):
            self.setUp()
            self.assertIn(text, self.refused(data))
        played = Played(ACCOUNT).log_in()
        self.assertIn(
            "was not asked", str(self.assertRaises(WireError, played.feed, packets(OK, 0)))
        )

    def test_one_question_at_a_time_behind_the_login(self):
        self.assertRaises(HandshakeError, ServiceQuery(ACCOUNT).ask, b"")
        self.played.ask()
        self.assertRaises(HandshakeError, self.played.query.ask, b"")
        self.assertRaises(HandshakeError, self.played.query.derived, b"key")

    @given(st.lists(st.binary(max_size=40), max_size=8))
    def test_any_packets(self, said):
        self.setUp()
        try:
            self.asked(numbered(said))
        except (WireError, HandshakeError):
            return
