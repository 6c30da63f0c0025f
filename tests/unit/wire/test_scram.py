"""SCRAM against its RFCs, and against PostgreSQL and its clients."""

import hmac
import re
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.scram import (
    CANNOT,
    COULD,
    PLAIN,
    PLUS,
    Choice,
    ClientConversation,
    Keys,
    ScramError,
    ServerConversation,
    choose,
    is_verifier,
    keys_of,
    mock_verifier,
    read_verifier,
    salted,
    verifier_of,
)
from tests.support.loginvectors import cases, group

TALK = group("conversations")
END_POINT = bytes.fromhex(TALK["proxy_end_point"])
DATABASES = bytes.fromhex(TALK["database_end_point"])
VERIFIER = read_verifier(TALK["verifier"].encode())
KEYS = keys_of(salted(TALK["password"].encode(), VERIFIER.salt, VERIFIER.iterations))


def nonces(case):
    """Split the nonce of a conversation: the client's, and what the server has put behind it."""
    client = re.search(r",r=([^,]*)", case["client_first"])[1]
    whole = re.match(r"r=([^,]*)", case["server_first"])[1]
    return client.encode(), whole[len(client) :].encode()


def offered(plus):
    return [PLUS, PLAIN] if plus else [PLAIN]


class Secrets(SynchronousTestCase):
    def test_keys_of_passwords(self):
        for case in cases("verifiers"):
            password = case["password"]
            password = "x" * 1000 if password == "x*1000" else password
            salt, iterations = bytes.fromhex(case["salt"]), case["iterations"]
            found = salted(password.encode(), salt, iterations)
            keys = keys_of(found)
            self.assertEqual(found.hex(), case["salted_password"], case["note"])
            self.assertEqual(keys.client.hex(), case["client_key"])
            verifier = verifier_of(keys, salt, iterations)
            self.assertEqual(verifier.stored_key.hex(), case["stored_key"])
            self.assertEqual(verifier.encode().decode(), case["verifier"])
            self.assertEqual(read_verifier(verifier.encode()), verifier)

    def test_what_is_read_is_what_postgresql_keeps_and_less(self):
        """PostgreSQL keeps iterations of no sense and a salt of nothing; here they are refused."""
        refused = []
        for case in cases("verifier_syntax"):
            text, kept = case["text"], case["kept_by_15"] or case["kept_by_18"]
            try:
                read_verifier(text.encode())
            except ScramError:
                if kept and is_verifier(text.encode()):
                    refused.append(text.split("$")[1])
            else:
                self.assertTrue(kept, text)
        expected = ["+1:YQ==", "0:YQ==", "-1:YQ==", ":YQ==", "4096:", "2147483648:YQ=="]
        self.assertEqual(refused, expected)

    @given(st.binary(max_size=120) | st.text("SCRAMsha-256$:=0123456789AQ+/").map(str.encode))
    def test_any_text_is_a_verifier_or_refused(self, text):
        for secret in (text, b"SCRAM-SHA-256$" + text):
            try:
                found = read_verifier(secret)
            except ScramError as error:
                self.assertEqual(str(error), "this is no SCRAM-SHA-256 verifier")
            else:
                self.assertEqual(read_verifier(found.encode()), found)

    @given(st.binary(max_size=64))
    def test_keys_are_hmacs_of_the_standard_library(self, key):
        texts = b"Client Key", b"Server Key"
        self.assertEqual(keys_of(key), tuple(hmac.digest(key, t, "sha256") for t in texts))

    def test_a_user_without_a_secret_is_shown_the_same_each_time(self):
        key = bytes(range(32))
        for size in (2, 16, 32, 33, 255):
            found = mock_verifier(key, b"nobody", size, 4096)
            self.assertEqual(found, mock_verifier(key, b"nobody", size, 4096))
            self.assertEqual((len(found.salt), len(found.server_key)), (size, 32))
            for other in (
                mock_verifier(key, b"somebody", size, 4096),
                mock_verifier(bytes(32), b"nobody", size, 4096),
            ):
                self.assertNotEqual(found.server_key, other.server_key)
                self.assertNotEqual(found.salt, other.salt)


