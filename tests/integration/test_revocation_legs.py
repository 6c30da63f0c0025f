"""Revoked certificates on every leg of both daemons, by lists and by openssl's responder."""

import json
import re
import signal
import subprocess

import psycopg

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.processes import Process, twistd
from tests.integration.base import Surroundings, eventually, get, tls_postgres
from tests.support.revoking import Responder, RevokingAuthority

REVOKED, UNCHECKED, SOURCE = 2030, 2032, 2033


class Revocation(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.app = cls.authority.issue("app")

    @classmethod
    def make_postgres(cls):
        # The class's own, which revokes, in place of the one that all have.
        cls.authority = RevokingAuthority(cls.folder)
        return tls_postgres(cls.authority)

    def setUp(self):
        self.addCleanup(self.authority.pardon)

    def made(self, **options):
        """A chain of this authority's, with TLS on every leg."""
        options.setdefault("server", {})
        options["server"].setdefault("database", {})["db_tls"] = "require"
        return self.chain(authority=self.authority, **options)

    def app_tls(self):
        """Sections of a connector that ends TLS and asks applications for certificates."""
        certificate, key = self.authority.issue("for-apps", hosts=("localhost", "127.0.0.1"))
        return {
            "application_tls_cert": str(certificate),
            "application_tls_key": str(key),
            "application_tls_ca": str(self.authority.path),
        }

    def as_app(self):
        certificate, key = self.app
        return {
            "sslmode": "verify-full",
            "sslrootcert": str(self.authority.path),
            "sslcert": str(certificate),
            "sslkey": str(key),
            "host": "localhost",
            "hostaddr": "127.0.0.1",
        }

    def works(self, chain, **options):
        with self.connect(chain, **options) as db:
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))

    def fails(self, chain, **options):
        with self.assertRaises(psycopg.OperationalError) as raised:
            self.connect(chain, **options)
        return str(raised.exception)

    def said(self, process, code):
        """Log lines with a code."""
        lines = process.output().splitlines(keepends=True)
        lines = [line for line in lines if line[0] == "{" and line.endswith("}\n")]
        return [each for each in map(json.loads, lines) if each.get("code") == code]

    def soon_said(self, process, code):
        """The same, once there is one."""
        return eventually(lambda: self.said(process, code), f"code {code}")

    def event(self, process, code, leg):
        """The first event of a leg, once it is there."""

        def found():
            return [each for each in self.said(process, code) if each.get("leg") == leg]

        return eventually(found, f"event {code} of {leg}")[0]

    def read_anew(self, process):
        def times():
            lines = process.output().splitlines()
            return sum('"Read anew"' in line and '"revocation"' in line for line in lines)

        before = times()
        process.send(signal.SIGHUP)
        eventually(lambda: times() > before, "lists are read anew")

    def test_tl5_a_revoked_connector(self):
        url = self.authority.url
        for native in ("auto", "off"):
            with self.subTest(native_transports=native):
                self.authority.pardon()
                chain = self.made(
                    server={
                        "revocation": {"tls_crl_client_url": url},
                        "server": {"native_transports": native},
                    },
                    connector={"connector": {"native_transports": native}},
                )
                for _ in range(3):
                    self.works(chain)
                self.authority.revoke(self.own("connector"))
                self.read_anew(chain.server)
                # Its session could be resumed, which shows no chain.
                said = self.fails(chain)
                self.assertIn("AcraServer", said)
                event = self.event(chain.server, REVOKED, "client")
                self.assertIn("CN=acra-connector", event["certificate"])
                self.assertEqual(event["peer"], "127.0.0.1")
                (wrap,) = self.soon_said(chain.server, 538)
                self.assertIn("revoked", wrap["error"])
                metrics = get(chain.server_pages, "/metrics")
                self.assertRegex(
                    metrics,
                    r'revocation_checks_total{accepted="false",leg="client",result="revoked"} 1',
                )
                self.assertRegex(metrics, r'list_expiry_timestamp_seconds{leg="client"} [0-9]')
                chain.stop()

    def own(self, name):
        """The path of a certificate as this class's authority has issued it last."""
        return self.folder / f"acra-{name}.pem"

    def test_tl5_a_revoked_database(self):
        chain = self.made(server={"revocation": {"tls_crl_database_url": self.authority.url}})
        self.works(chain)
        self.authority.revoke(self.folder / "postgres.pem")
        self.read_anew(chain.server)
        said = self.fails(chain)
        self.assertIn("its certificate has been revoked", said)
        event = self.event(chain.server, REVOKED, "database")
        self.assertIn("CN=postgres", event["certificate"])
        self.assertEqual(event["server_port"], self.postgres.port)
        (reason,) = self.soon_said(chain.server, 1302)
        self.assertIn("give it a new one there", reason["error"])

    def test_tl5_a_revoked_database_is_not_used_without_tls_instead(self):
        """Where TLS is an offer, and the settings have it checked."""
        chain = self.chain(
            authority=self.authority,
            server={"revocation": {"tls_crl_database_url": self.authority.url}},
        )
        self.works(chain)
        self.authority.revoke(self.folder / "postgres.pem")
        self.read_anew(chain.server)
        self.assertIn("has been revoked", self.fails(chain))

    def test_tl5_a_revoked_acraserver(self):
        chain = self.made(connector={"revocation": {"tls_crl_url": self.authority.url}})
        self.works(chain)
        self.authority.revoke(self.own("server"))
        self.read_anew(chain.connector)
        self.assertIn("its certificate has been revoked", self.fails(chain))
        event = self.event(chain.connector, REVOKED, "acraserver")
        self.assertIn("CN=acra-server", event["certificate"])

    def test_tl5_a_revoked_application_at_the_connector(self):
        chain = self.made(
            connector={
                "connector": self.app_tls(),
                "revocation": {"application_tls_crl_url": self.authority.url},
            }
        )
        self.works(chain, **self.as_app())
        self.authority.revoke(self.app[0])
        self.read_anew(chain.connector)
        self.fails(chain, **self.as_app())
        event = self.event(chain.connector, REVOKED, "application")
        self.assertIn("CN=app", event["certificate"])

    def test_tl5_a_revoked_application_at_the_server(self):
        chain = self.made(
            link="none",
            server={
                "database": {"client_tls": "require"},
                "tls": {"tls_client_auth": "4"},
                "revocation": {"tls_crl_client_url": self.authority.url},
            },
        )
        self.works(chain, channel_binding="disable", **self.as_app())
        self.authority.revoke(self.app[0])
        self.read_anew(chain.server)
        self.fails(chain, channel_binding="disable", **self.as_app())
        self.event(chain.server, REVOKED, "client")
        (reason,) = self.soon_said(chain.server, 584)
        self.assertIn("revoked", reason["error"])

    def test_tl5_by_a_responder(self):
        responder = Responder(self.authority)
        self.addCleanup(responder.stop)
        urls = {
            "tls_ocsp_url": responder.url,
            "tls_ocsp_required": "requireGood",
            "tls_ocsp_cache_time": "1",
        }
        chain = self.made(server={"revocation": dict(urls)}, connector={"revocation": urls})
        self.works(chain)
        text = get(chain.server_pages, "/metrics")
        for leg in ("client", "database"):
            good = rf'checks_total{{accepted="true",leg="{leg}",result="good"}} '
            self.assertRegex(text, good)
            answered = rf'last_answer_timestamp_seconds{{leg="{leg}"}} [1-9]'
            self.assertRegex(text, answered)
        self.assertIn("revocation check", get(chain.server_pages, "/debug/tracez"))
        self.authority.revoke(self.own("server"))
        eventually(lambda: not self.accepted(chain), "a refusal")
        event = self.event(chain.connector, REVOKED, "acraserver")
        self.assertIn("CN=acra-server", event["certificate"])

    def accepted(self, chain):
        try:
            self.works(chain)
        except psycopg.OperationalError:
            return False
        return True

    def test_tl5_an_open_session_ends(self):
        for keep in (False, True):
            self.authority.pardon()
            more = {"tls_revoked_sessions": "keep"} if keep else {}
            chain = self.made(
                server={"revocation": {"tls_crl_client_url": self.authority.url, **more}}
            )
            with self.connect(chain) as db:
                db.execute("SELECT 1")
                self.authority.revoke(self.own("connector"))
                self.read_anew(chain.server)
                event = self.event(chain.server, REVOKED, "client")
                self.assertEqual(event["action"], "allowed" if keep else "ended")
                if keep:
                    self.assertEqual(db.execute("SELECT 2").fetchone(), (2,))
                else:
                    with self.assertRaisesRegex(psycopg.OperationalError, "has been revoked"):
                        db.execute("SELECT 2")
            chain.stop()

    def test_tl5_a_start_with_the_list_away(self):
        away = f"file://{self.folder}/none.crl"
        for required, status in (("strict", 1), ("soft", None)):
            with self.subTest(required=required):
                chain = Chain(
                    ("127.0.0.1", self.postgres.port),
                    authority=self.authority,
                    server={
                        "revocation": {"tls_crl_client_url": away, "tls_crl_required": required}
                    },
                )
                log = chain.folder / "started.log"
                process = Process(twistd("acra-server", chain.server_ini), log)
                self.addCleanup(process.stop)
                if status is not None:
                    self.assertEqual(process.wait(), status)
                    (said,) = self.said(process, SOURCE)
                    self.assertIn("none.crl", json.dumps(said))
                    continue
                process.stop()
                with chain:
                    self.works(chain)
                    self.event(chain.server, UNCHECKED, "client")

    def test_a_list_that_cannot_be_read_anew_changes_nothing(self):
        chain = self.made(server={"revocation": {"tls_crl_client_url": self.authority.url}})
        self.works(chain)
        kept = self.authority.list_path.read_bytes()
        self.addCleanup(self.authority.list_path.write_bytes, kept)
        self.authority.list_path.write_bytes(b"no list")
        chain.server.send(signal.SIGHUP)
        eventually(lambda: "Cannot read anew" in chain.server.output(), "the mistake")
        self.works(chain)

    def test_tl5_the_server_staples_and_the_connector_asks_nobody(self):
        responder = Responder(self.authority)
        self.addCleanup(responder.stop)
        for native in ("auto", "off"):
            chain = self.made(
                server={
                    "revocation": {"tls_ocsp_client_url": responder.url, "tls_ocsp_staple": "true"}
                },
                connector={
                    "connector": {"native_transports": native},
                    "revocation": {"tls_ocsp_staple": "true"},
                },
            )
            good = r'checks_total{accepted="true",leg="acraserver",result="good"} [1-9]'

            def stapled(chain=chain, good=good):
                self.works(chain)
                return re.search(good, get(chain.connector_pages, "/metrics"))

            eventually(stapled, "a stapled response")
            chain.stop()

    def examined(self, plugin, ini):
        """The output of a whole check of a daemon's settings and surroundings."""
        command = twistd(plugin, ini, "--check_config", "--probe")
        return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout

    def test_the_doctor_asks_as_the_daemons_do(self):
        url = self.authority.url
        chain = self.made(
            server={"revocation": {"tls_crl_url": url}},
            connector={"revocation": {"tls_crl_url": url}},
        )
        said = self.examined("acra-server", chain.server_ini)
        self.assertIn(f"client: 0 certificates are revoked by {url}", said)
        self.assertIn("can be reached, with TLS", said)
        self.authority.revoke(self.folder / "postgres.pem", self.own("server"))
        said = self.examined("acra-server", chain.server_ini)
        self.assertIn(f"client: 2 certificates are revoked by {url}", said)
        self.assertRegex(said, "the database at .*: its certificate .*postgres.* revoked")
        said = self.examined("acra-connector", chain.connector_ini)
        self.assertRegex(said, "AcraServer at .*: its certificate .*acra-server.* revoked")
