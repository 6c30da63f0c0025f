"""The steps of docs/install.rst, done in a Debian, and the unit's command after them."""

import shutil
import subprocess
import tempfile
import unittest
from configparser import ConfigParser
from pathlib import Path

from tests.integration.test_releases import made
from tests.support.documents import blocks
from tests.support.images import NAMESPACE, TOP, Builder

PAGE = TOP / "docs" / "install.rst"
UNITS = TOP / "examples" / "systemd"


class Installation(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="acra-install-", dir="/var/tmp"))
        self.addCleanup(subprocess.run, [*NAMESPACE, "rm", "-rf", str(self.folder)], check=True)
        self.folder.chmod(0o755)
        self.debian = Builder(self.folder, {})
        self.debian.begin()
        self.root = self.debian.image.root
        shutil.copytree(made(), self.root / "dist")

    def test_the_steps_in_their_order(self):
        ran = 0
        for block in blocks(PAGE):
            if block.language == "ini":
                name, _, text = block.text.partition("\n")
                (self.root / name.removeprefix("# /")).write_text(text)
            elif block.text.startswith("systemctl"):
                # What systemd would do with the unit, as far as it goes without one.
                self.start("acra-server", "--check_config")
            elif "pip install ." not in block.text and "twistd" not in block.text:
                ran += 1
                self.debian.run(f"export PATH=/opt/acra/bin:$PATH\n{block.text}")
            elif "venv" in block.text:
                self.debian.run(block.text.replace("pip install .\n", ""))
        self.assertEqual(ran, 4)
        self.assertTrue((self.root / "etc/systemd/system/acra-server.socket").exists())

    def start(self, daemon, *more):
        service = ConfigParser(strict=False, interpolation=None)
        service.optionxform = str
        service.read(self.root / f"etc/systemd/system/{daemon}.service")
        own = service["Service"]
        (given,) = (self.root / f"etc/acra/{daemon}.env").read_text().splitlines()
        place = own["WorkingDirectory"].replace("%S", "/var/lib")
        command = f"{own['ExecStart']} {' '.join(more)}"
        as_user = f"setpriv --reuid={own['User']} --regid={own['Group']} --init-groups"
        said = self.debian.run(f"cd {place}; export '{given}'; exec {as_user} {command}")
        self.assertIn("the configuration is fine", said)
        # Without the master key it is not: the keys were found.
        with self.assertRaisesRegex(AssertionError, "ACRA_MASTER_KEY"):
            self.debian.run(f"cd {place}; exec {as_user} {command}")


class Units(unittest.TestCase):
    def test_systemd_takes_them(self):
        program = shutil.which("systemd-analyze")
        self.assertIsNotNone(program)
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        for path in UNITS.iterdir():
            text = path.read_text().replace("/opt/acra/bin/twistd", "/bin/true")
            (folder / path.name).write_text(text)
        names = ["acra-server.service", "acra-connector.service", "acra-server@1.service"]
        shutil.copy(folder / "acra-server@.service", folder / "acra-server@1.service")
        done = subprocess.run(
            [program, "verify", "--man=no", *(str(folder / name) for name in names)],
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.stdout + done.stderr, done.returncode), ("", 0))
