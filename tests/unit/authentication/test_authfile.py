"""Files of secrets: PgBouncer's form, and stricter than PgBouncer."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication import authfile
from acra_twisted.authentication.authfile import AuthFile, format_line, load, parse
from acra_twisted.errors import ConfigError
from tests.support.loginvectors import cases

VERIFIER = cases("verifiers")[0]["verifier"].encode()
MD5 = b"md5" + b"0" * 32


def mistake(data, **options):
    """Return the message about a file that cannot be used."""
    try:
        parse(data, "users", **options)
    except ConfigError as error:
        return str(error)
    return None


class Lines(SynchronousTestCase):
    def test_each_line_of_the_vectors(self):
        seen = set()
        for case in cases("userlist"):
            data = b'%b\n"zlast" "%b"\n' % (case["line"].encode(), VERIFIER)
            kind = (case["kind"] or "").partition(" ")[0]
            seen.add(kind)
            wrong = mistake(data)
            if kind == "md5":
                self.assertIn("auth_md5", wrong)
                self.assertEqual(parse(data, "users", with_md5=True)[b"bob"], MD5)
            elif kind == "plain":
                self.assertIn("no password is kept here", wrong)
            elif kind == "error" or case["line"].startswith("#"):
                self.assertTrue(wrong.startswith("users, line 1: "), (case["line"], wrong))
            else:
                self.assertIsNone(wrong, case["line"])
                users = {b"zlast"} | ({b"alice"} if kind == "scram" else set())
                self.assertEqual(set(parse(data, "users")), users)
        self.assertEqual(seen, {"", "scram", "md5", "plain", "error"})

    def test_only_a_whole_verifier_is_one(self):
        for case in cases("verifier_syntax"):
            text = case["text"]
            accepted = case["kept_by_15"] and text.startswith("SCRAM") and not _is_odd(text)
            wrong = mistake(b'"a" "%b"' % text.encode())
            self.assertEqual(wrong is None, accepted, (text, wrong))

    def test_quotes_are_doubled_and_the_rest_is_ignored(self):
        data = b'"d""q" "%b" rest ; of it\r\n\r\n  ; comment\n' % VERIFIER
        self.assertEqual(parse(data, "users"), {b'd"q': VERIFIER})

    def test_all_mistakes_are_told_with_their_lines_and_never_a_secret(self):
        data = b'"a" "%b"\n"b" "hunter2"\n"c"\n"a" "%b"\n' % (VERIFIER, VERIFIER)
        wrong = mistake(data).splitlines()
        self.assertEqual(
            [line.split(":")[0][-6:] for line in wrong], ["line 2", "line 3", "line 4"]
        )
        self.assertIn("the user of line 1 has a second line", wrong[2])
        self.assertNotIn("hunter2", "".join(wrong))
        self.assertNotIn(VERIFIER.decode(), "".join(wrong))

    def test_a_file_full_of_mistakes_is_told_of_in_ten_lines(self):
        self.assertEqual(len(mistake(b"x\n" * 1000).splitlines()), 10)

    def test_names_that_no_role_can_have(self):
        self.assertIn("64 bytes", mistake(b'"%b" "%b"' % (b"a" * 64, VERIFIER)))
        self.assertIsNone(mistake(b'"%b" "%b"' % (b"a" * 63, VERIFIER)))
        self.assertIn("NUL", mistake(b'"a\0" "%b"' % VERIFIER))
        for name in (b"", b"a" * 64, b"a\nb", b"a\0"):
            self.assertRaises(ConfigError, format_line, name, VERIFIER)

    @given(st.binary(min_size=1, max_size=63).filter(lambda b: not set(b) & set(b"\0\n\r")))
    def test_what_is_written_is_read(self, user):
        self.assertEqual(parse(format_line(user, VERIFIER), "users"), {user: VERIFIER})

    @given(
        st.lists(st.sampled_from([b'"', b'""', b" ", b"a", b";", b"\n", b"\0", b"\xff", VERIFIER]))
    )
    def test_any_bytes_are_read_or_refused(self, pieces):
        data = b"".join(pieces)
        try:
            found = parse(data, "users")
        except ConfigError as error:
            self.assertTrue(str(error).startswith("users, line "))
        else:
            self.assertTrue(all(secret == VERIFIER for secret in found.values()))


class Files(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()
        self.now = 5.0

    def write(self, data, mode=0o600):
        with open(self.path, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)

    def test_a_file_that_others_can_read_is_refused(self):
        self.write(b"", 0o640)
        error = self.assertRaises(ConfigError, load, self.path)
        self.assertIn("chmod 600", str(error))

    def test_a_file_that_is_not_there(self):
        error = self.assertRaises(ConfigError, load, self.path)
        self.assertIn("acra-auth export", str(error))

    def test_a_file_that_is_too_long_is_not_read(self):
        self.write(b"")
        os.truncate(self.path, authfile.LIMIT + 1)
        self.assertRaises(ConfigError, load, self.path)

    def test_read_anew_is_all_or_nothing(self):
        self.write(b'"a" "%b"' % VERIFIER)
        file = AuthFile(self.path, False, lambda: self.now)
        self.assertEqual((file.secrets, file.read_at), ({b"a": VERIFIER}, 5.0))
        self.now = 6.0
        self.write(b'"b" "%b"\n"c" ""' % VERIFIER)
        self.assertRaises(ConfigError, file.read)
        self.assertEqual((file.secrets, file.read_at), ({b"a": VERIFIER}, 5.0))
        self.write(b'"b" "%b"' % VERIFIER)
        switch = file.read()
        self.assertEqual(file.secrets, {b"a": VERIFIER})
        switch()
        self.assertEqual((file.secrets, file.read_at), ({b"b": VERIFIER}, 6.0))


def _is_odd(text):
    """Spellings that PostgreSQL keeps and nobody writes."""
    return any(
        text.startswith(f"SCRAM-SHA-256${count}:") for count in ("+1", "0", "-1", "2147483648")
    )
