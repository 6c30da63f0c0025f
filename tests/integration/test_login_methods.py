"""Logins other than by SCRAM alone, limits of logins, and secrets that nothing ever shows."""

from __future__ import annotations

import base64
import json
import signal
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from acra_twisted.authentication.authfile import format_line
from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.processes import twistd
from acra_twisted.wire import scram
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, StartupPacket
from acra_twisted.wire.scramkeys import encode_keys
from tests.integration.base import eventually, get
from tests.support.loginservers import PASSWORD, SYSTEM, USER, Databases, as_superuser

_SALT = b"a salt of the test"
_KEYS = scram.keys_of(scram.salted(PASSWORD.encode(), _SALT, 4096))
_VERIFIER = scram.verifier_of(_KEYS, _SALT, 4096)
#: Roles beside `USER`, and how the database checks each.
_HASHED, _MAPPED, _ELSEWHERE = "hashed", "mapped", "elsewhere"
#: Clients have to show certificates.
_ASKED = {"tls_client_auth": "4"}
_HBA = f"""local all all trust
host all {_HASHED} 127.0.0.1/32 md5
hostssl all {_MAPPED} 127.0.0.1/32 cert map=acra
host all all 127.0.0.1/32 scram-sha-256
"""


class Case(Databases):
    NAMES = (SYSTEM,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = cls.databases[SYSTEM]
        cls.authority = Authority(cls.folder)
        data = cls.postgres.data
        (data / "ca.pem").write_bytes(cls.authority.path.read_bytes())
        (data / "pg_hba.conf").write_text(_HBA)
        (data / "pg_ident.conf").write_text(f"acra acra-server {_MAPPED}\n")
        with as_superuser(cls.postgres) as db:
            db.execute("ALTER SYSTEM SET ssl_ca_file = 'ca.pem'")
            db.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(USER), sql.Literal(_VERIFIER.encode().decode())
                )
            )
            for role, kind in ((_HASHED, "md5"), (_MAPPED, "md5"), (_ELSEWHERE, "scram-sha-256")):
                db.execute(f"SET password_encryption = '{kind}'")
                db.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(PASSWORD)
                    )
                )
            db.execute("SELECT pg_reload_conf()")

    @classmethod
    def secret_of(cls, role):
        with as_superuser(cls.postgres) as db:
            asked = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
            return db.execute(asked, (role,)).fetchone()[0].encode()

    def secrets(self, name, *lines):
        path = self.folder / f"{self.id()}-{name}"
        path.touch(0o600)
        path.write_bytes(b"\n".join(lines) + b"\n")
        return str(path)

    def userlist(self, *roles):
        return self.secrets("users", *(format_line(r.encode(), self.secret_of(r)) for r in roles))

    def start(self, authentication, tls=None, **sections):
        """A chain without a connector, which shows a certificate of the test's authority to the
        database and to applications."""
        self.records = Path(self.folder / f"{self.id()}.jsonl")
        chain = Chain(
            ("127.0.0.1", self.postgres.port),
            link="none",
            authority=self.authority,
            server={
                "authentication": authentication,
                "database": {"db_tls": "require", "client_tls": "allow"},
                "tls": {"tls_database_ca": str(self.certificates.roots), **(tls or {})},
                "logging": {
                    "d": "true",
                    "security_log_file": str(self.records),
                    "security_log_format": "json",
                },
                **sections,
            },
        )
        self.addCleanup(chain.stop)
        return chain.start()

    def shown(self, name):
        certificate, key = self.authority.issue(name)
        return {"sslcert": str(certificate), "sslkey": str(key), "password": ""}

    def connect(self, chain, user=USER, **options):
        given = {"password": PASSWORD, "dbname": "postgres", "sslmode": "require", **options}
        return psycopg.connect(host="127.0.0.1", port=chain.port, user=user, **given)

    def assert_in(self, chain, user=USER, **options):
        with self.connect(chain, user, **options) as db:
            self.assertEqual(db.execute("SELECT current_user").fetchone(), (user,))

    def refused(self, chain, user=USER, **options):
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.connect(chain, user, **options)
        return str(caught.exception)

    def events(self, code, count=1):
        def found():
            text = self.records.read_text() if self.records.exists() else ""
            records = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
            records = [record for record in records if record["code"] == code]
            return records if len(records) >= count else None

        return eventually(found, f"{count} events {code}")


