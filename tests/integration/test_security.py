"""Requirements of docs/security.rst that need real servers and have no better place."""

from __future__ import annotations

import os
import pwd
import re
import resource
import signal
import socket
import statistics
import threading
import time

import psycopg

from acra_twisted.sandbox.processes import accepts, free_port, processor_time, resident
from acra_twisted.wire.postgres.frames import StartupPacket
from tests.integration.base import Surroundings, eventually, get
from tests.support.daemons import WATCHED, defects, metric
from tests.support.playbook import Playbook
from tests.support.sessions import (
    FLUSH,
    SYNC,
    bind,
    close,
    describe,
    execute,
    message,
    messages,
    parse,
    query,
    types,
)


class Tracing(Surroundings):
    def test_cl5_one_end_traces_and_the_other_does_not(self):
        on, off = ({"tracing": {"tracing_sampler": name}} for name in ("always", "never"))
        for server, connector in ((on, off), (off, on), (off, off)):
            for scope in ("connection", "request"):
                with self.subTest((server, connector, scope)):
                    chain = self.chain(
                        server=server,
                        connector={"tracing": {**connector["tracing"], "tracing_scope": scope}},
                    )
                    with self.connect(chain, prepare_threshold=0) as db:
                        for number in range(5):
                            row = db.execute("SELECT %s::int", (number,)).fetchone()
                            self.assertEqual(row, (number,))
                    chain.stop()
                    self.assertEqual(defects(chain.folder / "acra-server.log"), [])


