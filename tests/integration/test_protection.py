"""The whole chain with keys: containers opened, poison caught, Secure Session, rotation."""

import json
import os
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from acra_twisted import purposes
from acra_twisted.crypto import poison
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.themis import keys as themis_keys
from acra_twisted.writer import create_acrablock, create_acrastruct
from tests.integration.base import Surroundings, eventually, get, raw_session, until_end
from tests.support.sessions import SYNC, bind, call, describe, execute, parse, query

CLIENT = "clientid"
POISONED = {"pipeline": {"stages": "decryptor, poison"}}


class Protected(Surroundings):
    @classmethod
    def make_keys(cls) -> Keys:
        return Keys(Path(tempfile.mkdtemp(dir=cls.folder)), CLIENT)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = cls.make_keys()
        cls.public = themis_keys.encode_public(cls.keys.storage_public_key)
        with cls.connect(cls.postgres) as db:
            db.execute("CREATE TABLE secrets (id serial PRIMARY KEY, data bytea, note text)")

    def store(self, *values):
        """Rows put into the database directly; their ids."""
        with self.connect(self.postgres) as db:
            return [
                db.execute("INSERT INTO secrets (data) VALUES (%s) RETURNING id", (v,)).fetchone()[
                    0
                ]
                for v in values
            ]

    def poison(self):
        (secret,) = self.keys.store.keys(purposes.POISON_SYMMETRIC)
        public = self.keys.store.public_key(purposes.POISON)
        return (
            poison.make_acrastruct(public, -1, os.urandom),
            poison.make_acrablock(secret.value, -1, os.urandom),
        )

    def log(self, chain, daemon="acra-server"):
        lines = (chain.folder / f"{daemon}.log").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line[0] == "{" and line.endswith("}\n")]