class Certificates(Case):
    def test_keys_of_a_role(self):
        keys = encode_keys(_KEYS, _SALT, 4096)
        chain = self.start(
            {
                "auth_mode": "cert",
                "auth_keys_file": self.secrets("keys", format_line(USER.encode(), keys)),
            },
            _ASKED,
        )
        alice = self.shown(USER)
        self.assert_in(chain, **alice)
        self.assertIn("certificate authentication failed", self.refused(chain, "bob", **alice))
        self.assertIn("auth_keys_file", self.refused(chain, _ELSEWHERE, **self.shown(_ELSEWHERE)))
        # Nobody is asked for a password, right or wrong.
        self.assert_in(chain, **{**alice, "password": "wrong"})
        (record, *_) = self.events(2010)
        self.assertEqual((record["rule"], record["user"]), ("unknown", "bob"))
        self.assertIn('mechanism="certificate",result="ok"', get(chain.server_pages, "/metrics"))

    def test_a_role_that_the_database_maps_to_the_servers_certificate(self):
        ident = Path(self.secrets("ident", b"acra /CN=(batch[0-9]),O=Sandbox " + _MAPPED.encode()))
        chain = self.start(
            {"auth_mode": "cert", "auth_ident_file": str(ident), "auth_ident_name": "dn"}, _ASKED
        )
        self.assert_in(chain, _MAPPED, **self.shown("batch1"))
        for other in ("batch10", "xbatch1", _MAPPED):
            text = self.refused(chain, _MAPPED, **self.shown(other))
            self.assertIn("certificate authentication failed", text)


class OtherMethods(Case):
    def test_md5(self):
        chain = self.start({"auth_file": self.userlist(USER, _HASHED), "auth_md5": "yes"})
        self.assert_in(chain, _HASHED)
        self.assert_in(chain, USER)
        text = self.refused(chain, _HASHED, password="wrong")  # noqa: S106 - of nobody
        self.assertIn("password authentication failed", text)

    def test_a_password_in_clear_over_tls_alone(self):
        chain = self.start({"auth_file": self.userlist(USER), "auth_cleartext": USER})
        self.assert_in(chain, require_auth="password")
        text = self.refused(chain, password="wrong")  # noqa: S106 - of nobody
        self.assertIn("password authentication failed", text)
        self.assertIn("TLS", self.refused(chain, sslmode="disable"))

    def test_a_user_without_a_secret(self):
        users = {"auth_file": self.userlist(USER)}
        chain = self.start(users)
        self.assertIn("authentication failed", self.refused(chain, _ELSEWHERE))
        chain = self.start({**users, "auth_unknown": "passthrough"})
        self.assert_in(chain, _ELSEWHERE, channel_binding="disable")
        self.assert_in(chain, USER)


class Limits(Case):
    def test_au4_twenty_wrong_ones_then_the_right_one(self):
        chain = self.start({"auth_file": self.userlist(USER)})
        began = time.monotonic()
        # Each further one would wait twice as long, up to eight seconds.
        for _ in range(7):
            self.refused(chain, password="wrong")  # noqa: S106 - of nobody
        waited = time.monotonic() - began
        self.assertGreater(waited, 0.8 * (0.25 + 0.5 + 1))
        self.assert_in(chain)
        self.assertGreater(time.monotonic() - began - waited, 0.8 * 2)
        (record,) = self.events(2020)
        self.assertEqual((record["rule"], record["attempts"]), ("user and address", 5))
        self.assertEqual((record["user"], record["peer"]), (USER, "127.0.0.1"))
        # Another user does not wait.
        began = time.monotonic()
        self.refused(chain, "nobody")
        self.assertLess(time.monotonic() - began, 2)

    def test_too_many_at_once(self):
        limit = {"auth_max_logins_per_address": "1"}
        chain = self.start({"auth_file": self.userlist(USER), **limit})
        for _ in range(5):
            self.assert_in(chain)
        with self.asked(chain):
            self.assertIn("too many", self.refused(chain))
        eventually(lambda: not self.says_no(chain), "the login of before is over")

    @contextmanager
    def asked(self, chain):
        """Have a client in the middle of its login."""
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", chain.port), 60) as plain:
            plain.sendall(SSL_REQUEST_PACKET)
            self.assertEqual(plain.recv(1), b"S")
            with unverified.wrap_socket(plain) as client:
                client.sendall(StartupPacket(0, {b"user": USER.encode()}).encode())
                self.assertEqual(client.recv(1), b"R")
                yield

    def says_no(self, chain):
        try:
            self.assert_in(chain)
        except psycopg.OperationalError as error:
            return str(error)
        return ""