class Identities(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.linked = cls.chain(link="none", server={"logging": {"v": "true"}})

    def test_au7_what_a_client_says_of_itself_is_not_believed(self):
        with self.connect(self.postgres) as db:
            db.execute('CREATE ROLE "another client" LOGIN SUPERUSER')
        with self.connect(
            self.linked,
            user="another client",
            application_name="another client",
            options="-c search_path=public",
        ) as db:
            db.execute("/* client_id='another client' */ SELECT 1")
            page = get(self.linked.server_pages, "/debug/sessions?format=json")
        self.assertIn('"client_id": "sandbox application"', page)
        self.assertNotIn('"client_id": "another client"', page)

    def test_cl6_only_certain_users(self):
        own = pwd.getpwuid(os.getuid()).pw_name
        for users, allowed in ((own, True), ("99999", False)):
            for address in ("", f"unix://{self.folder}/{users}.sock"):
                connector = {"allowed_users": users}
                if address:
                    connector["incoming_connection_string"] = address
                with self.subTest((users, address)):
                    chain = self.chain(connector={"connector": connector})
                    where = {}
                    if address:
                        named = self.folder / f".s.PGSQL.{free_port()}"
                        named.symlink_to(address.removeprefix("unix://"))
                        port = named.name.rpartition(".")[2]
                        where = {"host": str(self.folder), "port": port}
                    if allowed:
                        with self.connect(chain, **where) as db:
                            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
                    else:
                        with self.assertRaisesRegex(psycopg.OperationalError, "may not connect"):
                            self.connect(chain, **where)
                        self.assertEqual(metric(chain.server_pages, "acra_sessions"), 0)

    def test_au8_nothing_crosses_from_one_session_to_another(self):
        with self.connect(self.linked) as one, self.connect(self.linked) as other:
            one.execute("SET application_name = 'one'")
            one.execute("PREPARE mine AS SELECT 1")
            one.execute("CREATE TEMP TABLE own (id int)")
            self.assertNotEqual(
                one.execute("SELECT pg_backend_pid()").fetchone(),
                other.execute("SELECT pg_backend_pid()").fetchone(),
            )
            found = other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
            self.assertEqual(found, (0,))
            with self.assertRaises(psycopg.errors.UndefinedTable):
                other.execute("SELECT * FROM own")
            with self.assertRaises(psycopg.errors.InvalidSqlStatementName):
                other.execute("EXECUTE mine")


class Statements(Surroundings):
    """Our table of prepared statements against the database's own, after each step."""

    def setUp(self):
        self.play = Playbook(inspects=["statement", "parameters", "rows"])
        self.database = socket.create_connection(("127.0.0.1", self.postgres.port), 60)
        self.addCleanup(self.database.close)
        self.database.sendall(StartupPacket(0, {b"user": b"postgres"}).encode())
        self.until_ready()

    def until_ready(self, times=1):
        """Return the database's bytes up to so many ReadyForQuery."""
        data = b""
        while data.count(b"Z\0\0\0\5") < times or data[-6:-1] != b"Z\0\0\0\5":
            data += self.database.recv(65536)
        return data

    def step(self, *requests):
        self.database.sendall(self.play.client(b"".join(requests)))
        reply = self.until_ready(requests.count(SYNC) or 1)
        return self.play.database(reply)

    def check(self, *names):
        # Past our flows: it is the database that is asked.
        self.database.sendall(query(b"SELECT name FROM pg_prepared_statements"))
        reply = self.until_ready()
        theirs = {body[6:] for kind, body in messages(reply) if kind == "D"}
        self.assertEqual(theirs, set(names))
        self.assertEqual(self.play.session.prepared.names(), set(names))

    def test_ds3_as_the_database_has_them(self):
        self.check()
        self.step(parse(b"a", b"SELECT 1"), parse(b"b", b"SELECT 2"), parse(b"", b"SELECT 3"), SYNC)
        self.check(b"a", b"b")
        # The same name again is an error, and leaves what was there.
        self.assertIn("E", types(self.step(parse(b"a", b"SELECT 9"), SYNC)))
        self.check(b"a", b"b")
        # One that fails, one that is never reached, and one after Sync.
        self.step(parse(b"c", b"SELECT nonsense from"), parse(b"d", b"SELECT 4"), SYNC)
        self.check(b"a", b"b")
        self.step(parse(b"c", b"SELECT 3"), SYNC, parse(b"d", b"SELECT 4"), SYNC)
        self.check(b"a", b"b", b"c", b"d")
        self.step(bind(b"p", b"a"), describe(b"P", b"p"), describe(b"S", b"b"), execute(b"p"), SYNC)
        self.step(close(b"S", b"b"), close(b"S", b"none"), close(b"P", b"p"), SYNC)
        self.check(b"a", b"c", b"d")
        self.step(query(b"DEALLOCATE c"))
        self.check(b"a", b"d")
        # As in PostgreSQL: a rolled back transaction keeps what was prepared in it.
        self.step(query(b"BEGIN"))
        self.step(parse(b"e", b"SELECT 5"), SYNC)
        self.step(query(b"ROLLBACK"))
        self.check(b"a", b"d", b"e")
        self.step(query(b"DISCARD ALL"))
        self.check()

    def test_ds3_suspended_portals(self):
        many = b"SELECT generate_series(1, 10)"
        limited = message(b"E", b"\0\0\0\0\3")
        self.database.sendall(
            self.play.client(parse(b"", many) + bind(b"", b"") + limited * 4 + SYNC)
        )
        reply = self.play.database(self.until_ready())
        self.assertEqual(types(reply), "12" + "DDDs" * 3 + "DC" + "Z")
        self.play.done()
        self.assertEqual(self.play.client(FLUSH), FLUSH)


class HostileCollector(threading.Thread):
    """Takes connections for spans and answers with what no collector should."""

    def __init__(self):
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._kept = []

    def run(self):
        answers = (b"", b"\xff" * 100_000, b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n")
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            answer = answers[self.connections % 3]
            self.connections += 1
            # The first kind is kept, and never read nor answered.
            self._kept.append(peer)
            if answer:
                try:
                    peer.sendall(answer)
                    peer.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join()
        for peer in self._kept:
            peer.close()


class Collectors(Surroundings):
    def test_ob4_a_hostile_collector_costs_the_data_path_nothing(self):
        hostile = HostileCollector()
        hostile.start()
        self.addCleanup(hostile.stop)
        chain = self.chain(
            link="none",
            server={
                "tracing": {
                    "tracing_sampler": "always",
                    "otlp_endpoint": f"http://127.0.0.1:{hostile.port}/v1/traces",
                    "tracing_interval": "0.1",
                    "tracing_queue_size": "500",
                },
                "logging": {"v": "false"},
            },
        )
        with self.connect(chain) as db:
            for number in range(300):
                db.execute(f"SELECT {number}")
            before = resident(chain.server.pid)
            for number in range(2000):
                self.assertEqual(db.execute(f"SELECT {number}").fetchone(), (number,))
        self.assertLess(resident(chain.server.pid) - before, 8 << 20)
        # What the exporter cannot take is not recorded to begin with, and counted.
        thinned = re.compile(r'acra_traces_total{decision="thinned"} [1-9]\d\d')
        eventually(lambda: thinned.search(get(chain.server_pages, "/metrics")), "they are counted")
        self.assertLess(hostile.connections, 200)
        began = time.monotonic()
        self.assertEqual(chain.stop(), (0,))
        self.assertLess(time.monotonic() - began, 15)


class Exhaustion(Surroundings):
    def test_rl4_no_descriptors_left(self):
        chain = self.chain(link="none", server={"server": WATCHED})
        pid = chain.server.pid
        with self.connect(chain) as db:
            files = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (files + 12, files + 12))
            raw = [socket.create_connection(("127.0.0.1", chain.port)) for _ in range(60)]
            self.addCleanup(lambda: [one.close() for one in raw])
            time.sleep(1)
            busy = processor_time(pid)
            for _ in range(20):
                # Who is there already notices nothing.
                self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
                time.sleep(0.05)
            self.assertLess(processor_time(pid) - busy, 0.7)
            for one in raw:
                one.close()
            eventually(lambda: self.served(chain), "others are served again")

    def served(self, chain):
        try:
            with self.connect(chain, connect_timeout=3) as db:
                return db.execute("SELECT 2").fetchone() == (2,)
        except psycopg.OperationalError:
            return False


class Ending(Surroundings):
    @staticmethod
    def taken_note_of(chain):
        """Two signals count as one until the first was taken note of."""
        eventually(lambda: not accepts(chain.port), "it listens no more")

    def test_rl6_a_second_sigterm_does_not_wait(self):
        slow = {"incoming_connection_close_timeout": "60"}
        chain = self.chain(connector={"connector": slow})
        with self.connect(chain) as db:
            db.execute("BEGIN")
            chain.connector.send(signal.SIGTERM)
            self.taken_note_of(chain)
            db.execute("SELECT 1")
            chain.connector.send(signal.SIGTERM)
            self.assertEqual(chain.connector.wait(10), 0)
            with self.assertRaises(psycopg.OperationalError):
                db.execute("SELECT 1")
        self.assertEqual(defects(chain.folder / "acra-connector.log"), [])

    def test_rl6_of_a_server_alone(self):
        chain = self.chain(
            link="none", server={"server": {"incoming_connection_close_timeout": "60"}}
        )
        with self.connect(chain, autocommit=False) as db:
            db.execute("SELECT 1")
            chain.server.send(signal.SIGTERM)
            self.taken_note_of(chain)
            db.execute("SELECT 1")
            chain.server.send(signal.SIGTERM)
            self.assertEqual(chain.server.wait(10), 0)
            with self.assertRaises(psycopg.errors.AdminShutdown):
                db.execute("SELECT 1")
        self.assertEqual(defects(chain.folder / "acra-server.log"), [])


class Memory(Surroundings):
    """Flat, whatever goes through."""

    def copy(self, chain, megabytes):
        with self.connect(chain) as db, db.cursor() as cursor:
            with cursor.copy("COPY big FROM STDIN") as copy:
                line = b"x" * 1000 + b"\n"
                for _ in range(megabytes):
                    copy.write(line * 1000)
            return cursor.rowcount

    def test_rl3_copying_in_and_out(self):
        with self.connect(self.postgres) as db:
            # A view's rule would take rows one by one: a trigger throws them away.
            db.execute("CREATE TABLE big (line text)")
            db.execute(
                "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RETURN NULL; END $$"
            )
            db.execute(
                "CREATE TRIGGER away BEFORE INSERT ON big FOR EACH ROW EXECUTE FUNCTION nothing()"
            )
        chain = self.chain()
        pids = [daemon.pid for daemon in (chain.server, chain.connector)]
        self.copy(chain, 1)
        before = [resident(pid) for pid in pids]
        peaks = [[], []]
        stop = threading.Event()

        def watch():
            while not stop.wait(0.05):
                for kept, pid in zip(peaks, pids, strict=True):
                    kept.append(resident(pid))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            self.copy(chain, 150)
            with self.connect(chain) as db, db.cursor() as cursor:
                sql = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 150000)) TO STDOUT"
                with cursor.copy(sql) as copy:
                    self.assertGreater(sum(len(data) for data in copy), 150_000_000)
        finally:
            stop.set()
            watching.join()
        for was, kept in zip(before, peaks, strict=True):
            self.assertLess(max(kept), 100 << 20)
            self.assertLess(statistics.median(kept) - was, 6 << 20)
