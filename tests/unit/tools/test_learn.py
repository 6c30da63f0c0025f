"""Rules that are made of captured statements."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rulefile import parse_rules
from acra_twisted.errors import ConfigError
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.tools import censor
from acra_twisted.tools.learn import learn


class Learn(SynchronousTestCase):
    def run_tool(self, *arguments):
        output = io.StringIO()
        censor.main(arguments, {}, output)
        return output.getvalue()

    def test_what_a_server_could_take_for_a_placeholder_is_left_out(self):
        path = self.mktemp()
        texts = [
            "SELECT acra_any_select",
            "SELECT a FROM t WHERE acra_any_where",
            'SELECT "ACRA_any_column" FROM t',
            "SELECT a FROM t WHERE b = (SELECT acra_any_subquery)",
            'SELECT "%%COLUMN%%" FROM t',
            "SELECT 1 %%VALUE%% 2",
            "%%SELECT%%",
            "SELECT a FROM t -- %%WHERE%%",
        ]
        with open(path, "w") as file:
            for text in (*texts, "SELECT a FROM t"):
                file.write(json.dumps({"raw_query": text}) + "\n")
        for db, language in LANGUAGES.items():
            learned = self.run_tool("learn", "--db", db, path)
            self.assertEqual(learned.count("left out"), len(texts))
            rules = Censor(language, parse_rules(learned, "learned"))
            self.assertTrue(rules.decide(b"SELECT a FROM t").allowed)
            for query in (b"SELECT b FROM t", b"SELECT a FROM t WHERE b = 1", b"DELETE FROM t"):
                self.assertFalse(rules.decide(query).allowed, query)

    def test_an_allow_list_that_allows_what_was_captured(self):
        path = self.mktemp()
        texts = ["SELECT a FROM t WHERE b = ? AND c IN (?, ?)", "INSERT INTO t VALUES (?)"]
        with open(path, "w") as file:
            for text in (*texts, texts[0], "SELECT a FROM t WHERE b = 5", "SELEC ?"):
                file.write(json.dumps({"raw_query": text}) + "\n")
        for db, language in LANGUAGES.items():
            learned = self.run_tool("learn", "--db", db, path)
            self.assertIn('left out: "SELEC ?"', learned)
            rules = Censor(language, parse_rules(learned, "learned"))
            for text in (
                b"SELECT a FROM t WHERE b = 7 AND c IN (8, 'x')",
                b"INSERT INTO t VALUES ('x')",
                b"SELECT a FROM t WHERE b = 'y'",
            ):
                self.assertTrue(rules.decide(text).allowed, (db, text))
            self.assertFalse(rules.decide(b"SELECT a FROM t").allowed)

    def learned(self, texts, db="postgresql", **entry):
        path = self.mktemp()
        with open(path, "w") as file:
            for text in texts:
                file.write(json.dumps({"raw_query": text, **entry}) + "\n")
        text = self.run_tool("learn", "--db", db, path)
        return text, Censor(LANGUAGES[db], parse_rules(text, "learned"))

    def assert_decides(self, texts, allowed, denied, db="postgresql"):
        text, rules = self.learned(texts, db)
        self.assertNotIn("left out", text)
        for query in allowed:
            self.assertTrue(rules.decide(query.encode()).allowed, (db, query, text))
        for query in denied:
            self.assertFalse(rules.decide(query.encode()).allowed, (db, query, text))

    def test_captures_of_acra(self):
        for db in LANGUAGES:
            self.assert_decides(
                (
                    "commit",
                    "update settings set setting = :replaced1 where name = :replaced2",
                    "select data from test where id = :replaced1",
                    "select * from t where a in ::replaced1 and b between :v2 and :replaced3",
                    "select a from t where a not in ::replaced1 limit :replaced2",
                    "insert into t(a, b) values (:replaced1, :replaced2)",
                    "select b from t where a=:replaced1",
                    "select c from t where a = :v1",
                ),
                (
                    "COMMIT",
                    "UPDATE settings SET setting = 'x' WHERE name = 'y'",
                    "SELECT data FROM test WHERE id = 5",
                    "SELECT * FROM t WHERE a IN (1, 2, 3) AND b BETWEEN 4 AND 5",
                    "SELECT a FROM t WHERE a NOT IN (1) LIMIT 10",
                    "INSERT INTO t (a, b) VALUES (1, 'two')",
                    "SELECT b FROM t WHERE a = 'x'",
                    "SELECT c FROM t WHERE a = 7",
                ),
                (
                    "SELECT data FROM test",
                    "SELECT data FROM test WHERE id = other",
                    "SELECT data FROM test WHERE id IN (1)",
                    "SELECT * FROM t WHERE a IN (SELECT 1) AND b BETWEEN 4 AND 5",
                ),
                db,
            )

    def test_a_cast_is_none_of_acras_lists(self):
        text, _ = self.learned(("SELECT a::v1 FROM t", "SELECT b FROM t WHERE c = ?::int8"))
        self.assertIn("SELECT a::v1 FROM t", text)
        self.assertIn("c = %%VALUE%%::int8", text)

    def test_what_stands_close_to_a_value(self):
        self.assert_decides(
            (
                "select a from t where b=? and c=-? and d=?||? and e in (?,?) and f>=?",
                "select b from t where a = -? and b=c-? and c = :replaced1-? and d = - 5",
                "select a from t where b > interval ?",
            ),
            (
                "select a from t where b=1 and c=-2 and d='x'||'y' and e in (1,2) and f>=3",
                "select b from t where a = -1 and b=c-2 and c = 3-4 and d = 5",
                "select a from t where b > interval '1 day'",
            ),
            ("select a from t where b > interval '1 day' or true",),
        )

    def test_operators_with_question_marks(self):
        self.assert_decides(
            ("SELECT a FROM t WHERE j ? ?", "SELECT a FROM t WHERE j ?| array[?] AND j @? ?"),
            (
                "SELECT a FROM t WHERE j ? 'k'",
                "SELECT a FROM t WHERE j ?| array['k'] AND j @? '$.a'",
            ),
            ("SELECT a FROM t WHERE j ?& 'k'",),
        )

    def test_nothing_usable_is_an_error(self):
        for texts in ((), ("SELEC ?", "%%SELECT%%")):
            with self.assertRaisesRegex(ConfigError, rf"can be made a rule \({len(texts)} texts\)"):
                self.learned(texts)
        with self.assertRaisesRegex(ConfigError, "can be made a rule"):
            self.learned(("SELECT 1",), _blacklisted_by_web_config=True)

    @given(st.lists(st.sampled_from(["in", " ", ":", "::", "?", "v1", "replaced1", "a", "=", "("])))
    def test_whatever_stands_there(self, parts):
        text = "".join(("SELECT a FROM t WHERE ", *parts))
        for db, language in LANGUAGES.items():
            try:
                learned = learn([text], db, "x")
            except ConfigError:
                continue
            self.assertTrue(Censor(language, parse_rules(learned, "x")).rules.handlers)
