"""The console scripts as they are installed: from nothing to a running server."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from acra_twisted.crypto import envelopes
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.writer import create_acrastruct, load_public_key
from tests.integration.base import Surroundings
from tests.support import preloaded

CLIENT = "tool client"


class Tools(Surroundings):
    def run_tool(self, name, *arguments, status=0, **environment):
        script = Path(sys.executable).with_name(name)
        done = subprocess.run(
            [str(script), *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_from_nothing(self):
        self.run_tool("acra-keymaker", "-keystore=v1", "-generate_master_key=master.key")
        master = base64.b64encode((self.folder / "master.key").read_bytes()).decode()
        keyed = {"ACRA_MASTER_KEY": master}
        missing = self.run_tool("acra-keys", "list", status=1)
        self.assertEqual(missing.stderr.count("\n"), 1)
        self.assertIn("ACRA_MASTER_KEY", missing.stderr)
        self.run_tool("acra-keymaker", "--keystore=v1", f"--client_id={CLIENT}", **keyed)
        listed = json.loads(self.run_tool("acra-keys", "list", "--json", **keyed).stdout)
        self.assertIn(f"client/{CLIENT}/storage", {entry["ID"] for entry in listed})
        record = base64.b64decode(self.run_tool("acra-poisonrecordmaker", **keyed).stdout)
        self.assertEqual(len(envelopes.find(record)), 1)
        folder = self.folder / "chain"
        folder.mkdir()
        chain = Chain(
            ("127.0.0.1", self.postgres.port),
            link="none",
            folder=folder,
            authority=self.authority,
            server={
                "server": {"client_id": CLIENT},
                "keystore": {
                    "keys_dir": str(self.folder / ".acrakeys"),
                    "master_key_file": str(self.folder / "master.key"),
                },
                "pipeline": {"stages": "decryptor"},
            },
        )
        self.addCleanup(chain.stop)
        chain.start()
        public = load_public_key(self.folder / ".acrakeys" / f"{CLIENT}_storage.pub")
        made = create_acrastruct(b"text", public)
        with self.connect(chain) as db:
            self.assertEqual(db.execute("SELECT %s::bytea", (made,)).fetchone(), (b"text",))

    def test_an_interrupt_ends_a_tool_that_waits_for_a_database(self):
        own = self.folder / "interrupted"
        own.mkdir()
        keys = Keys(own, CLIENT)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.settimeout(60)
            tool = preloaded.Run(
                "acra-rotate",
                [
                    f"--keys_dir={keys.path}",
                    f"--master_key_file={keys.master_key_file}",
                    f"--db_connection_string=mysql://u@127.0.0.1:{silent.getsockname()[1]}/",
                    "--sql_select=SELECT 1",
                    "--sql_update=UPDATE t SET a = ?",
                ],
            )
            self.addCleanup(tool.remove)
            waiting, _ = silent.accept()
            with waiting:
                tool.send(signal.SIGINT)
                self.assertEqual(tool.wait(), 130)
                self.assertEqual(tool.said, "acra-rotate: interrupted\n")

    def test_standard_streams_that_are_closed_or_full(self):
        script = Path(sys.executable).with_name("acra-auth")
        for shell, status, said in (
            ('"$0" sql >&- 2>&- <&-', 0, ""),
            ('"$0" verifier nobody >&- <&-', 1, "acra-auth: the password is empty\n"),
            ('"$0" sql >/dev/full', 1, "acra-auth: standard output: No space left on device\n"),
            ('"$0" sql | true', 0, ""),
        ):
            environment = {name: os.environ[name] for name in os.environ if name[:6] != "PYTHON"}
            done = subprocess.run(
                ["/bin/sh", "-c", shell, str(script)],
                env=environment,
                capture_output=True,
                text=True,
            )
            self.assertEqual((done.returncode, done.stderr), (status, said), shell)

    def test_ke1_the_server_says_what_to_mend(self):
        twistd = str(Path(sys.executable).with_name("twistd"))
        flags = ["--db_host=127.0.0.1", "--client_id=some client", "--tls_auth=0"]
        flags += ["--acraconnector_transport_encryption_disable", "--check_config"]
        (self.folder / "loose").mkdir(mode=0o755)
        for extra, environment, expected in (
            ([], {}, "acra-keymaker"),
            (["--keys_dir=loose"], {}, "ACRA_MASTER_KEY"),
            (["--keys_dir=loose"], {"ACRA_MASTER_KEY": base64.b64encode(bytes(32)).decode()},
             "chmod 700 "),
        ):  # fmt: skip
            done = subprocess.run(
                [twistd, "-n", "acra-server", *flags, *extra],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], **environment},
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 1)
            self.assertIn(expected, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
