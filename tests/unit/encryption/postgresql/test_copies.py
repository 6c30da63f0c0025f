"""COPY of tables with protected columns, and of queries on them."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.planning import MODE, PATH, PEOPLE, outcome, planner


class Copy(SynchronousTestCase):
    def plan(self, text):
        (plan,) = planner().plan(text.encode(), MODE, PATH).statements
        self.assertIsNone(plan.refusal)
        return plan

    def copied(self, text):
        copies = self.plan(text).copies
        return [one and one.name for one in copies.columns], copies.options

    def test_the_columns_of_copy_are_told_in_their_order(self):
        self.assertEqual(
            self.copied("copy people (email, id, name) from stdin")[0], ["email", None, "name"]
        )
        self.assertEqual(
            self.copied("copy public.people from stdin")[0],
            [None, "name", "email", None, "age", "card", "phone", "flag"],
        )

    def test_the_options_of_copy_are_told_in_either_syntax(self):
        _, options = self.copied(
            "copy people (id) from stdin with (format csv, header, delimiter ';', "
            "force_null (name, email), null 'x', on_error ignore)"
        )
        self.assertEqual(
            options,
            {
                "format": "csv",
                "header": None,
                "delimiter": ";",
                "force_null": ("name", "email"),
                "null": "x",
                "on_error": "ignore",
            },
        )
        _, options = self.copied("copy people (id) from stdin delimiter '|' csv header")
        self.assertEqual(options, {"delimiter": "|", "format": "csv", "header": "true"})

    def test_values_of_the_options_belong_to_the_statement(self):
        made = planner()
        for null in ("x", "y"):
            for way in ("from stdin", "to stdout"):
                text = f"copy people (name) {way} (null '{null}')"
                (plan,) = made.plan(text.encode(), MODE, PATH).statements
                self.assertEqual(plan.copies.options, {"null": null})

    def test_what_is_copied_out_has_the_settings_of_its_columns(self):
        for text, names, types in (
            ("copy people (email, id) to stdout", ["email", None], (17, 0)),
            ("copy (select id, name as x from people) to stdout csv", [None, "name"], (0, 17)),
            ("copy (select 1, (select email from people)) to stdout", [None, "email"], (0, 17)),
            ("copy (delete from people returning age) to stdout", ["age"], (17,)),
        ):
            plan = self.plan(text)
            copies = plan.copies
            self.assertTrue(copies.is_out)
            self.assertEqual([one and one.name for one in copies.columns], names)
            self.assertEqual([one.setting for one in plan.results], list(copies.columns))
            self.assertEqual(copies.types, types)
            self.assertEqual(len(copies.names), len(names))

    def test_columns_that_are_not_protected_are_copied_out_as_ever(self):
        for text in ("copy people (id, note) to stdout", "copy (select id from people) to stdout"):
            plan = self.plan(text)
            self.assertIsNone(plan.copies)
            self.assertIsNone(plan.results)

    def test_the_whole_table_is_its_columns_that_are_not_computed(self):
        made = [
            one._replace(generated=True, reads=(1,) if one.name == "note" else ())
            if one.name in ("id", "note")
            else one
            for one in PEOPLE.attributes
        ]
        found = planner((PEOPLE._replace(attributes=made),))
        for text in (b"copy people to stdout", b"copy public.people from stdin"):
            (plan,) = found.plan(text, MODE, PATH).statements
            self.assertEqual(plan.copies.names[:4], ("id", "name", "email", "age"))
            self.assertIn(b'people ("id", "name", "email", "age", ', plan.text(()))

    def test_what_is_refused(self):
        for text, reason in (
            ("copy people (id, name) to '/tmp/people'", "copy_from_server_file"),
            ("copy (select name from people) to program 'cat'", "copy_from_server_file"),
            ("copy people (id, name) from stdin (null '00')", "copy_options"),
            ("copy people (id, name) to stdout (format csv, delimiter 'a')", "copy_options"),
            ("copy (select name::text from people) to stdout", "expression"),
            ("copy (select upper(name) from people) to stdout", "expression"),
            ("copy (select people from people) to stdout", "expression"),
            ("copy (select name from people union select note from people) to stdout", "group"),
            ("copy people from stdin where name is not null and email = 'x'", "comparison"),
            ("copy people (id) from stdin where name > 'x'", "comparison"),
            ('copy "Odd Table" ("Secret") from stdin (default \'d\')', "default_in_clear"),
        ):
            self.assertTrue(outcome(text).startswith(f"!{reason}"), (text, outcome(text)))
