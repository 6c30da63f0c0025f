"""CEF lines."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.formats import cef


class Lines(SynchronousTestCase):
    def test_the_originals_line(self):
        """The example of acra-observability reference section 9.3."""
        fields = {
            "client_id": "keypair1",
            "error": "deny by query",
            "proxy": "client",
            "session_id": 1,
            "unixTime": "1638352800.123",
        }
        line = cef.encode("acra-server", "0.91.0", 560, "AcraCensor blocked query", 6, fields)
        expected = (
            "CEF:0|cossacklabs|acra-server|0.91.0|560|AcraCensor blocked query|6|"
            "client_id=keypair1 error=deny by query proxy=client session_id=1 "
            "unixTime=1638352800.123 "
        )
        self.assertEqual(line, expected)

    def test_escaping(self):
        self.assertEqual(cef.escape(" a\\b|c=d\n\te "), "a\\\\b\\|c\\=d  e")
        self.assertEqual(cef.escape(""), " ")

    @given(st.text())
    def test_ob1_one_record_whatever_is_in_it(self, text):
        line = cef.encode("p", "1", 1, text, 1, {"k": text, text: 1})
        self.assertEqual(len(line.splitlines()), 1)
        self.assertNotIn("\x1b", line)


class Dictionary(SynchronousTestCase):
    def test_addresses_and_names(self):
        for peer, server, expected in (
            ("10.0.0.1", "::1", {"rt": 1500, "src": "10.0.0.1", "dst": "::1"}),
            ("unix", "db.example", {"rt": 1500, "shost": "unix", "dhost": "db.example"}),
        ):
            fields = {"peer": peer, "server_address": server, "error": "", "unixTime": "1"}
            self.assertEqual(cef.to_dictionary(1.5, fields), expected)

    def test_other_names_are_in_cefs_alphabet(self):
        found = cef.to_dictionary(0, {"from_connector": True, "a=b|c": 1, "_": 2})
        self.assertEqual(found, {"rt": 0, "fromConnector": True, "aBC": 1, "field": 2})

    @given(st.text())
    def test_one_record_whatever_is_in_it(self, text):
        fields = cef.to_dictionary(0, {"user": text, text: text})
        line = cef.encode_dictionary("p", "1", 1, text, 1, fields)
        self.assertEqual(len(line.splitlines()), 1)
        self.assertNotIn("\x1b", line)
