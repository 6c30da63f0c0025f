"""acra-keymaker."""

import base64
import contextlib
import io
import os
import stat
from pathlib import Path

from acra_twisted import purposes
from acra_twisted.keystore import masterkey
from acra_twisted.sandbox.authority import Authority
from acra_twisted.tools import keymaker
from tests.unit.tools.base import ToolCase


class KeyMaker(ToolCase):
    def test_everything_without_a_flag(self):
        output = self.make_keys("--client_id=client 1")
        self.assertEqual(output.count("Generated"), len(keymaker.KINDS))
        self.assertIn("Generated acra-connector keypair", output)
        expected = {p for p in purposes.ALL if p.owner != purposes.ZONE}
        self.assertEqual({purpose for purpose, _ in self.store.present()}, expected)

    def test_one_kind_and_its_rotation(self):
        flag = "--generate_acrawriter_keys=true"
        self.assertIn("Generated storage keypair", self.make_keys(flag))
        self.assertIn("Rotated storage keypair", self.make_keys(flag))
        self.assertEqual(self.store.present(), [(purposes.STORAGE, "client")])
        self.assertEqual(len(self.store.keys(purposes.STORAGE, "client")), 2)

    def test_who_adds_a_client_changes_nothing_for_others(self):
        self.make_keys("--client_id=client 1")
        before = self.contents()
        output = self.make_keys("--client_id=client 2")
        self.assertNotIn("Rotated", output)
        self.assertEqual(output.count("Kept"), 2)
        for kind, flag in (
            ("audit log key", "generate_log_key"),
            ("poison record keys", "generate_poisonrecord_keys"),
        ):
            self.assertIn(f"Kept {kind}: there already; to rotate: --{flag}", output)
        after = self.contents()
        self.assertEqual({name: after[name] for name in before}, before)
        self.assertTrue(all("client 2" in name for name in after.keys() - before.keys()))

    def test_only_what_is_missing_is_made(self):
        self.make_keys("--generate_hmac_key", "--generate_poisonrecord_keys")
        os.remove(os.path.join(self.folder, ".poison_key/poison_key_sym"))
        before = self.contents()
        output = self.make_keys()
        self.assertIn("Kept search HMAC key", output)
        self.assertIn("Generated poison record keys", output)
        after = self.contents()
        self.assertEqual({name: after[name] for name in before}, before)
        self.assertNotIn("Generated", self.make_keys())
        self.assertEqual(self.contents(), after)

    def test_a_peers_public_key_is_not_replaced(self):
        """In the server's folder the connector's private key is missing on purpose."""
        self.make_keys()
        os.remove(os.path.join(self.folder, "client"))
        self.assertIn("Kept acra-connector keypair", self.make_keys())
        self.assertFalse(os.path.exists(os.path.join(self.folder, "client")))
        self.assertIn(
            "Generated acra-connector keypair", self.make_keys("--generate_acraconnector_keys")
        )

    def contents(self):
        files = [path for path in Path(self.folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def test_public_keys_elsewhere(self):
        public = self.folder + "-public"
        self.make_keys("--generate_acrawriter_keys", f"--keys_public_output_dir={public}")
        self.assertEqual(os.listdir(public), ["client_storage.pub"])

    def test_an_id_from_a_certificate(self):
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        certificate, _ = Authority(folder).issue("somebody")
        self.make_keys("--generate_hmac_key", f"--tls_cert={certificate}")
        ((_, owner),) = self.store.present()
        self.assertEqual(len(owner), 128)
        self.refused("either", f"--tls_cert={certificate}", "--client_id=client", "--keystore=v1")

    def test_a_master_key(self):
        path = self.mktemp()
        flags = ("--keystore=v1", f"--generate_master_key={path}")
        self.assertIn("Generated master key", self.call(*flags))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        content = Path(path).read_bytes()
        self.assertEqual(len(content), 32)
        self.refused("never overwritten", *flags)
        self.make_keys(f"--master_key_file={path}", "--generate_log_key")
        environment = {masterkey.VARIABLE: base64.b64encode(content).decode()}
        keymaker.main(
            [f"--keys_output_dir={self.folder}", "--generate_log_key"], environment, io.StringIO()
        )

    def test_mistakes(self):
        self.refused("add --keystore=v1", f"--keys_output_dir={self.folder}")
        self.refused("not supported", "--keystore=v2")
        self.refused("see --help", "--keystore=v3")
        self.refused("see --help", "--nonsense")
        for owner in ("abc", "../../etc/passwd"):
            self.refused("Invalid client ID", "--keystore=v1", f"--client_id={owner}")
        self.assertFalse(os.path.exists(self.folder))

    def test_help(self):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.assertRaises(SystemExit, self.call, "--help")
        self.assertIn("--generate_poisonrecord_keys", output.getvalue())

    def test_script(self):
        self.patch(keymaker.commandline, "run", lambda program, main: (program, main))
        self.assertEqual(keymaker.script(), ("acra-keymaker", keymaker.main))
