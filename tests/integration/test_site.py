"""``make html``: one site of all pages, without a warning."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.support.documents import TOP, site


class Site(unittest.TestCase):
    def test_pages_build_and_their_links_lead_somewhere(self):
        folder = Path(tempfile.mkdtemp(prefix="acra-site-"))
        self.addCleanup(shutil.rmtree, folder)
        build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
        done = subprocess.run(
            [*build, "-d", folder / "trees", TOP / "docs", folder / "html"],
            cwd=TOP,
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        made = {path.name: path.read_text() for path in (folder / "html").glob("*.html")}
        for page in site():
            text = made[page.with_suffix(".html").name]
            for target in re.findall(r'<a class="reference [^>]*href="([^"#:]+)["#]', text):
                self.assertTrue((folder / "html" / target).exists(), f"{page.name}: {target}")
