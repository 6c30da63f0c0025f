"""The image, assembled as the Dockerfile says, and the services of the compose file in it."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import compose_spec
import yaml

from acra_twisted.sandbox.endings import bound
from tests.support.images import BASE, NAMESPACE, TOP, Builder, context, ignored, instructions

DOCKER = TOP / "examples" / "docker"


class Files(unittest.TestCase):
    def test_the_linter_finds_nothing(self):
        program = str(Path(sys.executable).with_name("hadolint"))
        done = subprocess.run([program, DOCKER / "Dockerfile"], capture_output=True, text=True)
        self.assertEqual((done.stdout, done.returncode), ("", 0), done.stderr)

    def test_the_compose_file_is_one(self):
        # The reader takes JSON, which knows no merge keys, and raises for what is not specified.
        text = json.dumps(yaml.safe_load((DOCKER / "compose.yaml").read_text()))
        compose_spec.PyCompose.from_json(text).validate()
        wrong = text.replace('"read_only"', '"readonly"')
        with self.assertRaises(ValueError):
            compose_spec.PyCompose.from_json(wrong)

    def test_volumes_are_declared_and_used(self):
        compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
        used = {
            volume.partition(":")[0]
            for service in compose["services"].values()
            for volume in service.get("volumes", ())
        }
        named = {name for name in used if not name.startswith(".")}
        self.assertEqual(named, set(compose["volumes"]))

    def test_no_secret_goes_to_the_builder(self):
        secret = ("examples/docker/server/tls.key", "examples/docker/x.pem", "master.key")
        for name in (*secret, ".git/config", ".venv/bin/python", "tests/conftest.py", "dist/x.whl"):
            self.assertTrue(
                ignored(name, (TOP / ".dockerignore").read_text().splitlines()[1:]), name
            )
        found = context()
        self.assertIn("acra_twisted/server/service.py", found)
        self.assertIn("twisted/plugins/acra_twisted_plugin.py", found)

    def test_instructions_are_read_whole(self):
        words = [word for word, _ in instructions(DOCKER / "Dockerfile")]
        text = re.sub(r"\\\n", "", (DOCKER / "Dockerfile").read_text())
        self.assertEqual(words, re.findall(r"(?m)^([A-Z]+) ", text))


class Images(unittest.TestCase):
    """A root folder of Debian's packages and what the Dockerfile does in it."""

    @classmethod
    def setUpClass(cls):
        assert BASE.is_dir(), f"{BASE} is not there: run .ci/install-servers"
        cls.folder = Path(tempfile.mkdtemp(prefix="acra-image-", dir="/var/tmp"))
        cls.addClassCleanup(cls.remove)
        cls.folder.chmod(0o755)
        cls.image = Builder(cls.folder, {"COMPILE": "0"}).build(DOCKER / "Dockerfile")

    @classmethod
    def remove(cls):
        subprocess.run([*NAMESPACE, "rm", "-rf", str(cls.folder)], check=True)

    def test_sessions_through_both_as_the_readme_says(self):
        shutil.move(self.image.root, self.folder / "image")
        config = {
            name: getattr(self.image, name)
            for name in ("env", "workdir", "user", "entrypoint", "command")
        }
        (self.folder / "image.json").write_text(json.dumps(config))
        command = [*NAMESPACE, "--net", sys.executable, "-m", "tests.support.composed"]
        done = subprocess.run(
            bound([*command, str(self.folder)]), cwd=TOP, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = json.loads(done.stdout.splitlines()[-1])
        # AcraServer's own session with the database is over TLS.
        self.assertEqual(seen["psql"], "t\n", seen["logs"])
        self.assertEqual(seen["services"], ["acra-connector", "acra-server"])
        self.assertEqual(seen["statuses"], [0, 0], seen["logs"])
        self.assertNotEqual(seen["wrote"], 0)
        first, second = seen["trees"]
        self.assertEqual(first, second)
        mine = {name for name in first if name.startswith("connector/")}
        certificate = {"connector/ca.pem", "connector/connector.pem", "connector/connector.key"}
        self.assertEqual(mine, certificate)
        self.assertEqual(first["server/master.key"], "10001 600")
        self.assertEqual(first["database/password"], "999 600")
        # The server reads its key in its container; in the connector's there is none.
        self.assertEqual(seen["server's key"], [0, 1])
