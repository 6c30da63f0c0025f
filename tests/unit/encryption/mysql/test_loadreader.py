"""LOAD DATA as it is read."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import loadreader
from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.loadreader import Field
from acra_twisted.encryption.mysql.reader import Reader
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqllexer, mysqltokens
from acra_twisted.wire.mysql.filepatterns import InfileFormat

HEAD = "LOAD DATA LOCAL INFILE 'f' INTO TABLE t"
CLAUSES = (
    *("LOAD", "DATA", "LOCAL", "INFILE", "'f'", "INTO", "TABLE", "t", "FIELDS", "TERMINATED"),
    *("BY", "x'09'", "ENCLOSED", "LINES", "IGNORE", "1", "(", ")", "a", "@b", ",", "SET", "="),
)


def cursor_of(text):
    raw = text.encode()
    tokens = mysqllexer.tokens(raw)
    given = {token[1]: n for n, token in enumerate(tokens) if token[0] in lexer.LITERALS}
    parts = mysqltokens.statements(raw, tokens)
    return Cursor(raw, parts[0] if parts else [], given)


def read(text, backslash=True):
    return loadreader.read(cursor_of(text), Reader().assignments, backslash)


class Statements(SynchronousTestCase):
    def test_the_shortest(self):
        load = read(HEAD)
        self.assertEqual((load.table.name, load.charset, load.form), ("t", "", InfileFormat()))
        self.assertEqual((load.fields, list(load.assignments)), (None, []))
        self.assertEqual((load.formatted, load.assigned), (len(HEAD),) * 2)

    def test_all_clauses(self):
        load = read(
            "LOAD DATA CONCURRENT LOCAL INFILE 'f' REPLACE INTO TABLE shop.t PARTITION (p, q) "
            "CHARACTER SET 'UTF8MB4' COLUMNS ESCAPED BY '!' TERMINATED BY ';' OPTIONALLY ENCLOSED "
            "BY '''' LINES TERMINATED BY '\\r\\n' STARTING BY 0x3e3e IGNORE 12 ROWS "
            "(a, t.b, `c``d`, @e, @`f g`) SET h = 1, i = @e"
        )
        self.assertEqual(
            (load.table.database, load.table.name, load.charset), ("shop", "t", "utf8mb4")
        )
        self.assertEqual(load.form, InfileFormat(b";", b"'", b"!", b">>", b"\r\n", 12))
        self.assertEqual(
            load.fields,
            [
                Field("a", b"a"),
                Field("b", b"t.b"),
                Field("c`d", b"`c``d`"),
                Field(None, b"@e"),
                Field(None, b"@`f g`"),
            ],
        )
        self.assertEqual([one.names for one in load.assignments], [["h"], ["i"]])

    def test_the_sign_before_escaped_ones_is_that_of_the_mode(self):
        self.assertEqual(read(HEAD, False).form.escape, b"")
        self.assertEqual(read(f"{HEAD} FIELDS ESCAPED BY '\\\\'", False).form.escape, b"\\\\")
        self.assertEqual(read(f"{HEAD} FIELDS ESCAPED BY '!'", None).form.escape, b"!")
        self.assertRaises(UnreadableError, read, HEAD, None)
        self.assertRaises(UnreadableError, read, f"{HEAD} FIELDS ESCAPED BY '\\\\'", None)

    def test_what_is_not_understood(self):
        for text in (
            "LOAD DATA INFILE 'f' INTO TABLE t",
            "LOAD DATA LOCAL INFILE f INTO TABLE t",
            "LOAD DATA LOCAL INFILE 'f' TABLE t",
            *(
                f"{HEAD} {rest}"
                for rest in (
                    "CHARACTER SET",
                    "CHARACTER SET '\\\\'",
                    "FIELDS",
                    "LINES",
                    "FIELDS TERMINATED ','",
                    "FIELDS TERMINATED BY 9",
                    "FIELDS TERMINATED BY b'1'",
                    "FIELDS TERMINATED BY N','",
                    "FIELDS TERMINATED BY _utf8','",
                    "LINES TERMINATED BY 'a' 'b'",
                    "IGNORE LINES",
                    "IGNORE -1 LINES",
                    "IGNORE 0x1 LINES",
                    "IGNORE 1e1 LINES",
                    "IGNORE 12345678901 LINES",
                    "IGNORE 1",
                    "(a b)",
                    "(a",
                    "(@@sql_mode)",
                    "(@ a)",
                    "(a) SET",
                    "(a) SET b",
                    "(a) WHERE b",
                    "LINES TERMINATED BY 'a' FIELDS TERMINATED BY 'b'",
                )
            ),
        ):
            self.assertRaises(UnreadableError, read, text)

    def test_files_of_clients(self):
        for text, expected in (
            (HEAD, True),
            ("load data low_priority local infile 'f'", True),
            ("LOAD DATA INFILE 'local' INTO TABLE t", False),
            ("LOAD XML LOCAL INFILE 'f' INTO TABLE t", False),
            ("LOAD INDEX INTO CACHE t", False),
            ("SELECT data", False),
        ):
            self.assertEqual(loadreader.is_local(cursor_of(text)), expected, text)

    @given(st.lists(st.sampled_from(CLAUSES), max_size=12))
    def test_any_words(self, words):
        try:
            read(f"{HEAD} {' '.join(words)}")
        except (UnreadableError, LexError):
            pass
