"""Tools as users of Acra call them: files, dumps, options for what is not here."""

import contextlib
import io
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import acrawords, keymaker, keys, logverifier, poisonrecordmaker
from acra_twisted.tools.commandline import Parser, add_common
from tests.unit.tools.base import ToolCase

TOOLS = (keymaker, keys, logverifier, poisonrecordmaker)


def parser(prog="acra-keys"):
    made = Parser(prog=prog)
    add_common(made)
    made.add_argument("--keys_dir", default=".acrakeys", help="folder")
    made.add_argument("--length", type=int, default=-1, help="100%% of bytes")
    made.add_argument("--form", default="a", choices=("a", "b"), help="form")
    made.add_argument("--file", action="append", default=[], help="files")
    made.add_argument("--needed", required=True, help="needed")
    made.switch("public", help="public")
    made.add_argument("words", nargs="*")
    return made


class Parsing(SynchronousTestCase):
    def parse(self, *words):
        return parser().parse_args(["--needed=x", *words])

    def write(self, text, version="0.91.0"):
        path = self.mktemp() + ".yaml"
        Path(path).write_text(f"version: {version}\n{text}")
        return f"--config_file={path}"

    def refused(self, *words):
        error = self.assertRaises(ConfigError, self.parse, *words)
        return str(error)

    def test_what_changes_nothing_is_taken(self):
        found = self.parse(
            *("--redis_db_keys", "1", "--redis_host_port=", "--vault_secrets_path=x", "--public"),
            *("word", "--keystore_encryption_type=env_master_key", "--zone=false"),
        )
        self.assertEqual((found.public, found.words), (True, ["word"]))

    def test_what_is_not_here_is_refused_at_once(self):
        said = self.refused(
            "--redis_host_port=x:1", "--vault_connection_api_string", "y", "--nothing", "--zone"
        )
        for words in ("keys in Redis", "Vault", "zones", "unrecognized arguments: --nothing"):
            self.assertIn(words, said)
        self.assertEqual(len(said.splitlines()), 4)
        self.assertNotIn("x:1", said)

    def test_other_names(self):
        made = parser()
        made.add_argument("--tls_cert")
        words = ["--needed=x", "--tls_client_id_cert", "c.pem"]
        self.assertEqual(made.parse_args(words).tls_cert, "c.pem")

    def test_files(self):
        text = (
            "keys_dir: k\nlength: 5\nform: b\nfile: f\npublic: true\nneeded: n\nredis_db_keys: 1\n"
        )
        found = parser().parse_args([self.write(text)])
        self.assertEqual((found.keys_dir, found.length, found.form), ("k", 5, "b"))
        self.assertEqual((found.file, found.public, found.needed), (["f"], True, "n"))
        self.assertEqual(self.parse(self.write(text), "--length=6", "--public=false").length, 6)

    def test_mistakes_of_a_file(self):
        said = self.refused(
            self.write(
                "length: five\nform: c\nkeys_dirr: k\npublic: x\nzone: true\nkms_type: aws\n"
            )
        )
        for number, words in enumerate(
            (
                "length: invalid literal",
                "form: expected one of a, b",
                "unknown key 'keys_dirr'; did you mean 'keys_dir'?",
                "public: expected true or false",
                "zone: not supported here",
                "kms_type: not supported here",
            ),
            2,
        ):
            self.assertIn(f":{number}: {words}", said)
        self.assertIn("config hasn't version key", self.refused(self.ini("length: 5\n")))
        self.assertIn("not supported, expects", self.refused(self.write("", "0.10.0")))
        self.assertIn("one option a line", self.refused(self.ini("[keystore]\n")))
        self.assertIn("cannot read", self.refused("--config_file=/nowhere"))

    def ini(self, text):
        path = self.mktemp()
        Path(path).write_text(text)
        return f"--config_file={path}"

    def test_an_ini_file_of_a_daemon(self):
        path = self.ini("[server]\n").partition("=")[2]
        flags = {"server_config": []}
        error = self.assertRaises(ConfigError, acrawords.read_file, "acra-migrate", path, flags)
        self.assertIn("--server_config names the ini file", str(error))
        error = self.assertRaises(ConfigError, acrawords.read_file, "acra-keys", path, {})
        self.assertNotIn("--server_config", str(error))

    def test_no_file(self):
        for word in ('--config_file=""', "--config_file=", "--config_file=''"):
            self.assertEqual(self.parse(word).length, -1)

    def dumped(self, *words):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            end = self.assertRaises(SystemExit, parser().parse_args, list(words))
        self.assertEqual(end.code, 0)
        return output.getvalue()

    def test_dumps(self):
        shown = self.dumped("--dump_config", "--length", "7", "--public")
        self.assertIn("# 100% of bytes\nlength: 7\n", shown)
        self.assertIn("public: true\n", shown)
        self.assertNotIn("config_file", shown)
        path = self.mktemp() + ".yaml"
        self.assertEqual(self.dumped("--dump_config=true", f"--config_file={path}"), "")
        self.assertIn("length: -1\n", Path(path).read_text())
        self.assertEqual(self.parse(f"--config_file={path}").keys_dir, ".acrakeys")
        self.dumped("--dump_config", f"--config_file={path}", "--form=b")
        self.dumped("--dump_config", f"--config_file={path}", "--length=9")
        found = self.parse(f"--config_file={path}")
        self.assertEqual((found.form, found.length), ("b", 9))
        self.assertIn("expected true or false", self.refused("--dump_config=x"))

    def test_tables(self):
        self.assertIn(
            "| `length` | -1 | 100% of bytes |", self.dumped("--generate_markdown_args_table")
        )
        path = self.mktemp() + ".yaml"
        self.dumped("--generate_markdown_args_table", "--dump_config", f"--config_file={path}")
        table = Path(os.path.dirname(path), "markdown_acra-keys.md")
        self.addCleanup(table.unlink)
        self.assertIn("| `form` | a |", table.read_text())

    def test_words_behind_two_dashes_are_words(self):
        self.assertEqual(self.parse("--", "--zone").words, ["--zone"])

    @given(st.lists(st.text() | st.sampled_from(["--zone", "--config_file", "--public", "--x=1"])))
    def test_splitting_loses_no_word_of_others(self, words):
        found = acrawords.split("acra-keys", words, {"public": True})
        rest = iter(words)
        self.assertTrue(all(word in rest for word in found.rest))


