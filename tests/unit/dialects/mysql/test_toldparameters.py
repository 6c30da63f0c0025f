"""Parameters of prepared statements whose text a stage has replaced by one with others."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.errors import WireError
from acra_twisted.exchange import PARAMETERS, STATEMENT, Parameters, Statement, ToldType
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.mysql import columndefinitions, commands, parameters
from tests.support.mysqlreplies import Followed, numbered, see_all, statement
from tests.support.mysqlrequests import Desk, about, said
from tests.unit.dialects.mysql.test_descriptions import definition
from tests.unit.dialects.mysql.test_resultsets import prepared_ok
from tests.unit.dialects.mysql.test_retyped import payloads

EOF = b"\xfe\0\0\2\0"
DEPRECATE_EOF = 0x1000000


def told_of(*sources, kind=0):
    made = Statement(b"SELECT 1")
    made.told = [ToldType(one, kind) for one in sources]
    prepared = statement()
    prepared.statement = made
    prepared.taken = 0
    return prepared


def names(data, extended=False):
    return [columndefinitions.decode(one, extended).name for one in data]


class Described(SynchronousTestCase):
    def prepare(self, prepared, *payloads_, deprecate=False, extended=0):
        followed = Followed(DEPRECATE_EOF if deprecate else 0, extended, see_all)
        followed.statements.confirm = lambda one, number, parameters, taken: setattr(
            one, "taken", taken
        )
        followed.ask(replies.PREPARE, Reply(prepared=prepared))
        data = numbered(payloads_)
        got = b"".join(followed.feed(data[at : at + 1]) for at in range(len(data)))
        self.assertFalse(followed.session.outstanding)
        return followed, payloads(got), got

    def test_one_of_the_client_s_is_two_of_the_database_s(self):
        for deprecate in (False, True):
            end = [] if deprecate else [EOF]
            came = [definition(b"p1"), definition(b"p2"), definition(b"p3")]
            _, found, got = self.prepare(
                told_of(1, 3),
                *(prepared_ok(7, 1, 3), *came, *end, definition(b"c"), *end),
                deprecate=deprecate,
            )
            self.assertEqual(found[0], prepared_ok(7, 1, 2))
            self.assertEqual(found[1:], [came[0], came[2], *end, definition(b"c"), *end])
            self.assertEqual(got, numbered(found))

    def test_all_of_the_database_s_are_ours(self):
        for deprecate in (False, True):
            end = [] if deprecate else [EOF]
            _, found, got = self.prepare(
                told_of(),
                *(prepared_ok(7, 1, 1), definition(b"p"), *end, definition(b"c"), *end),
                deprecate=deprecate,
            )
            self.assertEqual(found, [prepared_ok(7, 1, 0), definition(b"c"), *end])
            self.assertEqual(got, numbered(found))

    def test_the_database_has_none(self):
        for deprecate in (False, True):
            for extended in (0, 8):
                end = [] if deprecate else [EOF]
                column = definition(b"c", extended=b"" if extended else None)
                _, found, got = self.prepare(
                    told_of(1, 1),
                    *(prepared_ok(7, 1, 0), column, *end),
                    deprecate=deprecate,
                    extended=extended,
                )
                self.assertEqual(found[0], prepared_ok(7, 1, 2))
                self.assertEqual(names(found[1:3], bool(extended)), [b"?", b"?"])
                self.assertEqual(found[3:], [*end, column, *end])
                self.assertEqual(got, numbered(found))

    def test_a_type_that_is_told(self):
        _, found, _ = self.prepare(
            told_of(2, kind=8),
            *(prepared_ok(7, 0, 2), definition(b"p1"), definition(b"p2"), EOF),
        )
        column = columndefinitions.decode(found[1], False)
        self.assertEqual((column.name, column.kind), (b"p2", 8))

    def test_an_error_among_them_is_no_reply(self):
        with self.assertRaises(WireError):
            self.prepare(
                told_of(1), prepared_ok(7, 0, 2), definition(b"p"), b"\xff\x25\x05#70100killed"
            )


class Bound(SynchronousTestCase):
    def desk(self, verdict, parameters, taken, plan="a plan"):
        def judge(work):
            if work.kind == STATEMENT:
                made = Statement(b"another text", b"")
                made.told = [ToldType(1)] * parameters
                made.plan = plan
                return Replace(made)
            return verdict(work)

        desk = Desk(judge, (STATEMENT, PARAMETERS))
        desk.says(said(b"\x16SELECT ?"))
        entry = desk.session.outstanding[0]
        desk.replied(7, parameters)
        prepared = entry[3].prepared
        self.assertEqual(prepared.statement.plan, plan)
        desk.session.prepared.confirm(prepared, 7, parameters, taken)
        return desk

    def test_more_values_than_the_client_has_given(self):
        def twice(work):
            (value,) = work.item.values
            return Replace(Parameters([value, value + b"!"], [0, 0], None, [252, 252]))

        desk = self.desk(twice, 1, 2)
        out = desk.says(said(about(0x17, 7, b"\0\1\0\0\0\0\1\xfd\0\1x")))
        self.assertEqual(out, said(about(0x17, 7, b"\0\1\0\0\0\0\1\xfc\0\xfc\0\1x\2x!")))

    def test_none_where_the_client_has_given_one(self):
        desk = self.desk(lambda work: Replace(Parameters([], [], None, [])), 1, 0)
        out = desk.says(said(about(0x17, 7, b"\0\1\0\0\0\0\1\xfd\0\1x")))
        self.assertEqual(out, said(about(0x17, 7, b"\0\1\0\0\0")))

    def test_an_execution_without_values_is_judged_if_its_statement_has_a_plan(self):
        execution = said(about(0x17, 7, b"\0\1\0\0\0"))
        desk = self.desk(lambda work: Deny("no", errno=1235), 0, 0)
        self.assertEqual(desk.says(execution), b"")
        self.assertEqual(desk.owed(), [b"\xff\xd3\x04#42000no"])
        desk = self.desk(lambda work: Deny("no"), 0, 0, plan=None)
        self.assertEqual(desk.says(execution), execution)

    def test_the_client_s_own_values_do_not_fit(self):
        desk = self.desk(lambda work: PASS, 1, 2)
        with self.assertRaises(ValueError):
            desk.says(said(about(0x17, 7, b"\0\1\0\0\0\0\1\xfd\0\1x")))

    def test_a_bulk_execution_is_refused(self):
        desk = self.desk(lambda work: PASS, 1, 2)
        self.assertEqual(desk.says(said(about(0xFA, 7, b"\x80\0\xfd\0\0\1x"))), b"")
        self.assertIn(b"row by row", desk.owed()[-1])

    def test_names_are_the_client_s_own(self):
        """With query attributes a value has a name; ours have none."""
        execution = parameters.Execution(7, 0, 1, [252, 252], (), [b"a", b"b"], (), True)
        payload = parameters.encode_execution(execution, with_attributes=True)
        again = parameters.decode_execution(payload, 2, None, with_attributes=True)
        self.assertEqual((again.values, again.names), ([b"a", b"b"], [b"", b""]))
        self.assertEqual(commands.statement_number(payload), 7)
