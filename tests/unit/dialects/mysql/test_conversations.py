"""Both directions of a session together, along recorded conversations."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import PARAMETERS, STATEMENT
from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqlrequests import query, said
from tests.support.mysqltalk import LEFT_OUT, Talk, pieces, turns
from tests.support.mysqlvectors import CLIENT, SERVER, conversations


class Recorded(SynchronousTestCase):
    def passes(self, conversation, size, inspects):
        session = Talk(conversation, inspects)
        said = {CLIENT: b"", SERVER: b""}
        passed = {CLIENT: b"", SERVER: b""}
        # An execution may wait for the reply before it.
        for leg, data in turns(conversation, PARAMETERS not in inspects):
            other = SERVER if leg == CLIENT else CLIENT
            side = session.client if leg == CLIENT else session.database
            said[leg] += data
            for piece in pieces(data, size or len(data)):
                there, back = side(piece)
                passed[leg] += there
                passed[other] += back
        self.assertEqual(passed, said, conversation.name)
        return len(session.desk.works)

    def chosen(self):
        return [one for name, one in conversations().items() if name not in LEFT_OUT]

    def test_each_passes_as_if_nobody_were_between(self):
        works = [
            self.passes(one, 0, (STATEMENT, PARAMETERS))
            for one in self.chosen()
            # Executions are malformed, have a value of a type that MariaDB does not read, or stand
            # behind a preparation that failed.
            if one.name not in ("query_attributes_masked", "param_types", "maria_execute_last")
        ]
        self.assertGreater(sum(works), 250)

    def test_nor_does_it_matter_how_it_is_cut(self):
        """Byte by byte, too: so each packet has been cut anywhere."""
        for one in self.chosen():
            for size in (1, 3):
                self.passes(one, size, (STATEMENT,))

    def test_nor_whether_anybody_judges(self):
        for one in self.chosen():
            self.assertEqual(self.passes(one, 0, ()), 0)


class Denied(SynchronousTestCase):
    """Refusals between commands that pass, however many are under way."""

    OK = b"\0\0\0\2\0\0\0"
    MOVES = st.lists(st.sampled_from(("passes", "refused", "unknown", "answered")), max_size=20)

    @given(MOVES)
    def test_each_answer_comes_in_its_place(self, moves):
        session = Talk(conversations()["text_simple"], (STATEMENT,), b"secret")
        expected, got, owed = [], [], []
        for move in moves:
            if move == "answered":
                if not owed:
                    continue
                owed.pop(0)
                got.append(session.database(packets(self.OK, 1))[0])
                continue
            payload = {
                "passes": query(b"SELECT 1"),
                "refused": query(b"SELECT secret"),
                "unknown": b"\x99",
            }[move]
            out, answer = session.client(said(payload))
            got.append(answer)
            if move == "passes":
                owed.append(payload)
                self.assertEqual(out, said(payload))
            else:
                self.assertEqual(out, b"")
            expected.append({"passes": 0, "refused": 1317, "unknown": 1047}[move])
        while owed:
            owed.pop(0)
            got.append(session.database(packets(self.OK, 1))[0])
        data, found = b"".join(got), []
        while data:
            size = int.from_bytes(data[:3], "little")
            self.assertEqual(data[3], 1)
            found.append(int.from_bytes(data[5:7], "little") if data[4] == 0xFF else 0)
            data = data[4 + size :]
        self.assertEqual(found, expected)
        self.assertFalse(session.desk.session.outstanding)
