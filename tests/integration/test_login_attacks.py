"""Logins that AcraServer ends, under attack: men in the middle, recordings, guesses of names and
passwords; and what a login leaves behind."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from statistics import median

import psycopg

from acra_twisted.sandbox.processes import resident
from tests.integration.base import eventually
from tests.support.daemons import held
from tests.support.loginclients import PLAIN, TLS, Login
from tests.support.loginservers import PASSWORD, SYSTEM, USER, Matrix, as_superuser, failure
from tests.support.middleman import NO_PLUS, NO_TLS, WAYS, MiddleMan
from tests.support.samples import mann_whitney
from tests.support.scramclient import CONTINUED, ENDED, ScramClient, client_key
from tests.support.servercertificates import ECDSA

ALICE = USER.encode()
#: Logins of each kind that are compared, and how unlikely a difference may be by chance: a real one
#: of some microseconds is less likely by many powers of ten.
_TRIES = 300
_BY_CHANCE = 1e-6


def encoded(data):
    return base64.b64encode(data).decode()


class Attacked(Matrix):
    NAMES = (SYSTEM,)

    def middle(self, port, way):
        return MiddleMan(port, way, self.certificates.pairs[ECDSA])


class BeforeTheServer(Attacked):
    """Between client and AcraServer."""

    def test_only_who_may_do_without_is_let_in(self):
        chain = self.server(self.databases[SYSTEM])
        for way in WAYS:
            with self.middle(chain.port, way) as man:
                for client in self.clients:
                    with self.subTest(client.name, way=way):
                        said = failure(client, Login(man.port, TLS))
                        refused = client.binding != "never" or way == NO_TLS
                        self.assertEqual(bool(said), refused, said)

    def test_who_may_do_without_is_refused_where_binding_is_required(self):
        chain = self.server(self.databases[SYSTEM], require_channel_binding="yes")
        for way in WAYS:
            with self.middle(chain.port, way) as man:
                for client in self.clients:
                    # pgjdbc waits for more where the list has nothing in it.
                    for leg in (TLS, PLAIN) if client.name != "pgjdbc" else ():
                        with self.subTest(client.name, way=way, leg=leg):
                            self.assertTrue(failure(client, Login(man.port, leg)))

    def test_a_retry_in_clear(self):
        """libpq's default takes a failed login over TLS for a reason to try without."""
        secret = {"user": USER, "password": PASSWORD, "dbname": "postgres", "sslmode": "prefer"}
        for required, let_in in (("no", True), ("yes", False)):
            chain = self.server(self.databases[SYSTEM], require_channel_binding=required)
            with self.middle(chain.port, NO_PLUS) as man, self.subTest(required=required):
                where = {"host": "127.0.0.1", "port": man.port}
                if let_in:
                    psycopg.connect(**where, **secret).close()
                else:
                    with self.assertRaises(psycopg.OperationalError):
                        psycopg.connect(**where, **secret)


class BehindTheServer(Attacked):
    """Between AcraServer and the database: his certificate is one that AcraServer accepts."""

    def test_the_binding_holds(self):
        for way in WAYS:
            with self.middle(self.databases[SYSTEM].port, way) as man:
                chain = self.server(self.databases[SYSTEM], port=man.port)
                for client in self.few:
                    with self.subTest(client.name, way=way):
                        said = failure(client, Login(chain.port, TLS))
                        self.assertRegex(said, "could not (log in|connect) to the database")
                chain.stop()

    def test_it_is_the_binding_that_holds(self):
        with self.middle(self.databases[SYSTEM].port, "unchanged") as man:
            chain = self.server(self.databases[SYSTEM], port=man.port, db_channel_binding="disable")
            for client in self.few:
                with self.subTest(client.name):
                    self.assertEqual(failure(client, Login(chain.port, TLS)), "")


