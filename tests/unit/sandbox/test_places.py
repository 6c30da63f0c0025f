"""Folders for servers, in the places and for the users that first runs have."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox import places
from acra_twisted.sandbox.processes import unprivileged

TOP = Path(__file__).parents[3]
ROOT = os.geteuid() == 0
#: A mount namespace, for root and for everybody else.
OWN_MOUNTS = ["unshare", "-m"] if ROOT else ["unshare", "-cm", "--keep-caps"]


class Temporary(SynchronousTestCase):
    def setUp(self):
        self.base = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.base)
        self.base.chmod(0o755)

    def made(self, place, **options):
        self.patch(os, "environ", {**os.environ, "TMPDIR": str(place)})
        folder = places.temporary("acra-x-", **options)
        self.addCleanup(folder.rmdir)
        return folder.parent

    def test_where_tmpdir_says(self):
        place = self.base / "with blank, ümlaut and 'quote'"
        place.mkdir()
        self.assertEqual(self.made(place, user=unprivileged()), place)

    def test_where_it_is_wished_to_be(self):
        for name in ("usual", "wished"):
            (self.base / name).mkdir()
        found = self.made(self.base / "usual", first=str(self.base / "wished"))
        self.assertEqual(found, self.base / "wished")
        found = self.made(self.base / "usual", first=str(self.base / "none"))
        self.assertEqual(found, self.base / "usual")

    def test_elsewhere_if_it_is_not_there(self):
        self.assertNotEqual(self.made(self.base / "none"), self.base / "none")

    def test_elsewhere_if_it_is_too_long_for_a_socket(self):
        place = self.base / ("x" * 90)
        place.mkdir()
        self.assertNotEqual(self.made(place), place)
        self.assertEqual(list(place.iterdir()), [])

    def test_elsewhere_if_the_server_cannot_enter_it(self):
        place = self.base / "closed"
        place.mkdir(0o700)
        # Who is not root starts servers as itself.
        wanted = place if unprivileged() is None else Path("/tmp")
        self.assertEqual(self.made(place, user=unprivileged()), wanted)

    def test_elsewhere_if_programs_may_not_run_there(self):
        program = (
            "from acra_twisted.sandbox.places import temporary\n"
            "for programs in (False, True):\n"
            "    folder = temporary('acra-x-', programs=programs); print(folder.parent)\n"
            "    folder.rmdir()"
        )
        mount = 'mount -t tmpfs -o noexec none "$TMPDIR" && exec "$0" -c "$1"'
        done = subprocess.run(
            [*OWN_MOUNTS, "sh", "-c", mount, sys.executable, program],
            env={**os.environ, "TMPDIR": str(self.base), "PYTHONPATH": str(TOP)},
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), [str(self.base), "/tmp"])

    def test_nowhere_is_one_line_that_says_what_to_do(self):
        self.patch(places, "_OTHERS", (str(self.base / "none"),))
        self.patch(os, "environ", {**os.environ, "TMPDIR": str(self.base / "neither")})
        error = self.assertRaises(RuntimeError, places.temporary, "acra-x-")
        self.assertIn("set TMPDIR", str(error))
        self.assertIn(f"{self.base}/neither: No such file", str(error))
        self.assertNotIn("\n", str(error))


class Programs(SynchronousTestCase):
    def test_why_one_cannot_be_run(self):
        self.assertEqual(places.executable(Path(sys.executable).resolve(), None), "")
        self.assertIn("nowhere", places.executable(Path("/nowhere/program"), None))

    def test_those_of_the_system_are_found_by_their_names(self):
        base = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, base)
        own = base / "own-program"
        own.touch(0o755)
        self.patch(os, "environ", {**os.environ, "PATH": str(base)})
        self.assertEqual(places.installed("own-program"), str(own))
        self.assertIsNone(places.installed("no-such-program"))
        # The server's folder is not in this PATH.
        self.assertEqual(places.installed("mariadbd"), "/usr/sbin/mariadbd")

    def test_a_copy_is_for_everybody(self):
        base = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, base)
        install = base / "package" / "install"
        (install / "bin").mkdir(parents=True)
        (base / "package.libs").mkdir()
        for path in (install / "bin" / "run", base / "package.libs" / "some.so"):
            path.touch(0o700)
            path.chmod(0o700)
        before = os.umask(0o077)
        try:
            copy = places.copied(install, base / "copy")
        finally:
            os.umask(before)
        self.assertEqual((copy / "bin/run").stat().st_mode & 0o777, 0o755)
        self.assertTrue((copy.parents[1] / "package.libs/some.so").exists())
        self.assertTrue(all(p.stat().st_mode & 0o005 == 0o005 for p in (copy, *copy.parents[:2])))


class Environment(SynchronousTestCase):
    def test_what_would_lead_elsewhere_goes(self):
        self.patch(
            os,
            "environ",
            {
                "PGHOSTADDR": "1",
                "ACRA_DB_HOST": "x",
                "http_proxy": "y",
                "HTTPS_PROXY": "z",
                "A": "b",
            },
        )
        places.neutral()
        self.assertEqual(os.environ, {"A": "b"})
