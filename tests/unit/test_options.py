"""Kinds of settings: text to value and back."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import options
from acra_twisted.options import Address


class Kinds(SynchronousTestCase):
    def good(self, kind, text, value, rendered=None):
        self.assertEqual(kind.parse(text), value)
        self.assertEqual(kind.render(value), rendered if rendered is not None else text)
        self.assertEqual(kind.parse(kind.render(value)), value)

    def bad(self, kind, *texts):
        for text in texts:
            self.assertRaises(ValueError, kind.parse, text)

    def test_booleans(self):
        self.good(options.BOOLEAN, "true", True)
        self.good(options.BOOLEAN, "F", False, "false")
        self.bad(options.BOOLEAN, "", "maybe", "2")

    def test_numbers(self):
        self.good(options.Integer(1, 2000), "1_000", 1000, "1000")
        self.bad(options.Integer(1, 5), "", "0", "6", "1.5", "x")
        self.good(options.Seconds(), "1.5s", 1.5, "1.5")
        self.bad(options.Seconds(1.0), "0.5", "x", "nan", "1e9")

    def test_words(self):
        self.good(options.Choice("a", "b"), "A", "a", "a")
        self.bad(options.Choice("a", "b"), "c", "")
        self.good(options.NAMES, " a ,b,, ", ("a", "b"), "a, b")
        self.good(options.TEXT, "x", "x")
        self.good(options.FILE, "x", "x")

    def test_urls(self):
        self.good(options.URL, "http://localhost:1/x", "http://localhost:1/x")
        self.good(options.URL, "", "")
        self.good(options.URL, "https://my_collector:4318", "https://my_collector:4318")
        self.bad(options.URL, "localhost:1", "ftp://x", "http://", "http://h:99999", "http://h:0")
        self.bad(options.URL, "http://[::1", "http://a b/", "http://h/\x7f", "http://h:x/")

    def test_urls_hold_no_password_and_no_other_letters(self):
        for url, words in (
            ("http://user:secret@h/", "a user or password"),
            ("http://b\xfccher.example/", "xn--"),
        ):
            error = str(self.assertRaises(ValueError, options.URL.parse, url))
            self.assertIn(words, error)
            self.assertNotIn("secret", error)

    def test_hosts(self):
        kind = options.Host("db_port", folder=True)
        self.good(kind, "/run/postgresql", "/run/postgresql")
        self.good(kind, " [::1] ", "::1", "::1")
        self.good(kind, "", "")
        self.bad(options.HOST, "/run/postgresql")
        for text in ("localhost:5433", "postgresql://u@h/db", "h1,h2", "my db", '"db"', "db # x"):
            error = str(self.assertRaises(ValueError, kind.parse, text))
            self.assertIn("expected the name or the address of one host", error)
            self.assertIn("the port belongs in db_port", error)

    def test_hosts_with_ports(self):
        kind = options.HostAndPort()
        self.good(kind, "jaeger:6831", "jaeger:6831")
        self.good(kind, "[::1]:6831", "[::1]:6831")
        self.good(kind, "", "")
        self.bad(kind, "h", "h:x", ":1", "h:99999", "h:0", "::1:6831", "udp://h:1", "a b:1")

    def test_cl7_client_ids(self):
        self.good(options.CLIENT_ID, "my app_1-", "my app_1-")
        self.bad(options.CLIENT_ID, "abcd", "a" * 257, "../../etc", "a/bcde", "a\0bcde", "aä" * 5)

    def test_addresses(self):
        self.good(
            options.ADDRESS, "tcp://127.0.0.1:93/", Address("127.0.0.1", 93), "tcp://127.0.0.1:93"
        )
        self.good(options.ADDRESS, "tcp://[::1]:93", Address("::1", 93))
        self.good(options.ADDRESS, "unix:///tmp/x", Address(path="/tmp/x"))
        self.good(options.ADDRESS, "tcp://my_db.example:1", Address("my_db.example", 1))
        self.good(options.ADDRESS, "", None)
        self.bad(
            options.ADDRESS,
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

    def test_what_listens_listens_somewhere(self):
        self.good(options.LISTENING_ADDRESS, "tcp://[::1]:93", Address("::1", 93))
        self.bad(options.LISTENING_ADDRESS, "", " ", "127.0.0.1:93")

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


class Settings(SynchronousTestCase):
    def test_frozen_mapping(self):
        section = options.Section("s", "", (options.Option("a", options.TEXT, "x", ""),))
        settings = options.defaults([section])
        self.assertEqual((dict(settings), len(settings)), ({"a": "x"}, 1))
        self.assertEqual(settings.but(a="y")["a"], "y")
        self.assertRaises(KeyError, settings.but, b="y")
