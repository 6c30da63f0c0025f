"""Modes of proof: the daemon that asks clients for it."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.authentication import ends_authentication, requires_tls
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults


class Modes(SynchronousTestCase):
    def test_the_database_asks_unless_something_else_is_said(self):
        settings = defaults(SERVER_SECTIONS)
        self.assertFalse(ends_authentication(settings))
        self.assertFalse(ends_authentication(settings.but(auth_mode="passthrough")))

    def test_acraserver_asks_where_there_is_a_source_or_it_is_told_to(self):
        settings = defaults(SERVER_SECTIONS)
        self.assertTrue(ends_authentication(settings.but(auth_mode="scram")))
        for source in ("auth_file", "auth_query_user"):
            with_source = settings.but(**{source: "x"})
            self.assertTrue(ends_authentication(with_source))
            self.assertFalse(ends_authentication(with_source.but(auth_mode="passthrough")))

    def test_clients_that_prove_it_here_need_tls_unless_the_way_is_protected(self):
        settings = defaults(SERVER_SECTIONS).but(
            auth_mode="scram", incoming_connection_string=Address("127.0.0.1", 1)
        )
        local = settings.but(incoming_connection_string=Address(path="/run/socket"))
        self.assertTrue(requires_tls(settings, True))
        for chosen, plain in (
            (settings, False),
            (local, True),
            (settings.but(auth_without_tls=True), True),
            (settings.but(auth_mode="passthrough"), True),
        ):
            self.assertFalse(requires_tls(chosen, plain))
