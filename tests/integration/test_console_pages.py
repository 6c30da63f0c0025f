"""The console in a real browser: light, dark, on a phone, and without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsing import BARE, DARK, FORCED, LIGHT, PHONE, PRINT, looked

#: Bytes of a page at most.
_BUDGET = 60_000
#: A page comes in pieces, and columns of a table find their widths with its rows: thousandths,
#: more of them on a busy machine.  A block that jumps is some hundredths; 0.1 is called good.
_SHIFT = 0.02


class _Seen:
    """Pages that a module serves."""

    module: ClassVar[str]
    forms: ClassVar[tuple[Mapping[str, Any], ...]]
    pages: ClassVar[dict[str, str]]
    seen: ClassVar[list[dict[str, Any]]]

    @classmethod
    def setUpClass(cls):
        cls.pages, cls.seen = looked(cls.module, cls.forms)

    def each(self, key):
        """Findings under a key, by page and form, where there is something."""
        return {(one["page"], one["form"]): one[key] for one in self.seen if one[key]}

    def test_every_page_was_seen_in_every_form(self):
        found = {(one["page"], one["form"]) for one in self.seen}
        self.assertEqual(
            found, {(page, form["name"]) for page in self.pages for form in self.forms}
        )

    def test_axe_finds_nothing(self):
        self.assertEqual(self.each("axe"), {})

    def test_the_policy_stops_nothing_and_the_browser_reports_nothing(self):
        self.assertEqual(self.each("policy"), {})
        self.assertEqual(self.each("errors"), {})

    def test_nothing_moves_while_a_page_is_loaded(self):
        moved = {key: shift for key, shift in self.each("shift").items() if shift > _SHIFT}
        self.assertEqual(moved, {})

    def test_the_list_of_views_shows_which_one_is_open(self):
        self.assertEqual(self.each("lost"), {})

    def test_pages_keep_to_their_budget_and_to_the_window(self):
        self.assertEqual(self.each("wide"), {})
        for (page, form), parts in self.each("cut").items():
            self.assertEqual((page, form, parts), (page, "phone", ["Topology"]))
        sizes = self.each("bytes")
        self.assertEqual({key: size for key, size in sizes.items() if size > _BUDGET}, {})
        # There is something to see, with a script and without.
        self.assertEqual({key: size for key, size in sizes.items() if size < 2_500}, {})


class Console(_Seen, SynchronousTestCase):
    """A planted hour with a large trace, long statements and names that would do harm."""

    module = "tests.support.consolestory"
    forms = (LIGHT, DARK, PHONE, BARE)

    def test_pages_are_whole_without_scripts(self):
        parts = {(one["page"], one["form"]): one["parts"] for one in self.seen}
        dead = {(one["page"], one["form"]): one["dead"] for one in self.seen}
        for page in self.pages:
            self.assertEqual(parts[page, "bare"], parts[page, "light"], page)
            self.assertEqual(dead[page, "bare"], [], page)
            # A script adds the choice of a theme, at least.
            self.assertNotEqual(dead[page, "light"], [], page)


class States(_Seen, SynchronousTestCase):
    """Nothing yet, long times, a history that is away, and many servers."""

    module = "tests.support.consolestates"
    forms = (LIGHT, DARK, PHONE)


class Paper(SynchronousTestCase):
    """Views on paper, printed from a dark screen, and in colours of the reader's own."""

    module = "tests.support.consolestory"

    @classmethod
    def setUpClass(cls):
        cls.pages, cls.seen = looked(cls.module, (PRINT, FORCED))

    def of(self, form, key):
        return {
            one["page"]: one[key] for one in self.seen if one["form"] == form["name"] and one[key]
        }

    def test_every_page_was_seen_in_every_form(self):
        found = {(one["page"], one["form"]) for one in self.seen}
        forms = (PRINT, FORCED)
        self.assertEqual(found, {(page, form["name"]) for page in self.pages for form in forms})

    def test_paper_has_no_controls(self):
        self.assertEqual(self.of(PRINT, "controls"), {})

    def test_what_is_printed_can_be_read(self):
        self.assertEqual(self.of(PRINT, "faint"), {})

    def test_nothing_is_cut_by_the_edge_of_the_sheet(self):
        self.assertEqual(self.of(PRINT, "wide"), {})
        self.assertEqual(self.of(PRINT, "cut"), {})

    def test_axe_finds_nothing_with_colours_of_ones_own(self):
        self.assertEqual(self.of(FORCED, "axe"), {})
        self.assertEqual(self.of(FORCED, "wide"), {})
