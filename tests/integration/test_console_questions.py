"""The situations of ``docs/console-questions.rst`` in a real browser, and their pictures.

With ``ACRA_PICTURES=1`` the pictures are written to ``docs/pictures/console``, else to a folder of
the test's.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsing import DARK, LIGHT, PHONE, looked
from tests.support.consolequestions import QUESTIONS
from tests.support.documents import TOP

FORMS = (LIGHT, DARK, PHONE)
PICTURES = TOP / "docs/pictures/console"


class Questions(SynchronousTestCase):
    seen: ClassVar[list[dict[str, Any]]]
    sizes: ClassVar[dict[str, int]]

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as made:
            folder = PICTURES if os.environ.get("ACRA_PICTURES") else Path(made)
            folder.mkdir(exist_ok=True)
            _, cls.seen = looked("tests.support.consolequestions", FORMS, folder)
            cls.sizes = {path.name: path.stat().st_size for path in folder.iterdir()}

    def test_nothing_is_wrong_with_any(self):
        for one in self.seen:
            where = one["page"], one["form"]
            for key in ("axe", "policy", "errors", "wide", "lost"):
                self.assertFalse(one[key], (where, key, one[key]))
            if one["cut"]:
                self.assertEqual((one["form"], one["cut"]), ("phone", ["Topology"]))

    def test_each_has_its_pictures(self):
        wanted = {f"{name}-{form['name']}.webp" for name in QUESTIONS for form in FORMS}
        self.assertEqual(set(self.sizes), wanted)
        for name, size in self.sizes.items():
            self.assertGreater(size, 4000, name)
            self.assertLess(size, 120_000, name)
