"""Another user logs in on a session."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql import capabilities
from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqlrequests import Desk, said

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
CAPABILITIES = (
    capabilities.PLUGIN_AUTH | capabilities.CONNECT_ATTRS | capabilities.SECURE_CONNECTION
)
SWITCH = b"\xfemysql_native_password\0" + bytes(21)
CLEAR = b"\xfemysql_clear_password\0"


def change(*attributes, plugin=b"mysql_native_password"):
    """Log in bob."""
    block = b"".join(bytes((len(text),)) + text for pair in attributes for text in pair)
    rest = b"\x1c\0" + plugin + b"\0" + bytes((len(block),)) + block
    return b"\x11bob\0\x14" + bytes(20) + b"shop\0" + rest


class Changed(SynchronousTestCase):
    def setUp(self):
        self.desk = Desk(capabilities=CAPABILITIES, legs=LegsPolicy())
        self.desk.session.user = b"alice"

    def database(self, payload):
        """A packet of the reply at the head."""
        self.desk.session.outstanding[0][3].login.from_database(payload)
        return self.desk.goes_on()

    def test_answers_pass_and_commands_wait(self):
        desk = self.desk
        self.assertEqual(desk.says(said(change())), said(change()))
        self.assertEqual(desk.owed(), [replies.AUTH])
        reply = desk.session.outstanding[0][3]
        self.assertEqual(
            (reply.changes, reply.collation, reply.schema), (replies.RESETS, 28, b"shop")
        )
        self.database(SWITCH)
        answer = packets(b"\3" * 20, 2)
        self.assertEqual(desk.says(answer[:5]), b"")
        self.assertEqual(desk.says(answer[5:] + said(b"\x0e")), answer)
        self.assertTrue(desk.flow.awaits_load)
        self.assertEqual(self.database(b"\0\0\0\2\0\0\0"), b"")
        self.assertEqual(desk.replied(), said(b"\x0e"))
        self.assertEqual((desk.session.user, desk.flow.awaits_load), (b"bob", False))

    def test_one_who_is_refused_leaves_the_user_as_it_was(self):
        desk = self.desk
        desk.says(said(change()))
        desk.session.outstanding[0][2].outcome = "error"
        desk.replied()
        self.assertEqual(desk.session.user, b"alice")

    def test_a_password_passes_nowhere_where_others_may_read_it(self):
        desk = self.desk
        desk.says(said(change()))
        with self.assertRaises(WireError) as caught:
            self.database(CLEAR)
        self.assertIs(caught.exception.reason, EndReason.LOGIN)

    def test_nor_with_the_command(self):
        desk = self.desk
        self.assertEqual(
            desk.says(said(change(plugin=b"mysql_clear_password"), b"\x0e")), said(b"\x0e")
        )
        self.assertEqual(desk.owed()[0][1:3], (1045).to_bytes(2, "little"))

    def test_a_context_comes_with_it(self):
        desk = self.desk
        desk.says(said(change((b"traceparent", CONTEXT.traceparent().encode()))))
        self.assertIsNone(desk.session.context)
        desk.replied()
        desk.says(said(b"\x0e"))
        self.assertEqual([exchange.remote for exchange in desk.recorder.opened], [CONTEXT] * 2)

    def test_a_context_that_cannot_be_used_is_told(self):
        desk = self.desk
        desk.says(said(change((b"traceparent", b"00-zz"))))
        (exchange,) = desk.recorder.opened
        self.assertIsNone(exchange.remote)
        self.assertTrue(exchange.attributes["acra.traceparent_malformed"])

    def test_malformed(self):
        for payload in (b"\x11", b"\x11bob\0\x14", change()[:-1]):
            desk = Desk(capabilities=CAPABILITIES, legs=LegsPolicy())
            self.assertEqual(desk.says(said(payload)), b"")
            self.assertEqual(desk.owed()[0][1:3], (1835).to_bytes(2, "little"))

    def test_nobody_else_where_it_is_not_enabled(self):
        desk = Desk(capabilities=CAPABILITIES)
        self.assertEqual(desk.says(said(change(), b"\x0e")), said(b"\x0e"))
        self.assertEqual(desk.owed()[0][1:3], (1047).to_bytes(2, "little"))


class CharacterSets(SynchronousTestCase):
    def test_mysql_takes_its_own_default(self):
        for mariadb, expected in ((True, [28, 45]), (False, [0, 0])):
            desk = Desk(capabilities=CAPABILITIES, mariadb=mariadb, legs=LegsPolicy())
            desk.says(said(change()))
            found = [desk.session.outstanding[0][3].collation]
            desk.replied()
            desk.says(said(b"\x1f"))
            found.append(desk.session.outstanding[0][3].collation)
            self.assertEqual(found, expected)
