"""A client's SCRAM that ends here, against PostgreSQL's own reactions (AU-3)."""

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.challenge import (
    Challenge,
    ChallengePolicy,
    Proof,
    Unconvinced,
)
from acra_twisted.dialects.postgresql.passwordmessages import wrong_password
from acra_twisted.lookup import Found
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message
from acra_twisted.wire.scram import (
    BINDS,
    CANNOT,
    COULD,
    PLAIN,
    PLUS,
    Choice,
    ClientConversation,
    keys_of,
    read_verifier,
    salted,
)
from tests.support.loginvectors import cases, group
from tests.support.sessions import messages

SECRET = group("conversations")["verifier"].encode()
VERIFIER = read_verifier(SECRET)
FOUND = Found(SECRET, "file")
END_POINT = b"the hash of a certificate"
NONCE = b"abcdefghijklmnop"
#: PostgreSQL's nonces have 24 characters.
POLICY = ChallengePolicy(bytes(32), lambda: b"s" * 24)
BOUND = Choice(PLUS, BINDS, END_POINT)


def initial(mechanism, data, size=None):
    size = len(data) if size is None else size
    return message(b"p", mechanism + b"\0" + size.to_bytes(4, "big", signed=True) + data)


def final(data):
    return message(b"p", data)


def asked(found=FOUND, end_point=END_POINT, user=b"alice", policy=POLICY):
    challenge = Challenge(policy, user, end_point)
    return challenge, challenge.begin(found)


class Client:
    """A client with a password; it says its messages in PostgreSQL's form."""

    def __init__(self, choice=BOUND, password=b"secret"):
        self.talk = ClientConversation(choice, NONCE)
        self.mechanism, self.password = choice.mechanism, password
        self.greeting = initial(self.mechanism, self.talk.first)

    def prove(self, challenge):
        """Answer the server's first message, which a challenge has said."""
        ((_, body),) = messages(challenge)
        salt, iterations = self.talk.challenged(body[4:])
        return self.talk.answer(keys_of(salted(self.password, salt, iterations)))


class Conversations(SynchronousTestCase):
    def test_the_offer(self):
        for end_point, requires, expected in (
            (END_POINT, False, [PLUS, PLAIN]),
            (END_POINT, True, [PLUS]),
            (None, False, [PLAIN]),
        ):
            policy = POLICY._replace(requires_binding=requires)
            self.assertEqual(
                asked(end_point=end_point, policy=policy)[1], backend.encode_sasl(expected)
            )

    def test_a_proof(self):
        for choice in (
            BOUND,
            Choice(PLAIN, CANNOT),
            Choice(PLAIN, COULD),
        ):
            end_point = None if choice.header == COULD else END_POINT
            challenge, _ = asked(end_point=end_point)
            client = Client(choice)
            said, proof = challenge.feed(client.greeting)
            self.assertIsNone(proof)
            last = final(client.prove(said))
            said, proof = challenge.feed(last + b"more")
            self.assertEqual((said, challenge.rest()), (b"", b"more"))
            keys = keys_of(salted(b"secret", VERIFIER.salt, VERIFIER.iterations))
            self.assertEqual(proof, Proof(b"alice", keys.client, VERIFIER, proof.last))
            self.assertTrue(client.talk.accepted(proof.last))
            self.assertEqual(challenge.bound, choice.mechanism == PLUS)

    def test_in_pieces(self):
        for size in (1, 3, 7):
            challenge, _ = asked()
            client = Client()
            said, proof = b"", None
            for at in range(0, len(client.greeting), size):
                more, _ = challenge.feed(client.greeting[at : at + size])
                said += more
            last = final(client.prove(said))
            for at in range(0, len(last), size):
                _, proof = challenge.feed(last[at : at + size])
            self.assertIsNotNone(proof)

    def test_a_first_message_that_comes_later(self):
        challenge, _ = asked()
        client = Client()
        said, _ = challenge.feed(initial(PLUS, b"", -1))
        self.assertEqual(said, backend.encode_authentication(11))
        said, _ = challenge.feed(final(client.talk.first))
        _, proof = challenge.feed(final(client.prove(said)))
        self.assertIsNotNone(proof)


