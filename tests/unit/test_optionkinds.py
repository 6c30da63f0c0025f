"""Kinds of settings: text to value and back."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import optionkinds
from acra_twisted.optionkinds import Address


class Kinds(SynchronousTestCase):
    def good(self, kind, text, value, rendered=None):
        self.assertEqual(kind.parse(text), value)
        self.assertEqual(kind.render(value), rendered if rendered is not None else text)
        self.assertEqual(kind.parse(kind.render(value)), value)

    def bad(self, kind, *texts):
        for text in texts:
            self.assertRaises(ValueError, kind.parse, text)

    def test_booleans(self):
        self.good(optionkinds.BOOLEAN, "true", True)
        self.good(optionkinds.BOOLEAN, "F", False, "false")
        self.bad(optionkinds.BOOLEAN, "", "maybe", "2")

    def test_numbers(self):
        self.good(optionkinds.Integer(1, 2000), "1_000", 1000, "1000")
        self.bad(optionkinds.Integer(1, 5), "", "0", "6", "1.5", "x")
        self.good(optionkinds.Seconds(), "1.5s", 1.5, "1.5")
        self.bad(optionkinds.Seconds(1.0), "0.5", "x", "nan", "1e9")

    def test_words(self):
        self.good(optionkinds.Choice("a", "b"), "A", "a", "a")
        self.bad(optionkinds.Choice("a", "b"), "c", "")
        self.good(optionkinds.NAMES, " a ,b,, ", ("a", "b"), "a, b")
        self.good(optionkinds.TEXT, "x", "x")
        self.good(optionkinds.FILE, "x", "x")

    def test_urls(self):
        self.good(optionkinds.URL, "http://localhost:1/x", "http://localhost:1/x")
        self.good(optionkinds.URL, "", "")
        self.good(optionkinds.URL, "https://my_collector:4318", "https://my_collector:4318")
        self.bad(
            optionkinds.URL, "localhost:1", "ftp://x", "http://", "http://h:99999", "http://h:0"
        )
        self.bad(optionkinds.URL, "http://[::1", "http://a b/", "http://h/\x7f", "http://h:x/")

    def test_urls_hold_no_password_and_no_other_letters(self):
        for url, words in (
            ("http://user:secret@h/", "a user or password"),
            ("http://b\xfccher.example/", "xn--"),
        ):
            error = str(self.assertRaises(ValueError, optionkinds.URL.parse, url))
            self.assertIn(words, error)
            self.assertNotIn("secret", error)

    def test_hosts(self):
        kind = optionkinds.Host("db_port", folder=True)
        self.good(kind, "/run/postgresql", "/run/postgresql")
        self.good(kind, " [::1] ", "::1", "::1")
        self.good(kind, "", "")
        self.bad(optionkinds.HOST, "/run/postgresql")
        for text in ("localhost:5433", "postgresql://u@h/db", "h1,h2", "my db", '"db"', "db # x"):
            error = str(self.assertRaises(ValueError, kind.parse, text))
            self.assertIn("expected the name or the address of one host", error)
            self.assertIn("the port belongs in db_port", error)

    def test_hosts_with_ports(self):
        kind = optionkinds.HostAndPort()
        self.good(kind, "jaeger:6831", "jaeger:6831")
        self.good(kind, "[::1]:6831", "[::1]:6831")
        self.good(kind, "", "")
        self.bad(kind, "h", "h:x", ":1", "h:99999", "h:0", "::1:6831", "udp://h:1", "a b:1")

    def test_cl7_client_ids(self):
        self.good(optionkinds.CLIENT_ID, "my app_1-", "my app_1-")
        self.bad(
            optionkinds.CLIENT_ID, "abcd", "a" * 257, "../../etc", "a/bcde", "a\0bcde", "aä" * 5
        )

    def test_addresses(self):
        self.good(
            optionkinds.ADDRESS,
            "tcp://127.0.0.1:93/",
            Address("127.0.0.1", 93),
            "tcp://127.0.0.1:93",
        )
        self.good(optionkinds.ADDRESS, "tcp://[::1]:93", Address("::1", 93))
        self.good(optionkinds.ADDRESS, "unix:///tmp/x", Address(path="/tmp/x"))
        self.good(optionkinds.ADDRESS, "tcp://my_db.example:1", Address("my_db.example", 1))
        self.good(optionkinds.ADDRESS, "", None)
        self.bad(
            optionkinds.ADDRESS,
            "127.0.0.1:93",
            "tcp://x",
            "tcp://x:y",
            "unix://x",
            "http://x:1",
            "tcp://x:99999",
            "tcp://my db:1",
            'tcp://"db":1',
            "tcp://h1,h2:1",
            "tcp://user:password@h:1",
            "tcp://h:1/path",
            "tcp://h:1?x",
            "tcp://h\n:1",
            "tcp://h\t:1",
        )

    def test_lists_of_hosts_with_ports(self):
        kind = optionkinds.HostsAndPorts(2)
        self.good(kind, "a:1, [::1]:2", ("a:1", "[::1]:2"))
        self.good(kind, "", ())
        self.bad(kind, "a", "a:1, b", "a:1, a:1", "a:1, b:1, c:1", "http://a:1", "a:0")

    def test_what_listens_listens_somewhere(self):
        self.good(optionkinds.LISTENING_ADDRESS, "tcp://[::1]:93", Address("::1", 93))
        self.bad(optionkinds.LISTENING_ADDRESS, "", " ", "127.0.0.1:93")

    def test_local_addresses(self):
        local = ["localhost", "127.0.0.3", "::1"]
        self.assertTrue(all(Address(host, 1).is_local for host in local))
        self.assertTrue(Address(path="/x").is_local)
        self.assertFalse(any(Address(host, 1).is_local for host in ("0.0.0.0", "db.example")))

    def test_an_address_leads_to_a_listener(self):
        for to, listens, expected in (
            ("db.example", "db.example", True),
            ("127.0.0.1", "0.0.0.0", True),  # noqa: S104
            ("localhost", "127.0.0.1", True),
            ("::1", "::", True),
            ("::1", "127.0.0.1", False),
            ("::1", "0.0.0.0", False),  # noqa: S104
            ("127.0.0.2", "127.0.0.1", False),
            ("db.example", "0.0.0.0", False),  # noqa: S104
        ):
            self.assertIs(Address(to, 1).leads_to(Address(listens, 1)), expected, (to, listens))
        self.assertFalse(Address("::1", 1).leads_to(Address("::1", 2)))
        self.assertTrue(Address(path="/x").leads_to(Address(path="/x")))
        self.assertFalse(Address(path="/x").leads_to(Address("::1", 1)))