class RFC7677(SynchronousTestCase):
    def test_both_roles(self):
        case = group("rfc")["rfc7677"]
        verifier = read_verifier(case["verifier"].encode())
        keys = keys_of(salted(case["password"].encode(), verifier.salt, verifier.iterations))
        self.assertEqual(keys.client.hex(), case["client_key"])
        self.assertEqual(verifier_of(keys, verifier.salt, verifier.iterations), verifier)
        _, second = nonces(case)
        server = ServerConversation(verifier, second, [PLAIN], None)
        answer = server.begin(PLAIN, case["client_first"].encode())
        self.assertEqual(answer.decode(), case["server_first"])
        self.assertEqual(server.finish(case["client_final"].encode()), keys.client)
        self.assertEqual(server.last.decode(), case["server_final"])


class Servers(SynchronousTestCase):
    def test_conversations(self):
        for case in TALK["client_leg"]:
            end_point = END_POINT if case["offered_plus"] else None
            _, second = nonces(case) if "server_first" in case else (b"", b"")
            server = ServerConversation(VERIFIER, second, offered(end_point), end_point)
            mechanism, first = case["mechanism"].encode(), case["client_first"].encode()
            if "server_first" not in case:
                error = self.assertRaises(ScramError, server.begin, mechanism, first)
                self.assertEqual(str(error), case["refused"][1])
                continue
            self.assertEqual(server.begin(mechanism, first).decode(), case["server_first"])
            final = case["client_final"].encode()
            if "server_final" in case:
                self.assertEqual(server.finish(final).hex(), case["client_key"])
                self.assertEqual(server.last.decode(), case["server_final"])
                self.assertEqual(server.bound, mechanism == PLUS)
            elif case["refused"][0] == "28P01":
                self.assertIsNone(server.finish(final))
                self.assertEqual(server.last, b"")
            else:
                error = self.assertRaises(ScramError, server.finish, final)
                self.assertEqual(str(error), case["refused"][1])

    def test_no_proof_fits_the_secret_of_nobody(self):
        verifier = mock_verifier(bytes(32), b"nobody", 16, 4096)
        server = ServerConversation(verifier, b"server", [PLAIN], None)
        server.begin(PLAIN, b"n,,n=,r=client")
        proof = b64encode(bytes(32))
        self.assertIsNone(server.finish(b"c=biws,r=clientserver,p=" + proof))

    @given(st.binary(max_size=80), st.booleans())
    def test_any_first_message_is_answered_or_refused(self, message, plus):
        for begin in (b"", b"n,,n=,r=", b"y,,", b"p=tls-server-end-point,,n=,r="):
            server = ServerConversation(VERIFIER, b"more", offered(plus), END_POINT)
            mechanism = PLUS if begin[:1] == b"p" else PLAIN
            try:
                answer = server.begin(mechanism, begin + message)
            except ScramError:
                continue
            self.assertTrue(answer.startswith(b"r="))
            self.assertLess(len(answer), len(message) + 100)

    @given(st.binary(max_size=80))
    def test_any_last_message_proves_nothing(self, message):
        for begin in (b"", b"c=biws,r=clientmore,", b"c=biws,r=clientmore,p="):
            server = ServerConversation(VERIFIER, b"more", [PLAIN], None)
            server.begin(PLAIN, b"n,,n=,r=client")
            try:
                self.assertIsNone(server.finish(begin + message))
            except ScramError:
                self.assertEqual(server.last, b"")

    def test_messages_have_a_limit(self):
        server = ServerConversation(VERIFIER, b"more", [PLAIN], None)
        begin = b"n,,n=,r="
        server.begin(PLAIN, begin + b"x" * (1024 - len(begin)))
        for message in (begin + b"x" * (1025 - len(begin)), b""):
            self.assertRaises(ScramError, server.begin, PLAIN, message)


