"""Names of the tables that texts give values to."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import targets
from acra_twisted.encryption.postgresql.targets import UNREAD
from acra_twisted.encryption.postgresql.unconcerned import Unconcerned

_WORDS = ("INSERT", "into", "UPDATE", "ONLY", "MERGE INTO", "copy", "a", '"b c"', "new", ".", ",")
_MORE = ("(", ")", "SELECT", "SET", "'x'", "E'x'", ";", "/* c */", "-- d\n", "=", "1", "/**/", "x.")
_TEXTS = st.lists(st.sampled_from(_WORDS + _MORE), max_size=12).map(" ".join)
#: Nothing is protected: a text is certain for what it is.
_CERTAIN = Unconcerned(())


def found(text, conforming=True):
    return list(targets.of(text.encode(), conforming))


class Targets(SynchronousTestCase):
    def test_statements_that_give_values(self):
        for text, names in (
            ("INSERT INTO new VALUES ('a')", ["new"]),
            ("  insert into shop.New (a) select 1;", ["new"]),
            ('INSERT INTO "New Table" DEFAULT VALUES', ["New Table"]),
            ('INSERT INTO db . shop . "new" VALUES (1)', ["new"]),
            ('INSERT INTO "a""b" VALUES (1)', ['a"b']),
            ("INSERT INTO shop/**/.new VALUES (1)", ["new"]),
            ("INSERT /* c */ INTO new VALUES (1)", ["new"]),
            ("UPDATE new SET a = 1", ["new"]),
            ("UPDATE ONLY shop.new AS n SET a = 1", ["new"]),
            ("update new* set a = 1", ["new"]),
            ("MERGE INTO ONLY new USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE", ["new"]),
            ("COPY new (a) FROM STDIN", ["new"]),
            ("COPY public.new FROM STDIN", ["new"]),
            ("COPY BINARY new (a) FROM STDIN", ["new"]),
            ("copy/**/binary public.new FROM STDIN", ["new"]),
            ('COPY "binary" FROM STDIN', ["binary"]),
            ("WITH w AS (INSERT INTO one VALUES (1)) UPDATE two SET a = 1", ["one", "two"]),
            ("SELECT 1; INSERT INTO new VALUES (';')", ["new"]),
            ("INSERT INTO one VALUES (1); COPY two FROM STDIN", ["one", "two"]),
            ("PREPARE p AS UPDATE new SET a = $1", ["new"]),
            ("EXPLAIN ANALYZE INSERT INTO new VALUES (1)", ["new"]),
            ("INSERT INTO new VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", ["new"]),
            (
                "WITH w AS (SELECT 1) MERGE INTO new USING w ON true WHEN MATCHED THEN UPDATE "
                "SET a = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)",
                ["new"],
            ),
        ):
            self.assertEqual(found(text), names, text)

    def test_statements_that_give_none(self):
        for text in (
            "",
            "SELECT 'insert into new' FROM orders",
            "SELECT 1; SELECT updated FROM orders FOR UPDATE OF orders",
            "SELECT 1; SELECT 1 FROM orders FOR NO KEY UPDATE",
            "DELETE FROM orders",
            "COPY (SELECT 1) TO STDOUT",
            "CREATE TABLE a (b int REFERENCES c ON UPDATE CASCADE)",
        ):
            self.assertEqual(found(text), [], text)

    def test_semicolons_in_values_are_no_ends(self):
        for text in (
            "INSERT INTO new (a) VALUES ('a; INSERT INTO other VALUES (1)')",
            "INSERT INTO new SELECT 'a; INSERT INTO other VALUES (1)';",
            "SELECT 'a; INSERT INTO other VALUES (1)'; UPDATE new SET a = 1",
            "INSERT INTO new VALUES ($$;$$, E'it\\'s; INSERT INTO other')",
        ):
            self.assertEqual(found(text), ["new"], text)
        self.assertEqual(found("SELECT ';'"), [])

    def test_names_are_as_long_as_those_of_tables(self):
        for text in (
            f"INSERT INTO {'N' * 70} VALUES (1)",
            f"SELECT 1; UPDATE s.{'n' * 70} SET a = 1",
        ):
            self.assertEqual(found(text), ["n" * 63], text)
        self.assertEqual(found(f'INSERT INTO "{"N" * 64}" VALUES (1)'), ["N" * 63])
        self.assertEqual(found(f"INSERT INTO {'é' * 31} VALUES (1)"), ["é" * 31])
        # Another encoding keeps more of it.
        self.assertEqual(found(f"INSERT INTO {'é' * 40} VALUES (1)"), [UNREAD])

    def test_long_texts_of_several_statements_are_not_read(self):
        rows = ", ".join(["(1)"] * 20_000)
        self.assertEqual(found(f"INSERT INTO new VALUES {rows}"), ["new"])
        self.assertEqual(found(f"INSERT INTO new VALUES {rows}; SELECT 1"), [UNREAD])

    def test_what_cannot_be_read_is_unknown(self):
        for text in (
            'INSERT INTO U&"n\\0065w" VALUES (1)',
            "INSERT INTO 'new' VALUES (1)",
            "INSERT INTO shop. (a) VALUES (1)",
            "SELECT 1; INSERT INTO",
            "SELECT 1; INSERT INTO new VALUES ('a",
        ):
            self.assertIn(UNREAD, found(text), text)
        unsure = "SELECT 1; INSERT INTO new VALUES ('\\'); --')"
        self.assertEqual(found(unsure, None), [UNREAD])

    def test_a_statement_is_read_alike_again(self):
        for text in ("INSERT INTO new (a) VALUES (1)", "INSERT INTO new SELECT 'a' || (1)"):
            self.assertEqual([found(text), found(text)], [["new"], ["new"]])
        self.assertEqual(
            found("INSERT INTO new (a) VALUES (1); INSERT INTO b (a) VALUES (1)"), ["new", "b"]
        )

    @given(_TEXTS)
    def test_one_statement_has_what_it_has_behind_another(self, text):
        if ";" not in text:
            self.assertLessEqual(set(found(text)) - {UNREAD}, set(found(f"SELECT 1; {text}")), text)

    @given(st.one_of(st.binary(), _TEXTS.map(str.encode)), st.sampled_from((True, False, None)))
    def test_any_text_is_read(self, text, conforming):
        names = targets.of(text, conforming)
        self.assertEqual(len(set(names)), len(names))

    @given(_TEXTS, st.sampled_from((True, False, None)))
    @example("INSERT INTO new (a) VALUES ('; UPDATE b SET c = 1', 2);", True)
    @example("WITH w AS (SELECT 1) INSERT INTO new VALUES (';')", True)
    @example("SELECT ';'", None)
    def test_a_text_that_is_certainly_one_is_not_passed_over_for_it(self, text, conforming):
        raw = text.encode()
        if _CERTAIN.has(raw):
            self.assertEqual(targets.of_one(raw, conforming), targets.of(raw, conforming))
