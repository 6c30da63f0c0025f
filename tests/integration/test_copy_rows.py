"""Rows of COPY data against PostgreSQL's own reading of them."""

import os

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.copy import LibpqWriter

from acra_twisted.crypto import cells
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.plan import Copied
from acra_twisted.encryption.postgresql.cellreader import CellReader
from acra_twisted.encryption.postgresql.copying import CopiedRows
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.wire.postgres.copyformat import CopyFormat, copy_format
from acra_twisted.wire.postgres.copyrows import rows_of
from acra_twisted.wire.postgres.copytuples import SIGNATURE, TRAILER
from tests.integration.base import Surroundings
from tests.support.copied import values

OPTIONS = (
    {},
    {"delimiter": "|", "null": "null"},
    {"format": "csv"},
    {"format": "csv", "delimiter": ";", "quote": "'", "escape": "!", "null": "none"},
    {"format": "csv", "escape": "\\"},
    {"format": "csv", "force_null": ("b",), "force_not_null": ("a",)},
    {"format": "csv", "header": "true"},
    {"header": "true"},
)
KEY = bytes(range(32))
NAME = ColumnSetting("", "stored", "name", data_type="str")
AGE = ColumnSetting("", "stored", "age", data_type="int32")
_LISTS = ("force_null", "force_not_null")


class Recorder(LibpqWriter):
    """Keeps what is sent."""

    def __init__(self, cursor):
        super().__init__(cursor)
        self.sent = []

    def write(self, data):
        self.sent.append(bytes(data))
        super().write(data)


def written(options):
    """The options as a statement has them."""
    made = []
    for name, value in options.items():
        if name in _LISTS:
            made.append(f"{name} ({', '.join(value)})")
        elif name in ("format", "header"):
            made.append(f"{name} {value}")
        else:
            quoted = value.replace("'", "''")
            made.append(f"{name} '{quoted}'")
    return f" WITH ({', '.join(made)})" if made else ""


