"""Files that a statement loads into protected columns: the statement that is sent."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.mysql.storage import ANY, Room
from acra_twisted.wire.mysql.filepatterns import InfileFormat
from tests.support.mysqlplanning import (
    AGE,
    EMAIL,
    MODE,
    NAME,
    PEOPLE,
    SCHEMA,
    plan,
    planner,
    sent,
    shown,
)

HEAD = "LOAD DATA LOCAL INFILE 'f' INTO TABLE people"
FORMAT = (
    "FIELDS TERMINATED BY x'09' ENCLOSED BY '' ESCAPED BY x'5c' LINES STARTING BY '' TERMINATED BY "
    "x'0a'"
)


def own(number, value="UNHEX({})"):
    """The value of a protected column that is the file's field with this number."""
    variable = f"@acra_load_{number}"
    fails = f"18446744073709551615 + LENGTH({variable})"
    return f"IF({variable} = x'28', {fails}, {value.format(variable)})"


class Sent(SynchronousTestCase):
    def test_protected_columns_are_given_what_the_file_has_by_set(self):
        planned = plan(f"{HEAD} (id, name, age)")
        self.assertEqual(
            sent(planned),
            f"{HEAD} {FORMAT} (id, @acra_load_2, @acra_load_3) "
            f"SET name = {own(2)}, age = {own(3, '{}')}",
        )
        self.assertEqual(
            planned.plan.load, ([None, NAME, AGE], InfileFormat(), "", [ANY, Room(600), ANY])
        )

    def test_tokens_are_characters_whatever_their_column_has(self):
        value = own(1, "CONVERT(UNHEX({}) USING utf8mb4)")
        self.assertEqual(
            sent(plan(f"{HEAD} (phone)")), f"{HEAD} {FORMAT} (@acra_load_1) SET phone = {value}"
        )

    def test_what_the_text_says_beside_stays(self):
        head = "LOAD DATA LOCAL INFILE 'f' IGNORE INTO TABLE shop.people CHARACTER SET latin1"
        planned = plan(
            f"{head} FIELDS TERMINATED BY ',' ENCLOSED BY '\"' LINES TERMINATED BY '\\r\\n' "
            "IGNORE 1 LINES (@a, `email`) SET note = CONCAT(@a, 'x')"
        )
        self.assertEqual(
            sent(planned),
            f"{head} {FORMAT} (@a, @acra_load_2) SET `email` = {own(2)}, note = CONCAT(@a, 'x')",
        )
        form = InfileFormat(b",", b'"', b"\\", b"", b"\r\n", 1)
        self.assertEqual(planned.plan.load, ([None, EMAIL], form, "latin1", [ANY, Room(600)]))

    def test_without_a_list_it_has_all_columns(self):
        found = sent(plan(HEAD))
        self.assertIn(f"{FORMAT} (`id`, @acra_load_2, @acra_load_3,", found)
        self.assertIn(f"`email` = {own(2)}", found)

    def test_an_empty_list_means_all_columns_to_servers(self):
        for text in (f"{HEAD} ()", f"{HEAD} ( ) SET note = 1", f"{HEAD} LINES STARTING BY 'x' ()"):
            self.assertTrue(shown(text).startswith("refused: unparsable"), shown(text))
        table = "LOAD DATA LOCAL INFILE 'f' INTO TABLE people"
        by = planner(SCHEMA._replace(tables=[PEOPLE._replace(columns=PEOPLE.columns[:1])]))
        self.assertEqual(plan(f"{table} ()", by=by).plan.refusal.reason, "unparsable")

    def test_no_protected_column_is_loaded(self):
        for text in (f"{HEAD} (id, note)", "LOAD DATA LOCAL INFILE 'f' INTO TABLE vip (id)"):
            self.assertEqual(shown(text), "as it is")
            self.assertIsNone(plan(text).plan.load)

    def test_another_format_is_another_plan(self):
        for sign in (",", ";"):
            text = f"{HEAD} FIELDS TERMINATED BY '{sign}' (name)"
            self.assertEqual(plan(text).plan.load.form.fields, sign.encode())
        for number in (1, 2):
            self.assertEqual(
                plan(f"{HEAD} IGNORE {number} LINES (name)").plan.load.form.skipped, number
            )

    def test_backslashes_are_as_the_mode_says(self):
        mode = MODE._replace(backslash=False)
        self.assertEqual(plan(f"{HEAD} (name)", mode).plan.load.form.escape, b"")
        mode = MODE._replace(backslash=None)
        self.assertEqual(shown(f"{HEAD} (name)", mode), "refused: unparsable")


class Refused(SynchronousTestCase):
    def test_values_that_are_not_the_file_s(self):
        for rest, expected in (
            ("(name) SET email = 'secret'", "expression people.email"),
            ("(@n) SET name = @n", "expression people.name"),
            ("(name) SET note = name", "source_not_protected_alike people.name"),
            ("(name) SET note = UPPER(name)", "expression people.name"),
            ("(name) SET note = (SELECT id FROM people WHERE email = 'secret')", "expression"),
            ("(name) SET note = (SELECT COUNT(DISTINCT email) FROM people)", "expression"),
            ("(name, @Acra_load_1)", "expression"),
            ("(name) SET note = @`acra_load_1`", "expression"),
            ("(name, @'acr\\a_load_1')", "expression"),
            ("(name, @ácra_load_1)", "expression"),
            ("(name) SET note = @'ácra_load_1'", "expression"),
            ("(name, name)", "expression people.name"),
            ("(name, nothing)", "schema_mismatch"),
            ("FIELDS TERMINATED BY '' (name)", "copy_options"),
            ("LINES TERMINATED BY '\\t' (name)", "copy_options"),
            ("FIELDS ENCLOSED BY 'ab' (name)", "copy_options"),
            ("(name); DO 1", "unparsable"),
            ("(name) WHERE 1", "unparsable"),
        ):
            self.assertEqual(shown(f"{HEAD} {rest}"), f"refused: {expected}", rest)
            self.assertNotIn("secret", plan(f"{HEAD} {rest}").plan.refusal.text)
        self.assertEqual(shown(f"DO 1; {HEAD} (name)"), "refused: unparsable")

    def test_files_that_are_not_the_client_s(self):
        for text in (
            "LOAD DATA INFILE 'f' INTO TABLE people (name)",
            "LOAD DATA LOW_PRIORITY INFILE 'f' INTO TABLE people (name)",
            "LOAD XML LOCAL INFILE 'f' INTO TABLE people",
        ):
            self.assertEqual(shown(text), "refused: copy_from_server_file")

    def test_a_column_that_cannot_hold_what_is_stored(self):
        columns = [
            one._replace(type="varchar") if one.name == "name" else one for one in PEOPLE.columns
        ]
        by = planner(SCHEMA._replace(tables=[PEOPLE._replace(columns=columns)]))
        found = plan(f"{HEAD} (name)", by=by).plan
        self.assertEqual(found.refusal.reason, "schema_mismatch")
        self.assertEqual(plan(f"{HEAD} (email)", by=by).plan.refusal, None)

    def test_a_default_in_clear(self):
        columns = [
            Column("name", "varbinary", 600, default_in_clear=True) if one.name == "name" else one
            for one in PEOPLE.columns
        ]
        by = planner(SCHEMA._replace(tables=[PEOPLE._replace(columns=columns)]))
        found = plan(f"{HEAD} (id)", by=by).plan
        self.assertEqual(found.refusal.reason, "default_in_clear")
