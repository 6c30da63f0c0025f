"""A release: the same bytes each time, whole, and at work where it is installed."""

import atexit
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from acra_twisted import __version__
from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.postgres import Postgres
from release import manpages
from tests.support import interpreters

TOP = Path(__file__).parents[2]
#: What a fresh environment does: both daemons, and a session through them.
SESSION = """
import subprocess, sys
from acra_twisted.sandbox.chain import Chain
with Chain(("127.0.0.1", int(sys.argv[1])), link=sys.argv[2]) as chain:
    where = f"host=127.0.0.1 port={chain.port} user=postgres dbname=postgres sslmode=disable"
    shown = subprocess.run([sys.argv[3], where, "-XAtc", "SELECT 6 * 7"], capture_output=True)
    print(shown.stdout.decode(), shown.stderr.decode(), sys.version_info[:2])
"""


def make(out, umask=0o022):
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "-m", "release.build", "--interpreted", f"--out={out}"]
    done = subprocess.run(
        bound(command), cwd=TOP, env=environment, capture_output=True, text=True, umask=umask
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in out.iterdir()}


@functools.cache
def made():
    """Return the folder of a release that is made once, and ends with the tests."""
    out = Path(tempfile.mkdtemp(prefix="acra-release-"))
    atexit.register(shutil.rmtree, out)
    make(out)
    return out


class Releases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = made()
        cls.files = {path.name: path.read_bytes() for path in cls.folder.iterdir()}
        cls.stem = f"acra_twisted-{__version__}"
        cls.wheel = cls.folder / f"{cls.stem}-py3-none-any.whl"

    def test_the_same_sources_make_the_same_bytes(self):
        folder = Path(tempfile.mkdtemp(prefix="acra-release-"))
        self.addCleanup(shutil.rmtree, folder)
        again = make(folder, umask=0o077)
        self.assertEqual(sorted(self.files), sorted(again))
        for name, content in self.files.items():
            self.assertEqual(again[name], content, name)

    def test_hashes(self):
        lines = self.files["SHA256SUMS"].decode().splitlines()
        told = {name: digest for digest, name in (line.split() for line in lines)}
        found = {name: hashlib.sha256(text).hexdigest() for name, text in self.files.items()}
        del found["SHA256SUMS"]
        self.assertEqual(told, found)

    def test_the_wheel_has_samples_units_pages_and_documentation(self):
        names = zipfile.ZipFile(self.wheel).namelist()
        data = f"{self.stem}.data/data/share/"
        shared = {name.removeprefix(data) for name in names if name.startswith(data)}
        wanted = {
            *(f"acra-twisted/etc/{path.name}" for path in TOP.glob("etc/*")),
            *(f"acra-twisted/systemd/{path.name}" for path in TOP.glob("examples/systemd/*")),
            *(f"acra-twisted/monitoring/{path.name}" for path in TOP.glob("examples/monitoring/*")),
            *(f"doc/acra-twisted/{path.name}" for path in TOP.glob("docs/*.rst")),
            *(f"man/man{name[-1]}/{name}" for name in manpages.pages("2026-01-01")),
            "doc/acra-twisted/README.rst",
            "doc/acra-twisted/CHANGELOG.rst",
        }
        self.assertEqual(wanted - shared, set())
        self.assertIn("twisted/plugins/acra_twisted_plugin.py", names)
        self.assertEqual([name for name in names if name.endswith((".pyc", ".so"))], [])

    def test_the_archive_has_all_that_is_needed_to_go_on(self):
        with tarfile.open(self.folder / f"{self.stem}.tar.gz") as archive:
            members = archive.getmembers()
        names = {member.name.partition("/")[2] for member in members if member.isfile()}
        for name in ("Makefile", ".ci/run", "constraints.txt", "tests/unit/test_house.py"):
            self.assertIn(name, names)
        self.assertEqual({(m.uid, m.uname, m.mtime) for m in members}, {(0, "", 1700000000)})
        self.assertFalse([name for name in names if "node_modules" in name or name[:4] == ".git"])

    def test_the_bill_of_materials(self):
        text = self.files[f"{self.stem}.cdx.json"].decode()
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))
        parts = {part["name"] for part in json.loads(text)["components"]}
        with zipfile.ZipFile(self.wheel) as wheel:
            metadata = wheel.read(f"{self.stem}.dist-info/METADATA").decode()
        needed = [
            Requirement(line.partition(": ")[2])
            for line in metadata.splitlines()
            if line.startswith("Requires-Dist: ") and "extra ==" not in line
        ]
        self.assertGreater(len(needed), 10)
        self.assertEqual({canonicalize_name(one.name) for one in needed} - parts, set())
        self.assertNotIn("pytest", parts)


class Installed(unittest.TestCase):
    """The wheel in a fresh environment of each kind of Python that there is."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="acra-installed-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        (cls.wheel,) = made().glob("*.whl")
        cls.postgres = Postgres()
        cls.addClassCleanup(cls.postgres.remove)
        cls.postgres.start()

    def run_in(self, place, *command):
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "ACRA"))
        }
        environment["PATH"] = f"{place}/bin:{os.environ['PATH']}"
        done = subprocess.run(
            bound(command), cwd=self.folder, env=environment, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_what_was_installed_works(self):
        programs = interpreters.found()
        self.assertIn("3.11", programs)
        # Two at a time: most of it is pip's work, on one core each.
        with ThreadPoolExecutor(2) as pool:
            begun = {v: pool.submit(self.works, self.folder / v, p) for v, p in programs.items()}
            for version, done in begun.items():
                with self.subTest(version):
                    done.result()

    def works(self, place, program):
        self.run_in(place, program, "-m", "venv", str(place))
        pins = f"--constraint={TOP / 'constraints.txt'}"
        # Modules are compiled as they are imported, and most never are.
        quiet = ("--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--no-compile")
        self.run_in(place, f"{place}/bin/pip", "install", *quiet, pins, str(self.wheel))
        shown = self.run_in(place, "twistd", "--help")
        for daemon in manpages.DAEMONS:
            self.assertIn(daemon, shown)
            sample = place / "share/acra-twisted/etc" / f"{daemon}.ini"
            self.assertIn(f"# {daemon}: every setting", sample.read_text())
            self.assertTrue((place / f"share/man/man8/{daemon}.8").exists())
        for tool in manpages.tools():
            self.assertIn(tool, self.run_in(place, tool, "--help"))
        psql = str(self.postgres.bin / "psql")
        for link in ("tls", "none"):
            command = (f"{place}/bin/python", "-Werror::DeprecationWarning:acra_twisted", "-c")
            said = self.run_in(place, *command, SESSION, str(self.postgres.port), link, psql)
            self.assertTrue(said.startswith("42\n"), said)


class ManPages(unittest.TestCase):
    def test_they_are_clean_and_say_all(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        manpages.write(folder, "2026-01-01")
        for path in sorted(folder.iterdir()):
            command = ["groff", "-man", "-ww", "-Tutf8", "-rLL=200n", "-Kutf8", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            self.assertEqual(done.stderr, "", path.name)
            if path.stem in manpages.DAEMONS:
                for section in manpages.DAEMONS[path.stem][1]:
                    for option in section.options:
                        name = option.name if not option.secret else option.name.upper()
                        self.assertIn(name, path.read_text().replace("\\-", "-"))
            self.assertRegex(re.sub("(?s).\x08", "", done.stdout), "(?m)^SEE ALSO$")