class NothingIsShown(Case):
    """Section by section: what a login is made of is in no log, page, metric or span, on no wire to
    a collector, and in no answer of --check_config, also where its file is broken."""

    def test_whatever_the_method(self):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        users = self.userlist(USER)
        hashed = self.secrets("hashes", format_line(_HASHED.encode(), self.secret_of(_HASHED)))
        keys = encode_keys(_KEYS, _SALT, 4096)
        keyed = self.secrets("keys", format_line(USER.encode(), keys))
        tries = (
            ({"auth_file": users}, USER, {}),
            ({"auth_file": hashed, "auth_md5": "yes"}, _HASHED, {}),
            ({"auth_file": users, "auth_cleartext": USER}, USER, {}),
            ({"auth_mode": "passthrough"}, USER, {"channel_binding": "disable"}),
            ({"auth_mode": "cert", "auth_keys_file": keyed}, USER, self.shown(USER)),
        )
        wrong = "a wrong password of the test"
        secrets = [
            PASSWORD.encode(),
            wrong.encode(),
            *_KEYS,
            *(_VERIFIER.salt, _VERIFIER.stored_key, _VERIFIER.server_key),
            keys,
            self.secret_of(_HASHED)[3:],
            scram.salted(PASSWORD.encode(), _SALT, 4096),
        ]
        forms = [form for secret in secrets for form in self.forms(secret)]
        for authentication, user, options in tries:
            with self.subTest(authentication):
                by_certificate = "sslcert" in options
                chain = self.start(
                    authentication,
                    _ASKED if by_certificate else None,
                    tracing={"otlp_endpoint": collector.url, "tracing_interval": "0.1"},
                )
                self.assert_in(chain, user, **options)
                # A certificate needs no password: it is another's.
                other = _ELSEWHERE if by_certificate else user
                self.refused(chain, other, **{**options, "password": wrong})
                self.events(2010)
                eventually(lambda: collector.spans, "spans are there")
                path = next((Path(text) for text in authentication.values() if "/" in text), None)
                shown = [
                    self.of_broken(chain, path) if path else self.checked(chain),
                    chain.server.log.read_bytes(),
                    self.records.read_bytes(),
                    json.dumps(collector.spans, ensure_ascii=False).encode(),
                    *(
                        get(chain.server_pages, page).encode()
                        for page in ("/metrics", "/debug/traces?format=json", "/debug/tracez")
                    ),
                ]
                self.assertTrue(all(b"acra" in text for text in shown))
                for form in forms:
                    found = [place for place, text in enumerate(shown) if form in text]
                    self.assertEqual(found, [], form[:8])
                chain.stop()
                self.records.unlink()
                collector.spans.clear()

    def forms(self, secret):
        encoded = base64.b64encode(secret)
        digits = secret.hex().encode()
        return secret, digits, digits.upper(), encoded, encoded[:-2].rstrip(b"=")

    def checked(self, chain):
        command = twistd("acra-server", chain.server_ini, "--check_config")
        done = subprocess.run(command, capture_output=True, timeout=300)
        return done.stdout + done.stderr

    def of_broken(self, chain, path):
        """Return what --check_config says of a file with a line that ends in the middle; the server
        reads it as well, and it is whole again then."""
        whole = path.read_bytes()
        path.write_bytes(whole + whole.rstrip()[:-1])
        chain.server.send(signal.SIGHUP)
        refused = b"Cannot read anew"
        eventually(lambda: refused in chain.server.log.read_bytes(), "the server has read it")
        said = self.checked(chain)
        self.assertIn(path.name.encode(), said)
        path.write_bytes(whole)
        return said
