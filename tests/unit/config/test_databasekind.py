"""The choice of the database's kind."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.databasekind import (
    DATABASE_KIND,
    check_kind,
    choose_kind,
    inherited,
    is_mysql,
)
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.options import defaults

NEITHER = {"mysql_enable": False, "postgresql_enable": False}
MYSQL = {**NEITHER, "mysql_enable": True}
POSTGRESQL = {**NEITHER, "postgresql_enable": True}


class Kind(SynchronousTestCase):
    def test_postgresql_unless_mysql_is_chosen(self):
        for sections in (SERVER_SECTIONS, CONNECTOR_SECTIONS):
            self.assertFalse(is_mysql(defaults(sections)))
        self.assertEqual([is_mysql(one) for one in (MYSQL, POSTGRESQL)], [True, False])
        self.assertEqual({option.name for option in DATABASE_KIND}, set(NEITHER))

    def test_there_is_one(self):
        for fine in (NEITHER, MYSQL, POSTGRESQL):
            check_kind(fine)
        error = self.assertRaises(ConfigError, check_kind, dict.fromkeys(NEITHER, True))
        self.assertIn("mysql_enable and postgresql_enable", str(error))

    def test_a_listeners_own_takes_the_place_of_the_daemons(self):
        for daemon, own, expected in (
            (POSTGRESQL, {"mysql_enable": True}, MYSQL),
            (MYSQL, {"postgresql_enable": True}, POSTGRESQL),
            (MYSQL, {"mysql_enable": False}, NEITHER),
            (MYSQL, {}, MYSQL),
            (NEITHER, {"mysql_enable": True}, MYSQL),
        ):
            values = {**daemon, **own}
            choose_kind(values, own)
            self.assertEqual(values, expected)
        both = {"mysql_enable": True, "postgresql_enable": True}
        values = {**both}
        choose_kind(values, both)
        self.assertRaises(ConfigError, check_kind, values)

    def test_the_port_of_another_kind_is_not_inherited(self):
        given = {"db_port": "a.ini:3", "db_host": "a.ini:2"}
        self.assertEqual(inherited(given, NEITHER, POSTGRESQL), given)
        self.assertEqual(inherited(given, NEITHER, MYSQL), {"db_host": "a.ini:2"})
        self.assertEqual(inherited(given, MYSQL, NEITHER), {"db_host": "a.ini:2"})
