"""The short way of statements: it does as the long one does, or is not gone."""

import re

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.settings import (
    MASKED,
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
    Masking,
    TableSetting,
)
from acra_twisted.exchange import STATEMENT, Statement
from acra_twisted.session import IN_TRANSACTION, Identity
from acra_twisted.verdicts import PASS, Replace
from tests.support.containers import CLIENT
from tests.support.encryptors import EncryptorCase, end

EMAIL = ColumnSetting("", "people", "name", kind=SEARCHABLE, data_type="str")
AGE = ColumnSetting("", "people", "age", data_type="int32")
KEY = ColumnSetting("", "people", "key", data_type="str")
MASK = ColumnSetting(
    "", "people", "key", kind=MASKED, data_type="str", masking=Masking(b"xxxx", 4, True)
)
SEARCH = "SELECT id FROM people WHERE name = {} AND id < {}"
INSERT = "INSERT INTO people (id, name, key) VALUES ({}, {}, {})"
TEXTS = (
    *((SEARCH, ("'a'", "1")), (INSERT, ("1", "'a'", "'b'"))),
    ("UPDATE people SET key = {} WHERE name = {} OR name = {}", ("'a'", "'b'", "'c'")),
    ("DELETE FROM people WHERE name IN ({}, {})", ("'a'", "'b'")),
    ("SELECT name, key FROM people WHERE id = {}", ("1",)),
    ("UPDATE people SET age = {}, note = {} WHERE name = {}", ("1", "'a'", "'b'")),
    ("SELECT id FROM people WHERE name = {}::text AND note = {}", ("'a'", "'b'")),
    ("SELECT id FROM people WHERE {} = name LIMIT {}", ("'a'", "1")),
)
literals = st.one_of(
    st.text("ab \\'\"é;-x\0", max_size=6).map(lambda value: "'" + value.replace("'", "''") + "'"),
    st.text(" !~x0", max_size=70).map("'{}'".format),
    st.integers(0, 300).map(str),
    st.sampled_from(["1.5", "NULL", "'a' || 'b'", "E'a'", "'a' -- b\n", "-1", "$$a$$", "1e3"]),
)
_digits = re.compile(rb"(?:[0-9a-f]{2}){60,}")


def settings(*columns):
    return EncryptionSettings([TableSetting("", "people", (), {one.name: one for one in columns})])


class ShortCase(EncryptorCase):
    def setUp(self):
        super().setUp()
        self.bench.keys.follow = self.follow
        self.stage = self.made(settings(EMAIL, AGE, KEY))

    def follow(self, dropped):
        """A key store that keeps its keys."""
        self.dropped = dropped
        return True

    def learn(self, text):
        """Send a text the long way as often as it takes to know a short one."""
        for _ in range(3):
            self.judge(text)

    def short(self, text):
        """The text that is sent without a verdict; None for one that needs one."""
        self.statement = Statement(text.encode())
        return None if self.is_judged(self.statement) else self.statement.text

    def readable(self, text):
        """A text that is sent, with the values that it has encrypted."""

        def opened(found):
            stored = bytes.fromhex(found[0].decode())
            [container] = envelopes.find(stored)
            return b"<%b|%b>" % (stored[: container.start].hex().encode(), self.opened(stored))

        return _digits.sub(lambda found: found[0] if len(found[0]) < 100 else opened(found), text)


