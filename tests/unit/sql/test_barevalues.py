"""Values without quotes are not shown; names are."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.redact import redact

SHOWN = {
    "SET app.x = word": "SET app.x = ?",
    "SET SESSION app.x TO word, other": "SET SESSION app.x TO ?, ?",
    "SET LOCAL a.b.c=hunter-2": "SET LOCAL a.b.c=?",
    'SET "app.x" hunter2': 'SET "app.x" ?',
    "SET session = word": "SET session = ?",
    "SET ROLE alice": "SET ROLE ?",
    "SET SESSION AUTHORIZATION bob": "SET SESSION AUTHORIZATION ?",
    "SET TIME ZONE Europe": "SET TIME ZONE ?",
    'SET search_path TO public, "$user"': "SET search_path TO ?, ?",
    "SET a = update secret": "SET a = ?",
    "SET a = (1, word), x": "SET a = ?, ?",
    "set /* x */ a /* ; */ = word -- z": "set   a   = ?",
    "BEGIN; SET a = word; SELECT b": "BEGIN; SET a = ?; SELECT b",
    "ALTER ROLE a SET app.x = word": "ALTER ROLE a SET app.x = ?",
    "ALTER ROLE a IN DATABASE d SET app.x TO w1,w2": "ALTER ROLE a IN DATABASE d SET app.x TO ?,?",
    "ALTER DATABASE d SET app.x = word": "ALTER DATABASE d SET app.x = ?",
    "ALTER SYSTEM SET x = word": "ALTER SYSTEM SET x = ?",
    "ALTER USER a ENCRYPTED PASSWORD hunter2 VALID UNTIL '2030'": (
        "ALTER USER a ENCRYPTED PASSWORD ? VALID UNTIL ?"
    ),
    "CREATE ROLE a LOGIN PASSWORD p@ss w0rd": "CREATE ROLE a LOGIN PASSWORD ?",
    "CREATE USER a IDENTIFIED BY word": "CREATE USER a IDENTIFIED BY ?",
    "CREATE USER MAPPING FOR a SERVER s OPTIONS (user bob, password hunter2)": (
        "CREATE USER MAPPING FOR a SERVER s OPTIONS (user ?, password ?)"
    ),
    "ALTER SERVER s OPTIONS (host 'x', SET port word)": (
        "ALTER SERVER s OPTIONS (host ?, SET port ?)"
    ),
    "CREATE SUBSCRIPTION s CONNECTION word PUBLICATION p WITH (slot_name = w)": (
        "CREATE SUBSCRIPTION s CONNECTION ? PUBLICATION p WITH (slot_name = ?)"
    ),
    "COPY t (a, b) FROM STDIN (FORMAT csv, NULL word)": (
        "COPY t (a, b) FROM STDIN (FORMAT csv, NULL ?)"
    ),
    "CREATE TABLE t (a int) WITH (fillfactor = 70, x = word)": (
        "CREATE TABLE t (a int) WITH (fillfactor = ?, x = ?)"
    ),
    "CREATE FUNCTION f() RETURNS int SET x TO a, b SET y = wo-rd LANGUAGE sql AS 'x'": (
        "CREATE FUNCTION f() RETURNS int SET x TO ?, ? SET y = ? LANGUAGE sql AS ?"
    ),
    "ALTER FUNCTION f SET app.x = word": "ALTER FUNCTION f SET app.x = ?",
    "COMMENT ON TABLE t IS word": "COMMENT ON TABLE t IS ?",
    "SECURITY LABEL ON TABLE t IS word": "SECURITY LABEL ON TABLE t IS ?",
    "NOTIFY channel, word": "NOTIFY channel, ?",
}
#: Names, and words that are the same everywhere.
AS_IT_IS = (
    "SET x = on",
    "SET x TO DEFAULT",
    "SET TIME ZONE LOCAL",
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET CONSTRAINTS a DEFERRED",
    "COPY t FROM STDIN WITH (FORMAT csv, HEADER true)",
    "COPY (SELECT a, b FROM t) TO STDOUT",
    "COMMENT ON TABLE t IS NULL",
    "NOTIFY channel",
    "UPDATE t SET a = b, c = d",
    "INSERT INTO t VALUES (a) ON CONFLICT DO UPDATE SET a = b",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT b",
    "ALTER TABLE t ALTER a SET STORAGE plain",
    "CREATE TABLE t (a int, password text)",
    "CREATE VIEW v WITH (security_barrier) AS SELECT a = b FROM t",
    "ALTER ROLE a RENAME TO b",
    "SET",
    "SET a =",
    "CREATE TABLE t (",
)


class Values(SynchronousTestCase):
    def test_ke6_values_without_quotes(self):
        for text, shown in SHOWN.items():
            self.assertEqual(redact(text.encode(), "postgresql").text, shown)

    def test_names_and_words_of_a_closed_set(self):
        for text in AS_IT_IS:
            self.assertEqual(redact(text.encode(), "postgresql").text, text)

    def test_ke6_no_summary_has_them(self):
        for text in ("SET a = update hunter2", "SET a TO from hunter2", "SET a = into, hunter2"):
            self.assertEqual(redact(text.encode(), "postgresql").summary, "SET")

    @given(
        st.sampled_from(
            ["SET a = ", "SET LOCAL a.b TO ", "SET a ", "ALTER ROLE r SET a = ", "SET ROLE "]
        ),
        st.lists(st.sampled_from(["MARKER", "x", ",", ".", "-", "(", ")", "set", "to", " ", "@"])),
        st.sampled_from(["", ";", "; SELECT 1", " -- x", "/* y */"]),
    )
    def test_ke6_whatever_stands_there(self, before, value, after):
        shown = redact((before + "MARKER" + "".join(value) + after).encode(), "postgresql")
        self.assertNotIn("MARKER", shown.text + shown.summary)
