"""Addresses that are asked, and those that are not."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation import addresses
from acra_twisted.transport.revocation.addresses import NotAsked, Target
from acra_twisted.transport.revocation.policy import UNUSABLE


class Configured(SynchronousTestCase):
    def test_any_server_and_a_file(self):
        for url, expected in (
            ("http://127.0.0.1/", Target("http", "127.0.0.1", 80)),
            ("https://ca.example:8443/list?x=1", Target("https", "ca.example", 8443)),
            ("https://[::1]/a", Target("https", "::1", 443)),
            ("file:///etc/a%20list", Target("file", "", 0, "/etc/a list")),
            ("file://localhost/etc/list", Target("file", "", 0, "/etc/list")),
        ):
            self.assertEqual(addresses.configured(url), expected)

    def test_others_are_none(self):
        for url in (
            "",
            "ldap://ca.example/",
            "ca.example",
            "file://ca.example/list",
            "file:list",
            "http://",
            "http://user:secret@ca.example/",
            "http://ca.example:http/",
            "http://ca.example:99999/",
            "http://ca.example/ a",
            "http://ca.example/\r\nHost: b",
            "http://ca.example\\@b/",
            "http://[::1/",
            "http://ca.exämple/",
            "http://ca.example/" + "a" * 2048,
        ):
            with self.assertRaises(NotAsked, msg=url) as caught:
                addresses.configured(url)
            self.assertEqual(caught.exception.found.reason, UNUSABLE)
            self.assertNotIn("secret", str(caught.exception))

    def test_a_target_is_shown_without_its_path(self):
        self.assertEqual(str(addresses.configured("http://a.b/c?d")), "http://a.b:80")
        self.assertEqual(str(addresses.configured("file:///a/b")), "/a/b")


class Named(SynchronousTestCase):
    def test_http_on_its_own_ports(self):
        for url in ("http://ca.example/a", "http://ca.example:8080/", "HTTP://ca.example:80"):
            self.assertEqual(addresses.named(url, ()).host, "ca.example")
        for url in (
            "https://ca.example/",
            "file:///etc/passwd",
            "ldap://ca.example/",
            "http://ca.example:5432/",
            "http://u@ca.example/",
        ):
            self.assertRaises(NotAsked, addresses.named, url, ())

    def test_not_where_this_program_listens(self):
        self.assertRaises(NotAsked, addresses.named, "http://a/", (), {80})
        self.assertEqual(addresses.named("http://a/", ("a",), {80}).port, 80)

    def test_listed_hosts_have_any_port_or_the_listed_one(self):
        hosts = {"ca.example", "b.example:9000", "::1", "[::2]:90"}
        for url in (
            "http://ca.example:9999/",
            "http://b.example:9000/",
            "http://[::1]:7/",
            "http://[::2]:90/",
        ):
            self.assertTrue(addresses.is_listed(addresses.named(url, hosts), hosts), url)
        for url in ("http://b.example:9001/", "http://x.ca.example:9/", "http://[::2]:91/"):
            self.assertRaises(NotAsked, addresses.named, url, hosts)


class Public(SynchronousTestCase):
    def test_only_addresses_of_the_public_internet(self):
        for address in ("93.184.216.34", "2606:2800:220:1::1", "1.1.1.1"):
            self.assertTrue(addresses.is_public(address), address)
        for address in (
            *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
            *("169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
            *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1"),
            *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
            *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::"),
            *("::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1", "::ffff:0:a00:1", "fec0::1"),
            *("feff::1", "fec0::1%eth0"),
            *("2002:a00:1::1", "2001:db8::1", "2001:0:7f00:1::", "ca.example", ""),
        ):
            self.assertFalse(addresses.is_public(address), address)

    @given(st.integers(0, 2**32 - 1))
    def test_a_private_address_is_private_in_each_of_its_forms(self, number):
        text = ".".join(str(byte) for byte in number.to_bytes(4, "big"))
        public = addresses.is_public(text)
        high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
        self.assertEqual(addresses.is_public(f"::ffff:{text}"), public)
        if not public:
            translated = (f"64:ff9b::{high}:{low}", f"::{high}:{low}", f"::ffff:0:{high}:{low}")
            for form in (*translated, f"2002:{high}:{low}::1"):
                self.assertFalse(addresses.is_public(form), form)


class Hostile(SynchronousTestCase):
    @given(st.text(max_size=60), st.booleans())
    def test_any_text_is_a_target_or_none(self, text, as_http):
        url = f"http://{text}" if as_http else text
        for ask in (addresses.configured, lambda url: addresses.named(url, ("a",))):
            try:
                target = ask(url)
            except NotAsked:
                continue
            self.assertTrue(target.path or target.host)
            self.assertNotIn("@", target.host)
