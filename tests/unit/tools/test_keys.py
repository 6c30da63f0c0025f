"""acra-keys."""

import base64
import json
import os
from pathlib import Path

from acra_twisted import purposes
from acra_twisted.errors import ConfigError
from acra_twisted.sandbox.authority import Authority
from acra_twisted.themis import keys as themis_keys
from acra_twisted.tools import keys
from tests.unit.tools.base import ToolCase

OWNER = "client 1"


class Keys(ToolCase):
    main = staticmethod(keys.main)

    def tool(self, command, *arguments):
        return self.call(command, f"--keys_dir={self.folder}", *arguments)

    def fails(self, expected, command, *arguments):
        self.refused(expected, command, f"--keys_dir={self.folder}", *arguments)

    def generate(self, *flags):
        return self.tool("generate", "--keystore=v1", f"--client_id={OWNER}", *flags)

    def test_generate_and_list(self):
        self.assertEqual(self.generate().count("Generated"), 6)
        self.assertIn("No keys were updated", self.generate())
        self.assertIn("Rotated storage keypair", self.generate("--client_storage_key"))
        listed = self.tool("list").splitlines()
        self.assertRegex(listed[0], r"^Key purpose +\| Client/Zone ID \| Key ID$")
        self.assertEqual(len(listed), 2 + 6)
        self.assertIn(f"client/{OWNER}/storage", "".join(listed))
        entries = json.loads(self.tool("list", "--json", "--rotated-keys"))
        (storage,) = (e for e in entries if e["ID"] == f"client/{OWNER}/storage")
        self.assertEqual(storage["ClientID"], base64.b64encode(OWNER.encode()).decode())
        self.assertEqual((storage["ZoneID"], storage["Rotated"]), (None, 1))
        self.assertIn("Rotated", self.tool("list", "--rotated-keys").splitlines()[0])

    def test_without_a_kind_only_what_is_missing_is_made(self):
        self.generate()
        shared = [bytes(key.value) for key in self.store.keys(purposes.AUDIT_LOG)]
        output = self.tool("generate", "--client_id=client 2")
        self.assertEqual((output.count("Generated"), output.count("Rotated")), (3, 0))
        self.assertEqual([bytes(k.value) for k in self.store.keys(purposes.AUDIT_LOG)], shared)
        self.tool("destroy", "client/client 2/symmetric")
        self.assertEqual(
            self.tool("generate", "--client_id=client 2").split("\n")[0],
            "Generated storage symmetric key",
        )
        for flags in ((), ("--client_id=client 2",)):
            self.assertIn("No keys were updated", self.tool("generate", *flags))

    def test_generate_needs_an_owner(self):
        self.make_keys("--generate_log_key")
        self.fails("--client_id or --tls_cert", "generate", "--client_storage_key")
        self.fails("Invalid client ID", "generate", "--client_storage_key", "--client_id=x")
        self.assertIn("poison record", self.tool("generate", "--poison_record_keys"))

    def test_read(self):
        self.generate("--client_storage_key", "--client_storage_symmetric_key")
        key_id = f"client/{OWNER}/storage"
        public = self.tool("read", key_id).encode("latin-1")
        self.assertEqual(public, Path(self.folder, OWNER + "_storage.pub").read_bytes())
        private = themis_keys.decode_private(
            self.tool("read", key_id, "--private").encode("latin-1")
        )
        self.assertEqual(themis_keys.encode_public(private.public_key()), public)
        symmetric = f"client/{OWNER}/symmetric"
        self.assertEqual(len(self.tool("read", symmetric, "--private")), 32)
        # Acra's scripts read it without a word.
        self.assertEqual(self.tool("read", symmetric), self.tool("read", symmetric, "--private"))
        self.fails("no public part", "read", "--public", symmetric)
        self.fails("one of them", "read", key_id, "--private", "--public")
        for flag in ("--private", "--public"):
            self.fails("there is no", "read", "client/nobody/storage", flag)
        path = f"open {self.folder}/nobody_storage.pub: no such file or directory"
        self.fails(path, "read", "client/nobody/storage")
        self.fails("no such key id", "read", "nonsense")

    def test_flags_stand_before_ids_as_they_do_in_acras_documentation(self):
        self.generate("--client_storage_key")
        key_id = f"client/{OWNER}/storage"
        public = self.tool("read", key_id)
        for words in (
            ("--public", key_id),
            ("--public=true", key_id),
            (key_id, "--public"),
            ("--private=false", key_id),
        ):
            self.assertEqual(self.tool("read", *words), public, words)
        private = self.tool("read", "--private", key_id)
        self.assertNotEqual(private, public)
        files = [f"--key_bundle_{n}={os.path.abspath(self.mktemp())}" for n in ("file", "secret")]
        self.tool("export", *files, "--private_keys", key_id)

    def test_flags_of_a_command_may_stand_in_front_of_it(self):
        self.generate("--search_hmac_symmetric_key")
        key_id = f"client/{OWNER}/searchable"
        expected = self.tool("read", key_id)
        flag = f"--keys_dir={self.folder}"
        for words in (
            (flag, "read", key_id),
            ("--keys_dir", self.folder, "read", key_id),
            (flag, "--public=false", "read", key_id),
            (flag, "--keys_dir_public", self.folder, "read", key_id),
        ):
            self.assertEqual(self.call(*words), expected, words)
        error = self.assertRaises(ConfigError, self.call, flag, "--no_such_flag", "read", key_id)
        self.assertIn("--no_such_flag", str(error))

    def test_ke4_destroy(self):
        self.generate("--client_storage_key", "--client_storage_symmetric_key")
        self.assertIn("Destroyed", self.tool("destroy", f"client/{OWNER}/storage"))
        self.assertEqual(self.store.present(), [(purposes.STORAGE_SYMMETRIC, OWNER)])
        self.fails("there is no", "destroy", f"client/{OWNER}/storage")

    def test_export_and_import(self):
        self.generate()
        files = [f"--key_bundle_{n}={os.path.abspath(self.mktemp())}" for n in ("file", "secret")]
        self.fails("--all", "export", *files)
        self.tool("export", *files, "--all", "--private_keys")
        self.fails("not overwritten", "export", *files, "--all")
        (secret,) = self.store.keys(purposes.STORAGE_SYMMETRIC, OWNER)
        before = bytes(secret.value)
        other = self.folder = self.folder + "-other"
        os.mkdir(other, 0o700)
        self.assertEqual(self.tool("import", *files).count("Imported"), 6)
        found = self.store.keys(purposes.STORAGE_SYMMETRIC, OWNER)
        self.assertEqual(found[0].value, before)
        # Once more: nothing is rotated.  A key that is another's makes way.
        self.tool("import", *files)
        self.assertEqual(len(self.store.keys(purposes.STORAGE_SYMMETRIC, OWNER)), 1)
        self.generate("--client_storage_symmetric_key", "--client_storage_key")
        self.tool("import", *files)
        for purpose in (purposes.STORAGE_SYMMETRIC, purposes.STORAGE):
            self.assertEqual(len(self.store.keys(purpose, OWNER)), 3)
        found = self.store.keys(purposes.STORAGE_SYMMETRIC, OWNER)
        self.assertEqual(found[0].value, before)
        self.fails("there is no", "import", "--key_bundle_file=/none", files[1])

    def test_extract_client_id(self):
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        certificate, _ = Authority(folder).issue("somebody")
        text = self.call("extract-client-id", f"--tls_cert={certificate}")
        self.assertEqual(len(text.strip()), 128)
        shown = self.call("extract-client-id", f"--tls_cert={certificate}", "--print_json")
        self.assertEqual(json.loads(shown), {"client_id": text.strip()})
        kind = "--tls_identifier_extractor_type"
        numbered = self.call(
            "extract-client-id", f"--tls_cert={certificate}", f"{kind}=serial_number"
        )
        self.assertNotEqual(numbered, text)
        self.refused(
            "invalid identifier extractor type",
            "extract-client-id",
            f"--tls_cert={certificate}",
            f"{kind}=x",
        )

    def test_no_command(self):
        self.assertIn("No command specified", self.call())
        self.patch(keys.commandline, "run", lambda program, main: program)
        self.assertEqual(keys.script(), "acra-keys")
