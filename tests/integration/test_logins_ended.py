"""Every client logs in through AcraServer, which ends the logins: over every kind of leg on either
side, with every kind of certificate.  A rule says what is expected of each login."""

from __future__ import annotations

import re

from acra_twisted.sandbox.keys import Keys
from tests.integration.base import eventually, get
from tests.support.loginclients import PLAIN, TLS, Login
from tests.support.loginservers import NEWEST, SYSTEM, Matrix, failure, show
from tests.support.servercertificates import BINDING, ED25519, KINDS, RSA

_LOGINS = re.compile(r"^acra_logins_total\{(.*)\} (\S+)$", re.M)


def accepted(chain):
    """Logins that a chain's server has let in: bound to TLS, and not."""
    counted = {"yes": 0, "no": 0}
    for labels, value in _LOGINS.findall(get(chain.server_pages, "/metrics")):
        named = dict(re.findall(r'(\w+)="(.*?)"', labels))
        if named["result"] == "ok":
            counted[named["bound"]] += int(float(value))
    return counted["yes"], counted["no"]


class ThroughServer(Matrix):
    """Logins that AcraServer ends: the database's leg and its certificate change nothing."""

    def test_who_is_let_in(self):
        for name, database in self.databases.items():
            for db_tls in ("disable", "require"):
                chain = self.server(database, db_tls=db_tls, auth_without_tls="yes")
                for own in KINDS:
                    self.show_own(chain, own)
                    for shown in KINDS if db_tls == "require" else (RSA,):
                        show(database, self.certificates.pairs[shown])
                        # A client sees nothing of the database: all of them log in to the newest
                        # with one pair.
                        pair = (own, shown)
                        whole = RSA in pair if name == SYSTEM else pair == (RSA, RSA)
                        with self.subTest(database=name, db_tls=db_tls, own=own, shown=shown):
                            self.judge_all(chain, own, self.clients if whole else self.few)
                chain.stop()

    def test_tls_from_the_first_byte(self):
        """PostgreSQL has it from version 17 on."""
        database = self.databases[NEWEST]
        chain = self.server(
            database, db_tls="direct", db_channel_binding="require", auth_without_tls="yes"
        )
        for shown in BINDING:
            show(database, self.certificates.pairs[shown])
            with self.subTest(shown=shown):
                self.judge_all(chain, RSA, self.few)
        chain.stop()
        chain = self.server(self.databases[SYSTEM], db_tls="direct")
        said = failure(self.few[0], Login(chain.port, TLS))
        self.assertIn("could not connect to the database", said)

    def judge_all(self, chain, own, chosen):
        before, expected = accepted(chain), [0, 0]
        for client in chosen:
            for leg in client.legs:
                binds = leg != PLAIN and own in BINDING and client.binds(own)
                refused = client.binding == "require" and not binds
                with self.subTest(client.name, leg=leg):
                    said = failure(client, Login(chain.port, leg))
                    self.assertEqual(bool(said), refused, said)
                if not refused:
                    expected[0 if binds else 1] += 1
        after = tuple(a + b for a, b in zip(before, expected, strict=True))
        eventually(lambda: sum(accepted(chain)) >= sum(after), "the logins are counted")
        self.assertEqual(accepted(chain), after)

    def test_only_bound_to_the_databases_certificate(self):
        for name, database in self.databases.items():
            chain = self.server(database, db_channel_binding="require")
            for shown in KINDS:
                show(database, self.certificates.pairs[shown])
                for client in self.few:
                    with self.subTest(client.name, database=name, shown=shown):
                        said = failure(client, Login(chain.port, TLS))
                        self.assertEqual(bool(said), shown == ED25519, said)
            chain.stop()

    def test_not_in_clear(self):
        chain = self.server(self.databases[SYSTEM])
        for client in self.clients:
            with self.subTest(client.name):
                self.assertTrue(failure(client, Login(chain.port, PLAIN)))

    def test_only_bound_clients(self):
        chain = self.server(self.databases[SYSTEM], require_channel_binding="yes")
        for client in self.clients:
            for leg in client.legs:
                with self.subTest(client.name, leg=leg):
                    said = failure(client, Login(chain.port, leg))
                    self.assertEqual(bool(said), leg == PLAIN or client.binding == "never", said)


class ThroughConnector(Matrix):
    """The link is encrypted; TLS of the application ends at AcraServer, at the connector, or there
    is none."""

    NAMES = (SYSTEM,)

    def test_who_is_let_in(self):
        keys = Keys(self.folder, "application")
        certificate, key = map(str, self.certificates.pairs[RSA])
        ends = {
            "server": {"application_tls": "pass"},
            "connector": {"application_tls_cert": certificate, "application_tls_key": key},
        }
        for link in ("tls", "secure-session"):
            for ends_at, application in ends.items():
                chain = self.server(
                    self.databases[SYSTEM],
                    link=link,
                    keys=keys if link == "secure-session" else None,
                    connector={"connector": application},
                )
                for client in self.few:
                    for leg in client.legs:
                        offered = leg != PLAIN and ends_at == "server"
                        with self.subTest(client.name, leg=leg, link=link, ends_at=ends_at):
                            said = failure(client, Login(chain.port, leg))
                            refused = client.binding == "require" and not offered
                            self.assertEqual(bool(said), refused, said)
                chain.stop()
