"""Options of the store of tokens."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.tokens import DEFAULT, TOKENS, has_keyed_names, store_name
from acra_twisted.tokens.opening import FORMS


class Names(SynchronousTestCase):
    def settings(self, **given):
        return {option.name: option.default for option in TOKENS.options} | given

    def test_a_server_that_names_no_store_has_one(self):
        for given, name in (
            ({}, DEFAULT),
            ({"redis_host_port": "localhost:6379"}, "redis"),
            ({"redis_host_port": "localhost:6379", "token_store": "memory"}, "memory"),
            ({"token_store": "sqlite:x"}, "sqlite:x"),
        ):
            self.assertEqual(store_name(self.settings(**given)), name)
        self.assertIn(DEFAULT.partition(":")[0], FORMS)

    def test_a_store_that_acra_may_use_has_acra_s_names(self):
        for given, keyed in (
            ({}, True),
            ({"token_store": "redis"}, False),
            ({"token_store": "redis", "token_ids": "keyed"}, True),
            ({"token_ids": "acra"}, False),
        ):
            self.assertEqual(has_keyed_names(self.settings(**given)), keyed)

    def test_the_password_is_a_secret(self):
        [password] = [one for one in TOKENS.options if one.name == "redis_password"]
        self.assertTrue(password.secret)
