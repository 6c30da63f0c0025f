"""Flags that name a store of tokens."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import tokenstoreflags
from acra_twisted.tools.commandline import Parser


class Flags(SynchronousTestCase):
    def given(self, *words):
        parser = Parser(prog="acra-tokens")
        tokenstoreflags.add(parser)
        tokenstoreflags.add_names(parser)
        return parser.parse_args(words)

    def test_a_store_has_one_name(self):
        for words, expected in (
            (["--token_store=sqlite:tokens.db"], "sqlite:tokens.db"),
            (["--token_db=tokens.db"], "boltdb:tokens.db"),
            (["--redis_host_port=here:6379"], "redis"),
        ):
            self.assertEqual(tokenstoreflags.store_of(self.given(*words)), expected)
        for words in ([], ["--token_store=redis", "--token_db=tokens.db"]):
            self.assertRaises(ConfigError, tokenstoreflags.store_of, self.given(*words))

    def test_the_password_of_redis_is_that_of_a_file(self):
        path = os.path.abspath(self.mktemp())
        with open(path, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("filed\n")
        given = self.given(f"--redis_password_file={path}")
        self.assertEqual(tokenstoreflags.settings_of(given)["redis_password"], "filed")
        both = self.given(f"--redis_password_file={path}", "--redis_password=given")
        self.assertRaises(ConfigError, tokenstoreflags.settings_of, both)

    def test_records_are_named_as_the_server_names_them(self):
        for words, keyed in (
            (["--token_store=sqlite:x"], True),
            (["--redis_host_port=here:6379"], False),
            (["--redis_host_port=here:6379", "--token_ids=keyed"], True),
            (["--token_store=sqlite:x", "--token_ids=acra"], False),
        ):
            self.assertEqual(tokenstoreflags.are_keyed(self.given(*words)), keyed)