class Decryption(Protected):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)
        tracing = {"tracing": {"otlp_endpoint": cls.collector.url, "tracing_interval": "0.1"}}
        cls.proxy = cls.chain(
            link="secure-session", keys=cls.keys, authority=cls.authority, server=tracing,
            connector=tracing,
        )  # fmt: skip

    def test_written_through_the_connector_and_read_back(self):
        values = [b"one", b"\0\xff" * 100, "Grüße".encode()]
        with self.connect(self.proxy) as db:
            for value in values:
                for made in (
                    create_acrastruct(value, self.public),
                    create_acrablock(value, self.keys.symmetric_key),
                ):
                    (row,) = db.execute(
                        "INSERT INTO secrets (data) VALUES (%s) RETURNING id", (made,)
                    ).fetchone()
                    with self.connect(self.postgres) as direct:
                        stored = direct.execute(
                            "SELECT data FROM secrets WHERE id = %s", (row,)
                        ).fetchone()[0]
                    self.assertEqual(stored, made)
                    for binary in (False, True):
                        read = db.execute(
                            "SELECT id, data FROM secrets WHERE id = %s", (row,), binary=binary
                        )
                        self.assertEqual(read.fetchone(), (row, value))
            (row,) = self.store(create_acrastruct(b"escape\\d", self.public))
            db.execute("SET bytea_output = 'escape'")
            read = db.execute("SELECT data FROM secrets WHERE id = %s", (row,))
            self.assertEqual(read.fetchone()[0], b"escape\\d")
            with db.cursor().copy("COPY (SELECT data FROM secrets) TO STDOUT") as copy:
                self.assertGreater(len(b"".join(copy)), 0)

    def test_many_rows(self):
        rows = self.store(*(create_acrastruct(b"%d" % n, self.public) for n in range(300)))
        with self.connect(self.proxy) as db:
            for binary in (False, True):
                read = db.execute(
                    "SELECT data FROM secrets WHERE id = ANY(%s) ORDER BY id", (rows,),
                    binary=binary,
                ).fetchall()  # fmt: skip
                self.assertEqual(read, [(b"%d" % n,) for n in range(300)])

    def test_what_cannot_be_opened_is_delivered_as_stored(self):
        foreign = create_acrablock(b"text", bytes(32))
        damaged = create_acrastruct(b"text", self.public)
        damaged = damaged[:-1] + bytes([damaged[-1] ^ 1])
        rows = self.store(foreign, damaged)
        with self.connect(self.proxy) as db:
            read = db.execute("SELECT data FROM secrets WHERE id = ANY(%s) ORDER BY id", (rows,))
            self.assertEqual(read.fetchall(), [(foreign,), (damaged,)])
        metrics = get(self.proxy.server_pages, "/metrics")
        self.assertIn('acra_decryptions_total{status="fail",type="acrablock"}', metrics)
        self.assertIn('acra_acrastruct_decryptions_total{status="fail"}', metrics)
        self.assertIn('acra_keystore_cache_total{result="hit"}', metrics)

    def test_the_trace(self):
        (row,) = self.store(create_acrastruct(b"traced secret", self.public))
        with self.connect(self.proxy) as db:
            db.execute("SELECT data AS traced FROM secrets WHERE id = %s", (row,)).fetchone()

        def found():
            for spans in self.collector.traces().values():
                names = {span["name"] for span in spans}
                both = {span["service"] for span in spans} == {"acra-connector", "acra-server"}
                if both and "stage decryptor rows" in names and "traced" in str(spans):
                    return spans
            return None

        spans = eventually(found, "a trace through Secure Session")
        reading = next(s for s in spans if s["attributes"].get("acra.containers_found"))
        self.assertEqual(reading["attributes"]["acra.containers_opened"], 1)
        self.assertEqual(reading["attributes"]["acra.client_id"], CLIENT)
        self.assertNotIn("traced secret", json.dumps(spans))

    def test_ke3_rotation_while_sessions_run(self):
        old = create_acrastruct(b"old", self.public)
        with self.connect(self.proxy) as db:
            self.assertEqual(self.read(db, old), b"old")
            self.keys.writer.generate(purposes.STORAGE, CLIENT)
            public = themis_keys.encode_public(self.keys.storage_public_key)
            new = create_acrastruct(b"new", public)
            eventually(lambda: self.read(db, new) == b"new", "the rotated key in use")
            self.assertEqual(self.read(db, old), b"old")
            # And at once after SIGHUP, on a session that goes on.
            self.keys.writer.generate(purposes.STORAGE, CLIENT)
            os.kill(self.proxy.server._child.pid, signal.SIGHUP)
            eventually(
                lambda: any(e["msg"] == "Keys will be read anew" for e in self.log(self.proxy)),
                "the reload",
            )
            public = themis_keys.encode_public(self.keys.storage_public_key)
            self.assertEqual(self.read(db, create_acrastruct(b"newest", public)), b"newest")

    def read(self, db, made):
        (row,) = self.store(made)
        return db.execute("SELECT data FROM secrets WHERE id = %s", (row,)).fetchone()[0]

    def test_ke6_nothing_secret_anywhere(self):
        marker = b"marker-plaintext-7351"
        (row,) = self.store(create_acrastruct(marker, self.public))
        with self.connect(self.proxy) as db:
            db.execute("SELECT data FROM secrets WHERE id = %s", (row,)).fetchone()
        secrets = [marker, self.keys.symmetric_key, self.keys.master_key_file.read_bytes()]
        texts = [p.read_bytes() for p in self.proxy.folder.glob("*.log")]
        for daemon in (self.proxy.server, self.proxy.connector):
            for name in ("cmdline", "environ"):
                # Where not even that can be read by who is not root, nothing shows.
                with suppress(PermissionError):
                    texts.append(Path(f"/proc/{daemon._child.pid}/{name}").read_bytes())
        for path in ("/metrics", "/debug/tracez"):
            texts.append(get(self.proxy.server_pages, path).encode())
        texts.append(json.dumps(self.collector.traces()).encode())
        for secret in secrets:
            for form in (secret, secret.hex().encode(), repr(secret)[2:-1].encode()):
                for text in texts:
                    self.assertNotIn(form, text)


