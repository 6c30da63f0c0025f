"""Verdicts of the encryptor."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.plan import Copied, Refusal, ResultColumn, StatementPlan
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.stages.columnverdicts import UNSURE, first_refusal, guarded, outdated, refused
from acra_twisted.verdicts import PASS, Deny

NAME = ColumnSetting("", "people", "name", data_type="str")
REFUSAL = Refusal("expression", "people.name", "it is refused", "write another")


class Refusals(SynchronousTestCase):
    def test_the_first_one_counts(self):
        other = REFUSAL._replace(text="another")
        plans = [StatementPlan(), StatementPlan(refusal=REFUSAL), StatementPlan(refusal=other)]
        self.assertIs(first_refusal(plans, "a"), REFUSAL)
        self.assertIsNone(first_refusal(plans[:1], "a"))

    def test_a_client_asks_nothing_of_values_that_it_may_not_read(self):
        for readers, clients in ((None, "ab"), (frozenset("b"), "b"), (frozenset(), "")):
            plans = [StatementPlan(), StatementPlan(asked=(NAME._replace(readers=readers),))]
            for client in "ab":
                found = first_refusal(plans, client)
                self.assertEqual(found is None, client in clients)
        deny = refused(first_refusal(plans, "a"))
        self.assertEqual((deny.sqlstate, deny.rule), (b"42501", "not_a_reader"))
        self.assertEqual(deny.column, "people.name")
        self.assertEqual(
            deny.text,
            "column people.name is protected by AcraServer, and the client may not compare, join "
            "or group by values that it may not read",
        )

    def test_what_is_executed_by_its_name_may_be_another_statement(self):
        """For who may not read all columns, the database must name the tables of what it shows."""
        readers = [frozenset("ab"), frozenset("b")]
        for named, executes in ((False, "q"), (True, "q"), (False, "")):
            results = (ResultColumn(None), ResultColumn(NAME, named=named))
            plans = [StatementPlan(), StatementPlan(executes=executes, results=results)]
            for client in "abc":
                found = first_refusal(plans, client, readers)
                is_refused = client != "b" and not named and executes == "q"
                self.assertEqual(found is not None, is_refused, (client, plans))
            self.assertIsNone(first_refusal(plans, "a"))
        plans = [StatementPlan(executes="q", results=(ResultColumn(NAME),))]
        deny = refused(first_refusal(plans, "a", readers))
        self.assertEqual((deny.sqlstate, deny.column), (b"42501", "people.name"))
        self.assertEqual(
            deny.text,
            "column people.name is protected by AcraServer and is read by the name of a cursor, "
            "portal or prepared statement that shows more than columns of tables, and the client "
            "may not read all columns",
        )

    def test_rows_are_not_loaded_by_one_of_several_statements(self):
        loading = StatementPlan(copies=Copied([None, NAME], {}))
        self.assertIsNone(first_refusal([loading], "a"))
        deny = refused(first_refusal([StatementPlan(), loading], "a"))
        self.assertEqual((deny.sqlstate, deny.column), (b"0A000", "people.name"))
        self.assertEqual(
            deny.text,
            "column people.name is protected by AcraServer and is loaded by a COPY among other "
            "statements",
        )
        for copies in (Copied([None], {}), Copied([NAME], {}, is_out=True)):
            self.assertIsNone(first_refusal([StatementPlan(copies=copies)] * 2, "a"))

    def test_the_client_is_told_the_reason_and_what_to_do(self):
        deny = refused(REFUSAL)
        self.assertEqual((deny.sqlstate, deny.rule), (b"0A000", "expression"))
        self.assertEqual((deny.text, deny.hint), ("it is refused", "Write another."))
        for hint, shown in (
            ("", ""),
            ("Name the columns.", "Name the columns."),
            ("trusted_functions names it", "trusted_functions names it."),
        ):
            self.assertEqual(refused(REFUSAL._replace(hint=hint)).hint, shown)
        self.assertEqual(deny.routine, "")

    def test_drivers_prepare_an_outdated_statement_anew_by_the_databases_own_name_for_it(self):
        deny = outdated(REFUSAL)
        self.assertEqual((deny.sqlstate, deny.routine), (b"0A000", "RevalidateCachedQuery"))
        self.assertEqual((deny.text, deny.hint), (refused(REFUSAL).text, refused(REFUSAL).hint))

    def test_the_log_is_told_the_reason_the_column_and_why(self):
        deny = refused(REFUSAL)
        self.assertEqual((deny.code, deny.column), (events.COLUMN_REFUSED, "people.name"))
        self.assertEqual((deny.rule, deny.reason), ("expression", "it is refused"))
        # Not about one column, yet about protected ones.
        self.assertEqual(refused(UNSURE).column, "")


class Values(SynchronousTestCase):
    ERROR = ValueRefusedError(b"22P02", "value", "the value is no number", "people.age")

    def check(self, verdict):
        self.assertIs(type(verdict), Deny)
        self.assertEqual((verdict.sqlstate, verdict.text), (b"22P02", "the value is no number"))
        self.assertEqual((verdict.rule, verdict.column), ("value", "people.age"))
        self.assertEqual(verdict.reason, verdict.text)
        self.assertEqual(verdict.code, events.COLUMN_REFUSED)

    def test_a_value_that_is_refused_makes_the_verdict_a_deny(self):
        def decide(error):
            raise error

        self.check(guarded(decide, self.ERROR))
        later = Deferred()
        verdict = guarded(lambda: later)
        later.errback(self.ERROR)
        self.check(self.successResultOf(verdict))

    def test_every_other_verdict_or_error_stays(self):
        self.assertIs(guarded(lambda verdict: verdict, PASS), PASS)
        self.assertRaises(ZeroDivisionError, guarded, lambda: 1 // 0)
        later = Deferred()
        verdict = guarded(lambda: later)
        later.errback(ZeroDivisionError())
        self.failureResultOf(verdict, ZeroDivisionError)
