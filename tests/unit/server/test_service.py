"""AcraServer as a service: what it makes of its settings for its connections."""

import json
from pathlib import Path

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.reading import load
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.results import Columns, Plan, Planner
from acra_twisted.sandbox.authority import Authority
from acra_twisted.server import checks
from acra_twisted.server.service import AcraServer
from acra_twisted.server.tap import Options

PLAIN = {
    "db_host": "127.0.0.1",
    "client_id": "an application",
    "acraconnector_transport_encryption_disable": True,
    "stages": (),
    "tls_auth": 0,
}


def settings(**changes):
    return defaults(SERVER_SECTIONS).but(**{**PLAIN, **changes})


def close(server):
    """Close its sockets, which are bound and accept nothing."""
    for child in [*server.telemetry, *server.listeners.values()]:
        child._listener.close()


class Reloading(SynchronousTestCase):
    def test_results_are_planned_anew(self):
        server = AcraServer(
            MemoryReactorClock(),
            settings(incoming_connection_string=Address("127.0.0.1", 0)),
        )
        self.addCleanup(close, server)
        planner = Planner(Plan)
        server.context.pipeline.results = planner
        columns = Columns([], [], [], [])
        before = planner.plan(columns)
        self.assertIs(planner.plan(columns), before)
        server.reload()
        self.assertIsNot(planner.plan(columns), before)


class Facts(SynchronousTestCase):
    def told(self, server, name):
        page = server.telemetry._pages.facts({"of": name})
        return json.loads("".join(page.pieces))[name]

    def test_settings_changes_peers_and_origin(self):
        server = AcraServer(
            MemoryReactorClock(),
            settings(
                incoming_connection_string=Address("127.0.0.1", 0),
                incoming_connection_zpages_string=Address("127.0.0.1", 0),
            ),
        )
        self.addCleanup(close, server)
        for child in server.telemetry:
            self.addCleanup(child._listener.close)
        values = {one["name"]: one for one in self.told(server, "settings")}
        self.assertEqual(values["incoming_connection_string"]["value"], "tcp://127.0.0.1:0")
        self.assertEqual(values["db_port"]["origin"], "default")
        server.forget_keys()
        self.assertEqual(self.told(server, "changes")[0]["kind"], "keys")
        self.assertEqual(self.told(server, "rules"), [])
        self.assertEqual(self.told(server, "peers")["peers"], [])
        self.assertEqual(self.told(server, "origin")["service.name"], "acra-server")

    def test_how_the_daemon_is(self):
        server = AcraServer(
            MemoryReactorClock(),
            settings(
                incoming_connection_string=Address("127.0.0.1", 0),
                incoming_connection_zpages_string=Address("127.0.0.1", 0),
            ),
        )
        self.addCleanup(close, server)
        for child in server.telemetry:
            self.addCleanup(child._listener.close)
        (listener,) = self.told(server, "listeners")
        self.assertEqual(listener["option"], "incoming_connection_string")
        self.assertFalse(listener["open"])
        self.assertGreater(self.told(server, "process")["memory"], 0)
        self.assertEqual(self.told(server, "pools")["connections"][0], 0)
        for name in (
            *("exporters", "certificates", "revocation"),
            *("peers_certificates", "stages", "authentication"),
        ):
            self.assertEqual(self.told(server, name), [])
        self.assertEqual(self.told(server, "warnings"), {})


class Intake(SynchronousTestCase):
    """Spans are taken from connectors that have proven who they are, and from nobody else."""

    def taken(self, **changes):
        made = AcraServer(
            MemoryReactorClock(),
            settings(
                incoming_connection_string=Address("127.0.0.1", 0),
                incoming_connection_zpages_string=Address("127.0.0.1", 0),
                **changes,
            ),
        )
        for child in list(made.telemetry) + [*made.listeners.values()]:
            self.addCleanup(child._listener.close)
        return made.context.intake is not None

    def test_who_may(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("server", hosts=("localhost",))
        tls = {
            "acraconnector_transport_encryption_disable": False,
            "acraconnector_tls_transport_enable": True,
            "tls_ca": str(authority.path),
            "tls_cert": str(certificate),
            "tls_key": str(key),
        }
        self.assertFalse(self.taken())
        self.assertFalse(self.taken(**tls))
        self.assertTrue(self.taken(**tls, tls_auth=4))


class Warnings(SynchronousTestCase):
    def test_salts_of_unknown_users_without_a_master_key(self):
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(0o700)
        for name, data in (("master.key", b"m" * 32), ("users", b"")):
            (folder / name).touch(0o600)
            (folder / name).write_bytes(data)
        (folder / "keys").mkdir(0o700)
        store = {
            "keys_dir": str(folder / "keys"),
            "master_key_file": str(folder / "master.key"),
        }
        source = {"auth_file": str(folder / "users"), "auth_without_tls": True}
        for changes, warned in ((source, True), ({**source, **store}, False), ({}, False)):
            server = AcraServer(
                MemoryReactorClock(),
                settings(incoming_connection_string=Address("127.0.0.1", 0), **changes),
            )
            close(server)
            said = [text for text in server.insecure() if "salts of unknown users" in text]
            self.assertEqual(len(said), int(warned))

    def test_the_only_client_without_keys(self):
        folder = Path(self.mktemp()).absolute()
        (folder / "keys").mkdir(0o700, parents=True)
        (folder / "master.key").touch(0o600)
        (folder / "master.key").write_bytes(b"m" * 32)
        flags = [
            *("--db_host=127.0.0.1", "--client_id=an application", "--stages=decryptor"),
            *("--incoming_connection_string=tcp://127.0.0.1:0", f"--keys_dir={folder / 'keys'}"),
            "--acraconnector_transport_encryption_disable=true",
            f"--master_key_file={folder / 'master.key'}",
        ]
        made, _ = load(Options.program, flags, {})
        server = AcraServer(MemoryReactorClock(), made)
        close(server)
        [said] = [text for text in server.advice() if "no keys of the client id" in text]
        self.assertIn("acra-keymaker --client_id='an application'", said)


class Tls(SynchronousTestCase):
    def test_tls_within_an_encrypted_link_only_if_told_to(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("server", hosts=("localhost",))
        pair = {"tls_cert": str(certificate), "tls_key": str(key)}
        pair["incoming_connection_string"] = Address("127.0.0.1", 0)
        tls = {
            "acraconnector_transport_encryption_disable": False,
            "acraconnector_tls_transport_enable": True,
            "tls_client_id_from_cert": True,
            "tls_auth": 4,
            "tls_ca": str(authority.path),
        }
        for changes, expected in (
            ({}, "allow"),
            (tls, "disable"),
            ({**tls, "client_tls": "allow"}, "allow"),
            ({**tls, "client_tls": "require"}, "require"),
            ({"client_tls": "disable"}, "disable"),
        ):
            chosen = settings(**pair, **changes)
            checks.check(chosen)
            server = AcraServer(MemoryReactorClock(), chosen)
            close(server)
            self.assertEqual(server.context.login_policy.startup.tls, expected)
        error = self.assertRaises(ConfigError, checks.check, settings(client_tls="allow"))
        self.assertIn("TLS needs a certificate", str(error))
