"""One AcraConnector and one AcraServer between applications and databases of both kinds."""

import pymysql

from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.sandbox.processes import free_port
from tests.integration.base import Surroundings, get


class BothDatabases(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mariadb = MariaDB(listens=True)
        cls.addClassCleanup(cls.mariadb.stop)
        cls.mariadb.start()
        cls.mariadb.account("u", "pw")
        cls.near, far = free_port(), free_port()
        address = "incoming_connection_string"
        cls.both = cls.chain(
            server={
                "listener:mysql": {
                    address: f"tcp://127.0.0.1:{far}",
                    "mysql_enable": "true",
                    "db_port": str(cls.mariadb.port),
                },
            },
            connector={
                "listener:mysql": {
                    address: f"tcp://127.0.0.1:{cls.near}",
                    "mysql_enable": "true",
                    "acraserver_connection_string": f"tcp://127.0.0.1:{far}",
                },
            },
        )

    def test_each_reaches_its_own(self):
        with self.connect(self.both) as db:
            self.assertIn("PostgreSQL", db.execute("SELECT version()").fetchone()[0])
        options = {"host": "127.0.0.1", "port": self.near, "user": "u", "password": "pw"}
        with pymysql.connect(**options) as session, session.cursor() as cursor:
            cursor.execute("SELECT version()")
            self.assertIn("MariaDB", cursor.fetchone()[0])
        log = (self.both.folder / "acra-connector.log").read_text()
        self.assertIn(f"mysql (127.0.0.1:{self.near} to ", log)
        self.assertNotIn("carried unread", log)

    def test_it_is_ready_when_all_servers_can_be_reached(self):
        for pages in (self.both.server_pages, self.both.connector_pages):
            self.assertIn("ok", get(pages, "/readyz"))
        self.assertIn("ok", get(self.both.connector_pages, "/readyz?acraserver"))
