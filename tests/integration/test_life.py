"""Beginning and end: bad settings, shutdown under load, lost peers, hostile clients."""

from __future__ import annotations

import functools
import json
import os
import select
import shlex
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import psycopg

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import (
    Daemon,
    free_port,
    processor_time,
    twistd,
)
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import StartupPacket
from tests.integration.base import (
    STARTUP,
    Surroundings,
    check_cancel,
    eventually,
    get,
    raw_session,
    tls_postgres,
    until_end,
)
from tests.support.daemons import metric
from tests.support.sessions import SYNC, TERMINATE, bind, execute, parse, query, ready, types


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def answer(port, first, *chunks):
    """All that is said to one who sends ``first``, each of ``chunks`` when something has been
    answered to what was before, and listens until the end."""
    with socket.create_connection(("127.0.0.1", port), 60) as raw:
        got = b""
        with suppress(ConnectionError):
            raw.sendall(first)
            for chunk in chunks:
                got += raw.recv(4096)
                raw.sendall(chunk)
            got += until_end(raw)
        return got


class Starting(Surroundings):
    def refused(self, chain, expected):
        code, _, errors = run(*twistd("acra-server", chain.server_ini))
        self.assertEqual(code, 1, errors)
        # The log, which is on the console here, has it as well.
        said = [line for line in errors.splitlines() if not line.startswith("{")]
        self.assertEqual(len(said), 1, errors)
        self.assertTrue(said[0].startswith("acra-server: "), errors)
        self.assertIn(expected, said[0])

    def unstarted(self, **sections):
        return Chain(("127.0.0.1", self.postgres.port), folder=self.folder, server=sections)

    def test_one_clear_line(self):
        for sections, expected in (
            ({"database": {"db_hots": "x"}}, "did you mean 'db_host'?"),
            ({"databas": {"db_host": "x"}}, "unknown section [databas]"),
            ({"database": {"db_port": "0"}}, "db_port"),
            ({"tls": {"tls_ca": "/nowhere"}}, "cannot read /nowhere"),
            ({"pipeline": {"stages": "query_captur"}}, "did you mean 'query_capture'?"),
            ({"pipeline": {"stages": "query_capture"}}, "filepath"),
            ({"logging": {"log_to_file": "/nowhere/x"}}, "cannot write /nowhere/x"),
        ):
            with self.subTest(expected):
                self.refused(self.unstarted(**sections), expected)

    def test_pk4_a_line_for_each_mistake(self):
        chain = self.unstarted(database={"db_hots": "x", "db_port": "0"}, tls={"tls_auth": "9"})
        code, _, errors = run(*twistd("acra-server", chain.server_ini, "--check_config"))
        self.assertEqual(code, 1)
        lines = errors.splitlines()
        self.assertEqual(len(lines), 3, errors)
        for line, expected in zip(lines, ("db_port", "db_hots", "tls_auth"), strict=True):
            self.assertTrue(line.startswith("acra-server: "), line)
            self.assertIn(expected, line)

    def test_ports_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            chain = self.unstarted(server={"incoming_connection_string": address})
            self.refused(chain, "another program listens there")

    def test_tl12_a_key_that_others_can_read(self):
        chain = self.unstarted()
        os.chmod(self.folder / "acra-server.key", 0o644)
        self.refused(chain, "chmod 600")

    def test_help_check_and_dump(self):
        chain = self.unstarted()
        for plugin, ini in (
            ("acra-server", chain.server_ini),
            ("acra-connector", chain.connector_ini),
        ):
            code, shown, _ = run(*twistd(plugin, ini, "--help"))
            self.assertEqual((code, "--config_file" in shown), (0, True))
            code, shown, _ = run(*twistd(plugin, ini, "--check-config"))
            self.assertEqual((code, shown), (0, f"{plugin}: the configuration is fine\n"))
            code, shown, _ = run(*twistd(plugin, ini, "--dump_config"))
            dumped = ini.with_suffix(".dumped.ini")
            dumped.write_text(shown)
            self.assertEqual(run(*twistd(plugin, dumped, "--check_config"))[0], code)

    def test_acra_command_lines_move_over(self):
        command = twistd("acra-server", self.unstarted().server_ini)[:2]
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        keys = Keys(folder, "an app id")
        flags = [
            "-db_host=127.0.0.1",
            f"--db_port={self.postgres.port}",
            "--client_id=an app id",
            "-acraconnector_transport_encryption_disable=true",
            "--tls_auth=0",
            f"--keys_dir={keys.path}",
            "--keystore_cache_size=-1",
            "--poison_detect_enable=true",
            f"--master_key_file={keys.master_key_file}",
        ]
        code, shown, errors = run(*command, "acra-server", *flags, "--check_config")
        self.assertEqual((code, shown), (0, "acra-server: the configuration is fine\n"), errors)


