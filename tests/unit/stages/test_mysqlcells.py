"""Types and cells of MySQL's results with protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.stages.mysqlcells import MysqlCells
from acra_twisted.wire.mysql.columndefinitions import modifier_of
from tests.support.mysqlplanning import AGE, NAME
from tests.support.mysqlsessions import BINARY, MysqlBench, described, rows


class Meaning:
    """The part of a meaning that types need."""

    def __init__(self, character_set):
        self.character_set = character_set


class Types(SynchronousTestCase):
    def test_a_client_is_told_the_types_of_the_settings(self):
        columns = described("name", "age", "note", meaning=Meaning("latin1"))
        number = ColumnSetting("", "t", "c", data_type="int64")
        shown = MysqlCells.retyped(columns, [NAME, number, None])
        self.assertEqual(list(shown.types), [253, 8, 252])
        self.assertEqual(shown.modifiers[0], modifier_of(8, 0, 0))
        self.assertEqual(shown.modifiers[2], BINARY)

    def test_bytes_stay(self):
        columns = described("name", meaning=Meaning("utf8mb4"))
        setting = ColumnSetting("", "t", "c")
        self.assertIs(MysqlCells.retyped(columns, [setting]), columns)


class Readers(SynchronousTestCase):
    def setUp(self):
        self.session = MysqlBench().session

    def test_rows_in_text_and_in_binary(self):
        setting = ColumnSetting("", "t", "c", data_type="int32")
        columns = described("name", meaning=None)
        for binary, shown in ((False, b"7"), (True, b"\7\0\0\0")):
            run = rows(columns, [b"7"], binary=binary)
            reader = MysqlCells.reader(ColumnReader(setting), run, 0, self.session)
            self.assertEqual(reader.read(b"7"), shown)

    def test_tokens(self):
        columns = described("age", types=[3])
        run = rows(columns, [b"\7\0\0\0"], binary=True)
        reader = MysqlCells.token_reader(AGE, run, 0, self.session)
        reader.note(b"\7\0\0\0")
        self.assertEqual(reader.tokens, [b"7"])

    def test_a_character_set_that_is_not_known(self):
        self.session.parameters = {b"character_set_client": b"?"}
        run = rows(described("name"), ["é".encode()])
        reader = MysqlCells.reader(ColumnReader(NAME), run, 0, self.session)
        self.assertEqual(reader.read(b"e"), b"e")
        with self.assertRaises(Exception) as caught:
            reader.read("é".encode())
        self.assertIn("character_set_results", str(caught.exception))
