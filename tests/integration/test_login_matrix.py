"""Every client logs in to both versions of the database, without AcraServer between, over every
kind of leg, with every kind of certificate.  A rule says what is expected of each login."""

from __future__ import annotations

from tests.support.loginclients import DIRECT, PLAIN, TLS, Login
from tests.support.loginservers import SYSTEM, Matrix, failure, knows_direct_tls, show
from tests.support.middleman import NO_TLS, WAYS, MiddleMan
from tests.support.servercertificates import BINDING, ECDSA, KINDS, RSA


class ToTheDatabase(Matrix):
    """Logins without AcraServer between."""

    def test_who_is_let_in(self):
        for name, database in self.databases.items():
            for kind in KINDS:
                show(database, self.certificates.pairs[kind])
                for client in self.clients:
                    for leg in client.legs:
                        if leg != DIRECT or knows_direct_tls(database):
                            with self.subTest(client.name, leg=leg, kind=kind, database=name):
                                self.judge(client, Login(database.port, leg), kind)

    def judge(self, client, login, kind):
        said = failure(client, login)
        binds = login.leg != PLAIN and client.binds(kind)
        # It lists the mechanism even where its certificate has no hash to bind to.
        refused = kind not in BINDING if binds else client.binding == "require"
        self.assertEqual(bool(said), refused, said)

    def test_a_man_in_the_middle(self):
        """The database lets a client in that may do without channel binding."""
        database = self.databases[SYSTEM]
        show(database, self.certificates.pairs[RSA])
        for way in WAYS:
            with MiddleMan(database.port, way, self.certificates.pairs[ECDSA]) as man:
                for client in self.clients:
                    with self.subTest(client.name, way=way):
                        said = failure(client, Login(man.port, TLS))
                        refused = client.binding != "never" or way == NO_TLS
                        self.assertEqual(bool(said), refused, said)