class Tools(ToolCase):
    def test_each_has_a_file_and_knows_stores_that_are_not_here(self):
        for tool in TOOLS:
            self.refused("keys in Redis", "--redis_host_port=x:1", main=tool.main)
            self.refused("cannot read /none", "--config_file=/none", main=tool.main)
            with contextlib.redirect_stdout(io.StringIO()) as output:
                end = self.assertRaises(SystemExit, self.call, "--dump_config", main=tool.main)
            self.assertEqual(end.code, 0)
            self.assertTrue(output.getvalue().startswith("version: 0."))

    def test_all_commands_of_acra_keys_are_dumped(self):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.assertRaises(SystemExit, self.call, "--dump_config", main=keys.main)
        for name in ("keys_dir", "client_storage_key", "key_bundle_file", "print_json", "public"):
            self.assertIn(f"\n{name}: ", output.getvalue().replace(":\n", ": \n"))

    def test_a_file_before_and_behind_the_command(self):
        self.make_keys("--client_id=client 1")
        path = self.mktemp() + ".yaml"
        Path(path).write_text(f"version: 0.91.0\nkeys_dir: {self.folder}\njson: true\n")
        for words in (
            [f"--config_file={path}", "list"],
            ["list", f"--config_file={path}"],
            ["--redis_db_keys=0", f"--config_file={path}", "list"],
        ):
            self.assertTrue(self.call(*words, main=keys.main).startswith("["), words)

    def test_what_acra_keys_has_no_more(self):
        for words, expected in (
            (("migrate", "--dry_run"), "nothing to migrate"),
            (("generate", "--zone_id=x"), "zones"),
            (("generate", "--master_key_path=x"), "acra-keymaker --keystore=v1"),
            (("list", "--force"), "acra-keys migrate"),
        ):
            self.refused(expected, *words, main=keys.main)
