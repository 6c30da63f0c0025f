"""The way out: for one client, one statement, some columns, and until a day."""

from acra_twisted import events
from acra_twisted.encryption.settings import Bypass
from acra_twisted.errors import ConfigError
from acra_twisted.session import Identity
from acra_twisted.stages.bypassing import Bypasses
from acra_twisted.verdicts import PASS
from tests.support.containers import CLIENT
from tests.support.encryptors import SECRET, SETTINGS, BoundCase

END = 1_795_910_400.0 + 86_400
TEXT = "UPDATE people SET name = name || ? WHERE id = ?"
GIVEN = Bypass(CLIENT, TEXT, frozenset(("people.name",)), END, "ticket 4711", 9, "clean-up")
SENT = f"UPDATE people SET name = name || '{SECRET}' WHERE id = 1"
BOUND = "UPDATE people SET name = name || $1 WHERE id = $2"


class Case(BoundCase):
    def setUp(self):
        super().setUp()
        self.give(GIVEN)

    def give(self, *bypasses):
        self.stage = self.made(SETTINGS._replace(bypasses=bypasses))

    @property
    def told(self):
        return [
            text for code, text in self.session.observer.events if code == events.COLUMN_BYPASSED
        ]


class Statements(Case):
    def test_a_refused_statement_passes_as_it_was_written(self):
        self.assertEqual(self.sent(SENT).decode(), SENT)
        self.assertEqual(self.exchange.attributes["acra.encryption_bypassed"], "clean-up")
        [told] = self.told
        self.assertIn("'clean-up'", told)
        self.assertIn("people.name", told)
        self.assertNotIn(SECRET, told)

    def test_each_use_is_told_of(self):
        for _ in range(3):
            self.judge(SENT)
        self.assertEqual(len(self.told), 3)

    def test_it_belongs_to_one_client_by_its_proven_id(self):
        self.session.identity = Identity("another", "127.0.0.1", True)
        self.session.user = self.session.parameters[b"application_name"] = CLIENT.encode()
        for text in (SENT, f"/* client_id={CLIENT} */ {SENT}"):
            self.refused(self.judge(text)[0])
        self.assertEqual(self.told, [])

    def test_it_ends_while_the_daemon_runs(self):
        self.date = END - 1
        self.assertEqual(self.sent(SENT).decode(), SENT)
        self.assertEqual(len(self.told), 1)
        self.date = END
        self.refused(self.judge(SENT)[0])
        self.assertEqual(len(self.told), 1)

    def test_neither_values_nor_comments_widen_it(self):
        for text in (
            SENT.replace("WHERE id = 1", "WHERE id = 1 OR true"),
            SENT.replace("id = 1", "id = (SELECT 1)"),
            SENT.replace("name ||", "name || note ||"),
            f"/* {TEXT} */ UPDATE people SET name = upper('{SECRET}')",
            f"UPDATE people SET name = upper('{TEXT}')",
            f"{SENT}; UPDATE people SET name = upper(name)",
            SENT.replace(f"'{SECRET}'", f"'{SECRET}' /* */ '{SECRET}'"),
        ):
            self.refused(self.judge(text)[0])
        self.assertEqual(self.told, [])

    def test_it_changes_nothing_of_what_is_understood(self):
        text = "UPDATE people SET name = ? WHERE id = ?"
        self.give(GIVEN._replace(statement=text))
        sent = self.sent(f"UPDATE people SET name = '{SECRET}' WHERE id = 1")
        self.assertEqual(self.values(sent), [SECRET.encode()])
        self.assertEqual(self.told, [])

    def test_other_columns_stay_protected(self):
        text = "UPDATE people SET name = name || ?, age = ? WHERE id = ?"
        self.give(GIVEN._replace(statement=text))
        sent = self.sent("UPDATE people SET name = name || 'x', age = 42 WHERE id = 1")
        self.assertEqual(self.values(sent), [b"42"])
        self.assertIn(b"name || 'x'", sent)

    def test_a_statement_that_is_refused_for_another_column_too(self):
        text = "UPDATE people SET name = name || ?, age = age + ? WHERE id = ?"
        self.give(GIVEN._replace(statement=text))
        verdict, _ = self.judge("UPDATE people SET name = name || 'x', age = age + 1 WHERE id = 1")
        self.refused(verdict)
        self.assertEqual(self.told, [])

    def test_where_nothing_else_is_protected_any_kind_of_statement_passes(self):
        text = "ALTER TABLE people ALTER name TYPE text"
        labels = frozenset(("people.name", "people.age", "people.key"))
        self.give(GIVEN._replace(statement=text, columns=labels))
        self.assertIs(self.judge(text)[0], PASS)
        self.assertEqual(len(self.told), 1)
        self.refused(self.judge(text.replace("name", "age"))[0])

    def test_results_are_read_as_usual(self):
        text = "UPDATE people SET name = name || ? WHERE id = ? RETURNING name, age"
        self.give(GIVEN._replace(statement=text))
        self.judge(SENT + " RETURNING name, age")
        found = self.session.meaning.protection.by_column
        self.assertIn((7, 2), found)
        self.assertIn((7, 3), found)

    def test_a_text_that_may_mean_something_else(self):
        self.session.parameters = {b"standard_conforming_strings": b"off"}
        self.refused(self.judge(SENT.replace(SECRET, "\\"))[0])


class Values(Case):
    def test_each_binding_is_a_use(self):
        statement = self.prepare(BOUND)
        self.assertEqual(len(self.told), 1)
        self.assertIs(self.bind(statement, [SECRET.encode(), b"1"]), PASS)
        self.assertIs(self.bind(statement, [SECRET.encode(), b"2"]), PASS)
        self.assertEqual(len(self.told), 3)

    def test_one_that_has_ended_since_the_statement_was_prepared(self):
        statement = self.prepare(BOUND)
        self.date = END
        said = self.refused(self.bind(statement, [SECRET.encode(), b"1"]))
        self.assertIn("has ended", said)

    def test_values_of_other_columns_are_encrypted(self):
        self.give(GIVEN._replace(statement="UPDATE people SET name = name || ?, age = ?"))
        statement = self.prepare("UPDATE people SET name = name || $1, age = $2")
        verdict = self.bind(statement, [SECRET.encode(), b"42"])
        first, second = verdict.item.values
        self.assertEqual(first, SECRET.encode())
        self.assertEqual(self.opened(second), b"42")


class InForce(BoundCase):
    def test_what_is_put_in_force_takes_the_place_of_all_before(self):
        bypasses = Bypasses(lambda: self.date)
        bypasses.put_in_force([GIVEN])
        self.assertTrue(bypasses.is_in_force(GIVEN, CLIENT))
        self.assertFalse(bypasses.is_in_force(GIVEN, "another"))
        error = self.assertRaises(
            ConfigError, bypasses.put_in_force, [GIVEN._replace(statement="EXECUTE x")]
        )
        self.assertIn("bypass 'clean-up' (line 9): statement: PREPARE and EXECUTE", str(error))
        self.assertTrue(bypasses.is_in_force(GIVEN, CLIENT))
        bypasses.put_in_force([GIVEN._replace(reason="another")])
        self.assertFalse(bypasses.is_in_force(GIVEN, CLIENT))
