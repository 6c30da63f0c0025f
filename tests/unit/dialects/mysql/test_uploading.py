"""Files whose rows a stage takes, on their way to the database."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.replies import Reply, denial
from acra_twisted.exchange import ROWS, Copies
from acra_twisted.session import Load
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.mysql import capabilities
from acra_twisted.wire.mysql.frames import PART_MAX, packets
from tests.support.mysqlreplies import Followed
from tests.support.mysqlrequests import Desk, query, said

OK = b"\0\0\0\2\0\0\0"
ERROR = b"\xff\x28\x04#42000You have an error"
LOAD = query(b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t")
DENIED = Deny("no such value", errno=1366, reason="no")


class Taker:
    """An ILoad."""

    name = "encryptor"

    def feed(self, data, exchange):
        """See ILoad."""

    def finish(self, data, exchange):
        """See ILoad."""


def capitals(work):
    """The verdict that has a piece in capitals, and something at the end."""
    return Replace(work.item.upper() if work.item else b"end")


def payload_of(data, first):
    """The payloads of packets whose numbers begin with ``first``, and whether they end a file."""
    parts = []
    number = first
    while data:
        size = int.from_bytes(data[:3], "little")
        assert data[3] == number, (data[3], number)
        parts.append(data[4 : 4 + size])
        data, number = data[4 + size :], (number + 1) & 0xFF
    return b"".join(parts), bool(parts) and not parts[-1]


class Case(SynchronousTestCase):
    def begin(self, verdict=capitals, first=2):
        self.desk = desk = Desk(verdict, capabilities=capabilities.LOCAL_FILES)
        desk.says(said(LOAD))
        exchange = desk.session.outstanding[0][2]
        exchange.statement.copies = Copies(failing=b"(\n")
        desk.state.upload = first
        desk.session.copying_in = True
        desk.session.load = Load(exchange, Taker())
        return desk


class Taken(Case):
    def test_packets_of_ours_carry_what_is_answered(self):
        desk = self.begin(first=7)
        out = desk.says(packets(b"one", 2) + packets(b"two", 3) + packets(b"", 4))
        self.assertEqual(out, packets(b"ONETWO", 7) + packets(b"end", 8) + packets(b"", 9))
        self.assertEqual([work.kind for work in desk.works], [ROWS, ROWS])
        self.assertEqual((desk.state.upload, desk.state.following), (-1, 5))
        self.assertEqual(desk.session.outstanding[0][2].attributes["acra.mysql.infile_bytes"], 6)
        # The reply is owed: a command waits for it.
        self.assertEqual(desk.says(said(b"\x0e")), b"")
        self.assertEqual(desk.replied(), said(b"\x0e"))

    @given(
        st.lists(st.binary(min_size=1, max_size=40), max_size=4),
        st.integers(1, 60),
        st.sampled_from((2, 250)),
        st.booleans(),
    )
    def test_however_it_is_cut(self, parts, size, first, meanwhile):
        desk = self.begin(first=first)
        file = b"".join(packets(one, 2 + n) for n, one in enumerate([*parts, b""]))
        says = desk.says_meanwhile if meanwhile else desk.says_in_pieces
        found, ended = payload_of(says(file, size), first)
        self.assertEqual((found, ended), (b"".join(parts).upper() + b"end", True))
        self.assertEqual(desk.replied(), b"")

    def test_a_large_one_goes_in_pieces(self):
        desk = self.begin(lambda work: Replace(work.item * 3))
        data = bytes(range(256)) * 1_000
        out = desk.says(packets(data, 2) + packets(b"", 3))
        self.assertEqual(max(len(work.item) for work in desk.works), 8 * 1024)
        found, _ = payload_of(out, 2)
        self.assertEqual(len(found), 3 * len(data))

    def test_a_part_of_full_size_does_not_end_it(self):
        desk = self.begin(lambda work: Replace(b""))
        desk.says(packets(b"x" * PART_MAX, 2)[:-4])
        self.assertEqual(desk.says(packets(b"", 3)), b"")
        self.assertEqual(desk.says(packets(b"", 4)), packets(b"", 2))

    def test_pass_sends_a_piece_as_it_came(self):
        desk = self.begin(lambda work: PASS)
        out = desk.says(packets(b"one", 2) + packets(b"", 3))
        self.assertEqual(out, packets(b"one", 2) + packets(b"", 3))


class Refused(Case):
    def test_the_rest_goes_nowhere_and_the_database_fails(self):
        desk = self.begin(lambda work: DENIED if b"two" in work.item else capitals(work))
        self.assertEqual(desk.says(packets(b"one", 2)), packets(b"ONE", 2))
        self.assertEqual(desk.says(packets(b"two", 3)), b"")
        self.assertEqual(desk.says(packets(b"three" * 9_000, 4)), b"")
        self.assertEqual(desk.says(packets(b"", 5)), packets(b"(\n", 3) + packets(b"", 4))
        self.assertEqual(len(desk.works), 2)
        self.assertIn(b"no such value", desk.state.refusal)
        self.assertEqual(desk.session.outstanding[0][2].outcome, "denied")

    def test_at_the_end(self):
        desk = self.begin(lambda work: capitals(work) if work.item else DENIED)
        out = desk.says(packets(b"one", 2) + packets(b"", 3))
        self.assertEqual(out, packets(b"ONE", 2) + packets(b"(\n", 3) + packets(b"", 4))

    def test_a_database_that_has_given_up_meanwhile_gets_nothing(self):
        desk = self.begin()
        work = desk.flow.begin(packets(b"one", 2))
        desk.state.upload = -1
        desk.flow.settle(work, Replace(b"ONE"))
        self.assertEqual(desk.flow.take_output(), b"")


class Replies(SynchronousTestCase):
    """A reply to a file of which a part was refused."""

    def test_the_client_gets_our_error_for_any(self):
        for answer in (OK, ERROR):
            followed = Followed()
            exchange = followed.ask(reply=Reply(files=1))
            followed.feed(packets(b"\xfbx", 1))
            exchange.refuse(DENIED, "1366")
            followed.state.refusal = denial(DENIED)
            followed.state.upload, followed.state.following = -1, 9
            self.assertEqual(followed.feed(packets(answer, 4)), packets(denial(DENIED), 9))
            self.assertEqual(exchange.outcome, "denied")
            self.assertEqual((followed.state.refusal, followed.session.load), (b"", None))
            self.assertFalse(followed.session.copying_in)
