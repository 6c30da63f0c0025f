"""Connectors over which no requests come any longer."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.gone import Gone, gone, said
from acra_twisted.telemetry.figures.counting import MINUTE
from tests.support.hours import NOW

_NOW = NOW // MINUTE
_A, _B = "10.0.0.1", "10.0.0.2"


class Lost(SynchronousTestCase):
    def test_one_that_came_all_the_time(self):
        heard = {_A: set(range(_NOW - 60, _NOW + 1)), _B: set(range(_NOW - 60, _NOW - 19))}
        self.assertEqual(gone(heard, _NOW), [Gone(_B, _NOW - 19)])

    def test_a_short_silence_and_a_long_one_are_not_told(self):
        for silent, told in ((0, False), (3, False), (4, True), (60, True), (61, False)):
            heard = {_A: set(range(_NOW - silent - 40, _NOW - silent + 1))}
            self.assertEqual(bool(gone(heard, _NOW)), told, silent)

    def test_one_that_came_now_and_then(self):
        self.assertEqual(gone({_A: set(range(_NOW - 110, _NOW - 9, 2))}, _NOW), [])
        self.assertEqual(gone({_A: set(range(_NOW - 28, _NOW - 9))}, _NOW), [])
        self.assertEqual(len(gone({_A: set(range(_NOW - 29, _NOW - 9))}, _NOW)), 1)

    def test_the_words(self):
        self.assertIsNone(said([]))
        one = said([Gone(_B, _NOW - 19)], "/console/topology")
        text = "".join(piece.text for piece in one.pieces)
        self.assertEqual(
            text,
            "Nothing has come here over the connector 10.0.0.2 since 23:41; requests came all the "
            "time before.",
        )
        self.assertIn("/console/topology", [piece.href for piece in one.pieces])
        many = said([Gone(f"10.0.0.{number}", _NOW - number) for number in range(1, 6)])
        text = "".join(piece.text for piece in many.pieces)
        self.assertIn("5 connectors: 10.0.0.1, 10.0.0.2, 10.0.0.3 and 2 more since 23:55", text)