class Clients(SynchronousTestCase):
    def test_conversations(self):
        for case in TALK["database_leg"]:
            plus = case["client_first"].startswith("p")
            choice = choose(offered(plus), plus, DATABASES if plus else None)
            first, _ = nonces(case)
            client = ClientConversation(choice, first)
            self.assertEqual(client.first.decode(), case["client_first"])
            found = client.challenged(case["server_first"].encode())
            self.assertEqual(found, (VERIFIER.salt, VERIFIER.iterations))
            self.assertFalse(client.accepted(b"v="))
            keys = Keys(bytes.fromhex(case["client_key_only"]), VERIFIER.server_key)
            self.assertEqual(client.answer(keys).decode(), case["client_final"])
            self.assertTrue(client.accepted(case["server_final"].encode()))
            self.assertFalse(client.accepted(b"v=" + b64encode(bytes(32))))

    def test_both_roles_understand_each_other(self):
        for plus in (False, True):
            end_point = END_POINT if plus else None
            client = ClientConversation(choose(offered(plus), plus, end_point), b"mine")
            server = ServerConversation(VERIFIER, b"yours", offered(plus), end_point)
            mechanism = PLUS if plus else PLAIN
            client.challenged(server.begin(mechanism, client.first))
            self.assertEqual(server.finish(client.answer(KEYS)), KEYS.client)
            self.assertTrue(client.accepted(server.last))

    def test_the_flag_says_what_the_client_takes_the_server_for(self):
        both, plain = [PLUS, PLAIN], [PLAIN]
        for mechanisms, encrypted, end_point, rule, expected in (
            (both, True, b"x", "prefer", PLUS),
            (both, True, b"x", "require", PLUS),
            (both, True, b"x", "disable", CANNOT),
            (both, True, None, "prefer", CANNOT),
            (both, True, None, "require", None),
            (plain, True, b"x", "prefer", COULD),
            (plain, True, b"x", "disable", CANNOT),
            (plain, True, b"x", "require", None),
            (plain, True, None, "prefer", CANNOT),
            (plain, False, None, "prefer", CANNOT),
            (plain, False, None, "require", None),
            (both, False, None, "prefer", None),
            (both, False, None, "disable", None),
            ([PLUS], True, None, "prefer", None),
            ([b"OAUTHBEARER"], True, b"x", "prefer", None),
            ([], True, b"x", "prefer", None),
        ):
            asked = (mechanisms, encrypted, end_point, rule)
            if expected is None:
                self.assertRaises(ScramError, choose, *asked)
            else:
                found = choose(*asked)
                self.assertIn(expected, (found.mechanism, found.header), asked)
                self.assertEqual(found.mechanism == PLUS, bool(found.end_point))

    def test_a_challenge_that_is_none(self):
        for message in (
            b"",
            b"r=mine,s=YQ==,i=1",
            b"r=other,s=YQ==,i=1",
            b"r=mineyours,s=YQ,i=1",
            b"r=mineyours,s=,i=1",
            b"r=mineyours,s=YQ==,i=0",
            b"r=mineyours,s=YQ==,i=-1",
            b"r=mineyours,s=YQ==,i=99999999999",
            b"r=mineyours,s=YQ==",
            b"m=x,r=mineyours,s=YQ==,i=1",
            b"r=mineyours,s=YQ==,i=1,junk",
            b"r=mineyours,s=YQ==,i=1\0",
            b"r=mineyours,s=YQ==,i=1,x=" + b"x" * 5000,
        ):
            client = ClientConversation(Choice(PLAIN, CANNOT), b"mine")
            self.assertRaises(ScramError, client.challenged, message)
        client = ClientConversation(Choice(PLAIN, CANNOT), b"mine")
        self.assertEqual(client.challenged(b"r=mineyours,s=YQ==,i=1,x=1"), (b"a", 1))

    @given(st.binary(max_size=80))
    def test_a_hostile_server_gets_an_error(self, message):
        for begin in (b"", b"r=mineyours,", b"r=mineyours,s=YQ==,i=1"):
            client = ClientConversation(Choice(PLAIN, CANNOT), b"mine")
            try:
                salt, iterations = client.challenged(begin + message)
            except ScramError:
                continue
            self.assertTrue(salt and iterations)
        client.answer(KEYS)
        for begin in (b"", b"v=", b"e="):
            try:
                self.assertFalse(client.accepted(begin + message))
            except ScramError as error:
                self.assertNotIn("v=", str(error))
