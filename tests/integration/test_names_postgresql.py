"""Names and characters as PostgreSQL itself has them."""

from __future__ import annotations

import unittest

import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.sql import names
from acra_twisted.sql.languages import LANGUAGES

LANGUAGE = LANGUAGES["postgresql"]
#: Encodings that a client may have and that are read here.
ENCODINGS = (
    *(f"LATIN{number}" for number in range(1, 11)),
    *(f"ISO_8859_{number}" for number in range(5, 9)),
    *(f"WIN{number}" for number in (866, 874, *range(1250, 1259))),
    *("KOI8R", "KOI8U", "EUC_JP", "EUC_KR", "EUC_CN"),
)
#: A function that answers NULL for what has no form in the other encoding.
CONVERTED = """
CREATE FUNCTION converted(bytea, name, name) RETURNS bytea LANGUAGE plpgsql AS
$$ BEGIN RETURN convert($1, $2, $3); EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$
"""
LONG = (
    *("a" * 63, "a" * 64, "a" * 62 + "ä", "ä" * 31, "ä" * 40, "€" * 25, "\U0001f600" * 20),
    *("Äpfel", "ÄPFEL", "\u212a", "a" * 59 + "\U0001f600x"),
)


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Postgres()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.connection = cls.connect("postgres")
        cls.connection.execute(CONVERTED)

    @classmethod
    def connect(cls, database):
        made = psycopg.connect(
            f"host=127.0.0.1 port={cls.server.port} user={SUPERUSER} dbname={database}",
            autocommit=True,
            client_encoding="utf8",
        )
        cls.addClassCleanup(made.close)
        return made

    def kept(self, connection, name):
        """The name that a table gets."""
        connection.execute(f"CREATE TABLE {name} ()")
        [[found]] = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200"
        ).fetchall()
        connection.execute(f"DROP TABLE {name}")
        return found

    def test_a_rules_name_is_the_servers(self):
        for name in LONG:
            for written in (name, f'"{name}"'):
                self.assertEqual(
                    LANGUAGE.table(written).name, self.kept(self.connection, written), written
                )

    def test_what_a_server_in_latin1_keeps_is_among_the_spellings(self):
        self.connection.execute(
            "CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0"
        )
        connection = self.connect("latin")
        for name in ("ä" * 40, "a" * 62 + "ä", "Äpfel", "ÄPFEL", "äpfel"):
            found = self.kept(connection, name)
            self.assertEqual(names.loose(found), names.loose(LANGUAGE.table(name).name), name)
            spelled = names.spellings(LANGUAGE.table(name).name)
            if spelled:
                self.assertIn(found, spelled)
        mode = LANGUAGE.mode_of(
            {"server_encoding": connection.info.parameter_status("server_encoding")}
        )
        self.assertEqual(mode.names, names.LOOSE)

    def test_characters_are_the_servers(self):
        """Every code that the server reads is the same character here, or names with it are
        never certain."""
        for encoding in ENCODINGS:
            codec = LANGUAGE.mode_of({"client_encoding": encoding}).encoding
            for code, text in self.characters(encoding):
                try:
                    read = code.decode(codec)
                except UnicodeDecodeError:
                    # Refused: bytes that the encoding does not have.
                    continue
                if read != text:
                    self.assertEqual(encoding, "EUC_JP")
                    self.assertEqual(names.loose(read), names.loose(text))
                    self.assertEqual((names.spellings(read), names.spellings(text)), ((), ()))

    def characters(self, encoding):
        """Codes of one to three bytes, with the character that the server reads in each."""
        asked = """
            SELECT code, convert_from(converted(code, %(encoding)s, 'UTF8'), 'UTF8')
            FROM (
                SELECT set_byte('x'::bytea, 0, a) FROM generate_series(128, 255) a
                UNION ALL
                SELECT set_byte(set_byte('xx'::bytea, 0, a), 1, b)
                FROM generate_series(161, 254) a, generate_series(161, 254) b
                WHERE %(encoding)s LIKE 'EUC%%'
                UNION ALL
                SELECT set_byte(set_byte('\\x8f0000'::bytea, 1, a), 2, b)
                FROM generate_series(161, 254) a, generate_series(161, 254) b
                WHERE %(encoding)s = 'EUC_JP'
            ) codes (code)
            WHERE converted(code, %(encoding)s, 'UTF8') IS NOT NULL
        """
        return self.connection.execute(asked, {"encoding": encoding}).fetchall()
