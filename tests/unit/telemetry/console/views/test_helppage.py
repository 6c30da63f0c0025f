"""The page of help says what the script of the pages does."""

import re

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.assets import Assets
from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.console.views import helppage
from tests.support.hours import Hour
from tests.support.webpages import body


class Help(SynchronousTestCase):
    def setUp(self):
        (self.script,) = (
            one.text for name, one in Assets().by_name.items() if name.endswith(".js")
        )

    def test_keys_are_those_of_the_script(self):
        (told,) = re.findall(r"var views = \{([^}]+)\}", self.script)
        keys = dict(re.findall(r'(\w): "(\w+)"', told))
        self.assertEqual(keys, {one.key: one.address for one in helppage.PLACES})
        for key in helppage.KEYS:
            self.assertIn(f'key === "{key}"', self.script)

    def test_every_page_leads_there_and_it_to_every_view_of_the_list(self):
        console = Console("acra-server", Hour(1).sources)
        self.assertIn(
            '<a rel="help" href="/console/help">', body(console.page(VIEWS["health"], {}))
        )
        page = body(console.page(helppage.VIEW, {}))
        for one in helppage.PLACES:
            self.assertIn(f'<a href="/console/{one.address}">{one.name}</a>', page)
            self.assertIn(one.question, page)
