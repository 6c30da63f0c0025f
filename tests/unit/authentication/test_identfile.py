"""Certificates and users in the manner of pg_ident.conf."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.identfile import LINE_LIMIT, IdentMap
from acra_twisted.errors import ConfigError

FILE = rb"""
# map   certificate                      user
acra    CN=reports,OU=batch              reports
acra    "CN=night shift"                 night # quotes keep blanks
acra    /CN=([a-z]+),OU=staff            \1
acra    /CN=([a-z]+),OU=team             team_\1
acra    CN=admin                         all
acra    CN=one                           "all"
acra    CN=tenants                       /t[0-9]{4}
other   CN=reports,OU=batch              postgres
"""


def read(data, wanted="acra"):
    return IdentMap.read(data, "ident", wanted)


class Lines(SynchronousTestCase):
    def test_a_user_whose_name_the_database_cuts_off_is_nobody(self):
        for user in ("all", "/x+", "x" * 64):
            known = read(f"acra CN=a {user}".encode())
            self.assertEqual(known.line("CN=a", b"x" * 64), 0)
        self.assertEqual(read(b"acra CN=a all").line("CN=a", b"x" * 63), 1)

    def test_which_line_lets_a_certificate_be_a_user(self):
        known = read(FILE)
        for certificate, user, line in (
            ("CN=reports,OU=batch", b"reports", 3),
            ("CN=reports,OU=batch", b"postgres", 0),
            ("CN=reports,OU=batch", b"Reports", 0),
            ("cn=reports,OU=batch", b"reports", 0),
            ("CN=night shift", b"night", 4),
            ("CN=anna,OU=staff", b"anna", 5),
            ("CN=anna,OU=staff", b"bert", 0),
            ("CN=anna,OU=team", b"team_anna", 6),
            ("CN=anna,OU=team", b"anna", 0),
            ("CN=admin", b"whoever", 7),
            ("CN=one", b"all", 8),
            ("CN=one", b"other", 0),
            ("CN=tenants", b"t0001", 9),
            ("CN=tenants", b"t0001x", 0),
            ("CN=tenants", b"xt0001", 0),
        ):
            self.assertEqual(known.line(certificate, user), line, (certificate, user))

    def test_an_expression_is_for_the_whole_name(self):
        known = read(FILE)
        for hostile in (
            "CN=anna,OU=staff,O=Other",
            "O=Other,CN=anna,OU=staff",
            "CN=x,CN=anna,OU=staff",
            "CN=anna,OU=staff\n",
        ):
            self.assertEqual(known.line(hostile, b"anna"), 0)

    def test_another_map_of_the_same_file(self):
        self.assertEqual(read(FILE, "other").line("CN=reports,OU=batch", b"postgres"), 10)
        self.assertEqual(read(FILE, "other").line("CN=admin", b"postgres"), 0)

    def test_nobody_is_proven_by_no_name_and_no_user_by_any(self):
        known = read(b"acra /.* all\nacra /(.*) \\1")
        self.assertEqual(known.line("", b"app"), 0)
        self.assertEqual(known.line("CN=a", b""), 0)

    def test_names_that_are_not_utf_8_are_compared_as_bytes(self):
        known = read(b"acra CN=\xe4 \xe4")
        self.assertEqual(known.line("CN=\udce4", b"\xe4"), 1)
        self.assertEqual(known.line("CN=\xe4", b"\xe4"), 0)

    def test_a_group_is_put_in_as_it_stands(self):
        known = read(rb"acra /(.*) \1")
        for name in ("a\\1", "\\g<0>", "a b", '"'):
            self.assertEqual(known.line(name, name.encode()), 1)

    def test_names_of_any_length_are_answered(self):
        known = read(b"acra /a* all")
        self.assertEqual(known.line("a" * 100_000, b"x"), 0)
        self.assertEqual(known.line("a", b"x" * 100_000), 0)


class Mistakes(SynchronousTestCase):
    def test_each_names_its_line(self):
        for line, words in (
            (b"acra CN=a", "a line is"),
            (b"acra CN=a b c", "a line is"),
            (b'acra "" b', "an empty name"),
            (b"acra / b", "an empty expression"),
            (b"acra /( b", "expression"),
            (b"acra CN=a +group", "members of a role"),
            (b"acra CN=a \\1", "\\1 needs"),
            (b"acra /a \\1", "\\1 needs"),
            (b"include other.conf x", "included"),
            (b'acra "CN=a b', "quote"),
        ):
            error = self.assertRaises(ConfigError, read, b"acra CN=x x\n" + line)
            self.assertIn(words, str(error))
            self.assertIn("line 2", str(error))

    def test_all_of_them_are_told_at_once(self):
        error = self.assertRaises(ConfigError, read, b"a\nb\nacra CN=x x")
        self.assertIn("line 1", str(error))
        self.assertIn("line 2", str(error))

    def test_a_map_without_a_line_lets_nobody_in_and_is_one(self):
        error = self.assertRaises(ConfigError, read, FILE, "acar")
        self.assertIn("no line of the map acar; it has acra, other", str(error))

    def test_a_file_has_a_limit(self):
        data = b"acra a b\n" * (LINE_LIMIT + 1)
        self.assertIn("more than", str(self.assertRaises(ConfigError, read, data)))

    @given(st.binary(max_size=200))
    @example(FILE)
    def test_any_bytes_are_a_map_or_a_mistake(self, data):
        try:
            known = read(data)
        except ConfigError:
            return
        self.assertIsInstance(known.line("CN=a", b"a"), int)
