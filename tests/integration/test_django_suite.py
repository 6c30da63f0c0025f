"""Django's own tests with protected columns: each passes, or a statement of it is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from acra_twisted.sandbox.postgres import Postgres, system
from tests.integration.protected import ProtectedCase
from tests.support import djangosuite
from tests.support.djangorunner import RESULT
from tests.support.documents import TOP

APPS = ("basic", "bulk_create", "get_or_create", "model_fields", "update")
#: Values of protected columns that the tests write.
SECRETS = ("Parrot programs in Python", "Other headline.", "Lennon")


def run(what: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `tests.support.djangosuite`."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.djangosuite", what, *APPS],
        cwd=TOP,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class DjangoSuite(ProtectedCase):
    @classmethod
    def make_postgres(cls):
        # That of the demo has no collations of ICU.
        return Postgres(system(), settings=cls.database)

    @classmethod
    def make_served(cls):
        made = run("columns")
        assert made.returncode == 0, made.stderr
        cls.config_file.write_text(made.stdout)
        rewriting = {"encryptor": {"ddl_types": "rewrite"}, "logging": {"v": "false"}}
        return cls.protect(cls.keys, rewriting)

    config = ""

    def setUp(self):
        """Django makes all tables itself."""

    def test_each_passes_or_is_refused(self):
        self.assertGreater(self.config_file.read_text().count("column:"), 80)
        result = self.folder / "result.json"
        environment = {djangosuite.PORT: str(self.served.port), RESULT: str(result)}
        done = run("run", **environment)
        self.assertTrue(result.exists(), done.stderr[-2000:])
        seen = json.loads(result.read_text())
        self.assertGreater(seen["run"], 400)
        for test, text in seen["failed"]:
            with self.subTest(test):
                self.assertRegex(text, "NotSupportedError: .* is protected by AcraServer")
        refused = {test for test, _ in seen["failed"]}
        self.assertLess(len(refused) * 10, seen["run"], sorted(refused))
        texts = [path.read_text() for path in djangosuite.sources().glob("*/tests.py")]
        log = self.log()
        for secret in SECRETS:
            self.assertTrue(any(secret in text for text in texts), secret)
            self.assertNotIn(secret.encode(), log)
