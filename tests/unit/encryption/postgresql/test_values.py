"""Values of expressions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import values
from acra_twisted.encryption.postgresql.values import Leaf
from acra_twisted.encryption.settings import (
    DEFAULT_VALUE,
    ERROR,
    NULL,
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
)

NAME = ColumnSetting("", "people", "name", data_type="str")
TITLE = ColumnSetting("", "books", "title", data_type="str")

#: Changes of a setting that a client sees.
DIFFERENT = (
    {"readers": frozenset(["client1"])},
    {"readers": frozenset()},
    {"on_failure": ERROR},
    {"on_failure": DEFAULT_VALUE, "default": b"-"},
    {"on_plaintext": NULL},
    {"on_plaintext": ERROR},
    {"data_type": "bytes"},
    {"owner": "x"},
)


class Values(SynchronousTestCase):
    def test_a_value_is_read_by_the_columns_that_it_may_come_from(self):
        name, title = Leaf(values.PROTECTED, setting=NAME), Leaf(values.PROTECTED, setting=TITLE)
        other = Leaf(values.PROTECTED, setting=TITLE._replace(owner="somebody"))
        self.assertEqual(values.setting_of((name,)), NAME)
        self.assertEqual(values.setting_of((*values.NOTHING, name, title)), NAME)
        self.assertIsNone(values.setting_of((name, other)))
        self.assertIsNone(values.setting_of((name, *values.SOMETHING)))
        self.assertIsNone(values.setting_of(values.NOTHING))

    def test_columns_are_shown_in_one_if_each_setting_is_the_same(self):
        name = Leaf(values.PROTECTED, setting=NAME)
        for different in DIFFERENT:
            other = Leaf(values.PROTECTED, setting=TITLE._replace(**different))
            self.assertIsNone(values.setting_of((name, other)), different)
            self.assertIsNone(values.setting_of((other, name)), different)
        scoped = NAME._replace(kind=SEARCHABLE, scoped=True)
        one = Leaf(values.PROTECTED, setting=scoped)
        other = Leaf(values.PROTECTED, setting=scoped._replace(table="books"))
        self.assertEqual(values.setting_of((one, one)), scoped)
        self.assertIsNone(values.setting_of((one, other)))

    def test_a_copy_has_the_readers_of_its_source(self):
        self.assertTrue(values.may_copy(NAME, TITLE))
        read = TITLE._replace(readers=frozenset(["client1"]))
        for target, source in (
            (NAME, read),
            (read, NAME),
            (read, NAME._replace(readers=frozenset(["client1", "client2"]))),
            (NAME, TITLE._replace(owner="x")),
        ):
            self.assertFalse(values.may_copy(target, source))
        self.assertTrue(values.may_copy(NAME._replace(readers=frozenset(["client1"])), read))

    def test_columns_are_alike_if_what_is_stored_means_the_same(self):
        self.assertTrue(values.alike(NAME, TITLE))
        scoped = NAME._replace(kind=SEARCHABLE, scoped=True)
        self.assertTrue(values.alike(scoped, scoped))
        self.assertFalse(values.alike(scoped, TITLE._replace(kind=SEARCHABLE, scoped=True)))
        token = NAME._replace(kind=TOKENIZED, token_type="str")
        self.assertTrue(values.alike(token, TITLE._replace(kind=TOKENIZED, token_type="str")))
        for different in (
            {"kind": SEARCHABLE},
            {"owner": "x"},
            {"data_type": ""},
            {"normalize": frozenset(["lower"])},
        ):
            self.assertFalse(values.alike(NAME, TITLE._replace(**different)), different)
        self.assertFalse(values.alike(token, TITLE._replace(kind=TOKENIZED, consistent=True)))

    def test_a_column_that_may_be_protected_counts_as_one(self):
        self.assertTrue(values.is_protected(values.UNSURE))
        self.assertFalse(values.is_protected(values.SOMETHING + values.PLAIN_COLUMN))
        self.assertTrue(values.is_open(values.REST))
        self.assertFalse(values.holds_protected(values.REST))
