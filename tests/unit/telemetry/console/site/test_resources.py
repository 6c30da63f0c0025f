"""The console's addresses, over HTTP."""

from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.site.resources import make_console
from acra_twisted.telemetry.pages.access import Guard
from tests.support.hours import Hour
from tests.unit.telemetry.pages.test_site import TOKEN
from tests.unit.telemetry.pages.test_site import Site as Asking


class Addresses(Asking):
    def setUp(self):
        super().setUp()
        self.caught_up = 0
        self.console = Console("acra-server", Hour().slow_since(20).sources)
        self.make_with(Guard())

    def make_with(self, guard):
        def catch_up():
            self.caught_up += 1

        root = make_console(self.console, guard, catch_up)
        self.make(self.scrape, self.pages, guard=guard, console=root)

    def test_views(self):
        for path, said in (
            ("/console", "It is the"),
            ("/console/", "It is the"),
            ("/console/statements", "One statement takes"),
        ):
            status, text = self.ask(path)
            self.assertEqual(status, 200, path)
            self.assertIn("default-src 'self'; form-action", text)
            self.assertIn(said, text)
        self.assertEqual(self.caught_up, 3)
        self.assertIn('href="/console/"', self.ask("/")[1])

    def test_what_is_wrong_is_said(self):
        status, text = self.ask("/console/statements?range=2h")
        self.assertEqual(status, 400)
        self.assertIn("range must be one of", text)
        self.assertEqual(self.ask("/console/statement?id=0123456789abcdef")[0], 404)
        for path in ("/console/nowhere", "/console/assets", "/console/assets/nothing.css"):
            status, text = self.ask(path)
            self.assertEqual(status, 404, path)
            self.assertIn("/console/statements", text)
        self.assertEqual(self.ask("/console/statements", method="POST")[0], 405)

    def test_exports(self):
        for path, kind in (
            ("statements?format=csv", "text/csv"),
            ("traces?format=csv", "text/csv"),
            ("traces?format=cef", "text/plain"),
            ("security?format=csv", "text/csv"),
            ("security?format=cef", "text/plain"),
        ):
            status, text = self.ask(f"/console/{path}")
            self.assertEqual(status, 200, path)
            lines = text.lower().splitlines()
            self.assertIn(f"content-type: {kind}; charset=utf-8", lines)
            name = path.replace("?format=", ".")
            self.assertIn(f'content-disposition: attachment; filename="acra-{name}"', lines)
            self.assertIn("x-content-type-options: nosniff", lines)
        status, text = self.ask("/console/statement?id=1&format=csv")
        self.assertEqual(status, 400)
        self.assertIn("format must be one of html, json", text)
        self.assertNotIn("disposition", self.ask("/console/traces?format=json")[1].lower())

    def test_files_may_be_kept(self):
        for path in (*self.console.assets.styles, self.console.assets.script):
            status, text = self.ask(path)
            self.assertEqual(status, 200)
            self.assertIn("immutable", text)
            self.assertIn("nosniff", text)

    def test_a_token(self):
        self.make_with(Guard(TOKEN))
        shown = f"Authorization: Bearer {TOKEN}\r\n"
        for path in ("/console", "/console/statements", self.console.assets.script):
            self.assertEqual(self.ask(path)[0], 401, path)
            self.assertEqual(self.ask(path, more=shown)[0], 200, path)

    def test_names_of_other_machines(self):
        self.assertEqual(self.ask("/console/", host="evil.example")[0], 421)
        elsewhere = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"
        self.assertEqual(self.ask("/console/", more=elsewhere)[0], 403)
