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

    def test_a_name_is_doubted_behind_the_sync_of_a_parse_that_may_fail(self):
        for before in ("confirmed", "pending"):
            self.table = Prepared(3)
            self.table.parse_sent(self.one)
            if before == "confirmed":
                self.table.parse_complete(self.one)
            self.table.sync_sent()
            self.assertTrue(self.table.is_meant(self.one))
            self.table.parse_sent(self.two)
            # In its own batch nothing is done if it fails.
            self.assertTrue(self.table.is_meant(self.two))
            self.table.sync_sent()
            self.assertFalse(self.table.is_meant(self.two))
            self.assertIsNone(self.table.parameter_types(self.two, 0))
            if before == "pending":
                self.table.parse_complete(self.one)
            self.assertFalse(self.table.is_meant(self.two))
            self.table.parse_complete(self.two)
            self.assertTrue(self.table.is_meant(self.two))

    def test_a_name_is_doubted_while_any_statement_is_pending_by_it(self):
        refused = Statement(b"", b"s")
        self.table.parse_sent(self.one)
        self.table.sync_sent()
        self.table.parse_sent(refused)
        for _ in range(2):
            # A batch that is refused may be forgotten more than once.
            self.table.forget_pending(refused)
        self.assertIs(self.table.statement(b"s"), self.one)
        self.table.parse_sent(self.two)
        self.table.sync_sent()
        self.assertFalse(self.table.is_meant(self.two))

    def test_one_that_was_never_prepared_is_not_meant(self):
        self.table.parse_complete(self.one)
        self.table.parse_sent(self.two)
        self.table.sync_sent()
        self.table.forget_pending(self.two)
        parameters = Parameters([], [], self.two, None, False)
        self.table.confirm([b"s"], parameters)
        self.assertFalse(parameters.is_meant)
        self.assertTrue(self.table.is_meant(self.one))

    def test_names_that_nothing_else_has_had_are_certain(self):
        for name in (b"s", b"t"):
            later = Statement(b"", name)
            self.table.parse_sent(later)
            self.table.sync_sent()
            self.assertTrue(self.table.is_meant(later))
            self.table.parse_complete(later)
            self.table.close_complete(b"S", name)
        self.table.parse_sent(self.two)
        self.table.sync_sent()
        self.assertTrue(self.table.is_meant(self.two))

    def test_names_that_sql_may_have_given_are_doubted_too(self):
        self.table.command_complete(b"PREPARE", Statement(b"PREPARE s AS SELECT 1"))
        for name, meant in ((b"s", False), (b"", True)):
            later = Statement(b"", name)
            self.table.parse_sent(later)
            self.table.sync_sent()
            self.assertEqual(self.table.is_meant(later), meant)

    def test_a_name_that_depends_on_an_encoding_is_never_certain(self):
        [statement] = self.prepared(b"\xc3\xa9")
        self.assertFalse(self.table.is_meant(statement))
        parameters = Parameters([], [], statement)
        self.table.confirm({b"\xc3\xa9"}, parameters)
        self.assertFalse(parameters.is_meant)

    def test_a_portal_whose_bind_fails_stands_for_the_one_before(self):
        bound = Portal(b"p", self.one, b"\0\1\0\1")
        self.table.bind_sent(bound)
        self.table.bind_complete(bound)
        failed = [Portal(b"p", self.two), Portal(b"p", self.two)]
        for portal in failed:
            self.table.bind_sent(portal)
        for portal in failed:
            self.table.bind_failed(portal)
            self.assertIs(portal.statement, self.one)
            self.assertEqual(portal.results, bound.results)
        self.assertIs(self.table.portal(b"p").statement, self.one)
        alone = Portal(b"q", self.two)
        self.table.bind_sent(alone)
        self.table.bind_failed(alone)
        self.assertIsNone(alone.statement)

    def test_a_portal_keeps_none_of_those_that_have_ended(self):
        portals = [Portal(name, self.one) for name in (b"p", b"p", b"p", b"", b"")]
        self.table.bind_sent(portals[0])
        self.table.bind_complete(portals[0])
        for portal in portals[1:]:
            self.table.bind_sent(portal)
        self.table.transaction_ended()
        # The second is of the next transaction, as the third is.
        kept = [portal.before for portal in portals]
        self.assertEqual(kept, [None, None, portals[1], None, None])
        self.table.bind_complete(portals[1])
        self.table.bind_failed(portals[2])
        self.assertIs(portals[2].statement, self.one)
        self.assertIs(self.table.portal(b"p"), portals[1])

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
