"""Rules for every view."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import VIEWS
from acra_twisted.telemetry.pages.search import Unfit


class Views(SynchronousTestCase):
    def test_no_argument_is_passed_over(self):
        for view in VIEWS.values():
            with self.assertRaisesRegex(Unfit, "there is no 'nonsense'"):
                view.asked({"nonsense": "1"}, 0)

    def test_each_has_an_entry_of_the_list(self):
        for view in VIEWS.values():
            self.assertIn(view.here, VIEWS)
