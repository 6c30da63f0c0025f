"""Command lines and files of Acra: each starts, or is refused by what is not here."""

import io
import os
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector import tap as connector
from acra_twisted.keystore.masterkey import VARIABLE
from acra_twisted.sandbox.authority import Authority
from acra_twisted.server import tap as server
from acra_twisted.tools import keymaker
from tests.support import acralines


class Lines(SynchronousTestCase):
    def setUp(self):
        folder = self.folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.patch(os, "environ", {VARIABLE: "A" * 44, "PATH": os.environ["PATH"]})
        self.places = {"KEYS": folder / "keys", "TLS": folder, "FILES": folder}
        keymaker.main(
            ["--keystore=v1", "--client_id=testclientid", f"--keys_output_dir={folder}/keys"],
            dict(os.environ),
            io.StringIO(),
        )
        authority = Authority(folder)
        for name in ("acra-server", "acra-client"):
            made = authority.issue(name, hosts=("localhost",))
            for path, end in zip(made, ("crt", "key"), strict=True):
                path.rename(folder / f"{name}.{end}")
        authority.path.rename(folder / "ca.crt")
        for name, text in acralines.FILES.items():
            (folder / name).write_text(self.placed(text))

    def placed(self, text):
        for name, path in self.places.items():
            text = re.sub(rf"\b{name}\b", str(path), text)
        return text

    def checked(self, daemon, flags):
        """Exit status, and what is said."""
        options = daemon.Options()
        options.output = options.errors = io.StringIO()
        with self.assertRaises(SystemExit) as end:
            options.parseOptions([*map(self.placed, flags), "--check_config"])
        return end.exception.code, options.output.getvalue()

    def check(self, daemon, lines):
        for flags, refused in lines:
            code, said = self.checked(daemon, flags)
            if not refused:
                self.assertEqual(code, 0, f"{flags}: {said}")
            else:
                self.assertEqual(code, 1, flags)
                self.assertNotIn("did you mean", said)
                self.assertNotIn("unknown", said)
                for words in refused:
                    self.assertIn(words, said)
                named = (
                    "not supported here",
                    "has no effect: ",
                    "secrets are not taken from",
                    "works with",
                    "one database",
                )
                wrong = [line for line in said.splitlines() if not any(n in line for n in named)]
                self.assertEqual(wrong, [], flags)

    def test_servers(self):
        self.check(server, acralines.SERVER)

    def test_connectors(self):
        self.check(connector, acralines.CONNECTOR)

    def test_a_file_says_where(self):
        _, said = self.checked(server, ["--config_file=FILES/columns.yaml"])
        for number, name in ((4, "zonemode_enable"), (5, "encryptor_config_storage_type")):
            self.assertIn(f"{self.folder}/columns.yaml:{number}: {name}: not supported", said)

    def test_a_folder_of_keys_that_is_missing_hides_nothing(self):
        rules = self.folder / "rules.yaml"
        for version, expected in (
            ("", "acra-censor's config is outdated"),
            ("version: 0.80.0\n", "acra-censor's config is outdated"),
            ("version: abc.1005abc.0\n", "strconv.ParseUint: parsing"),
        ):
            rules.write_text(f"{version}handlers: []\n")
            code, said = self.checked(
                server,
                ["--db_host=x", "--keys_dir=/none", f"--acracensor_config_file={rules}"],
            )
            self.assertEqual(code, 1)
            self.assertIn(expected, said)
            self.assertIn("there is no folder /none", said)
            with self.assertRaises(SystemExit):
                options = server.Options()
                options.errors = io.StringIO()
                options.parseOptions(
                    ["--db_host=x", "--keys_dir=/none", f"--acracensor_config_file={rules}"]
                )
            self.assertIn(expected, options.errors.getvalue())
