"""Replies by the messages that they answer."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.answering import Answering, Reply, shown
from tests.support.sessions import columns, error, messages, ready, row


def answered(kinds: str, replies: str) -> list[str]:
    """The types of the replies to each message; ``E`` is an error."""
    answering = Answering()
    for kind in kinds:
        answering.sent(kind)
    for kind in replies:
        body = b"SERROR\0VERROR\0C22012\0\0" if kind == "E" else b"I"
        answering.came(Reply(kind, body))
    assert answering.settled, "something is not answered"
    return ["".join(one.kind for one in answer) for answer in answering.answers]


class Answers(SynchronousTestCase):
    def test_each_message_has_its_own(self):
        for kinds, replies, expected in (
            ("Q", "TDDCDCZ", ["TDDCDCZ"]),
            ("PBDES", "12TDDCZ", ["1", "2", "T", "DDC", "Z"]),
            ("DDCHS", "tnn3Z", ["tn", "n", "3", "", "Z"]),
            ("BEEES", "2DsICZ", ["2", "Ds", "I", "C", "Z"]),
            ("PBEQSQ", "1EZEZ", ["1", "E", "", "", "Z", "EZ"]),
            ("QS", "NCSZZ", ["NCSZ", "Z"]),
        ):
            self.assertEqual(answered(kinds, replies), expected, kinds)

    def test_rows_that_are_loaded(self):
        for kinds, replies, expected in (
            ("QddcS", "GCZZ", ["G", "", "", "CZ", "Z"]),
            ("QdfS", "GEZZ", ["G", "", "EZ", "Z"]),
            ("QdcS", "EZZ", ["EZ", "", "", "Z"]),
            ("PBESdcS", "12GCZ", ["1", "2", "G", "", "", "C", "Z"]),
            ("PBEdfPS", "12GEZ", ["1", "2", "G", "", "E", "", "Z"]),
            ("QcdcQ", "GCGCZCZ", ["G", "CG", "", "CZ", "CZ"]),
        ):
            self.assertEqual(answered(kinds, replies), expected, kinds)

    def test_nobody_asked(self):
        answering = Answering()
        answering.sent("H")
        self.assertTrue(answering.settled)
        self.assertRaises(AssertionError, answering.came, Reply("1", b""))

    def test_a_session_that_ends(self):
        answering = Answering()
        answering.sent("Q")
        self.assertFalse(answering.settled)
        farewell = Reply("E", b"SFATAL\0VFATAL\0C57P01\0MAcraServer goes\0\0")
        answering.came(farewell)
        self.assertTrue(answering.settled and answering.ended)
        self.assertEqual((answering.answers, answering.farewell), ([[]], [farewell]))
        self.assertTrue(farewell.is_refusal)

    def test_what_is_compared(self):
        data = columns(b"a") + row(b"2") + row(b"1") + error(b"22012") + ready()
        found = shown([Reply(*one) for one in messages(data)])
        self.assertEqual([one[0] for one in found], ["T", row(b"1")[5:], "E", "Z"])
        self.assertEqual(found[2:], [("E", b"22012"), ("Z", b"I")])
        moved = data.replace(b"a\0" + b"\0" * 6, b"a\0" + b"\1" * 6)
        self.assertNotEqual(moved, data)
        self.assertEqual(shown([Reply(*one) for one in messages(moved)]), found)
