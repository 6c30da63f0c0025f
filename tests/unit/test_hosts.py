"""Hosts as people write them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import hosts


class Hosts(SynchronousTestCase):
    def test_names_and_addresses(self):
        for text in (
            *("localhost", "db.example", "db.example.", "my_db", "db-1", "10.0.0.1", "::1"),
            *("fe80::1%eth0", "b\xfccher.example", "xn--bcher-kva.example", "1.2", "a" * 63),
        ):
            self.assertEqual(hosts.host(text), text)
        self.assertEqual(hosts.host("[::1]"), "::1")

    def test_what_is_none(self):
        for text, expected in (
            ("localhost:5433", "a port behind"),
            ("[::1]:5433", "no address of IP version 6"),
            ("::1:x", "no address of IP version 6"),
            ("[db]", "no address of IP version 6"),
            ("::%[", "no address of IP version 6"),
            ("[fe80::1%a,b]", "no address of IP version 6"),
            ("fe80::1%a b", "no address of IP version 6"),
            ("postgresql://user:secret@h/db", "a URL"),
            ("tcp://h", "a URL"),
            ("h1,h2", "a list"),
            ("my db", "no host has a blank in it"),
            ("db\t", "a blank"),
            ('"db"', "'\"'"),
            ("db#main", "'#'"),
            ("user@db", "'@'"),
            ("/run/db", "'/'"),
            ("db..example", "parts of 1 to 63"),
            (".", "parts of 1 to 63"),
            ("", "parts of 1 to 63"),
            ("a" * 64, "parts of 1 to 63"),
            ("a." * 127, "253 in all"),
            ("b\xfccher..example", "IDNA"),
        ):
            error = str(self.assertRaises(ValueError, hosts.host, text))
            self.assertIn(expected, error)
            self.assertNotIn("secret", error)

    def test_ports(self):
        self.assertEqual(hosts.host_and_port("jaeger:6831"), ("jaeger", 6831))
        self.assertEqual(hosts.host_and_port("[::1]:1"), ("::1", 1))
        for text, expected in (
            ("h", "no port"),
            (":1", "no port"),
            ("h:", "the port is no number"),
            ("h:65536", "the port is no number"),
            ("h:0", "the port is no number"),
            ("h:\u0661", "the port is no number"),
            ("::1:1", "in brackets"),
            ("a b:1", "a blank"),
        ):
            error = str(self.assertRaises(ValueError, hosts.host_and_port, text))
            self.assertIn(expected, error)

    @given(st.text() | st.from_regex(r"[\[\]a1.:%_-]{0,12}", fullmatch=True))
    def test_any_text_is_a_host_or_refused(self, text):
        for read in (hosts.host, hosts.host_and_port):
            try:
                found = read(text)
            except ValueError:
                continue
            name = found if isinstance(found, str) else found[0]
            self.assertFalse(set(name) & set(" /@'\"[],#"), name)
