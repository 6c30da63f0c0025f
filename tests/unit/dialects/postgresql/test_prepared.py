"""The table of prepared statements and portals."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.prepared import Portal, Prepared
from acra_twisted.exchange import Parameters, Statement


class Table(SynchronousTestCase):
    def setUp(self):
        self.table = Prepared(3)
        self.one, self.two = Statement(b"one", b"s"), Statement(b"two", b"s")

    def test_provisional_until_confirmed(self):
        self.table.parse_sent(self.one)
        self.assertIs(self.table.statement(b"s"), self.one)
        self.assertEqual(self.table.names(), set())
        self.table.parse_complete(self.one)
        self.assertEqual(self.table.names(), {b"s"})

    def test_ds4_a_name_reused(self):
        self.table.parse_sent(self.one)
        self.table.parse_complete(self.one)
        self.table.parse_sent(self.two)
        self.assertIs(self.table.statement(b"s"), self.two)
        self.table.forget_pending(self.two)
        self.assertIs(self.table.statement(b"s"), self.one)

    def test_sql_commands(self):
        for text, tag in (
            (b"DEALLOCATE s", b"DEALLOCATE"),
            (b'deallocate prepare "s";', b"DEALLOCATE"),
            (b"DEALLOCATE ALL", b"DEALLOCATE ALL"),
            (b"DISCARD ALL", b"DISCARD ALL"),
        ):
            self.table.parse_complete(self.one)
            self.table.command_complete(tag, Statement(text))
            self.assertEqual(self.table.names(), set(), text)

    def prepared(self, *names):
        statements = [Statement(b"", name) for name in names]
        for statement in statements:
            self.table.parse_complete(statement)
        return statements

    def test_a_name_that_is_deallocated_leaves_the_others_theirs(self):
        one, other = self.prepared(b"s", b"T")
        self.table.command_complete(b"DEALLOCATE", Statement(b'DEALLOCATE "T"'))
        self.assertTrue(self.table.is_meant(one))
        self.assertIsNone(self.table.statement(b"T"))
        for text in (b"DEALLOCATE " + b"x" * 63, b"DEALLOCATE x; SELECT 1"):
            [one] = self.prepared(b"s")
            self.table.command_complete(b"DEALLOCATE", Statement(text))
            self.assertFalse(self.table.is_meant(one))

    def test_each_blank_behind_a_name_is_read_once(self):
        blanks = b" " * 500_000
        self.prepared(b"s")
        self.table.command_complete(b"DEALLOCATE", Statement(b"DEALLOCATE s" + blanks + b"-- s"))
        self.prepared(b"s")
        self.table.command_complete(
            b"DEALLOCATE", Statement(b"DEALLOCATE s%b;%b" % (blanks, blanks))
        )
        self.assertIsNone(self.table.statement(b"s"))

    def test_names_that_the_database_still_has_from_the_protocol_are_confirmed(self):
        one, other = self.prepared(b"s", b"t")
        one.parameter_types = [23]
        self.table.command_complete(b"CALL", None)
        for statement, types in ((one, [23, 0]), (other, None)):
            parameters = Parameters([b"1", b"2"], [0, 0], statement, None, False)
            self.table.confirm([b"s", b"u"], parameters)
            self.assertEqual(parameters.is_meant, statement is one)
            self.assertEqual(parameters.types, types)

    def test_code_may_have_given_a_name_away_unseen(self):
        named, unnamed = self.prepared(b"s", b"")
        for names, meant in (([b"s"], True), ([], False), ([b"s"], True)):
            parameters = Parameters([], [], named, None, True)
            self.table.confirm(names, parameters)
            self.assertEqual(parameters.is_meant, meant)
            self.assertTrue(self.table.is_meant(unnamed))

    def test_portals_end_with_their_transaction(self):
        portal = Portal(b"p", self.one)
        self.table.bind_sent(portal)
        self.table.bind_complete(portal)
        self.assertIs(self.table.portal(b"p"), portal)
        self.table.transaction_ended()
        self.assertIsNone(self.table.portal(b"p").statement)

    def test_a_portal_that_the_database_has_not_bound_yet_is_of_the_next_transaction(self):
        portal = Portal(b"p", self.one)
        self.table.bind_sent(portal)
        self.table.transaction_ended()
        self.assertIs(self.table.portal(b"p"), portal)
        self.table.bind_complete(portal)
        self.table.transaction_ended()
        self.assertIsNone(self.table.portal(b"p").statement)

    def test_the_database_cuts_names(self):
        for sent, other in ((b"s" * 63, b"s" * 64), (b"s" * 70, b"s" * 63)):
            [statement] = self.prepared(sent)
            self.assertIs(self.table.statement(other), statement)
            later = Statement(b"", other)
            self.table.parse_sent(later)
            self.assertIs(self.table.statement(sent), later)
            self.table.forget_pending(later)
            self.assertIs(self.table.statement(sent), statement)
            parameters = Parameters([], [], statement, None, False)
            self.table.command_complete(b"CALL", None)
            self.table.confirm([b"s" * 63], parameters)
            self.assertTrue(parameters.is_meant)
            self.table.close_complete(b"S", other)
            self.assertIsNone(self.table.statement(sent))
            portal = Portal(sent, statement)
            self.table.bind_sent(portal)
            self.assertIs(self.table.portal(other), portal)
            self.assertEqual([*self.table.executable(other)], [])
            self.table.bind_failed(portal)
            self.assertIsNone(self.table.portal(sent).statement)
            self.table.bind_sent(portal)
            self.table.close_complete(b"P", other)
            self.assertIsNone(self.table.portal(sent).statement)
        self.assertIsNone(self.table.statement(b"s" * 62))

    def test_a_portal_keeps_the_meanings_that_its_statement_had(self):
        self.one.meanings = ["first"]
        portal = Portal(b"p", self.one)
        self.one.meanings = ["second"]
        self.assertEqual(portal.meanings, ["first"])

    def test_full(self):
        for name in (b"a", b"b"):
            self.table.parse_complete(Statement(b"", name))
        self.assertFalse(self.table.full)
        self.table.bind_sent(Portal(b"p"))
        self.assertTrue(self.table.full)
        self.table.close_complete(b"P", b"p")
        self.assertFalse(self.table.full)
