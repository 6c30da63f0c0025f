"""The master key's sources; it is taken out of the environment (KE-2, KE-9)."""

import base64
import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore import files, masterkey

KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()


def loaded(*args, **sources):
    secret = masterkey.load(*args, **sources)
    return bytes(secret.value)


class Sources(SynchronousTestCase):
    def refused(self, expected, environment=None, **sources):
        error = self.assertRaises(KeyStoreError, masterkey.load, environment or {}, **sources)
        self.assertIn(expected, str(error))
        self.assertNotIn(TEXT[:10], str(error))

    def test_the_environment(self):
        environment = {masterkey.VARIABLE: TEXT, "PATH": "/bin"}
        self.assertEqual(loaded(environment), KEY)
        self.assertEqual(environment, {"PATH": "/bin"})

    def test_a_file_in_either_form(self):
        for content in (KEY, TEXT.encode(), TEXT.encode() + b"\n"):
            path = self.mktemp()
            files.write(path, content)
            environment = {masterkey.VARIABLE: "removed all the same"}
            self.assertEqual(loaded(environment, file=path), KEY)
            self.assertEqual(environment, {})
        os.chmod(path, 0o644)
        self.refused("chmod 600", file=path)
        self.refused("there is no", file="/nowhere/key")
        files.write(path, b"short")
        self.refused(f"master_key_file: {path}: this is no master key", file=path)
        self.refused("--generate_master_key='/nowhere/my key'", file="/nowhere/my key")

    def test_a_command(self):
        self.assertEqual(loaded({}, command=f"echo {TEXT}"), KEY)
        self.refused("cannot be run", command="/nowhere/program")
        self.refused("cannot be run", command="echo 'unclosed")
        self.refused("names no program", command=" ")
        self.refused("status 1", command="false")
        self.refused("no master key", command="echo short")
        self.patch(masterkey, "_COMMAND_TIMEOUT", 0.05)
        self.refused("no answer", command="sleep 5")

    def test_ke2_missing_short_and_garbled(self):
        self.refused("set ACRA_MASTER_KEY")
        short = base64.b64encode(KEY[:31]).decode()
        for text in (short, "not base64 !", "x" * 100 + "!", "é", "\udcff" * 64):
            self.refused("no master key", {masterkey.VARIABLE: text})
        self.refused("one of them", file="a", command="b")
