"""The store of tokens that settings name."""

import os

from twisted.internet.defer import fail, succeed
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.config.tokens import TOKENS
from acra_twisted.errors import ConfigError, TokenStoreError
from acra_twisted.options import Settings
from acra_twisted.server.tokenstore import (
    check_token_store,
    look_at,
    make_tokenizer,
    redis_settings,
    redis_tls,
)
from acra_twisted.tokenentry import Entry
from tests.support.tokenizing import keys_of, setting


def settings(**given):
    return Settings({option.name: option.default for option in TOKENS.options} | given)


class Redis(SynchronousTestCase):
    def test_the_password_may_be_in_a_file(self):
        path = self.mktemp()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("secret\n")
        found = redis_settings(settings(redis_password_file=path))
        self.assertEqual(found["redis_password"], "secret")
        self.assertEqual(redis_settings(settings(redis_password="s"))["redis_password"], "s")
        both = settings(redis_password_file=path, redis_password="s")
        error = self.assertRaises(ConfigError, redis_settings, both, "--")
        self.assertIn("--redis_password and --redis_password_file", str(error))
        none = settings(redis_password_file=path + ".none")
        self.assertRaises(ConfigError, check_token_store, none, False)

    def test_tls_needs_files_that_are_there(self):
        self.assertIsNone(redis_tls(settings()))
        check_token_store(settings(), False)
        wrong = settings(redis_tls_enable=True, redis_tls_client_ca=self.mktemp())
        self.assertRaises(ConfigError, check_token_store, wrong, False)
        check_token_store(settings(redis_tls_enable=True, redis_host_port="redis:6379"), False)

    def test_a_store_that_cannot_be_opened_matters_if_it_is_used(self):
        wrong = settings(token_store="sqlite:/nowhere/tokens")
        check_token_store(wrong, False)
        error = self.assertRaises(ConfigError, check_token_store, wrong, True)
        self.assertIn("token_store: cannot make the token store /nowhere/tokens", str(error))


class Opening(SynchronousTestCase):
    def make(self, **given):
        return make_tokenizer(settings(**given), keys_of("client"), None, lambda: 0, None)

    def test_a_store_in_memory(self):
        tokenizer = self.make(token_store="memory")
        column = setting(consistent=True)
        [token] = self.successResultOf(tokenizer.tokenize(column, [b"value"], "client"))
        [found] = self.successResultOf(tokenizer.detokenize(column, [token], "client"))
        self.assertEqual(found.value, b"value")

    def test_a_store_that_cannot_be_opened(self):
        for name, text in (
            ("boltdb:x", "acra-tokens import"),
            ("sqlite", "sqlite:FILE"),
            ("rediss", "did you mean 'redis'"),
            (f"sqlite:{self.mktemp()}/none/x", "none"),
            ("redis", "redis_host_port"),
        ):
            error = self.assertRaises(ConfigError, self.make, token_store=name)
            self.assertIn("token_store: ", str(error))
            self.assertIn(text, str(error))


class Looking(SynchronousTestCase):
    """The first look at a store."""

    def look(self, page, keyed=True):
        heard = []
        globalLogPublisher.addObserver(heard.append)
        self.addCleanup(globalLogPublisher.removeObserver, heard.append)

        class Store:
            def page(self):
                return page

        look_at(Store(), keyed)
        return [(event["code"], event["event_text"]) for event in heard if "code" in event]

    def test_a_store_that_does_not_answer_is_told_of(self):
        [(code, text)] = self.look(fail(TokenStoreError("it is away")))
        self.assertEqual((code, text), (events.TOKENS_AWAY, "token_store: it is away"))

    def test_consistent_tokens_that_would_not_be_found_are_told_of(self):
        for kind, keyed, told in (
            (b"h", True, "token_ids = acra"),
            (b"h", False, ""),
            (b"k", True, ""),
            (b"k", False, "token_ids = keyed"),
            (b"t", True, ""),
            (b"t", False, ""),
        ):
            entries = [Entry(bytes(32), kind + b".x", b"")]
            heard = self.look(succeed((entries, None)), keyed)
            self.assertEqual(len(heard), bool(told))
            for _, text in heard:
                self.assertIn(told, text)