class Rows(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.connection = cls.enterClassContext(cls.connect(cls.postgres))
        cls.connection.execute("CREATE TABLE t (number serial, a bytea, b bytea)")
        cls.connection.execute("CREATE TABLE u (number serial, a text, b text)")

    def theirs(self, table, options, data):
        """The rows of the table after a COPY; None if it is refused."""
        self.connection.execute(f"TRUNCATE {table}")
        try:
            with self.connection.cursor().copy(
                f"COPY {table} (a, b) FROM STDIN{written(options)}"
            ) as copy:
                copy.write(data)
        except psycopg.Error:
            return None
        rows = self.connection.execute(f"SELECT a, b FROM {table} ORDER BY number").fetchall()
        return [[one.encode() if isinstance(one, str) else one for one in row] for row in rows]

    @settings(deadline=None, max_examples=1500)
    @given(
        st.sampled_from(OPTIONS),
        st.lists(
            st.lists(
                st.text("ab,;|\\\"'!N.x01żn\t", max_size=6).map(str.encode), min_size=2, max_size=2
            ),
            max_size=3,
        ),
        st.sampled_from((b"\n", b"\r\n")),
        st.booleans(),
    )
    def test_rows_are_read_as_the_database_reads_them(self, options, table, end, ended):
        """The rows are made of any signs: many of them are refused."""
        form = copy_format(options, ("a", "b"))
        data = end.join(form.delimiter.join(row) for row in table) + (end if ended else b"")
        theirs = self.theirs("u", options, data)
        ours = values(form, data)
        if theirs is not None and ours is not None:
            self.assertEqual(ours, theirs)
        elif theirs is None and ours is not None:
            # It is refused for a number of values, a sign that is none, or an end of its own.
            return
        else:
            # The database takes for whole what ends within quotes or behind a backslash.
            open_end = data.count(form.quote) % 2 or data.rstrip(b"\r\n").endswith(b"\\")
            self.assertTrue(theirs is None or b"\\." in data or open_end, (options, data))

    @settings(deadline=None, max_examples=300)
    @given(
        st.sampled_from(OPTIONS),
        st.lists(
            st.lists(st.text("ab,;|\\\"'!\t\r\nN.xż0", max_size=8), min_size=2, max_size=2),
            max_size=3,
        ),
        st.sampled_from((b"\n", b"\r\n")),
    )
    def test_what_is_written_is_what_the_database_reads(self, options, table, end):
        form = copy_format(options, ("a", "b"))
        rows = rows_of(form, 1 << 20)
        made = []
        for row in table:
            if form.null_in_quotes and not row[1]:
                return
            texts = [rows.encode(text.encode(), place) for place, text in enumerate(row)]
            made.append(rows.join(end, texts))
        header = b"a" + form.delimiter + b"b" + end if form.header else b""
        theirs = self.theirs("u", options, header + b"".join(made))
        self.assertEqual(theirs, [[text.encode() for text in row] for row in table])

    def test_bytes_in_every_format(self):
        table = [[b"\0\xff", b"\\x41"], [b"", b"abc"]]
        for options in OPTIONS:
            form = copy_format(options, ("a", "b"))
            rows = rows_of(form, 1 << 20)
            made = [
                rows.join(
                    b"\n",
                    [
                        rows.encode(b"\\x" + one.hex().encode(), place)
                        for place, one in enumerate(row)
                    ],
                )
                for row in table
            ]
            header = b"a" + form.delimiter + b"b\n" if form.header else b""
            self.assertEqual(self.theirs("t", options, header + b"".join(made)), table)

    def test_binary_as_a_driver_sends_it(self):
        self.connection.execute("TRUNCATE t")
        cursor = self.connection.cursor()
        recorder = Recorder(cursor)
        statement = "COPY t (a, b) FROM STDIN (FORMAT binary)"
        with cursor.copy(statement, writer=recorder) as copy:
            copy.set_types(["bytea", "bytea"])
            copy.write_row([b"\0\xff", None])
            copy.write_row([b"", b"abc"])
        found = values(CopyFormat("binary"), b"".join(recorder.sent))
        self.assertEqual(found, [[b"\0\xff", None], [b"", b"abc"]])
        read = self.connection.execute("SELECT a, b FROM t ORDER BY number").fetchall()
        self.assertEqual([list(row) for row in read], found)


class Protected(Surroundings):
    """A table with protected columns, and its twin with none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.connection = cls.enterClassContext(cls.connect(cls.postgres))
        cls.connection.execute("CREATE TABLE plain (id int, name text, age int)")
        cls.connection.execute("CREATE TABLE stored (id int, name bytea, age bytea)")

    def copy(self, table, options, data):
        with self.connection.cursor().copy(f"COPY {table} FROM STDIN{written(options)}") as copy:
            copy.write(data)

    def protected(self, options, data):
        """The data with the values of two columns encrypted."""
        rows = CopiedRows(Copied((None, NAME, AGE), options, ("id", "name", "age")), 1 << 20)
        sealers = {setting: ColumnSealer(setting, block_seal(KEY)) for setting in (NAME, AGE)}
        fed, rest = rows.feed(data), rows.finish()
        made = [fed.before]
        for one in (*fed.rows, *rest.rows):
            row = rows.read(one)
            stored = [
                sealers[secret.setting].store(secret.plaintext, os.urandom).data
                for secret in row.secrets
            ]
            made.append(rows.write(row, stored))
        return b"".join((*made, fed.behind, rest.behind))

    def shown(self, setting, stored):
        """The value of a cell as a client sees it."""
        if stored is None:
            return None
        opened = [
            (one, Opener([], [KEY]).open(one.kind, one.data, {})) for one in cells.find(stored)
        ]
        return CellReader(ColumnReader(setting), 1).read(stored, opened)

    def test_rows_are_stored_encrypted_and_read_as_in_the_twin(self):
        secret = "Żółć \\ \t 'quoted' \"text\""
        for options in (*OPTIONS[:5], OPTIONS[7], {"format": "binary"}):
            form = copy_format(options, ())
            data = self.data(form, [(1, secret, 42), (2, None, None), (3, "", -5)])
            self.connection.execute("TRUNCATE plain, stored")
            self.copy("plain", options, data)
            self.copy("stored", options, self.protected(options, data))
            query = "SELECT id, name, age FROM {} ORDER BY id"
            twin = self.connection.execute(query.format("plain"), binary=True).fetchall()
            found = self.connection.execute(query.format("stored"), binary=True).fetchall()
            for (number, name, age), (_, stored_name, stored_age) in zip(twin, found, strict=True):
                self.assertNotIn(b"quoted", stored_name or b"")
                sent = None if age is None else age.to_bytes(4, "big", signed=True)
                self.assertEqual(
                    (self.shown(NAME, stored_name), self.shown(AGE, stored_age)),
                    (None if name is None else name.encode(), sent),
                    number,
                )

    def test_bytes_in_escapes_are_the_servers(self):
        data = "1\tŻ\\305\\273\t2\n".encode("iso8859_2")
        self.connection.execute("TRUNCATE plain; SET client_encoding = 'LATIN2'")
        try:
            self.copy("plain", {}, data)
            ((theirs,),) = self.connection.execute("SELECT name FROM plain").fetchall()
        finally:
            self.connection.execute("SET client_encoding = 'UTF8'")
        rows = CopiedRows(Copied((None, NAME, None), {}, ("id", "name", "age")), 100, "LATIN2")
        (secret,) = rows.read(data).secrets
        self.assertEqual(secret.plaintext.decode(), theirs)

    @staticmethod
    def data(form, table):
        rows = rows_of(form, 1 << 20)
        if form.kind == "binary":
            made = [SIGNATURE, bytes(8)]
            for number, name, age in table:
                values = [rows.encode(number.to_bytes(4, "big"), 0)]
                values.append(b"\xff" * 4 if name is None else rows.encode(name.encode(), 1))
                if age is None:
                    values.append(b"\xff" * 4)
                else:
                    values.append(rows.encode(age.to_bytes(4, "big", signed=True), 2))
                made.append(rows.join(b"", values))
            return b"".join((*made, TRAILER))
        made = [form.delimiter.join((b"id", b"name", b"age")) + b"\n"] if form.header else []
        for row in table:
            values = [
                form.null if one is None else rows.encode(str(one).encode(), place)
                for place, one in enumerate(row)
            ]
            made.append(rows.join(b"\n", values))
        return b"".join(made)
