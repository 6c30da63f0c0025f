"""Values for cells that cannot be read."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration.defaults import canonical_default


class Defaults(SynchronousTestCase):
    def test_canonical_forms(self):
        for data_type, text, expected in (
            ("str", "Żółć", "Żółć".encode()),
            ("str", "", b""),
            ("str", "\\x41", b"\\x41"),
            ("bytes", "AAH/", b"\0\1\xff"),
            ("bytes", "AA\nH/", b"\0\1\xff"),
            ("bytes", "", b""),
            ("int32", "+007", b"7"),
            ("int32", "-2147483648", b"-2147483648"),
            ("int64", "9223372036854775807", b"9223372036854775807"),
            ("int64", "-0", b"0"),
            ("int16", "32767", b"32767"),
            ("bool", "true", b"t"),
            ("float8", "1.50", b"1.5"),
            (
                "uuid",
                "00112233-4455-6677-8899-AABBCCDDEEFF",
                b"00112233-4455-6677-8899-aabbccddeeff",
            ),
            ("date", "2027-1-31", b"2027-01-31"),
        ):
            self.assertEqual(canonical_default(data_type, text), expected)

    def test_what_is_no_value(self):
        for data_type, text in (
            *(("int32", t) for t in ("", "x", "1.0", "0x1", "1_0", "2147483648", "9" * 5000)),
            ("int16", "32768"),
            *(("bool", "x"), ("float8", "x"), ("uuid", "x"), ("date", "2027-02-30")),
            ("int64", "9223372036854775808"),
            *(("bytes", t) for t in ("A", "A-_=", "\\x41", "é", "AAH/ ")),
        ):
            self.assertRaises(ValueError, canonical_default, data_type, text)
