"""Connectors over which no requests come any longer."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.gone import LASTS_MAX, Gone, Last, gone, lasts, said
from acra_twisted.telemetry.figures.counting import MINUTE
from tests.support.hours import NOW

_NOW = NOW // MINUTE
_A, _B = "10.0.0.1", "10.0.0.2"


class Lost(SynchronousTestCase):
    def test_one_that_came_all_the_time(self):
        heard = {_A: set(range(_NOW - 60, _NOW + 1)), _B: set(range(_NOW - 60, _NOW - 19))}
        self.assertEqual(gone(lasts(heard), _NOW), [Gone(_B, _NOW - 19)])

    def test_a_short_silence_and_a_long_one_are_not_told(self):
        for silent, told in ((0, False), (3, False), (4, True), (60, True), (61, False)):
            heard = {_A: set(range(_NOW - silent - 40, _NOW - silent + 1))}
            self.assertEqual(bool(gone(lasts(heard), _NOW)), told, silent)

    def test_one_that_came_now_and_then(self):
        self.assertEqual(gone(lasts({_A: set(range(_NOW - 110, _NOW - 9, 2))}), _NOW), [])
        self.assertEqual(gone(lasts({_A: set(range(_NOW - 28, _NOW - 9))}), _NOW), [])
        self.assertEqual(len(gone(lasts({_A: set(range(_NOW - 29, _NOW - 9))}), _NOW)), 1)

    def test_one_that_has_gone_to_another_server_is_there(self):
        left = Last(_A, _NOW - 20, True)
        self.assertEqual(gone([left], _NOW), [Gone(_A, _NOW - 19)])
        self.assertEqual(gone([left, Last(_A, _NOW - 1, False)], _NOW), [])

    def test_one_that_has_left_both_servers_is_gone_since_the_later_one(self):
        both = [Last(_A, _NOW - 20, True), Last(_A, _NOW - 12, False), Last(_B, _NOW, True)]
        for told in (both, both[::-1]):
            self.assertEqual(gone(told, _NOW), [Gone(_A, _NOW - 11)])

    def test_those_that_were_heard_last_are_told_of(self):
        heard = {f"10.0.{number}.1": {_NOW - number} for number in range(240)}
        told = lasts(heard)
        self.assertEqual(len(told), LASTS_MAX)
        self.assertEqual(max(_NOW - one.minute for one in told), LASTS_MAX - 1)

    def test_the_words(self):
        self.assertIsNone(said([]))
        one = said([Gone(_B, _NOW - 19)], "/console/topology")
        text = "".join(piece.text for piece in one.pieces)
        self.assertEqual(
            text,
            "Nothing has come here over the connector 10.0.0.2 since 23:41; requests came all the "
            "time before.",
        )
        everywhere = said([Gone(_B, _NOW - 19)], here=False)
        self.assertIn("Nothing has come over the connector ", everywhere.pieces[0].text)
        self.assertIn("/console/topology", [piece.href for piece in one.pieces])
        many = said([Gone(f"10.0.0.{number}", _NOW - number) for number in range(1, 6)])
        text = "".join(piece.text for piece in many.pieces)
        self.assertIn("5 connectors: 10.0.0.1, 10.0.0.2, 10.0.0.3 and 2 more since 23:55", text)
