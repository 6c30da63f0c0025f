"""The changelog has every line of news once."""

import unittest

from release import changelog


class Changelog(unittest.TestCase):
    def test_every_line_of_the_fragments_is_an_entry(self):
        told = [
            line.strip()
            for path in changelog.fragments(changelog.TOP)
            for line in path.read_text().splitlines()
            if line.strip()
        ]
        before = (changelog.TOP / "CHANGELOG.rst").read_text()
        text = changelog.assemble(changelog.TOP, "99.1", "2026-01-02")
        self.assertIn("\nacra-twisted 99.1 (2026-01-02)\n----", text)
        entries = [line[2:] for line in text.splitlines() if line.startswith("* ")]
        old = [line[2:] for line in before.splitlines() if line.startswith("* ")]
        self.assertEqual(sorted(entries), sorted([*told, *old]))