class Ending(Surroundings):
    def test_sigterm_under_load_loses_no_acknowledged_statement(self):
        # Nobody waits for the end of that.
        close = {"incoming_connection_close_timeout": "300"}
        chain = self.chain(server={"server": close}, connector={"connector": close})
        with self.connect(chain) as db:
            db.execute("CREATE TABLE counted (client int, number int)")
        idle = self.connect(chain)
        acknowledged = [0] * 6
        errors = []

        def load(client):
            try:
                with self.connect(chain) as db:
                    while True:
                        number = acknowledged[client] + 1
                        db.execute("INSERT INTO counted VALUES (%s, %s)", (client, number))
                        acknowledged[client] = number
            except psycopg.Error as error:
                errors.append(error)

        threads = [threading.Thread(target=load, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        eventually(lambda: min(acknowledged) > 20, "the load runs")
        server, connector = chain.server, chain.connector
        server.send(signal.SIGTERM)
        self.assertEqual(server.wait(60), 0)
        connector.send(signal.SIGTERM)
        self.assertEqual(connector.wait(60), 0)
        for thread in threads:
            thread.join(20)
        self.assertEqual(len(errors), 6)
        # Without a state: the statement crossed the end of its session on the way.
        self.assertLessEqual({error.sqlstate for error in errors}, {"57P01", None})
        # Who had nothing on the way is told for certain.
        with self.assertRaises(psycopg.errors.AdminShutdown):
            idle.execute("SELECT 1")
        idle.close()
        with psycopg.connect(
            host="127.0.0.1", port=self.postgres.port, user="postgres", dbname="postgres"
        ) as direct:
            rows = direct.execute("SELECT client, count(*) FROM counted GROUP BY client").fetchall()
        for client, count in rows:
            self.assertGreaterEqual(count, acknowledged[client])

    def test_idle_sessions_are_told_at_shutdown(self):
        chain = self.chain(link="none")
        db = self.connect(chain)
        chain.server.send(signal.SIGTERM)
        self.assertEqual(chain.server.wait(60), 0)
        with self.assertRaises(psycopg.errors.AdminShutdown):
            db.execute("SELECT 1")
        db.close()

    def test_a_transaction_is_cut_after_the_close_timeout(self):
        close = {"server": {"incoming_connection_close_timeout": "1"}}
        chain = self.chain(link="none", server=close)
        db = self.connect(chain)
        db.execute("BEGIN")
        began = time.monotonic()
        chain.server.send(signal.SIGTERM)
        self.assertEqual(chain.server.wait(60), 0)
        self.assertGreater(time.monotonic() - began, 0.9)
        with self.assertRaises(psycopg.errors.AdminShutdown):
            db.execute("SELECT 1")
        db.close()

    def test_a_restart_of_the_database_gives_postgresqls_own_error(self):
        chain = self.chain()
        db = self.connect(chain)
        self.postgres.stop()
        with self.assertRaises(psycopg.errors.AdminShutdown):
            db.execute("SELECT 1")
        db.close()
        with self.assertRaisesRegex(psycopg.OperationalError, "could not connect to the database"):
            self.connect(chain)
        self.postgres.start()
        with self.connect(chain) as again:
            self.assertEqual(again.execute("SELECT 1").fetchone(), (1,))

    def test_a_busy_daemon_sleeps_while_nobody_talks(self):
        busy = {"busy_poll": "100"}
        chain = self.chain(server={"server": busy}, connector={"connector": busy})
        with self.connect(chain) as db:
            for number in range(500):
                self.assertEqual(db.execute("SELECT %s", (number,)).fetchone(), (number,))
            for daemon in (chain.server, chain.connector):
                before = processor_time(daemon.pid)
                time.sleep(1)
                self.assertLess(processor_time(daemon.pid) - before, 0.3)

    def test_ds8_a_client_that_vanishes_leaves_nothing(self):
        chain = self.chain(link="none")
        with self.connect(chain) as db:
            raw = socket.create_connection(("127.0.0.1", chain.port))
            raw.sendall(StartupPacket(0, {b"user": b"postgres"}).encode())
            time.sleep(0.5)
            raw.sendall(frames.message(b"Q", b"SELECT pg_sleep(0.5)\0"))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raw.close()
            open_ones = "acra_open_connections 1.0"
            eventually(lambda: open_ones in get(chain.server_pages, "/metrics"), "it is gone")
            count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            eventually(lambda: db.execute(count).fetchone() == (1,), "the database's end too")


class Unreachable(Surroundings):
    """cl-8 and the connector's part in errors."""

    def test_no_server(self):
        chain = Chain(("127.0.0.1", 1), folder=self.folder, authority=self.authority)
        connector = Daemon(twistd("acra-connector", chain.connector_ini), self.folder / "lone.log")
        self.addCleanup(connector.stop)
        connector.wait_until_it_serves()
        for sslmode in ("disable", "prefer"):
            with self.assertRaisesRegex(
                psycopg.OperationalError, "could not connect to AcraServer"
            ):
                self.connect(chain, sslmode=sslmode)
        eventually(lambda: '"code": 534' in connector.output(), "the event")
        self.assertIn('acra_events_total{code="534"}', get(chain.connector_pages, "/metrics"))

    def test_tl2_tl3_certificates(self):
        chain = self.chain()
        stranger = Authority(self.make_folder())
        certificate, key = stranger.issue("acra-connector")
        own = chain.authority
        # Certificate, key, CA; what the server says of it, and what the connector says.
        cases = {
            "a stranger's": (certificate, key, own.path, "another CA of the same name", "says:"),
            "an expired one": (
                *own.issue("expired", days=-2),
                own.path,
                "its certificate (CN=expired,O=Sandbox) expired on",
                "says: certificate expired",
            ),
            "one of tomorrow": (
                *own.issue("early", begins_in=1),
                own.path,
                "the clock here says",
                "early.pem (CN=early,O=Sandbox) is valid from",
            ),
            "one for servers": (
                *own.issue("server", hosts=("x",), server_only=True),
                own.path,
                "its extended key usage lacks clientAuth",
                "says: unsupported certificate",
            ),
            "a CA we do not know": (
                *own.issue("fine"),
                stranger.path,
                "says: unknown ca",
                "another CA of the same name",
            ),
        }
        for name, (certificate, key, ca, server_says, connector_says) in cases.items():
            with self.subTest(name):
                other = Chain(
                    ("127.0.0.1", 1),
                    folder=self.make_folder(),
                    connector={
                        "acraserver": {
                            "acraserver_connection_string": f"tcp://127.0.0.1:{chain.server_port}"
                        },
                        "tls": {"tls_ca": ca, "tls_cert": certificate, "tls_key": key},
                    },
                )
                connector = Daemon(
                    twistd("acra-connector", other.connector_ini), other.folder / "c.log"
                )
                self.addCleanup(connector.stop)
                connector.wait_until_it_serves()
                with self.assertRaises(psycopg.OperationalError):
                    self.connect(other)
                for said, daemon in ((server_says, chain.server), (connector_says, connector)):
                    eventually(lambda s=said, d=daemon: s in d.output(), f"{daemon}: {said}")
        # The server may hear of the last one after its client has given up.
        eventually(lambda: chain.server.output().count('"code": 538') >= 5, "five are told of")
        self.assertNotIn("Session started", chain.server.output())

    def make_folder(self):
        import tempfile
        from pathlib import Path

        return Path(tempfile.mkdtemp(dir=self.folder))

    def test_the_wrong_name(self):
        sni = {"tls": {"tls_acraserver_sni": "elsewhere.example"}}
        chain = self.chain(connector=sni)
        with self.assertRaisesRegex(
            psycopg.OperationalError, "its certificate is for another name"
        ):
            self.connect(chain)
        for said in ("and not for elsewhere.example", "set tls_acraserver_sni"):
            eventually(lambda said=said: said in chain.connector.output(), said)
        eventually(lambda: "says: bad certificate" in chain.server.output(), "it is told")


class DatabaseTLS(Surroundings):
    @classmethod
    def make_postgres(cls):
        return tls_postgres(cls.authority)

    def test_tl2_the_databases_certificate(self):
        database = {"db_tls": "require"}
        stranger = Authority(self.folder / "s") if (self.folder / "s").mkdir() is None else None
        for tls, expected in (
            ({"tls_database_ca": stranger.path}, "another CA of the same name"),
            (
                {"tls_database_ca": self.authority.path, "tls_database_sni": "db.example"},
                "and not for db.example",
            ),
        ):
            chain = self.chain(link="none", server={"database": database, "tls": tls})
            with self.assertRaisesRegex(psycopg.OperationalError, "could not connect to the data"):
                self.connect(chain)
            eventually(lambda c=chain, e=expected: e in c.server.output(), expected)

    def test_unverified_only_with_a_warning(self):
        tls = {"tls_database_auth": "0"}
        chain = self.chain(link="none", server={"database": {"db_tls": "require"}, "tls": tls})
        with self.connect(chain) as db:
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
        self.assertIn("is not verified", chain.server.output())


class Parting(Surroundings):
    """A client that asks, says Terminate in the same breath, and waits for its answers."""

    LAST = (
        query(b"SELECT pg_sleep(0.1)") + query(b"SELECT repeat('x', 100000)"),
        query(b"BEGIN") + query(b"SELECT 1"),
        query(b"SELECT 1/0"),
        parse(b"", b"SELECT 1") + bind(b"", b"") + execute() + SYNC,
        query(b"COPY (SELECT generate_series(1, 1000)) TO STDOUT"),
    )

    def last(self, port, data):
        """Return the answer to ``data`` and Terminate, once the database has got ready."""
        with raw_session(port) as raw:
            raw.sendall(data + TERMINATE)
            return until_end(raw)

    def test_it_is_answered_as_by_the_database(self):
        for link in ("none", "tls", "secure-session"):
            keys = Keys(self.folder, "client") if link == "secure-session" else None
            chain = self.chain(link=link, authority=self.authority, keys=keys)
            for data in self.LAST:
                with self.subTest(link=link, data=data[:30]):
                    expected = self.last(self.postgres.port, data)
                    self.assertIn(ready()[:5], expected)
                    self.assertEqual(self.last(chain.port, data), expected)
            with self.subTest(link=link, data="before it is ready"):
                expected = types(answer(self.postgres.port, STARTUP + TERMINATE))
                self.assertEqual(expected[:1] + expected[-1:], "RZ")
                self.assertEqual(types(answer(chain.port, STARTUP + TERMINATE)), expected)

    def test_one_that_does_not_wait_leaves_nothing_behind(self):
        chain = self.chain(link="none")
        sessions = functools.partial(metric, chain.server_pages, "acra_sessions")
        with raw_session(chain.port) as raw:
            raw.sendall(query(b"SELECT pg_sleep(600)") + TERMINATE)
            self.assertEqual(sessions(), 1)
        eventually(lambda: sessions() == 0, "it is over")


class Hostile(Surroundings):
    """Raw sockets against the listener."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = cls.chain(link="none", server={"server": {"handshake_timeout": "2"}})

    def answer(self, *chunks):
        return answer(self.target.port, *chunks)

    def alive(self):
        with self.connect(self.target) as db:
            return db.execute("SELECT 1").fetchone() == (1,)

    def test_st1_st2_stuffed_requests(self):
        startup = StartupPacket(0, {b"user": b"postgres"}).encode()
        self.assertEqual(self.answer(frames.SSL_REQUEST_PACKET + startup), b"")
        # One segment later it is handed to TLS, which it is not.
        got = self.answer(frames.SSL_REQUEST_PACKET, startup)
        self.assertTrue(got.startswith(b"S"))
        self.assertNotIn(b"R", got[1:2])
        self.assertTrue(self.alive())

    def test_st7_st15_garbage(self):
        for data in (
            b"\0\0\0\0\0\3\0\0",
            b"\xff" * 8,
            b"GET / HTTP/1.0\r\n\r\n",
            os.urandom(1 << 20),
        ):
            self.assertEqual(self.answer(data), b"")
        self.assertTrue(self.alive())

    def test_st11_old_protocols(self):
        packet = (16).to_bytes(4, "big") + (2 << 16).to_bytes(4, "big") + b"x" * 8
        self.assertIn(b"C08P01", self.answer(packet))

    def test_rl1_silence(self):
        quiet = [socket.create_connection(("127.0.0.1", self.target.port)) for _ in range(50)]
        self.assertTrue(self.alive())
        for raw in quiet:
            raw.settimeout(60)
            try:
                self.assertEqual(raw.recv(1), b"")
            except ConnectionResetError:
                pass
            raw.close()

    def test_fr2_an_announced_gigabyte(self):
        startup = StartupPacket(0, {b"user": b"postgres"}).encode()
        got = self.answer(startup, b"Q\x7f\xff\xff\xff0123456789")
        self.assertIn(b"C08P01", got)
        with raw_session(self.target.port) as raw:
            # What PostgreSQL would wait for is refused at once, and left out as it comes.
            raw.sendall(b"Q\x3f\xff\xff\xff0123456789")
            self.assertIn(b"C54000", raw.recv(4096))
        self.assertTrue(self.alive())

    def test_cl4_contexts(self):
        startup = StartupPacket(0, {b"user": b"postgres"}).encode()
        blob = bytes.fromhex("0000463ac35c9f6413ad48485a3953bb612401002000000000000102") + b"\1"
        for context in (
            b"",
            b"\0\0\0\0",
            b"\x1d\0\0\0" + blob,
            b"\x1c\0\0\0" + blob[:-1],
            b"\x1e\0\0\0" + blob + b"x",
            b"\x1d\0\0\0" + b"\1" + blob[1:],
            b"\x1d\0\0\0" + b"\xff" * 29,
            b"\x1d\0\0\0" + b"\0" * 29,
        ):
            got = self.answer(context + startup, frames.message(b"X", b""))
            self.assertEqual(got[:1], b"R", context)
        self.assertIn(b"C08P01", self.answer((10 << 20).to_bytes(4, "little") + startup))

    def test_st17_wrong_cancel_keys_get_no_answer(self):
        for key in (b"abcd", b"k" * 32, b"k" * 300):
            self.assertEqual(self.answer(frames.CancelRequest(1, key).encode()), b"")


class Limits(Surroundings):
    def test_rl2_too_many_connections(self):
        chain = self.chain(link="none", server={"server": {"max_connections": "2"}})
        first, second = self.connect(chain), self.connect(chain)
        with self.assertRaisesRegex(psycopg.OperationalError, "too many clients already"):
            self.connect(chain)
        first.close()
        third = eventually(lambda: self.try_connect(chain), "a slot is free")
        second.close()
        third.close()

    def try_connect(self, chain):
        try:
            return self.connect(chain)
        except psycopg.OperationalError:
            return None

    def test_rl5_idle_sessions(self):
        database = {"database": {"session_idle_timeout": "1"}}
        chain = self.chain(link="none", server=database)
        db = self.connect(chain)
        # What it is told as its end can be read.
        self.assertTrue(select.select([db.fileno()], [], [], 60)[0])
        with self.assertRaises(psycopg.OperationalError):
            db.execute("SELECT 1")
        db.close()

    def test_rl3_a_client_that_reads_slowly_costs_bounded_memory(self):
        chain = self.chain()
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", chain.port))
        raw.sendall(StartupPacket(0, {b"user": b"postgres"}).encode())
        time.sleep(0.5)
        query = b"SELECT repeat('x', 1000) FROM generate_series(1, 200000)\0"
        raw.sendall(frames.message(b"Q", query))
        time.sleep(2)
        for process in (chain.server, chain.connector):
            with open(f"/proc/{process.pid}/status") as status:
                rss = next(line for line in status if line.startswith("VmRSS"))
            self.assertLess(int(rss.split()[1]), 150_000, "200 MB were not buffered")
        raw.close()

    def test_unix_sockets(self):
        path = self.folder / "app.sock"
        connector = {"connector": {"incoming_connection_string": f"unix://{path}"}}
        chain = self.chain(connector=connector)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        named = self.folder / f".s.PGSQL.{free_port()}"
        named.symlink_to(path)
        with self.connect(chain, host=str(self.folder), port=named.name.rpartition(".")[2]) as db:
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
        chain.stop()
        self.assertFalse(path.exists())


class Health(Surroundings):
    def test_rl6_readiness_turns_red_at_once(self):
        for link in ("none", "tls"):
            with self.subTest(link):
                close = {"incoming_connection_close_timeout": "300"}
                chain = self.chain(
                    link=link, server={"server": close}, connector={"connector": close}
                )
                daemon, pages = (
                    (chain.server, chain.server_pages)
                    if link == "none"
                    else (chain.connector, chain.connector_pages)
                )
                self.assertEqual(get(pages, "/readyz"), "ok\n")
                with self.connect(chain, autocommit=False) as db:
                    db.execute("SELECT 1")
                    os.kill(daemon.pid, signal.SIGTERM)
                    eventually(lambda pages=pages: self.status(pages, "/readyz") == 503, "red")
                    self.assertEqual(self.status(pages, "/healthz"), 200)
                    # The transaction goes on to its end.
                    self.assertEqual(db.execute("SELECT 2").fetchone(), (2,))
                    db.commit()

    @staticmethod
    def status(pages, path):
        try:
            get(pages, path)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        return 200


class Reloading(Surroundings):
    """SIGHUP under load: what can be used is used from then on, what cannot changes nothing."""

    def test_tl7_rl7_certificates_and_rules(self):
        rules = self.folder / "rules.yaml"
        rules.write_text(denying("before"))
        chain = self.chain(server={"censor": {"acracensor_config_file": str(rules)}})
        stop, failed, served = threading.Event(), [], []

        def client():
            try:
                with self.connect(chain) as db:
                    while not stop.is_set():
                        served.append(db.execute("SELECT 1").fetchone())
            except psycopg.Error as error:
                failed.append(error)

        threads = [threading.Thread(target=client) for _ in range(3)]
        for thread in threads:
            thread.start()
        first = self.serial(chain)
        certificate, key = chain.authority.issue("acra-server", hosts=("localhost", "127.0.0.1"))
        rules.write_text(denying("after"))
        self.reload(chain, "Certificates were read anew", 1)
        # Rules are read behind them.
        self.said(chain, '"Read anew"', 1)
        second = self.serial(chain)
        self.assertNotEqual(first, second)
        with self.connect(chain) as db:
            db.execute("SELECT 1 AS before")
            with self.assertRaisesRegex(psycopg.Error, "AcraCensor"):
                db.execute("SELECT 1 AS after")
        # A key of another certificate, and rules that are none.
        key.write_bytes(chain.authority.issue("other")[1].read_bytes())
        rules.write_text("handlers: [{handler: nonsense}]")
        self.reload(chain, "Cannot read anew; what was in force stays in force", 2)
        self.assertEqual(self.serial(chain), second)
        with self.connect(chain) as db, self.assertRaisesRegex(psycopg.Error, "AcraCensor"):
            db.execute("SELECT 1 AS after")
        before = len(served)
        eventually(lambda: len(served) > before, "sessions go on")
        stop.set()
        for thread in threads:
            thread.join(20)
        self.assertEqual(failed, [])

    def test_an_expired_certificate_that_is_read_anew_is_told_of(self):
        chain = self.chain()
        with self.connect(chain) as db:
            chain.authority.issue("acra-server", hosts=("localhost", "127.0.0.1"), days=-1)
            self.reload(chain, "expired on", 1)
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
        # Who connects learns it, too, and so does the server.
        with self.assertRaisesRegex(psycopg.OperationalError, "its certificate has expired"):
            self.connect(chain)
        expired = "(CN=acra-server,O=Sandbox) expired on"
        eventually(lambda: expired in chain.connector.output(), expired)
        eventually(lambda: "says: certificate expired" in chain.server.output(), "it is told")

    def reload(self, chain, expected, times):
        os.kill(chain.server.pid, signal.SIGHUP)
        self.said(chain, expected, times)

    @staticmethod
    def said(chain, expected, times):
        log = chain.folder / "acra-server.log"
        eventually(lambda: log.read_text().count(expected) == times, expected)

    @staticmethod
    def serial(chain):
        """Return the serial of the certificate that the server shows to a new connection."""
        context = ssl.create_default_context(cafile=chain.authority.path)
        connector = chain.folder / "acra-connector"
        context.load_cert_chain(f"{connector}.pem", f"{connector}.key")
        plain = socket.create_connection(("127.0.0.1", chain.server_port), 60)
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            return tls.getpeercert()["serialNumber"]


def denying(word):
    handlers = [{"handler": "deny", "patterns": [], "queries": [f"SELECT 1 AS {word}"]}]
    return json.dumps({"version": "0.85.0", "handlers": handlers})


class Several(Surroundings):
    """Processes that share a port: all serve, and each passes a cancel on to its session."""

    def test_two(self):
        first = self.chain(
            link="none", server={"server": {"incoming_connection_reuse_port": "true"}}
        )
        second, more_pages = first.one_more()
        self.addCleanup(second.stop)
        sessions = [self.connect(first) for _ in range(24)]
        for db in sessions:
            self.addCleanup(db.close)

        def spread():
            pages = (
                json.loads(get(port, "/debug/sessions?format=json"))
                for port in (first.server_pages, more_pages)
            )
            return [len(page["sessions"]) for page in pages]

        self.assertEqual(sum(spread()), 24)
        self.assertGreater(min(spread()), 0)
        with self.direct() as other:
            for db in sessions[:6]:
                check_cancel(db, db.cancel, other)
        self.assertEqual(second.stop(), 0)
        lost = 0
        for db in sessions:
            try:
                db.execute("SELECT 1")
            except psycopg.OperationalError:
                lost += 1
        self.assertTrue(0 < lost < 24)
        for _ in range(10):
            with self.connect(first) as db:
                self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))


class Restarting(Surroundings):
    """A service manager keeps the socket, as systemd does: restarts refuse nobody."""

    def test_rl8_no_connection_is_refused(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.addCleanup(listener.close)
        port = listener.getsockname()[1]
        chain = Chain(
            ("127.0.0.1", self.postgres.port),
            link="none",
            folder=Path(tempfile.mkdtemp(dir=self.folder)),
            server={"server": {"incoming_connection_string": f"tcp://127.0.0.1:{port}"}},
        )
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.bind(str(chain.folder / "notify"))
        told.settimeout(60)
        stop, failed, served = threading.Event(), [], []

        def client():
            while not stop.is_set():
                try:
                    where = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
                    with psycopg.connect(f"{where} sslmode=disable connect_timeout=20") as db:
                        served.append(db.execute("SELECT 1").fetchone())
                except psycopg.OperationalError as error:
                    failed.append(str(error))

        threads = [threading.Thread(target=client) for _ in range(3)]
        daemon = self.start(chain, listener, told)
        for thread in threads:
            thread.start()
        for _ in range(2):
            time.sleep(0.5)
            before = len(served)
            daemon.send_signal(signal.SIGTERM)
            self.assertEqual(told.recv(100), b"STOPPING=1")
            self.assertEqual(daemon.wait(60), 0)
            daemon = self.start(chain, listener, told)
            eventually(lambda before=before: len(served) > before, "clients are served again")
        eventually(lambda: len(served) > 10, "many are served")
        stop.set()
        for thread in threads:
            thread.join(30)
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(60), 0)
        # Sessions that ran when it was stopped have ended; nobody who came was turned away.
        self.assertEqual([error for error in failed if "refused" in error], [])

    def test_sockets_without_names(self):
        """Not every activator gives LISTEN_FDNAMES; systemd-socket-activate does not."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        port = listener.getsockname()[1]
        chain = Chain(
            ("127.0.0.1", self.postgres.port),
            link="none",
            folder=Path(tempfile.mkdtemp(dir=self.folder)),
            server={"server": {"incoming_connection_string": f"tcp://127.0.0.1:{port}"}},
        )
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.bind(str(chain.folder / "notify"))
        told.settimeout(60)
        daemon = self.start(chain, listener, told, {})
        where = f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable"
        with psycopg.connect(where, connect_timeout=20) as db:
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(20), 0)

    def start(self, chain, listener, told, names=MappingProxyType({"LISTEN_FDNAMES": "acra"})):
        # The child's own id is known only in the child: a shell says it, and becomes the daemon.
        command = shlex.join(twistd("acra-server", chain.server_ini))
        daemon = subprocess.Popen(
            bound(
                ["bash", "-c", f"export LISTEN_PID=$$; exec 3<&{listener.fileno()}; exec {command}"]
            ),
            pass_fds=(listener.fileno(),),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "LISTEN_FDS": "1",
                **names,
                "NOTIFY_SOCKET": told.getsockname(),
            },
        )
        self.addCleanup(daemon.kill)
        self.assertEqual(told.recv(100), b"READY=1")
        return daemon
