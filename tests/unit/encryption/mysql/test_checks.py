"""Statements that may switch off the CHECKs of the database."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import checks
from acra_twisted.encryption.mysql.schema import ROUTINE, VIEW, Code
from acra_twisted.errors import LexError
from acra_twisted.sql import mysqllexer, mysqltokens
from tests.support.mysqlplanning import MODE, SCHEMA, planner, shown

_OFF = "refused: checks_off"
NAME = "check_constraint_checks"


class Statements(SynchronousTestCase):
    def test_checks_stay_on(self):
        for text in (
            f"SET {NAME} = 0",
            f"SET {NAME.upper()}=OFF",
            f"SET `{NAME}` := 0",
            f"SET SESSION {NAME} = 'OFF'",
            f"SET GLOBAL {NAME} = FALSE",
            f"SET LOCAL {NAME} = DEFAULT",
            f"SET @@{NAME} = 0",
            f"SET @@`{NAME}` = 0",
            f"SET @@session.{NAME} = 0",
            f"SET @@GLOBAL . {NAME} = 0",
            f"SET @@session.`{NAME}` = 0",
            f"SET {NAME} = 1 AND 0",
            f"SET {NAME} = 1 - 1",
            f"SET {NAME} = ?",
            f"SET {NAME} = @old",
            f"SET @a = 1, {NAME} = 0",
            f"SET @a = (SELECT 1, 2), {NAME} = 0",
            f"SET {NAME} = 1, {NAME} = 0",
            f"SET STATEMENT {NAME} = 0 FOR SELECT 1",
            f"SET STATEMENT {NAME} = 1 FOR SET {NAME} = 0",
            f"SET STATEMENT max_statement_time = 1, {NAME} = 0 FOR INSERT INTO orders VALUES (1)",
            f"SET STATEMENT max_statement_time = 1 FOR SET {NAME} = 0",
            f"SELECT /*+ SET_VAR({NAME} = 0) */ 1",
            f"INSERT /*+ SET_VAR({NAME} = OFF) */ INTO people (email) VALUES ('a')",
            f"SELECT 1; SET {NAME} = 0",
            f"SET {NAME} = 0; SELECT email FROM people",
            f"BEGIN NOT ATOMIC SET {NAME} = 0; END",
            f"BEGIN NOT ATOMIC SELECT 1; SET {NAME} = 0; END",
            f"IF 1 THEN SET {NAME} = 0; END IF",
            f"CREATE PROCEDURE p() SET {NAME} = 0",
            f"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET GLOBAL {NAME} = 0",
        ):
            self.assertEqual(shown(text), _OFF, text)

    def test_statements_in_strings_are_seen(self):
        for text in (
            f"EXECUTE IMMEDIATE 'SET {NAME} = 0'",
            f"PREPARE s FROM 'SET {NAME} = 0'",
            "PREPARE s FROM 'SET check_' 'constraint_checks = 0'",
            f"SET GLOBAL init_connect = 'SET {NAME} = 0'",
        ):
            self.assertEqual(shown(text), "refused: opaque_code", text)

    def test_in_comments_that_servers_run(self):
        for text in (f"/*!SET {NAME} = 0 */", f"SET /*M! {NAME} = 0 */", f"/*!50000SET {NAME}=0*/"):
            self.assertIn("refused", shown(text), text)

    def test_reading_it_and_switching_it_on_pass(self):
        for text in (
            f"SELECT @@{NAME}",
            f"SHOW VARIABLES LIKE '{NAME}'",
            f"SHOW VARIABLES WHERE variable_name = '{NAME}'",
            f"SET {NAME} = 1",
            f"SET SESSION {NAME} = ON",
            f"SET GLOBAL `{NAME}` := TRUE",
            f"SET @@session.{NAME} = 'ON'",
            f"SET @old = @@{NAME}, {NAME} = 1",
            f"SET autocommit = 1, {NAME} = 1, @a = 0",
            f"INSERT INTO orders VALUES ('{NAME} = 0')",
            f"SELECT 1 -- SET {NAME} = 0",
            f"SET foreign_key_checks = 0, @{NAME} = 0",
        ):
            self.assertEqual(shown(text), "as it is", text)

    def test_a_plan_is_not_that_of_another_value(self):
        shop = planner()
        text = f"SET {NAME} = %d; SELECT id FROM people WHERE email = 'a'"
        plans = [shop.plan((text % one).encode(), MODE, "shop").plan for one in (1, 0)]
        self.assertIsNone(plans[0].refusal)
        self.assertEqual(plans[1].refusal.reason, "checks_off")

    @given(
        st.lists(
            st.sampled_from(
                (NAME, "SET", "@@", "session.", "=", ":=", "1", "0", ",", "(", ")", "`", "'", ";")
                + ("SELECT", "STATEMENT", "FOR", "@a", "/*+", "*/", " ", "GLOBAL", "\xff")
            )
        ).map("".join)
    )
    def test_any_text_is_judged_or_refused(self, text):
        data = text.encode()
        try:
            tokens = mysqllexer.tokens(data)
        except LexError:
            return
        try:
            checks.judge(data, tokens, mysqltokens.statements(data, tokens))
        except checks.StatementRefusedError as error:
            self.assertEqual(error.refusal.reason, "checks_off")
            self.assertTrue(checks.is_named(data))


class Routines(SynchronousTestCase):
    def code(self, kind, text):
        return SCHEMA._replace(code=[Code(kind, "shop", "quick", text)])

    def test_routines_that_name_the_variable_are_not_called(self):
        for text in (f"SET @@{NAME} = 0", f"BEGIN SET {NAME.upper()} = 0; END"):
            shop = planner(self.code(ROUTINE, text))
            plan = shop.plan(b"CALL quick()", MODE, "shop").plan
            self.assertEqual(plan.refusal.reason, "opaque_code", text)

    def test_others_are(self):
        for kind, text in ((ROUTINE, "SET @a = 0"), (VIEW, f"SELECT @@{NAME}")):
            shop = planner(self.code(kind, text))
            self.assertIsNone(shop.plan(b"CALL quick()", MODE, "shop").plan.refusal)
