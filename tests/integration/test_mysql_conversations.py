"""A client of MariaDB is answered packet for packet as by the server, whatever it says."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support import classmariadb
from tests.support.mysqlconversations import CAPABILITIES, PROCEDURES, SAYINGS, answers
from tests.support.mysqldaemon import MysqlServer


class Conversations(SynchronousTestCase):
    """They are said to the server itself, at once and in pieces, and through AcraServer."""

    @classmethod
    def setUpClass(cls):
        cls.database = classmariadb.started(cls)
        cls.database.run(PROCEDURES)
        server = MysqlServer(cls.database.port, db_tls="disable")
        server.__enter__()
        cls.addClassCleanup(server.stop)
        cls.port = server.port

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(SAYINGS, max_size=20), CAPABILITIES, st.integers(1, 40), st.booleans())
    def test_every_one_is_answered_as_by_the_server(self, sayings, capabilities, size, at_once):
        expected = answers(self.database.port, sayings, capabilities=capabilities, at_once=at_once)
        for port, pieces in (
            (self.database.port, size),
            (self.port, 1 << 20),
            (self.port, size),
        ):
            found = answers(port, sayings, capabilities=capabilities, at_once=at_once, size=pieces)
            self.assertEqual(found, expected, (port == self.port, pieces))