class PoisonRecords(Protected):
    def caught(self, chain, count):
        """So many events of poison records, once there are as many."""

        def found():
            return [line for line in self.log(chain) if line.get("code") == 587]

        eventually(lambda: len(found()) >= count, f"{count} poison records")
        self.assertEqual(len(found()), count)
        return found()

    @staticmethod
    def drain(db, text):
        with db.cursor().copy(text) as copy:
            return b"".join(copy)

    def test_en10_reactions(self):
        script = self.folder / "script"
        witness = self.folder / "witness"
        # Moved into place: one run for each event, and none sees another's half.
        lines = f'{{ env; echo "$#"; }} > {witness}.$$\nmv {witness}.$$ {witness}\n'
        script.write_text(f"#!/bin/sh\n{lines}")
        script.chmod(0o700)
        own = create_acrastruct(b"text", self.public)
        record, block = self.poison()
        rows = self.store(*[own] * 50, record, own, block)
        chain = self.chain(
            link="none", keys=self.keys, server={
                **POISONED,
                "poison": {
                    "poison_run_script_file": str(script),
                    "poison_stop_session_enable": "true",
                },
            },
        )  # fmt: skip
        queries = (
            ("SELECT data FROM secrets WHERE id = ANY(%s)", False),
            ("SELECT data FROM secrets WHERE id = ANY(%s)", True),
            ("SELECT to_json(data) FROM secrets WHERE id = ANY(%s)", False),
            ("SELECT array_agg(data) FROM secrets WHERE id = ANY(%s)", False),
        )
        for number, (text, binary) in enumerate(queries):
            with self.assertRaises(psycopg.Error), self.connect(chain) as db:
                db.execute(text, (rows,), binary=binary).fetchall()
            self.caught(chain, number + 1)
        with self.assertRaises(psycopg.Error), self.connect(chain) as db:
            self.drain(db, "COPY secrets TO STDOUT")
        event = self.caught(chain, len(queries) + 1)[-1]
        self.assertEqual(event["client_id"], CLIENT)
        self.assertEqual(len(event["trace_id"]), 32)
        content = eventually(lambda: witness.exists() and witness.read_text(), "the script")
        self.assertNotIn("ACRA", content)
        self.assertEqual(content.splitlines()[-1], "0")
        # Parameter echo, and: without a record nothing happens.
        with self.assertRaises(psycopg.Error), self.connect(chain) as db:
            db.execute("SELECT %s::bytea", (record,)).fetchall()
        with self.connect(chain) as db:
            self.assertEqual(db.execute("SELECT %s::bytea", (own,)).fetchone(), (b"text",))
        self.assertIn("acra_poison_records_total 6.0", get(chain.server_pages, "/metrics"))
        # The pages have those requests as poisoned, and find them so.
        found = json.loads(get(chain.server_pages, "/debug/traces?verdict=poison&format=json"))
        self.assertEqual(len(found["traces"]), 6)
        self.assertEqual([match["verdicts"] for match in found["traces"]], [["poison"]] * 6)

    def test_en10_every_path(self):
        """Messages that end in the client and are not the result of what was described."""
        record, _ = self.poison()
        (row,) = self.store(record)
        with self.connect(self.postgres) as db:
            body = f"SELECT data FROM secrets WHERE id = {row}"
            db.execute(f"CREATE FUNCTION leak() RETURNS bytea LANGUAGE sql AS '{body}'")
            (leak,) = db.execute("SELECT 'leak'::regproc::oid::int").fetchone()
        chain = self.chain(
            link="none", keys=self.keys,
            server={
                **POISONED,
                "poison": {"poison_stop_session_enable": "true"},
                "database": {"function_call_enable": "true"},
            },
        )  # fmt: skip
        select = b"SELECT data FROM secrets WHERE id = %d" % row
        both = parse(b"sa", b"SELECT 1") + parse(b"sb", select) + SYNC
        both += bind(b"pb", b"sb", binary=True) + bind(b"pa", b"sa")
        cursor = b"BEGIN; DECLARE k BINARY CURSOR FOR " + select
        escape = query(b"SET bytea_output = escape")
        given_away = b"BEGIN; DECLARE k CURSOR FOR SELECT 1"
        paths = (
            both + describe(b"P", b"pa") + execute(b"pb") + SYNC,
            both + describe(b"S", b"sa") + execute(b"pb") + SYNC,
            both + describe(b"P", b"pa") + execute(b"pa") + execute(b"pb") + SYNC,
            query(cursor) + execute(b"k") + SYNC,
            query(cursor) + query(b"FETCH ALL FROM k"),
            query(given_away) + parse(b"f", b"FETCH k") + describe(b"S", b"f") + SYNC
            + query(b"CLOSE k; DECLARE k CURSOR FOR " + select)
            + bind(b"", b"f") + execute() + SYNC,
            parse(b"sa", b"SELECT 1") + describe(b"S", b"sa") + SYNC
            + query(b"DEALLOCATE sa; PREPARE sa AS " + select)
            + bind(b"", b"sa") + execute() + SYNC,
            call(leak, []),
            query(b"SELECT data::text::int FROM secrets WHERE id = %d" % row),
            query(b"LISTEN x; SELECT pg_notify('x', data::text) FROM secrets WHERE id = %d" % row),
            query(b"DO $$ BEGIN RAISE NOTICE '%%', (%b); END $$" % select),
            query(b"DO $$ BEGIN PERFORM set_config('search_path', "
                  b"quote_ident((%b)::text), false); END $$" % select),
            query(b"COPY (%b) TO STDOUT (FORMAT binary)" % select),
            query(b"COPY (SELECT ARRAY[row(1, data)] FROM secrets WHERE id = %d) TO STDOUT"
                  b" (FORMAT binary)" % row),
            escape + query(b"COPY (%b) TO STDOUT (FORMAT csv)" % select),
            escape + query(b"COPY (SELECT ARRAY[data] FROM secrets WHERE id = %d) TO STDOUT" % row),
            escape + query(b"SELECT array_agg(row(1, data)) FROM secrets WHERE id = %d" % row),
        )  # fmt: skip
        for number, path in enumerate(paths):
            with raw_session(chain.port) as raw:
                raw.sendall(path)
                got = until_end(raw)
            self.assertNotIn(record[20:60].hex().encode(), got, number)
            self.assertNotIn(record[20:60], got, number)
            self.caught(chain, number + 1)
            self.assertNotIn(record[20:60].hex(), (chain.folder / "acra-server.log").read_text())

    def test_shutdown(self):
        (row,) = self.store(self.poison()[0])
        chain = self.chain(
            link="none",
            keys=self.keys,
            server={
                # Nobody waits for the end of that.
                "server": {"incoming_connection_close_timeout": "300"},
                "pipeline": {"stages": "decryptor"},
                "poison": {"poison_detect_enable": "true", "poison_shutdown_enable": "true"},
            },
        )
        bystander = self.connect(chain)
        self.addCleanup(bystander.close)
        with self.assertRaises(psycopg.Error), self.connect(chain) as db:
            db.execute("SELECT data FROM secrets WHERE id = %s", (row,)).fetchall()
        self.assertEqual(chain.server.wait(60), 1)
        with self.assertRaises(psycopg.Error):
            bystander.execute("SELECT 1")

    def test_off(self):
        record, _ = self.poison()
        (row,) = self.store(record)
        chain = self.chain(link="none", keys=self.keys)
        with self.connect(chain) as db:
            read = db.execute("SELECT data FROM secrets WHERE id = %s", (row,)).fetchone()
        self.assertEqual((read, self.caught(chain, 0)), ((record,), []))


class Strangers(Protected):
    def test_cl1_a_connector_with_anothers_keys(self):
        keys = self.make_keys()
        chain = self.chain(link="secure-session", keys=keys, authority=self.authority)
        keys.writer.generate(purposes.SERVER, CLIENT)
        time.sleep(1.1)
        with self.assertRaises(psycopg.OperationalError) as refused:
            self.connect(chain)
        self.assertIn("AcraConnector could not connect", str(refused.exception))
        for daemon in ("acra-server", "acra-connector"):

            def told(daemon=daemon):
                return 538 in {line.get("code") for line in self.log(chain, daemon)}

            eventually(told, f"the event in the log of {daemon}")

    def test_a_client_without_storage_keys_reads_ciphertext(self):
        made = create_acrastruct(b"text", self.public)
        (row,) = self.store(made)
        chain = self.chain(
            link="none", keys=self.keys, server={"server": {"client_id": "another client"}}
        )
        with self.connect(chain) as db:
            read = db.execute("SELECT data FROM secrets WHERE id = %s", (row,))
            self.assertEqual(read.fetchone()[0], made)
