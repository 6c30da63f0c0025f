"""acra-auth; its questions to a database are in tests/integration/test_auth_sources.py."""

import os
import stat

from acra_twisted.authentication import keyfile
from acra_twisted.authentication.authfile import load, parse
from acra_twisted.errors import ConfigError
from acra_twisted.tools import auth
from acra_twisted.wire import scram
from acra_twisted.wire.scramkeys import read_keys
from tests.support.serviceserver import verifier
from tests.unit.tools.base import ToolCase

SECRET = verifier(b"x").encode()


class Auth(ToolCase):
    password = "secret"  # noqa: S105 - of nobody

    def main(self, arguments, environment, output):
        self.asked = []

        def ask(prompt):
            self.asked.append(prompt)
            return self.password

        auth.main(arguments, environment, output, ask)

    def setUp(self):
        super().setUp()
        self.path = os.path.abspath(self.mktemp())


class Printing(Auth):
    def test_help_without_a_command(self):
        self.assertIn("export", self.call())

    def test_sql(self):
        self.assertIn('create role "acra_service" login;', self.call("sql"))
        self.assertIn('create role "other" login;', self.call("sql", "--user=other"))
        self.refused("--user", "sql", "--user=a\nb")

    def test_verifier(self):
        out = self.call("verifier", 'd"q', "--iterations=5000")
        self.assertEqual(self.asked, ['Password of d"q: '])
        self.assertIn('-- alter role "d""q" password \'SCRAM-SHA-256$5000:', out)
        line = out.splitlines()[-1].encode()
        [(user, secret)] = parse(line, "users").items()
        read = scram.read_verifier(secret)
        keys = scram.keys_of(scram.salted(b"secret", read.salt, 5000))
        self.assertEqual((user, scram.verifier_of(keys, read.salt, 5000)), (b'd"q', read))
        self.assertNotEqual(out, self.call("verifier", 'd"q', "--iterations=5000"))

    def test_keys_fit_the_verifier_that_the_database_is_given(self):
        *_, alter, line = self.call("verifier", "ann", "--keys").splitlines()
        ((user, secret),) = keyfile.parse(line.encode(), "keys").items()
        self.assertEqual(user, b"ann")
        self.assertIn(read_keys(secret)[1].encode().decode(), alter)

    def test_verifiers_that_nobody_can_want(self):
        self.refused("--iterations", "verifier", "a", "--iterations=4095")
        self.refused("63 bytes", "verifier", "a" * 64)
        self.password = ""
        self.refused("empty", "verifier", "a")

    def test_check(self):
        with open(self.path, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(b'"a" "%b"\n' % SECRET)
        self.assertEqual(self.call("check", self.path), f"{self.path}: 1 user\n")
        with open(self.path, "ab") as file:
            file.write(b'"b" "hunter2"\n')
        self.refused("line 2", "check", self.path)

    def test_check_of_hashes(self):
        with open(self.path, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(b'"a" "md5%b"\n' % (b"0" * 32))
        self.refused("auth_md5", "check", self.path)
        self.assertIn("1 user", self.call("check", self.path, "--auth_md5"))


class Export(Auth):
    rows = ((b"a", SECRET), (b'd"q', SECRET), (b"old", b"md5" + b"0" * 32), (b"none", None))

    def setUp(self):
        super().setUp()
        self.questions = []
        self.patch(auth, "in_own_reactor", self.answer)
        self.config = os.path.abspath(self.mktemp())
        with open(self.config, "w") as file:
            file.write("[database]\ndb_host = 127.0.0.1\n")

    def answer(self, question):
        self.questions.append(question)
        return self.rows

    def export(self, *arguments):
        return self.call(
            "export", f"--server_config={self.config}", f"--out={self.path}", *arguments
        )

    def test_a_file_of_what_the_database_has(self):
        out = self.export()
        self.assertIn("2 users\n2 users left out: no SCRAM secret", out)
        self.assertEqual(load(self.path), {b"a": SECRET, b'd"q': SECRET})
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertEqual(self.asked, ["Password of postgres: "])

    def test_a_file_that_is_there_is_not_replaced_unawares(self):
        self.export()
        self.assertRaises(ConfigError, self.export)
        self.assertEqual(len(self.questions), 1)
        self.export("--force")

    def test_a_password_from_a_file(self):
        secret = os.path.abspath(self.mktemp())
        with open(secret, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("secret\n")
        self.export(f"--password_file={secret}")
        self.assertEqual(self.asked, [])
        for content in ("\n", "a\0b"):
            with open(secret, "w") as file:
                file.write(content)
            with self.assertRaisesRegex(ConfigError, "^--password_file: .* has no password"):
                self.export(f"--password_file={secret}", "--force")
