"""Settings in a startup packet, by the names that the server takes them for."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.startupsettings import option_names, setting_names
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres.frames import StartupPacket


class Options(SynchronousTestCase):
    def test_every_way_to_write_a_setting(self):
        for options, names in (
            (b"", []),
            (b" \t\n\v\f\r ", []),
            (b"-c role=x", [b"role"]),
            (b"-crole=x", [b"role"]),
            (b"--role=x", [b"role"]),
            (b"--search-path=a,b -c geqo=off", [b"search_path", b"geqo"]),
            (b"-c Search-Path=x", [b"Search_Path"]),
            (b"-c\nrole=x\v--jit=off", [b"role", b"jit"]),
            (b"-c a=b\\ -c\\ role=x", [b"a"]),
            (b"-c ro\\le=x", [b"role"]),
            (b"\\-c role=x", [b"role"]),
            (b"-c --role=x", [b"__role"]),
            (b"-c a=b=c", [b"a"]),
            (b"-c a=\\\\", [b"a"]),
            (b"-c a=b\\", [b"a"]),
            ("-c application_name=\xe0\xe9".encode(), [b"application_name"]),
        ):
            self.assertEqual(option_names(options), names, options)

    def test_st16_nothing_else_is_accepted(self):
        for options in (
            b"-ec role=x",
            b"-Fc role=x",
            b"-e",
            b"-d 5",
            b"-d5c role=x",
            b"-D /tmp",
            b"-c",
            b"-c role",
            b"-crole",
            b"-c =x",
            b"--role x",
            b"--",
            b"-- -c role=x",
            b"-",
            b"x",
            b"x -c role=y",
            b"-c a=b -v 3",
            b"\\",
            b"-c a=b \\ ",
            b"-c a=b\xa0-ec role=x",
            b"-c a=b\x85-c role=x",
        ):
            self.assertRaises(WireError, option_names, options)

    def test_what_is_refused_is_named(self):
        error = self.assertRaises(WireError, option_names, b"-ec role=admin2")
        self.assertIn("the switch -e", str(error))
        self.assertIn("-c name=value", str(error))
        self.assertNotIn("admin2", str(error))
        self.assertEqual(error.reason, EndReason.LOGIN)

    @given(st.text(alphabet="-ceda=x \\\t_R", max_size=20))
    def test_st16_whatever_the_server_sets_is_named(self, text):
        """The server's own reading, written as its sources are, finds no other setting."""
        options = text.encode()
        try:
            names = option_names(options)
        except WireError:
            return
        self.assertEqual(names, _as_the_server(options))


def _as_the_server(options):
    """pg_split_opts, then getopt with the server's letters; what sets something else is "!"."""
    words, at = [], 0
    while at < len(options):
        if options[at : at + 1].isspace():
            at += 1
            continue
        word = b""
        escaped = False
        while at < len(options) and (escaped or not options[at : at + 1].isspace()):
            if not escaped and options[at : at + 1] == b"\\":
                escaped = True
            else:
                word += options[at : at + 1]
                escaped = False
            at += 1
        words.append(word)
    found, at = [], 0
    while at < len(words):
        word = words[at]
        at += 1
        if word[:1] != b"-" or word in (b"-", b"--"):
            return [b"!"]
        letters = word[1:]
        while letters:
            letter, letters = letters[:1], letters[1:]
            if letter in b"BbCcDdfhkNpSrtvWW-":
                value = letters
                if not letters:
                    value = words[at] if at < len(words) else b""
                    at += 1
                letters = b""
                if letter in (b"c", b"-"):
                    name, equals, _ = value.partition(b"=")
                    found.append(name.replace(b"-", b"_") if equals else b"!")
                else:
                    found.append(b"!")
            else:
                found.append(b"!")
    return found


class Packets(SynchronousTestCase):
    def test_fields_are_told_by_exact_names(self):
        packet = StartupPacket(
            0,
            {
                **{b"user": b"u", b"database": b"d", b"replication": b"off", b"_pq_.x": b"1"},
                **{b"User": b"x", b"Replication": b"1", b"_PQ_.y": b"1", b"TimeZone": b"UTC"},
                b"options": b"-c Search_Path=a --JIT=off",
            },
        )
        expected = ["user", "replication", "_pq_.y", "timezone", "search_path", "jit"]
        self.assertEqual(setting_names(packet), expected)