class Refusals(SynchronousTestCase):
    """The names are those of the vectors."""

    def refused(self, *said, **options):
        challenge, _ = asked(**options)
        for data in said[:-1]:
            challenge.feed(data)
        return self.assertRaises(Unconvinced, challenge.feed, said[-1])

    def play(self, first=b"n,,n=,r=" + NONCE, mechanism=PLAIN, change=lambda text: text, **options):
        """Say a first message, and the right last one with a change."""
        challenge, _ = asked(**options)
        header, bare = first[: first.index(b",,") + 2], first[first.index(b",,") + 2 :]
        client = Client(Choice(mechanism, header, END_POINT if mechanism == PLUS else b""))
        client.talk.first, client.talk._bare = first, bare
        client.talk._nonce = bare.partition(b"r=")[2].partition(b",")[0]
        said, _ = challenge.feed(initial(mechanism, first))
        return challenge.feed(final(change(client.prove(said))))[1]

    def test_as_postgresql(self):
        nonce, y, n = NONCE, b"y,,n=,r=" + NONCE, b"n,,n=,r=" + NONCE
        p = b"p=tls-server-end-point,,n=,r=" + NONCE
        first = initial(PLAIN, n)

        def changed(old, new):
            return lambda: self.play(change=lambda text: text.replace(old, new))

        def proof(new):
            return lambda: self.play(change=lambda text: text[: text.index(b",p=")] + new)

        def wrong(**options):
            def change(text):
                return text[: text.index(b",p=") + 3] + b64encode(bytes(32))

            return lambda: self.play(change=change, **options)

        def begin(mechanism, data, size=None, **options):
            return lambda: asked(**options)[0].feed(initial(mechanism, data, size))

        def bound_elsewhere(**options):
            def change(text):
                return text.replace(b64encode(BINDS + END_POINT), b64encode(BINDS + b"other"))

            return lambda: self.play(p, PLUS, change, **options)

        nobody = {"found": Found(None), "user": b"nobodyhere"}
        md5 = {"found": Found(b"md5" + b"0" * 32), "user": b"md5scramhba"}
        tried = {
            "right": self.play,
            "wrong password": wrong(),
            "unknown user": wrong(**nobody),
            "no password": wrong(found=Found(None), user=b"nopw"),
            "expired right pw": lambda: self.play(found=Found(None), user=b"expired"),
            "md5 verifier, scram hba": wrong(**md5),
            "PLUS right": lambda: self.play(p, PLUS),
            "PLUS wrong cb data": bound_elsewhere(),
            "PLUS wrong cb + wrong pw": bound_elsewhere(),
            "PLUS cb, unknown user": bound_elsewhere(**nobody),
            "PLUS tls-unique": begin(PLUS, p.replace(b"server-end-point", b"unique")),
            "PLUS tls-exporter": begin(PLUS, p.replace(b"server-end-point", b"exporter")),
            "PLUS on plain": begin(PLUS, p, end_point=None),
            "PLUS with n": begin(PLUS, n),
            "PLUS with y": begin(PLUS, y),
            "not PLUS with p": begin(PLAIN, p),
            "y over TLS": begin(PLAIN, y),
            "y over plain right": lambda: self.play(y, end_point=None),
            "c=biws after y (plain)": lambda: self.play(
                y, change=lambda text: text.replace(b"eSws", b"biws"), end_point=None
            ),
            "c=eSws after n": changed(b"biws", b"eSws"),
            "authzid": begin(PLAIN, b"n,a=bob,n=,r=" + nonce),
            "m= extension": begin(PLAIN, b"n,,m=x,n=,r=" + nonce),
            "no r": begin(PLAIN, b"n,,n=,"),
            "empty r": lambda: self.play(b"n,,n=,r="),
            "nonce 1 char": lambda: self.play(b"n,,n=,r=a"),
            "nonce with space": begin(PLAIN, b"n,,n=,r=a b"),
            "nonce non-ascii": begin(PLAIN, b"n,,n=,r=a\xe4b"),
            "extension x=1 after r": lambda: self.play(n + b",x=1"),
            "extension X=1": lambda: self.play(n + b",X=1"),
            "junk after r": begin(PLAIN, n + b",zzz"),
            "n=otheruser": lambda: self.play(b"n,,n=bob,r=" + nonce),
            "n=a=2Cb": lambda: self.play(b"n,,n=a=2Cb,r=" + nonce),
            "n=a=zz (bad escape)": lambda: self.play(b"n,,n=a=zz,r=" + nonce),
            "flag z": begin(PLAIN, b"z,,n=,r=" + nonce),
            "empty first": begin(PLAIN, b""),
            "NUL inside": begin(PLAIN, n + b"\0x"),
            "unknown mech": begin(b"SCRAM-SHA-1", n),
            "empty mech": begin(b"", n),
            "nonce 900 bytes": lambda: self.play(b"n,,n=,r=" + b"x" * 900),
            "length lies": begin(PLAIN, n, 1000),
            "length short (trailing)": begin(PLAIN, n, 3),
            "Query instead": lambda: asked()[0].feed(message(b"Q", b"SELECT 1\0")),
            "wrong nonce": changed(nonce, b"b" * 16),
            "proof bad base64": proof(b",p=!!!!"),
            "proof short": proof(b",p=AAAA"),
            "proof empty": proof(b",p="),
            "no proof": proof(b""),
            "after proof ,x=1": lambda: self.play(change=lambda text: text + b",x=1"),
            "c bad base64": changed(b"biws", b"!!!!"),
            "empty final": lambda: self.play(change=lambda text: b""),
            "final is Query": lambda: self.refuse_query(first),
            "final ext x=1 in proof": self.extended,
        }
        for size in (950, 980, 1000):
            tried[f"nonce {size} bytes"] = lambda size=size: self.play(b"n,,n=,r=" + b"x" * size)
        for size in (1100, 20000, 40000, 60000):
            tried[f"nonce {size} bytes"] = begin(PLAIN, b"n,,n=,r=" + b"x" * size)
        tried["first 70000 bytes"] = begin(PLAIN, b"n" * 70000)
        for case in cases("reactions"):
            name = case["case"]
            if name == "nologin right pw":
                # It is the database's to say.
                continue
            if case.get("accepted"):
                self.assertIsNotNone(tried.pop(name)(), name)
                continue
            error = self.assertRaises(Unconvinced, tried.pop(name))
            found = error.sqlstate.decode(), str(error)
            self.assertEqual(found, (case["sqlstate"], case["message"]), name)
        self.assertEqual(tried, {})

    def refuse_query(self, first):
        challenge, _ = asked()
        challenge.feed(first)
        challenge.feed(message(b"Q", b"SELECT 1\0"))

    def extended(self):
        challenge, _ = asked(end_point=None)
        client = Client(Choice(PLAIN, CANNOT))
        said, _ = challenge.feed(client.greeting)
        ((_, body),) = messages(said)
        client.talk.challenged(body[4:])
        client.talk._nonce += b",x=1"
        keys = keys_of(salted(b"secret", VERIFIER.salt, VERIFIER.iterations))
        return challenge.feed(final(client.talk.answer(keys)))[1]

    def test_results_are_those_of_the_metric(self):
        for result, options in (
            ("password", {}),
            ("unknown", {"found": Found(None)}),
            ("source", {"found": Found(None, away=True)}),
            ("unknown", {"found": Found(None, "query", away=True)}),
            ("password", {"found": Found(SECRET, "query", away=True)}),
        ):
            challenge, _ = asked(**options)
            client = Client(password=b"wrong")
            said, _ = challenge.feed(client.greeting)
            error = self.assertRaises(Unconvinced, challenge.feed, final(client.prove(said)))
            self.assertEqual(error.result, result)
            away = options.get("found", FOUND).away
            self.assertEqual(error.sqlstate, b"08006" if away else b"28P01")
        self.assertEqual(self.refused(initial(PLAIN, b"y,,n=,r=a")).result, "downgrade")
        self.assertEqual(self.refused(initial(PLAIN, b"m,,n=,r=a")).result, "malformed")

    def test_an_offer_of_plus_alone_is_no_offer_of_anything_else(self):
        policy = POLICY._replace(requires_binding=True)
        error = self.refused(initial(PLAIN, b"n,,n=,r=a"), policy=policy)
        self.assertIn("invalid SASL authentication mechanism", str(error))

    def test_a_message_that_is_too_long_is_refused_by_its_header(self):
        challenge, _ = asked()
        header = b"p" + (4 + 1025).to_bytes(4, "big")
        error = self.assertRaises(Unconvinced, challenge.feed, header)
        self.assertEqual((error.sqlstate, error.result), (b"28P01", "malformed"))

    def test_a_user_whose_name_is_no_text(self):
        found = backend.decode_error(wrong_password(b"\xff\0")[5:])
        self.assertEqual(found["C"], b"28P01")

    @given(st.lists(st.binary(max_size=40), max_size=4), st.booleans())
    def test_whatever_a_client_says(self, said, known):
        challenge, _ = asked(FOUND if known else Found(None))
        for body in said:
            for data in (message(b"p", body), body):
                try:
                    _, proof = challenge.feed(data)
                except Unconvinced:
                    return
                self.assertIsNone(proof)


