"""Samples and pages equal what is rendered; what is dumped can be read."""

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.listeners import SERVERS, options_of
from acra_twisted.config.render import render_help, render_ini, render_listener
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.options import Settings, defaults
from tests.support.settings import values_of

TOP = Path(__file__).parents[3]


class Generated(SynchronousTestCase):
    def test_files_are_up_to_date(self):
        sys.path.insert(0, str(TOP / "docs"))
        self.addCleanup(sys.path.remove, str(TOP / "docs"))
        import generate

        for path, text in generate.pages().items():
            self.assertEqual((TOP / path).read_text(), text, f"{path}: run make docs")


class RoundTrip(SynchronousTestCase):
    def read(self, text, sections):
        path = self.mktemp()
        Path(path).write_text(text)
        return values_of(path, sections)

    def test_a_sample_changes_nothing_and_a_dump_everything(self):
        for sections in (SERVER_SECTIONS, CONNECTOR_SECTIONS):
            values = defaults(sections)
            self.assertEqual(self.read(render_ini("x", sections), sections), {})
            self.assertEqual(self.read(render_ini("x", sections, values), sections), dict(values))

    def test_the_sample_of_a_listener_is_a_comment_with_its_options(self):
        options = options_of(SERVER_SECTIONS, SERVERS)
        text = render_listener(options)
        self.assertTrue(all(line[:1] in ("#", "") for line in text.splitlines()), text)
        words = set(text.replace(",", " ").replace(".", " ").split())
        self.assertLessEqual({option.name for option in options}, words)
        self.assertFalse(any(option.secret for option in options))

    def test_stages_are_dumped(self):
        settings = Settings({}, {"cap": Settings({"size": 3, "on": True})})
        self.assertIn("[stage:cap]\nsize = 3\non = true\n", render_ini("x", (), settings))

    def test_help_fits_the_terminal(self):
        lines = render_help("acra-server", SERVER_SECTIONS).splitlines()
        self.assertTrue(all(len(line) <= 132 for line in lines))
