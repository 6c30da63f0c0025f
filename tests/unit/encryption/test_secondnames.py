"""Second columns, found by their names."""

from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import DECRYPT, ENCRYPT, REENCRYPT, REWRAP
from acra_twisted.encryption.secondnames import check_left, written
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.errors import ConfigError

PLAIN = ColumnSetting("", "people", "name")
TOKENS = PLAIN._replace(kind="tokenized", token_type="str")


class Column(NamedTuple):
    name: str


NAME = Column("name")


def table(*names):
    """Find a column of a table with these."""
    return {name: Column(name) for name in names}.get


def found(setting, change, *names):
    """The name of the column that is written where these stand beside ``name``."""
    column = written(NAME, setting, change, table(*names))
    return column and column.name


class Written(SynchronousTestCase):
    def test_a_second_column_is_written_where_there_is_one(self):
        for setting in (PLAIN, TOKENS):
            for change in (ENCRYPT, DECRYPT):
                self.assertEqual(found(setting, change, "name__acra"), "name__acra")
                self.assertEqual(found(setting, change, "other__acra"), "name")

    def test_keys_are_changed_in_place_and_tokens_have_none(self):
        for change in (REENCRYPT, REWRAP):
            self.assertEqual(found(PLAIN, change, "name__acra"), "name")
            self.assertIsNone(found(TOKENS, change, "name__acra"))

    def test_tokens_are_there_behind_a_switch_to_them(self):
        for setting, change, left, told in (
            (TOKENS, ENCRYPT, "name__before", None),
            (TOKENS, ENCRYPT, "name__stored", "name"),
            (TOKENS, DECRYPT, "name__before", "name"),
            (PLAIN, ENCRYPT, "name__before", "name"),
        ):
            self.assertEqual(found(setting, change, left), told)
            self.assertEqual(found(setting, change, left, "name__acra"), "name__acra")


class Left(SynchronousTestCase):
    def test_what_any_switch_has_left_is_in_the_way(self):
        for name in ("name__before", "name__stored"):
            with self.assertRaisesRegex(ConfigError, f"table shop.people: drop column {name} of"):
                check_left(NAME, "shop.people", table(name))
        check_left(NAME, "shop.people", table("name__acra", "other__before"))
