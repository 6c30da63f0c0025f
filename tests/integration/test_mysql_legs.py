"""Every client of MySQL and MariaDB over every combination of legs."""

from itertools import product

from acra_twisted.sandbox.processes import free_port
from tests.integration.test_mysql_dumps import dump
from tests.integration.test_mysql_link import LINKS, LinkCase
from tests.support import classmariadb
from tests.support.mysqlclients import CLIENTS, Login

#: To AcraServer itself, without a connector.
STRAIGHT = "straight"
#: The way, and whether there is TLS with the client and with the database.
LEGS = tuple(product((STRAIGHT, *LINKS), (False, True), (False, True)))
#: The account that the database knows, and whether it was reached by TLS.
ASKED = (
    "SELECT CONCAT(CURRENT_USER(), IF(variable_value = '', ' in clear', ' by TLS'))"
    " FROM information_schema.session_status WHERE variable_name = 'Ssl_version'"
)
ADDRESS = "incoming_connection_string"
TABLES = """
CREATE DATABASE shop; USE shop; CREATE TABLE t (a INT, b TEXT, c BLOB);
INSERT INTO t SELECT seq, REPEAT('x', seq), UNHEX(MD5(seq)) FROM mysql.seq_1_to_300;
"""


class Legs(LinkCase):
    """A chain for each link.  Where a client's leg has TLS, its listener takes no other client."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secured = classmariadb.started(cls, tls=cls.pair, ca=cls.authority.path)
        cls.secured.run(TABLES)
        cls.ports = {}
        for link in LINKS:
            cls.listening(link)

    @classmethod
    def listening(cls, link):
        """Start daemons with a listener for each combination of TLS."""
        own = {"cert": str(cls.pair[0]), "key": str(cls.pair[1])}
        at_server = {f"tls_client_{name}": path for name, path in own.items()}
        at_connector = {f"application_tls_{name}": path for name, path in own.items()}
        by_tls = {"db_tls": "require", "tls_database_ca": str(cls.authority.path)}
        server, connector = {"database": {"db_tls": "disable"}}, {}
        for client, database in product((False, True), (False, True)):
            name = f"{client}-{database}"
            straight, far, near = free_port(), free_port(), free_port()
            far_leg = by_tls if database else {}
            server[f"listener:{name}"] = {ADDRESS: f"tcp://127.0.0.1:{far}", **far_leg}
            connector[f"listener:{name}"] = {
                ADDRESS: f"tcp://127.0.0.1:{near}",
                "acraserver_connection_string": f"tcp://127.0.0.1:{far}",
                **({"application_tls": "require", **at_connector} if client else {}),
            }
            cls.ports[link, client, database] = near
            if link == "plain":
                server[f"listener:{STRAIGHT}-{name}"] = {
                    ADDRESS: f"tcp://127.0.0.1:{straight}",
                    **far_leg,
                    **({"client_tls": "require", **at_server} if client else {}),
                }
                cls.ports[STRAIGHT, client, database] = straight
        cls.chain(link, server, connector, cls.secured.port)

    def logins(self, **more):
        """A login over each combination of legs."""
        ca = str(self.authority.path)
        return [Login(self.ports[legs], ca=ca if legs[1] else "", **more) for legs in LEGS]

    def test_every_client_is_answered_over_each_and_refused(self):
        expected = ["u@% by TLS" if database else "u@% in clear" for _, _, database in LEGS]
        logins = [*self.logins(text=ASKED), *self.logins(password="no")]
        for name, client in CLIENTS.items():
            found = client.each(logins)
            answered, refused = found[: len(LEGS)], found[len(LEGS) :]
            self.assertEqual(
                dict(zip(LEGS, answered, strict=True)), dict(zip(LEGS, expected, strict=True)), name
            )
            for legs, said in zip(LEGS, refused, strict=True):
                self.assertIn("Access denied for user", said, (name, legs))

    def test_dumps_are_the_server_s_own_over_each(self):
        expected = dump(Login(self.secured.port), "--hex-blob", "shop")
        self.assertEqual(expected[1], "")
        self.assertGreater(len(expected[0]), 30_000)
        for legs, login in zip(LEGS, self.logins(), strict=True):
            found = dump(login, "--hex-blob", "shop")
            self.assertEqual((found[1], legs), ("", legs))
            self.assertEqual(found[0], expected[0], legs)