class Ways(ShortCase):
    def test_the_short_way_is_gone(self):
        for form, values in TEXTS[:5]:
            text = form.format(*values)
            self.assertIsNone(self.short(text))
            self.learn(text)
            self.assertEqual(self.readable(self.short(text)), self.readable(self.sent(text)), text)

    @given(st.data())
    def test_both_ways_write_the_same(self, data):
        form, values = data.draw(st.sampled_from(TEXTS))
        self.learn(form.format(*values))
        text = form.format(*(data.draw(literals) for _ in values))
        short = self.short(text)
        if short is None:
            return
        meanings, meaning = self.statement.meanings, self.session.meaning
        verdict, statement = self.judge(text)
        if verdict is PASS:
            self.assertEqual((short, meanings), (statement.text, statement.meanings))
        else:
            self.assertIs(type(verdict), Replace)
            self.assertEqual(self.readable(short), self.readable(verdict.item.text))
            self.assertEqual(meanings, verdict.item.meanings)
        self.assertIs(meaning, self.session.meaning)
        self.assertEqual(self.asked_about.plan, self.exchange.plan)

    def test_the_same_is_told_of_values(self):
        for form, values in TEXTS[:5]:
            text = form.format(*values)
            self.learn(text)
            told = []
            for send in (self.short, self.sent):
                self.session.observer.columns.clear()
                send(text)
                told.append(dict(self.session.observer.columns))
            self.assertEqual(*told)

    def test_people_are_shown_what_the_client_wrote(self):
        text = SEARCH.format("'a'", "1")
        self.learn(text)
        self.short(text)
        self.assertEqual(self.statement.written[0], text.encode())

    def test_its_time_is_told_where_somebody_wants_to_know(self):
        reading, writing = "SELECT name FROM people WHERE id = 1", SEARCH.format("'a'", "1")
        for text in (reading, writing):
            self.learn(text)
            self.short(text)
            self.assertIsNone(self.asked_about.stage_runs)
        self.session.timed = True
        for text, verdict in ((reading, type(PASS)), (writing, Replace)):
            self.short(text)
            [run] = self.asked_about.stage_runs
            self.assertEqual((run.stage, run.kind), (self.stage.name, STATEMENT))
            self.assertIs(type(run.verdict), verdict)
            self.assertLess(run.started, run.ended)


