"""``make demo`` where, and as whom, it may be tried first."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).parents[2]
ROOT = os.geteuid() == 0
OWN_MOUNTS = ["unshare", "-m"] if ROOT else ["unshare", "-cm", "--keep-caps"]
DEMO = [sys.executable, str(TOP / "examples/demo/demo.py"), "--once"]


class Demo(unittest.TestCase):
    def setUp(self):
        # Not in shared memory, which one of the tests hides.
        self.folder = Path(tempfile.mkdtemp(prefix="acra-first-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)

    def works(self, *command, **environment):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", umask=0o077
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_no_home_a_closed_umask_and_a_temporary_folder_with_an_odd_name(self):
        place = self.folder / "mit Leerzeichen, ümlaut und 'quote'"
        place.mkdir()
        place.chmod(0o755)
        odd = {"PGHOSTADDR": "192.0.2.1", "http_proxy": "http://192.0.2.1:3128", "PGSERVICE": "x"}
        self.works(*DEMO, TMPDIR=str(place), PATH=os.environ["PATH"], **odd)
        self.assertEqual(list(place.iterdir()), [])

    def test_no_shared_memory_a_home_that_cannot_be_written_and_no_programs_in_tmp(self):
        mounts = (
            'set -e; mount --bind "$HOME" "$HOME"; mount -o remount,ro,bind "$HOME"; '
            'mount -t tmpfs -o noexec none "$TMPDIR"; mount -t tmpfs -o ro none /dev/shm; exec "$@"'
        )
        places = {"HOME": str(self.folder), "TMPDIR": str(self.folder / "tmp")}
        (self.folder / "tmp").mkdir()
        command = (*OWN_MOUNTS, "sh", "-c", mounts, "sh", *DEMO)
        self.works(*command, **places, PATH=os.environ["PATH"])

    def test_it_tells_of_protected_columns(self):
        told = self.works(*DEMO, PATH=os.environ["PATH"])
        story = told.partition("on columns that encryptor.yaml names:")[2].partition(
            "Look around:"
        )[0]
        number = "5500 0000 0000 0004"
        self.assertIn(f"INSERT INTO payment VALUES (1, '{number}', '{number}', '{number}')", story)
        token = re.search("export, a token: +(.+)", story)[1]
        self.assertEqual(len(token), len(number))
        self.assertIn(f"the application reads: [('{number}', '{number}', '{number}')]", story)
        self.assertIn(f"with keys of its own, reads: [('**** 0004', '{token}')]", story)
        self.assertIn("it is refused, with: '0A000'", story)
        self.assertIn("which gives an order of what is stored", story)
        before = told.partition("The application's statements")[0]
        self.assertRegex(before, r"The console: http://127.0.0.1:\d+/console/\n")
        views = told.partition("The console answers:")[2].partition("Look around:")[0]
        self.assertEqual(len(re.findall(r"^  \S.*\?$", views, re.MULTILINE)), 11)
        # The picture has the stage for statements and for results, the refusal with its mark.
        self.assertRegex(story, r"stage encryptor +\|[ #]+\|!")
        self.assertIn("stage encryptor rows", story)
        # Values stand in the application's own words alone, before the trace.
        self.assertNotIn(number, story.partition("Its trace:")[2])

    def test_on_mariadb(self):
        told = self.works(*DEMO, "--database=mysql", PATH=os.environ["PATH"])
        self.assertIn("starting MariaDB, two acra-servers and two acra-connectors", told)
        self.assertIn("several statements in one text: [100, 250, 75]", told)
        self.assertIn("injection denied by AcraCensor: 1317", told)
        self.assertIn("error of the database: 1054", told)
        self.assertIn("the application reads: [(b'4111 1111 1111 1111',)", told)
        self.assertIn("the session is ended: 1317", told)
        trace = told.partition("The trace, from the application")[2].partition("The event (587")[0]
        for line in (
            r"application +a page of the shop",
            r"acra-connector +SELECT card ",
            r"acra-server +SELECT card ",
            r"acra-server +stage decryptor rows",
            r"acra-server +mariadb SELECT card ",
        ):
            self.assertRegex(trace, line)
        self.assertNotIn("4111", trace)


class Installation(unittest.TestCase):
    """``.ci/install-venv``, whose ``pip`` is a false one here."""

    def setUp(self):
        self.base = Path(tempfile.mkdtemp(prefix="acra-install-"))
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.base.chmod(0o755)
        self.checkout = self.clone("a checkout, größer")

    def clone(self, name):
        checkout = self.base / name
        (checkout / ".ci").mkdir(parents=True)
        shutil.copy(TOP / ".ci/install-venv", checkout / ".ci")
        for file in ("setup.cfg", "constraints.txt", "pyproject.toml"):
            (checkout / file).touch()
        python = self.base / "python"
        python.write_text(
            '#!/bin/sh\n[ "$2" != venv ] || { mkdir -p .venv/bin && cp "$0" .venv/bin/python && '
            'echo "VIRTUAL_ENV=$PWD/.venv" > .venv/bin/activate; }\n'
            'echo "$*" >> calls\n[ ! -e fail ]\n'
        )
        python.chmod(0o755)
        return checkout

    def install(self, checkout, *prefix):
        return subprocess.run(
            [*prefix, "sh", ".ci/install-venv", "demo"],
            cwd=checkout,
            env={"PATH": os.environ["PATH"], "PYTHON": str(self.base / "python")},
            capture_output=True,
            text=True,
        )

    def calls(self, checkout):
        """How many environments were made."""
        return (checkout / "calls").read_text().count("-m venv")

    def test_once(self):
        for _ in range(2):
            self.assertEqual(self.install(self.checkout).returncode, 0)
        self.assertEqual(self.calls(self.checkout), 1)

    def test_a_folder_that_was_moved(self):
        self.install(self.checkout)
        moved = self.base / "moved"
        self.checkout.rename(moved)
        done = self.install(moved)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("made in another folder", done.stdout)
        self.assertEqual(self.calls(moved), 2)

    def test_one_that_was_interrupted(self):
        self.install(self.checkout)
        (self.checkout / ".venv/.installed-demo").unlink()
        (self.checkout / ".venv/bin/python").unlink()
        self.assertEqual(self.install(self.checkout).returncode, 0)
        self.assertEqual(self.calls(self.checkout), 2)

    def test_another_users(self):
        prefix = ["setpriv", "--reuid=65534", "--clear-groups"] if ROOT else []
        self.checkout.chmod(0o555)
        done = self.install(self.checkout, *prefix)
        self.checkout.chmod(0o755)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("cannot write to it: clone it as", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_pip_fails(self):
        python = self.base / "python"
        python.write_text(python.read_text().replace("[ ! -e fail ]", '[ "$3" != install ]'))
        done = self.install(self.checkout)
        self.assertEqual(done.returncode, 1)
        self.assertIn("pip could not install setuptools", done.stderr)
        self.assertFalse((self.checkout / ".venv/.installed-demo").exists())
