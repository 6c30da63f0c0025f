"""Errors in MySQL's numbers."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.mysql import errors
from acra_twisted.wire.mysql.errors import Situation, encode_error

#: What servers of MySQL send in these situations.
KNOWN = {
    (1317, b"70100"),
    (1835, b"HY000"),
    (1156, b"08S01"),
    (1153, b"08S01"),
    (1047, b"08S01"),
    (1243, b"HY000"),
    (1043, b"08S01"),
    (3159, b"HY000"),
    (1045, b"28000"),
    (1040, b"08004"),
    (1105, b"HY000"),
    (1053, b"08S01"),
    (1159, b"08S01"),
    (4031, b"HY000"),
    (1213, b"40001"),
}


class Errors(SynchronousTestCase):
    def test_the_packet(self):
        found = encode_error(errors.DENIED, "AcraCensor blocked this query")
        self.assertEqual(
            found.hex(),
            "ff25052337303130304163726143656e736f7220626c6f636b65642074686973207175657279",
        )

    def test_in_place_of_a_greeting(self):
        found = encode_error(errors.SHUTDOWN, "AcraServer is shutting down", shown_state=False)
        self.assertEqual(
            found.hex(), "ff1d0441637261536572766572206973207368757474696e6720646f776e"
        )

    def test_each_has_its_number_and_a_text(self):
        found = [value for value in vars(errors).values() if isinstance(value, Situation)]
        self.assertEqual({(each.number, each.sqlstate) for each in found}, KNOWN)
        for each in found:
            self.assertTrue(encode_error(each).endswith(each.sqlstate + each.text.encode()))