class Doubt(ShortCase):
    """Nothing that may be another than it was goes the short way."""

    TEXT = SEARCH.format("'a'", "1")

    def setUp(self):
        super().setUp()
        self.learn(self.TEXT)
        self.assertIsNotNone(self.short(self.TEXT))

    def test_while_tables_may_change(self):
        self.judge("ALTER TABLE people ADD x int")
        self.assertIsNone(self.short(self.TEXT))
        end(self.exchange, b"ALTER TABLE")
        self.assertIsNone(self.short(self.TEXT))

    def test_once_they_have(self):
        self.judge("ALTER TABLE people ADD x int")
        self.database.oid = 8
        end(self.exchange, b"ALTER TABLE")
        self.judge("SELECT 1")
        self.assertIsNone(self.short(self.TEXT))

    def test_where_bare_names_are_looked_up_elsewhere(self):
        self.database.path = [["pg_catalog", "other"], None, "other"]
        self.session.parameters = {**self.session.parameters, b"search_path": b"other"}
        self.judge("SELECT 1")
        self.assertIsNone(self.short(self.TEXT))

    def test_where_settings_may_be_others(self):
        self.session.parameters = {
            **self.session.parameters,
            b"standard_conforming_strings": b"off",
        }
        self.assertIsNone(self.short(self.TEXT))

    def test_a_text_that_is_read_by_unknown_settings(self):
        for conforming in (None, False):
            statement = Statement(self.TEXT.encode())
            statement.conforming = conforming
            self.assertTrue(self.is_judged(statement))

    def test_while_a_cursor_shows_protected_columns(self):
        self.session.transaction = IN_TRANSACTION
        self.judge("DECLARE c CURSOR FOR SELECT name FROM people")
        end(self.exchange, b"DECLARE CURSOR")
        self.assertIsNone(self.short(self.TEXT))

    def test_where_sql_has_prepared_statements(self):
        self.judge("PREPARE q AS SELECT name FROM people")
        end(self.exchange, b"PREPARE")
        self.assertIsNone(self.short(self.TEXT))

    def test_tables_that_values_are_given_to_are_looked_up(self):
        self.database.relations = [["others", True]]
        text = "UPDATE others SET note = 'a' FROM people WHERE people.name = 'a'"
        self.learn(text)
        self.assertIsNotNone(self.short(text))
        self.session.notes["encryptor"].schema.forget(["others"])
        self.assertIsNone(self.short(text))

    def test_columns_that_not_all_may_read_or_that_are_anothers(self):
        for column in (EMAIL._replace(readers=frozenset((CLIENT,))), EMAIL._replace(owner="other")):
            self.stage = self.made(settings(column))
            self.session.notes.clear()
            self.learn(self.TEXT)
            self.assertIsNone(self.short(self.TEXT), column)

    def test_statements_that_may_change_what_names_mean(self):
        for _ in range(3):
            self.judge("EXPLAIN " + self.TEXT)
            end(self.exchange, b"EXPLAIN")
        self.assertIsNone(self.short("EXPLAIN " + self.TEXT))
        self.learn(self.TEXT)
        self.assertIsNotNone(self.short(self.TEXT))

    def test_keys_are_asked_for_as_often_as_the_long_way_asks(self):
        self.now += 0.2
        self.assertIsNotNone(self.short(self.TEXT))
        self.now += 0.1
        for _ in range(2):
            self.assertIsNone(self.short(self.TEXT))
        self.learn(self.TEXT)
        self.assertIsNotNone(self.short(self.TEXT))

    def test_where_others_have_taken_the_place_of_its_plan(self):
        snapshot = self.session.notes["encryptor"].snapshot
        snapshot.beginnings.find(self.TEXT.encode()).kept.is_over = True
        self.assertIsNone(self.short(self.TEXT))

    def test_a_database_that_can_have_no_protected_column(self):
        self.session.notes["encryptor"].unfit = Refusal("a reason", "", "a text")
        self.assertIsNone(self.short(self.TEXT))

    def test_results_are_read_by_the_tables_as_they_are_now(self):
        meaning, self.session.meaning = self.session.meaning, None
        self.short(self.TEXT)
        self.assertIs(self.session.meaning, meaning)

    def test_the_newest_keys_count(self):
        insert = INSERT.format("1", "'a'", "'b'")
        self.learn(insert)
        before = self.short(self.TEXT), self.readable(self.short(insert))
        self.bench.keys.put(purposes.SEARCH_HMAC, b"i" * 32, CLIENT)
        self.now += 60
        self.learn(self.TEXT)
        self.learn(insert)
        for text in (self.TEXT, insert):
            short = self.short(text)
            if short is not None:
                self.assertEqual(self.readable(short), self.readable(self.sent(text)))
        self.assertNotIn(before[0], [self.short(self.TEXT), self.sent(self.TEXT)])

    def test_keys_that_are_dropped_are_used_no_more(self):
        self.dropped()
        self.assertIsNone(self.short(self.TEXT))
        self.learn(self.TEXT)
        self.assertIsNotNone(self.short(self.TEXT))

    def test_keys_of_another_client(self):
        self.session.identity = Identity("somebody else", "", False)
        self.assertIsNone(self.short(self.TEXT))

    def test_a_value_that_is_refused_is_refused_by_the_long_way(self):
        self.stage = self.made(settings(EMAIL, MASK))
        text = "UPDATE people SET key = '{}' WHERE name = 'a'"
        self.learn(text.format("12345678"))
        self.assertIsNotNone(self.short(text.format("12345678")))
        masked = text.format("1234xxxx")
        self.assertIsNone(self.short(masked))
        self.refused(self.judge(masked)[0], b"22000")

    def test_a_plan_that_a_literal_decides_has_none(self):
        text = "UPDATE people SET key = 'abcd'::varchar({}) WHERE id = 1"
        self.learn(text.format(3))
        self.assertIsNone(self.short(text.format(2)))
        self.assertIsNone(self.short(text.format(3)))

    def test_other_statements_that_begin_alike(self):
        for text in (
            "SELECT id FROM people WHERE name = 'a' AND id < 1 OR note = 'b'",
            "SELECT id FROM people WHERE name = 'a'; DROP TABLE people",
            "SELECT id FROM people WHERE name = 'a' AND id < 1 -- 1",
        ):
            self.assertIsNone(self.short(text), text)
