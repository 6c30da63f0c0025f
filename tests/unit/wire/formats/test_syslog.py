"""Syslog messages and journald's datagrams."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.formats import syslog


class Messages(SynchronousTestCase):
    def test_rfc_5424(self):
        made = syslog.encode(4, "2021-12-01T10:00:00Z", "a host", "acra-server", 7, 560, "text")
        self.assertEqual(made, b"<132>1 2021-12-01T10:00:00Z a_host acra-server 7 560 - text")
        self.assertEqual(syslog.frame(made), b"59 " + made)
        self.assertIn(b" - p 1 ", syslog.encode(0, "t", "", "p", 1, 1, ""))

    @given(st.dictionaries(st.sampled_from(["message", "acra_x", "_hidden"]), st.text()))
    def test_journald_reads_what_was_given(self, fields):
        data, found = syslog.encode_journal(fields), {}
        while data:
            line, _, rest = data.partition(b"\n")
            key, equals, value = line.partition(b"=")
            if not equals:
                size = int.from_bytes(rest[:8], "little")
                value, rest = rest[8 : 8 + size], rest[9 + size :]
            found[key] = value
            data = rest
        expected = {
            key.upper().lstrip("_").encode(): value.encode("utf-8", "backslashreplace")
            for key, value in fields.items()
        }
        self.assertEqual(found, expected)
