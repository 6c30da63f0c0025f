"""Files of the console."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.assets import PREFIX, Assets
from tests.support.webpages import body


class Files(SynchronousTestCase):
    def test_they_stay_within_the_budget(self):
        assets = Assets()
        whole = sum(len(one.text) for one in assets.by_name.values())
        self.assertLess(whole, 40_000)
        self.assertEqual(len(assets.by_name), 4)

    def test_addresses_lead_to_them(self):
        assets = Assets()
        for address in (*assets.styles, assets.script, assets.icon):
            name = address.removeprefix(PREFIX)
            self.assertRegex(name, r"^[a-z]+-[0-9a-f]{12}\.(css|js|svg)$")
            page = assets.page(name)
            kind = {"css": "css", "js": "javascript", "svg": "svg"}[name.partition(".")[2]]
            self.assertIn(kind, page.kind)
            self.assertEqual(body(page), assets.by_name[name].text)

    def test_nothing_comes_from_elsewhere(self):
        namespace = 'xmlns="http://www.w3.org/2000/svg"'
        for asset in Assets().by_name.values():
            for word in ("http:", "https:", "@import", "url(", "eval("):
                self.assertNotIn(word, asset.text.replace(namespace, ""))
