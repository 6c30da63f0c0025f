"""Facts about a session: its statements by SQL's PREPARE."""

from acra_twisted.encryption.plan import Prepared, StatementPlan
from acra_twisted.sql.languages import Mode
from acra_twisted.stages.sessionknown import PreparedText
from tests.support.encryptors import ColumnsCase


class PreparedBySql(ColumnsCase):
    def keep(self, name):
        plan = StatementPlan(prepares=Prepared(name))
        self.known.keep_prepared(PreparedText(b"", Mode(False, True, "utf-8", True), plan))

    def test_a_statement_is_kept_until_the_protocol_takes_its_name(self):
        self.keep("p")
        self.keep("q")
        self.known.forget_prepared(b"p")
        self.assertEqual(list(self.known.prepared), ["q"])
        self.assertEqual(self.known.prepared_changes, 3)

    def test_other_names_change_nothing_for_those_that_execute_it(self):
        self.keep("p")
        self.known.forget_prepared(b"s")
        self.assertEqual(list(self.known.prepared), ["p"])
        self.assertEqual(self.known.prepared_changes, 1)

    def test_names_end_where_the_database_cuts_them(self):
        self.keep("p" * 63)
        self.known.forget_prepared(b"p" * 70)
        self.assertEqual(self.known.prepared, {})

    def test_a_name_in_another_encoding_may_be_that_of_any(self):
        self.keep("p")
        self.known.forget_prepared(b"\xe9")
        self.assertEqual(self.known.prepared, {})

    def test_their_number_is_bounded(self):
        for number in range(1_001):
            self.keep(str(number))
        self.assertEqual(list(self.known.prepared), ["1000"])

    def test_all_may_be_forgotten(self):
        self.keep("p")
        self.known.forget_all_prepared()
        self.assertEqual((self.known.prepared, self.known.prepared_texts), ({}, {}))

    def test_those_in_doubt_are_kept_until_they_are_prepared_anew_or_all_are_forgotten(self):
        for number in range(1_001):
            self.keep(str(number))
            self.known.forget_prepared(b"%d" % number)
        self.assertEqual(list(self.known.doubted), ["1000"])
        self.keep("1000")
        self.assertEqual(self.known.doubted, {})
        self.known.forget_prepared(b"1000")
        self.known.forget_all_prepared()
        self.assertEqual(self.known.doubted, {})