class Guesses(Attacked):
    """Plain connections, on which each message can be timed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Verifiers of the same form, of passwords that nobody knows.
        lines = []
        for number in range(_TRIES):
            salt, *keys = (encoded(os.urandom(size)) for size in (16, 32, 32))
            lines.append(f'"known{number}" "SCRAM-SHA-256$4096:{salt}${":".join(keys)}"\n')
        database = cls.databases[SYSTEM]
        cls.linked = cls.server(database, others="".join(lines), auth_without_tls="yes")

    def test_au2_a_recorded_login(self):
        with ScramClient(self.linked.port, ALICE) as recorded:
            recorded.begin()
            self.assertEqual(recorded.prove(PASSWORD.encode()).request, ENDED)
        said = recorded.said
        with ScramClient(self.linked.port, ALICE) as again:
            self.assertEqual(again.say(said[1]).request, CONTINUED)
            answer = again.say(said[2])
            self.assertEqual((answer.kind, answer.field(b"C")), (b"E", b"08P01"))

    def test_au1_unknown_users(self):
        """Known and unknown users in turns; each comes once and from an address of its own, so
        that no answer waits."""
        seen = {"known": [], "unknown": []}
        for number in range(_TRIES):
            source = f"127.1.{number >> 8}.{number & 255}"
            # None is always the first, beside what comes again and again.
            for kind in sorted(seen, reverse=number % 2 == 1):
                answers = seen[kind]
                with ScramClient(self.linked.port, f"{kind}{number}".encode(), source) as client:
                    answers.append((client.begin(), client.prove(None)))
        shapes = {kind: {self.shape(*each) for each in answers} for kind, answers in seen.items()}
        self.assertEqual(len(shapes["known"]), 1)
        self.assertEqual(shapes["known"], shapes["unknown"])
        for step in (0, 1):
            known, unknown = ([each[step].waited for each in seen[kind]] for kind in seen)
            with self.subTest(step=step, known=median(known), unknown=median(unknown)):
                self.assertGreater(mann_whitney(known, unknown), _BY_CHANCE)

    def shape(self, first, last):
        """All of a login's answers but for what is random in them, and the user's name."""
        masked = re.sub(rb"(r=|s=)[\w+/=]+", lambda m: m[1] + b"%d" % len(m[0]), first.body)
        return masked, last.kind, re.sub(rb"known\d+|unknown\d+", b"NAME", last.body)


class Leavings(Attacked):
    """After logins the server has neither a password nor a key in its memory, and no more memory
    than before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        database = cls.databases[SYSTEM]
        with as_superuser(database) as db:
            db.execute("CREATE ROLE other LOGIN PASSWORD 'of the other'")
            asked = "SELECT rolpassword FROM pg_authid WHERE rolname = 'other'"
            line = f'"other" "{db.execute(asked).fetchone()[0]}"\n'
        cls.linked = cls.server(database, others=line, auth_without_tls="yes")

    def log_in(self, user, password):
        """Returned is what the client was asked for."""
        with ScramClient(self.linked.port, user) as client:
            client.begin()
            self.assertEqual(client.prove(password).request, ENDED)
            while client.next().kind != b"Z":
                pass
            return client.challenge

    def test_no_key_and_no_password(self):
        secret = PASSWORD.encode()
        for _ in range(20):
            asked = self.log_in(ALICE, secret)
        key = client_key(secret, base64.b64decode(asked[b"s"]), int(asked[b"i"]))
        stored = base64.b64encode(hashlib.sha256(key).digest())
        pid = self.linked.server.pid
        # What is to be found is found.
        self.assertGreater(held(pid, stored), 0)
        for form in (secret, key.hex().encode(), base64.b64encode(key)):
            self.assertEqual(held(pid, form), 0)

        def overwritten():
            # Memory that was given back has the key until it is used for something else.
            for _ in range(20):
                self.log_in(b"other", b"of the other")
            return held(pid, key) == 0

        eventually(overwritten, "the key is gone")

    def test_no_memory(self):
        def many(count):
            for number in range(count):
                self.log_in(b"other", b"of the other")
                with ScramClient(self.linked.port, b"no%d" % number, f"127.9.0.{number}") as wrong:
                    wrong.begin()
                    self.assertEqual(wrong.prove(None).kind, b"E")
            return resident(self.linked.server.pid)

        # Traces that are shown and counts of failures are kept, up to a limit: some kB each.
        before = many(200)
        self.assertLess(many(200) - before, 2_000_000)
