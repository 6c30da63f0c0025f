"""Plugins of authentication between legs with and without TLS."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.authentication import PACKETS_MAX, LegsPolicy, Plugins
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError

NATIVE, SHA2, SHA256 = b"mysql_native_password", b"caching_sha2_password", b"sha256_password"
FAST, FULL, KEY, OK = b"\x01\x03", b"\x01\x04", b"\x01-----BEGIN PUBLIC KEY", b"\0\0\0\2\0\0\0"
DIGEST, PASSWORD, ENCRYPTED = b"d" * 32, b"pw\0", b"e" * 256
SCRAMBLED = b"x" * 20
#: Which legs have TLS: the client's, the database's.
LEGS = [(False, False), (True, True), (True, False), (False, True)]


def switch(plugin):
    return b"\xfe" + plugin + b"\0nonce\0"


def played(steps, client_tls=False, database_tls=False, **policy):
    """Play steps: (plugin, answer) first, then "S" or "C" and a packet.  Returns the plugins."""
    plugins = Plugins(LegsPolicy(client_tls, database_tls, **policy))
    plugins.begin(*steps[0])
    for leg, payload in steps[1:]:
        (plugins.from_database if leg == "S" else plugins.from_client)(payload)
    return plugins


class Passing(SynchronousTestCase):
    """A login that sends no password passes whatever the legs."""

    def test_on_all_legs(self):
        for legs in LEGS:
            for steps in (
                [(NATIVE, b"x" * 20), ("S", OK)],
                [(NATIVE, b""), ("S", OK)],
                [
                    (NATIVE, b"x" * 20),
                    ("S", switch(b"client_ed25519")),
                    ("C", b"s" * 64),
                    ("S", OK),
                ],
                [(SHA2, DIGEST), ("S", FAST), ("S", OK)],
                [(NATIVE, b""), ("S", switch(SHA2)), ("C", DIGEST), ("S", FAST), ("S", OK)],
                [
                    (NATIVE, b""),
                    ("S", switch(b"parsec")),
                    ("C", b""),
                    ("S", b"\x01salt"),
                    ("C", b"s" * 96),
                    ("S", OK),
                ],
            ):
                plugins = played(steps, *legs)
                self.assertTrue(plugins.over)
                self.assertFalse(plugins.client_due)

    def test_whether_anything_was_proven(self):
        self.assertFalse(played([(NATIVE, b""), ("S", OK)]).proof)
        self.assertTrue(played([(NATIVE, b"x" * 20), ("S", OK)]).proof)
        steps = [(NATIVE, b""), ("S", switch(NATIVE)), ("C", b""), ("S", OK)]
        self.assertFalse(played(steps).proof)

    def test_a_second_factor(self):
        steps = [(NATIVE, SCRAMBLED), ("S", b"\x02client_ed25519\0nonce"), ("C", b"s" * 64)]
        self.assertTrue(played([*steps, ("S", OK)]).over)


class Lengths(SynchronousTestCase):
    """A server counts an answer that its plugin cannot have as an error of its host."""

    def test_first_answers(self):
        for plugin, right in (
            (b"", (0, 20)),
            (NATIVE, (0, 20)),
            (NATIVE.upper(), (0, 20)),
            (SHA2, (0, 1, 32)),
            (b"client_ed25519", (0, 64)),
        ):
            for length in (0, 1, 7, 19, 20, 21, 32, 63, 64, 65):
                steps = [(plugin, b"x" * length)]
                if length in right:
                    played(steps)
                else:
                    self.assertEqual(self.assertRaises(WireError, played, steps).side, "client")

    def test_answers_behind_a_switch(self):
        for plugin, right in (
            (NATIVE, (0, 20)),
            (SHA2, (0, 1, 32)),
            (b"client_ed25519", (64,)),
        ):
            for length in (0, 1, 7, 19, 20, 21, 32, 63, 64, 65):
                steps = [(b"", b""), ("S", switch(plugin)), ("C", b"x" * length)]
                if length in right:
                    played(steps)
                else:
                    self.assertEqual(self.assertRaises(WireError, played, steps).side, "client")

    def test_a_name_that_no_plugin_has(self):
        for name in ("mysql_nat\u0130ve_password".encode(), b"\xff"):
            self.assertRaises(WireError, played, [(name, b"")], True, True)

    def test_whoever_decides_nothing_counts_nothing(self):
        played([(NATIVE, b"7 bytes")], decides=False, exposed=False)


class Passwords(SynchronousTestCase):
    """A login that sends its password passes where both ends see the same."""

    def refused(self, *args, **policy):
        error = self.assertRaises(WireError, played, *args, **policy)
        self.assertIs(error.reason, EndReason.LOGIN)
        return str(error)

    def test_full_authentication(self):
        for begin in ([(SHA2, DIGEST), ("S", FULL)], [(SHA256, b"\x01")]):
            with_key = [*begin, *([("C", b"\x02")] if len(begin) > 1 else []), ("S", KEY)]
            self.assertTrue(played([*with_key, ("C", ENCRYPTED), ("S", OK)]).over)
            # A key that passed does not make a password in clear any better.
            self.assertIn("without TLS", self.refused([*with_key, ("C", PASSWORD)]))
        self.assertTrue(played([(SHA2, DIGEST), ("S", FULL), ("C", PASSWORD)], True, True).proof)
        self.assertTrue(played([(SHA256, PASSWORD), ("S", OK)], True, True).over)

    def test_the_gaps_are_named(self):
        for begin in ([(SHA2, DIGEST), ("S", FULL)], [(SHA256, PASSWORD)], [(SHA256, b"\x01")]):
            self.assertIn("db_tls = require", self.refused(begin, True, False))
        for begin in ([(SHA2, DIGEST), ("S", FULL)], [(SHA256, b"\x01")]):
            self.assertIn("a client with TLS (client_tls)", self.refused(begin, False, True))
        for legs in ((True, False), (False, True)):
            self.assertIn(
                "sha256_password needs", self.refused([(NATIVE, b""), ("S", switch(SHA256))], *legs)
            )

    def test_no_rule_allows_a_gap(self):
        """The database would not understand it."""
        rules = {"password_without_tls": True, "exposed": False}
        self.refused([(SHA2, DIGEST), ("S", FULL)], True, False, **rules)

    def test_a_client_whose_tls_ends_at_its_connector(self):
        """Nobody else can read the link, where its answer tells what it sees."""
        for begin in ([(SHA2, DIGEST), ("S", FULL)], [(NATIVE, b""), ("S", switch(SHA256))]):
            said = [*begin, ("C", PASSWORD)]
            self.assertTrue(played([*said, ("S", OK)], False, True, exposed=False).over)
            self.assertIn("db_tls = require", self.refused(said, False, False, exposed=False))
            self.assertIn("client_tls", self.refused(said, False, False))
            wanted = [*begin, ("C", b"\x02" if begin[0][0] == SHA2 else b"\x01")]
            self.assertIn("client_tls", self.refused(wanted, False, True, exposed=False))
            keyed = [*wanted, ("S", KEY), ("C", ENCRYPTED), ("S", OK)]
            self.assertTrue(played(keyed, False, False, exposed=False).over)
            self.refused([*keyed[:-2], ("C", PASSWORD)], False, False, exposed=False)
        self.assertTrue(played([(SHA256, PASSWORD), ("S", OK)], False, True, exposed=False).over)

    def test_a_password_where_the_key_is_due(self):
        for legs in ((False, False), (False, True)):
            self.refused([(SHA256, PASSWORD)], *legs)
        self.refused([(SHA2, DIGEST), ("S", FULL), ("C", PASSWORD)])

    def test_plugins_that_send_passwords(self):
        """Also those that nobody knows."""
        for plugin in (b"mysql_clear_password", b"dialog", b"another"):
            for steps in (
                [(NATIVE, b""), ("S", switch(plugin)), ("C", PASSWORD)],
                [(plugin, PASSWORD)],
            ):
                self.assertTrue(played(steps, True, True).proof)
                self.assertIn("db_tls", self.refused(steps, True, False))
                self.assertIn("client_tls", self.refused(steps, False, True))
                self.assertTrue(played(steps, True, False, password_without_tls=True).proof)
                self.assertTrue(played(steps, False, True, exposed=False).proof)
        # The question alone is refused: no client would keep its answer back.
        self.refused([(NATIVE, b""), ("S", switch(b"dialog"))], True, False)

    def test_old_passwords(self):
        for asked in (b"\xfe", switch(b"mysql_old_password")):
            for legs in LEGS:
                text = self.refused([(NATIVE, b""), ("S", asked)], *legs)
                self.assertIn("mysql_old_password", text)


class Rogues(SynchronousTestCase):
    """A database, or someone in its place, that does not keep to its plugin."""

    def refused(self, *steps):
        for legs in LEGS:
            error = self.assertRaises(WireError, played, list(steps), *legs)
            self.assertEqual((error.side, error.reason), ("database", EndReason.PROTOCOL))

    def test_no_packet_makes_a_client_send_its_password_unseen(self):
        """Clients look at a byte or two of it, and go on."""
        for payload in (b"\x01\x04\xff", b"\x01\x03\x04", b"\x01", b"\x01\x05", KEY, b"\x01\x02"):
            self.refused((SHA2, DIGEST), ("S", payload))
            self.refused((NATIVE, b""), ("S", switch(SHA2)), ("C", DIGEST), ("S", payload))

    def test_who_was_let_in_is_asked_nothing(self):
        for payload in (FULL, FAST, KEY):
            self.refused((SHA2, DIGEST), ("S", FAST), ("S", payload))

    def test_plugins_whose_servers_say_nothing(self):
        for plugin in (NATIVE, b"client_ed25519", b""):
            for payload in (FULL, FAST, KEY, b"\x01", b"\x01\x04\xff"):
                self.refused((plugin, b""), ("S", payload))
        ed25519 = [(NATIVE, b""), ("S", switch(b"client_ed25519")), ("C", b"s" * 64)]
        self.refused(*ed25519, ("S", FULL))

    def test_a_salt_comes_once(self):
        salted = [(NATIVE, b""), ("S", switch(b"parsec")), ("C", b""), ("S", b"\x01salt")]
        self.refused(*salted, ("C", b"s" * 96), ("S", b"\x01salt"))

    def test_a_key_that_nobody_has_asked_for(self):
        for steps in (
            [(SHA2, DIGEST), ("S", FULL), ("C", PASSWORD), ("S", KEY)],
            [(SHA256, PASSWORD), ("S", KEY)],
        ):
            error = self.assertRaises(WireError, played, steps, True, True)
            self.assertEqual(error.side, "database")
        for begin in ([(SHA2, DIGEST), ("S", FULL), ("C", b"\x02")], [(SHA256, b"\x01")]):
            steps = [*begin, ("S", KEY), ("C", ENCRYPTED), ("S", KEY)]
            self.assertEqual(self.assertRaises(WireError, played, steps).side, "database")


class Turns(SynchronousTestCase):
    def test_out_of_turn(self):
        for steps, side in (
            ([(NATIVE, SCRAMBLED), ("C", b"y")], "client"),
            ([(SHA2, DIGEST), ("S", FAST), ("C", b"y")], "client"),
            ([(NATIVE, SCRAMBLED), ("S", switch(NATIVE)), ("S", OK)], "database"),
            ([(NATIVE, SCRAMBLED), ("S", OK), ("S", OK)], "database"),
            ([(NATIVE, SCRAMBLED), ("S", OK), ("C", b"")], "client"),
        ):
            error = self.assertRaises(WireError, played, steps)
            self.assertEqual((error.side, error.reason), (side, EndReason.SEQUENCE))

    def test_unknown_packets(self):
        for payload in (b"", b"\x03", b"\x09", b"\xfb", b"\xfeno end"):
            error = self.assertRaises(WireError, played, [(NATIVE, SCRAMBLED), ("S", payload)])
            self.assertEqual(error.side, "database")

    def test_no_end(self):
        steps = [(NATIVE, b""), *[("S", switch(NATIVE)), ("C", SCRAMBLED)] * (PACKETS_MAX // 2)]
        played(steps)
        self.assertRaises(WireError, played, [*steps, ("S", OK)])

    @given(st.lists(st.tuples(st.sampled_from("SC"), st.binary(max_size=40)), max_size=8))
    def test_anything(self, steps):
        try:
            plugins = played([(NATIVE, b""), *steps])
        except WireError as error:
            self.assertIn(error.side, ("client", "database"))
        else:
            self.assertFalse(plugins.over and plugins.client_due)
