"""Kinds of statements by their first words."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.statementwords import is_control, is_quiet, may_change


class Texts(SynchronousTestCase):
    def test_statements_that_may_change_what_names_mean(self):
        for text in (
            *(b"CREATE TABLE t ()", b"set search_path = x", b"DISCARD ALL", b"do $$$$", b""),
            *(b"select set_config('search_path', 'x', false)", b"select 1; drop table t"),
            *(b"SELECT * INTO TEMP people FROM t", b"update pg_settings set setting = 'x'"),
            *(b'select U&"x"()', b"set jit = off; set role x", b"set time zone 'x'; select f()"),
        ):
            self.assertTrue(may_change(text), text)
        for text in (
            *(b"select temperature from t;", b" INSERT INTO t VALUES (1)", b"fetch all from c"),
            *(b"with x as (select 1) select * from x", b"copy t from stdin", b"values (1)"),
            *(b"SET application_name = 'a'", b"set local work_mem to 100;", b"reset jit"),
        ):
            self.assertFalse(may_change(text), text)

    def test_statements_that_begin_and_end_transactions(self):
        for text in (
            *(b"BEGIN", b"begin;", b" commit work ; ", b"ROLLBACK TO SAVEPOINT a", b"end"),
            *(
                b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                b"set local transaction",
            ),
            b"set transaction snapshot '00000003-0000001B-1'",
            *(b'savepoint "a b"', b"start transaction isolation level serializable, read only"),
        ):
            self.assertTrue(is_control(text), text)
        for text in (
            *(b"begin; insert into t values (1)", b"commit prepared 'x'", b"rollback /* x */"),
            *(b"set transaction_isolation = 'x'", b"set transaction snapshot 'x'; select 1"),
            *(b"select 1", b"beginning", b"begin $$x$$", b"release f(1)"),
        ):
            self.assertFalse(is_control(text), text)

    def test_many_blanks_take_a_time_that_grows_with_them(self):
        for text in (b"begin" + b" " * 300_000 + b"!", b"set transaction" + b" " * 300_000 + b"!"):
            self.assertFalse(is_control(text))

    def test_statements_that_are_quiet(self):
        for text in (b"select 1", b"insert into t values (1) on conflict do nothing", b"fetch c"):
            self.assertTrue(is_quiet(text), text)
        for text in (b"commit", b"set search_path = x", b"select 1; commit", b"create table t ()"):
            self.assertFalse(is_quiet(text), text)