class Unknown(SynchronousTestCase):
    def shape(self, found, user):
        """The lengths of all that a client is told, and its salt."""
        challenge, offer = asked(found, user=user)
        client = Client(password=b"wrong")
        said, _ = challenge.feed(client.greeting)
        salt, iterations = client.talk.challenged(messages(said)[0][1][4:])
        error = self.assertRaises(
            Unconvinced, challenge.feed, final(client.talk.answer(keys_of(bytes(32))))
        )
        return (len(offer), len(said), iterations, error.sqlstate), salt, str(error)

    def test_au1_nobody_is_told_who_there_is(self):
        """Users whom there is not are asked alike, each time with the same salt."""
        known = self.shape(FOUND, b"alice")
        for found in (Found(None), Found(b"md5" + b"0" * 32), Found(b"SCRAM-SHA-256$"), Found(b"")):
            for user in (b"nobod", b"someb"):
                first, second = self.shape(found, user), self.shape(found, user)
                self.assertEqual(first, second)
                self.assertEqual(first[0], known[0])
                self.assertEqual(first[2], known[2].replace("alice", user.decode()))
        self.assertNotEqual(self.shape(Found(None), b"a")[1], self.shape(Found(None), b"b")[1])

    def test_au1_they_are_shown_the_salt_and_iterations_of_most_secrets(self):
        for size, iterations in ((1, 1), (32, 10_000), (64, 4096)):
            found = Found(None, salt_size=size, iterations=iterations)
            shape, salt, _ = self.shape(found, b"nobody")
            self.assertEqual((shape[2], len(salt)), (iterations, size))
