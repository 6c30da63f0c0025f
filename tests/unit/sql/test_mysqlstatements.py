"""First words, engines, options and settings of MariaDB's and MySQL's statements."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.mysqlstatements import ACTS, CODE, PLAIN, READ, SHOWS, merged, statements


class Kinds(SynchronousTestCase):
    def test_the_longest_entry_holds(self):
        for text, expected in (
            ("select 1", READ),
            ("show binlog events", SHOWS),
            ("show full processlist", SHOWS),
            ("show binary logs", PLAIN),
            ("create or replace view v", READ),
            ("create definer = x @h view v", READ),
            ("create algorithm = merge definer = x ( ) sql security definer view v", READ),
            ("create or replace aggregate function f", CODE),
            ("create definer = x trigger t", CODE),
            ("alter ignore table t", READ),
            ("explain format = json for connection 5", SHOWS),
            ("explain format = json select 1", READ),
            ("flush tables t", READ),
            ("flush local tables t", READ),
            ("flush hosts", ACTS),
            ("unheard of", ""),
            ("create", ""),
            ("", ""),
        ):
            self.assertEqual(statements().kind(text.split()), expected, text)


class Storage(SynchronousTestCase):
    def test_engines_and_options(self):
        for text, expected in (
            ("create table x ( a int ) engine = innodb", False),
            ("create table x ( a int ) engine innodb", False),
            ("create table x ( engine int , connection int )", False),
            ("create table x ( a int check ( connection = 5 ) )", False),
            ("alter table x change engine motor int", False),
            ("alter table x change motor engine int", False),
            ("create table x ( a int ) engine = spider", True),
            ("create table x ( a int ) , engine spider", True),
            ("create table x ( a int ) engine 'Spider'", True),
            ("create table x ( a int ) connection = 'x'", True),
            ("create table x ( a int ) data directory = 'x'", True),
        ):
            self.assertEqual(bool(statements().storage(text.split())), expected, text)

    def test_merged_tables(self):
        for text, expected in (
            ("x union = ( a )", [4]),
            ("x union ( a )", [3]),
            ("x union select", []),
        ):
            self.assertEqual(list(merged(text.split())), expected, text)


class Settings(SynchronousTestCase):
    def test_settings(self):
        for text, expected in (
            ("set autocommit = 1", False),
            ("set storage_engine = innodb", False),
            ("set @@session.storage_engine = spider", True),
            ("set session default_storage_engine := 'connect'", True),
            ("set global `init_connect` = 'x'", True),
        ):
            self.assertEqual(bool(statements().settings(text.split())), expected, text)
