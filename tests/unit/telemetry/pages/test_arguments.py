"""Arguments of pages."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.arguments import chosen, given
from acra_twisted.telemetry.pages.search import TEXT_MAX, Unfit


class Arguments(SynchronousTestCase):
    def test_blanks_around_them_do_not_count(self):
        asked = {"q": " orders ", "format": "json"}
        self.assertEqual(given(asked, ("q", "range")), {"q": "orders"})

    def test_none_is_passed_over(self):
        with self.assertRaisesRegex(Unfit, "there is no 'x+'; there are q, range$") as caught:
            given({"x" * 500: "1"}, ("q", "range"))
        self.assertLess(len(str(caught.exception)), 100)
        with self.assertRaisesRegex(Unfit, "q is longer than 256 characters"):
            given({"q": "x" * (TEXT_MAX + 1)}, ("q",))
        self.assertEqual(given({"q": "x" * TEXT_MAX}, ("q",))["q"], "x" * TEXT_MAX)

    def test_a_choice(self):
        self.assertEqual(chosen("sort", "b", ("a", "b")), "b")
        with self.assertRaisesRegex(Unfit, "sort must be one of a, b"):
            chosen("sort", "c", ("a", "b"))
