"""acra-doctor: each mistake is found before the start, with what to do about it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from acra_twisted.sandbox.chain import Chain, merge
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import free_port, twistd
from tests.integration.base import Surroundings, eventually, tls_postgres

DOCTOR = str(Path(sys.executable).with_name("acra-doctor"))


@contextmanager
def speaking(first):
    """A server that says the same to everybody; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer, suppress(OSError):
                    if not first:
                        peer.recv(1024)
                    peer.sendall(first or b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    peer.recv(1024)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


class Doctor(Surroundings):
    def chain_of(self, server=None, connector=None, database=None, link="tls", **options):
        """A chain that is not started."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        database = database or ("127.0.0.1", self.postgres.port)
        options.setdefault("authority", self.authority)
        keys = Keys(folder, "shop application") if link == "secure-session" else None
        return Chain(
            database,
            folder=folder,
            link=link,
            keys=keys,
            server=server,
            connector=connector,
            **options,
        )

    def ask(self, which, ini, *more, **environment):
        done = subprocess.run(
            [DOCTOR, which, f"--config_file={ini}", *more],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, **environment},
        )
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        return done.returncode, done.stdout

    def finds(self, which, ini, *words, status=1):
        """Each fault has a line, and the next one says what to do."""
        code, text = self.ask(which, ini)
        self.assertEqual(code, status, text)
        for word in words:
            self.assertIn(word, text)
        return text

    def test_a_healthy_installation(self):
        for link in ("tls", "secure-session"):
            chain = self.chain_of(link=link)
            with self.subTest(link), chain:
                for which, ini in (
                    ("server", chain.server_ini),
                    ("connector", chain.connector_ini),
                ):
                    code, text = self.ask(which, ini)
                    self.assertEqual(code, 0, text)
                    self.assertIn(f"acra-{which} listens there (process", text)
                    self.assertIn(" 0 wrong", text)
                self.assertIn("handshake succeeds", text)
                # It leaves no trace of a failure.
                log = (chain.folder / "acra-server.log").read_text()
                self.assertNotIn('"warning"', log)

    def test_json_and_a_file_whose_name_tells_the_daemon(self):
        chain = self.chain_of()
        done = subprocess.run(
            [DOCTOR, f"--config_file={chain.server_ini}", "--json"], capture_output=True, text=True
        )
        found = json.loads(done.stdout)
        self.assertEqual((done.returncode, found["program"]), (0, "acra-server"))
        states = {result["state"] for result in found["results"]}
        self.assertLessEqual(states, {"ok", "warn"})

    def test_as_a_part_of_check_config(self):
        chain = self.chain_of(database=("127.0.0.1", free_port()))
        command = [*twistd("acra-server", chain.server_ini), "--check_config", "--probe"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAIL  database:", done.stdout)
        self.assertNotIn("Traceback", done.stderr)

    def test_the_command_line(self):
        for arguments, status, expected in (
            (["--help"], 0, "usage: acra-doctor"),
            (["--version"], 0, "."),
            ([], 2, "which daemon?"),
            (["database"], 2, "they are server and connector"),
        ):
            done = subprocess.run([DOCTOR, *arguments], capture_output=True, text=True)
            self.assertEqual(done.returncode, status)
            self.assertIn(expected, done.stdout + done.stderr)

    # -- what stands in files ---------------------------------------------------------------------

    def test_settings(self):
        chain = self.chain_of(server={"database": {"db_hots": "x"}, "pipeline": {"stages": "nix"}})
        self.finds("server", chain.server_ini, "unknown key 'db_hots'", "did you mean")
        chain = self.chain_of(server={"database": {"db_host": ""}})
        self.finds("server", chain.server_ini, "db_host: name the database's host")
        chain = self.chain_of(
            server={"logging": {"log_to_file": "/nowhere/at/all.log"}, "tls": {"tls_cert": "/x"}}
        )
        self.finds("server", chain.server_ini, "there is no folder /nowhere/at", "mkdir -p", "/x")
        chain = self.chain_of()
        chain.server_ini.write_bytes(b"\xef\xbb\xbf[server\n")
        self.finds("server", chain.server_ini, "acra-server.ini")

    def test_certificates(self):
        for options, words in (
            ({"days": -2, "hosts": ("localhost",)}, ("expired on", "acra-certs --renew")),
            ({"begins_in": 3, "hosts": ("localhost",)}, ("is valid from", "set the clock")),
            ({}, ("extendedKeyUsage = serverAuth",)),
        ):
            certificate, key = self.authority.issue("wrong server", **options)
            tls = {"tls_cert": str(certificate), "tls_key": str(key)}
            self.finds("server", self.chain_of({"tls": tls}).server_ini, "CN=wrong server", *words)
        certificate, key = self.authority.issue("server alone", hosts=("x",), server_only=True)
        tls = {"tls_cert": str(certificate), "tls_key": str(key)}
        chain = self.chain_of(connector={"tls": tls})
        self.finds("connector", chain.connector_ini, "clientAuth")
        exchanged = {"tls_cert": str(key), "tls_key": str(certificate)}
        chain = self.chain_of({"tls": exchanged})
        self.finds("server", chain.server_ini, "it holds a key: are the two exchanged?")
        other = self.authority.issue("other", hosts=("x",))[1]
        chain = self.chain_of({"tls": {"tls_key": str(other)}})
        self.finds("server", chain.server_ini, "not the key of the certificate")

    def test_keys(self):
        chain = self.chain_of(link="secure-session")
        ini, folder = chain.server_ini, chain.folder
        code, text = self.ask("server", ini)
        self.assertEqual(code, 0, text)
        self.assertIn("of shop application", text)
        public = folder / "acrakeys" / "shop application.pub"
        hidden = public.rename(folder / "hidden.pub")
        self.finds("server", ini, "copy the connector's shop application.pub there", status=0)
        hidden.rename(public)
        (folder / "other.key").write_bytes(bytes(range(32)))
        (folder / "other.key").chmod(0o600)
        chain = self.chain_of(
            {"keystore": {"master_key_file": str(folder / "other.key")}}, link="secure-session"
        )
        self.finds("server", chain.server_ini, "FAIL  settings:", "master")
        chain = self.chain_of(link="secure-session")
        readable = next((chain.folder / "acrakeys").glob("*_server"))
        readable.chmod(0o644)
        self.finds("server", chain.server_ini, f"chmod 600 '{readable}'")

    def test_a_signed_log_that_was_changed(self):
        log = {"log_to_file": str(self.folder / "signed.log"), "audit_log_enable": "true"}
        chain = self.chain_of({"logging": log}, link="secure-session")
        keys = [
            "--keystore=v1",
            "--generate_log_key",
            f"--keys_output_dir={chain.folder / 'acrakeys'}",
        ]
        keys.append(f"--master_key_file={chain.folder / 'master.key'}")
        subprocess.run([str(Path(DOCTOR).with_name("acra-keymaker")), *keys], check=True)
        path = self.folder / "signed.log"
        with chain:
            eventually(lambda: "Start listening" in path.read_text(), "the log has begun")
        self.finds("server", chain.server_ini, "ok    signed log:", status=0)
        path.write_text(path.read_text().replace("Start listening", "Start l1stening"))
        self.finds("server", chain.server_ini, "FAIL  signed log:", "this line was changed")

    def test_secrets_that_others_can_read(self):
        chain = self.chain_of({"tracing": {"lightstep_access_token": "s3cret"}})
        chain.server_ini.chmod(0o644)
        code, text = self.ask("server", chain.server_ini)
        self.assertIn(f"chmod 600 {chain.server_ini}", text)
        self.assertNotIn("s3cret", text)

    # -- this machine -----------------------------------------------------------------------------

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            address = f"tcp://127.0.0.1:{port}"
            for section, option in (
                ("server", "incoming_connection_string"),
                ("metrics", "incoming_connection_prometheus_metrics_string"),
            ):
                chain = self.chain_of({section: {option: address}})
                text = self.finds("server", chain.server_ini, f"cannot listen on {address}")
                self.assertIn(f"(process {os.getpid()}", text)
        api = {"http_api_enable": "true", "incoming_connection_api_string": "tcp://192.0.2.1:9090"}
        chain = self.chain_of({"api": api})
        self.finds("server", chain.server_ini, "incoming_connection_api_string: cannot listen on")

    def test_a_unix_socket_stays_away(self):
        path = self.folder / "acra.sock"
        server = {"server": {"incoming_connection_string": f"unix://{path}"}}
        self.finds("server", self.chain_of(server).server_ini, f"unix://{path} is free", status=0)
        self.assertFalse(path.exists())

    # -- the other end ----------------------------------------------------------------------------

    def test_the_database(self):
        chain = self.chain_of(database=("127.0.0.1", free_port()))
        self.finds("server", chain.server_ini, "connection refused", "db_host and db_port")
        chain = self.chain_of(database=("no.such.host.invalid", 5432))
        text = self.finds("server", chain.server_ini, "cannot be resolved", "db_host")
        self.assertIn("no.such.host.invalid:5432", text)
        with speaking(b"J\0\0\0\x0a8.0.33\0" + bytes(70)) as port:
            chain = self.chain_of(database=("127.0.0.1", port))
            self.finds("server", chain.server_ini, "MySQL")
        with speaking(b"") as port:
            chain = self.chain_of(database=("127.0.0.1", port))
            self.finds("server", chain.server_ini, "FAIL  database:", "speaks HTTP")
        chain = self.chain_of({"database": {"db_tls": "require"}})
        self.finds("server", chain.server_ini, "does not offer TLS")

    def test_a_database_with_tls(self):
        postgres = tls_postgres(self.authority)
        self.addCleanup(postgres.remove)
        postgres.start()
        database = ("127.0.0.1", postgres.port)
        require = {"database": {"db_tls": "require"}}
        chain = self.chain_of(require, database=database)
        text = self.finds("server", chain.server_ini, "with TLS", "asks who logs in", status=0)
        self.assertIn("its certificate (CN=postgres", text)
        other = type(self.authority)(Path(tempfile.mkdtemp(dir=self.folder)), "Another CA")
        tls = {"tls_database_ca": str(other.path)}
        chain = self.chain_of(merge(require, {"tls": tls}), database=database)
        self.finds("server", chain.server_ini, "its CA must be in tls_database_ca")
        name = {"tls_database_sni": "db.example"}
        chain = self.chain_of(merge(require, {"tls": name}), database=database)
        self.finds("server", chain.server_ini, "not for db.example", "tls_database_sni")

    def test_the_link(self):
        chain = self.chain_of()
        self.finds("connector", chain.connector_ini, "connection refused", "is it running")
        with chain:
            other = type(self.authority)(Path(tempfile.mkdtemp(dir=self.folder)), "Another CA")
            strange, key = other.issue("a stranger")
            mistakes = {
                "its CA must be in tls_ca": {"tls": {"tls_ca": str(other.path)}},
                "acra.example": {"tls": {"tls_acraserver_sni": "acra.example"}},
                "says: unknown ca": {"tls": {"tls_cert": str(strange), "tls_key": str(key)}},
                "hung up during the startup": {
                    "acraserver": {
                        "acraserver_tls_transport_enable": "false",
                        "acraserver_transport_encryption_disable": "true",
                    }
                },
            }
            there = {
                "acraserver_connection_string": f"tcp://127.0.0.1:{chain.server_port}",
            }
            for words, settings in mistakes.items():
                with self.subTest(words):
                    mine = self.chain_of(connector=merge({"acraserver": there}, settings))
                    self.finds("connector", mine.connector_ini, "FAIL  link:", words, "      -> ")
            pages = {"acraserver_connection_string": f"tcp://127.0.0.1:{chain.server_pages}"}
            mine = self.chain_of(connector={"acraserver": pages})
            self.finds("connector", mine.connector_ini, "another program listens there")

    def test_the_link_over_secure_session(self):
        chain = self.chain_of(link="secure-session")
        with chain:
            there = f"tcp://127.0.0.1:{chain.server_port}"
            tls = self.chain_of(connector={"acraserver": {"acraserver_connection_string": there}})
            self.finds("connector", tls.connector_ini, "FAIL  link:", "      -> ")
            other = self.chain_of(
                connector={"acraserver": {"acraserver_connection_string": there}},
                link="secure-session",
            )
            self.finds("connector", other.connector_ini, "FAIL  link:", "its log says why")
            mine = {"acraserver_connection_string": there, "client_id": "an unknown client"}
            unknown = self.chain_of(connector={"acraserver": mine}, link="secure-session")
            self.finds("connector", unknown.connector_ini, "an unknown client")
        self.finds("connector", chain.connector_ini, "connection refused")

    def test_a_server_whose_certificate_has_expired(self):
        certificate, key = self.authority.issue(
            "acra-server", hosts=("localhost", "127.0.0.1"), days=-2
        )
        tls = {"tls_cert": str(certificate), "tls_key": str(key)}
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        kept = [folder / path.name for path in (certificate, key)]
        for path, copy in zip((certificate, key), kept, strict=True):
            copy.touch(0o600)
            copy.write_bytes(path.read_bytes())
        tls = {"tls_cert": str(kept[0]), "tls_key": str(kept[1])}
        chain = self.chain_of({"tls": tls})
        with chain:
            self.finds("connector", chain.connector_ini, "FAIL  link:", "expired on", "clock")

    def test_spans_by_grpc_and_captures_in_no_folder(self):
        chain = self.chain_of({"tracing": {"otlp_endpoint": "http://127.0.0.1:4317"}})
        _, text = self.ask("server", chain.server_ini)
        self.assertIn("4317", text)
        stage = {"pipeline": {"stages": "query_capture"}}
        stage["stage:query_capture"] = {"filepath": "/nowhere/captured.jsonl"}
        chain = self.chain_of(stage)
        self.finds("server", chain.server_ini, "[stage:query_capture]", "/nowhere")

    def test_collectors(self):
        dead = f"http://127.0.0.1:{free_port()}/v1/traces"
        chain = self.chain_of({"tracing": {"otlp_endpoint": dead}})
        self.finds("server", chain.server_ini, "FAIL  collectors: ", "connection refused")
