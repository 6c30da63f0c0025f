"""``make demo``: application -> acra-connector -> Secure Session -> acra-server -> PostgreSQL.

As one trace, with what the application encrypts being stored encrypted and read in clear; and with
columns that AcraServer encrypts, so that the application's SQL stays plain.

Starts a PostgreSQL of its own, both daemons from ini files that it leaves for you to read, runs a
small workload through them, and shows what was traced.  With --once it ends by itself, with exit
status 0 only if everything was as it should be.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import columns
import psycopg
from telling import (
    Failed,
    begin,
    connect,
    event,
    expect,
    passing,
    refused,
    say,
    show,
    the_trace,
)

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.endings import in_order
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.places import neutral, temporary
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.telemetry.pages.waterfall import as_record, draw_shares
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.writer import create_acrablock, create_acrastruct, load_public_key

CLIENT_ID = "demo application"
CARD = b"4111 1111 1111 1111"
#: What the SQL firewall refuses: a table that no application may read, however it is named.
INJECTED = "SELECT account SELECT salaries"
RULES = """version: 0.85.0
handlers:
  - handler: deny
    tables: [salaries]
"""


def work(port: int, keys: Keys, database: int, page: Span) -> None:
    """Do the work of an application: DDL, inserts, queries, a pipelined batch, a denial, an
    error, and encrypted data.  It passes its trace on when it connects."""
    with connect(port, passing(page)) as db:
        db.execute("CREATE TABLE account (id int PRIMARY KEY, owner text, balance int)")
        with db.cursor() as cursor:
            rows = [(1, "Ann", 100), (2, "Bob", 250), (3, "Cid", 75)]
            cursor.executemany("INSERT INTO account VALUES (%s, %s, %s)", rows)
        count = db.execute("SELECT count(*) FROM account").fetchone()
        expect("simple query, rows in the table", count, (3,))
        owner = db.execute("SELECT owner FROM account WHERE id = %s", (2,)).fetchone()
        expect("extended query with a parameter", owner, ("Bob",))
        with db.pipeline():
            cursors = [
                db.execute("SELECT balance FROM account WHERE id = %s", (key,)) for key in (1, 2, 3)
            ]
        expect("pipelined batch", [c.fetchone()[0] for c in cursors], [100, 250, 75])
        # An application that pastes what its user typed into its SQL.
        typed = '\' UNION SELECT amount::text FROM/**/"salaries" --'
        say(f"    somebody types {typed} into the form ...")
        query = f"SELECT owner FROM account WHERE owner = '{typed}'"
        expect("injection denied by AcraCensor", refused(lambda: db.execute(query)), "42000")
        error = refused(lambda: db.execute("SELECT balance / 0 FROM account"))
        expect("error of the database, SQLSTATE", error, "22012")
        total = db.execute("SELECT sum(balance) FROM account").fetchone()
        expect("the session goes on", total, (425,))
        say("\nEncrypted by the application, with a public key that cannot decrypt:")
        db.execute("CREATE TABLE card (id int PRIMARY KEY, number bytea)")
        public = load_public_key(keys.path / f"{CLIENT_ID}_storage.pub")
        struct = create_acrastruct(CARD, public)
        block = create_acrablock(CARD, keys.symmetric_key)
        for number, container in enumerate((struct, block)):
            db.execute("INSERT INTO card VALUES (%s, %s)", (number, container))
        read = [row[0] for row in db.execute("SELECT number FROM card ORDER BY id")]
        with connect(database) as direct:
            stored = [row[0] for row in direct.execute("SELECT number FROM card ORDER BY id")]
        expect("the database holds what was encrypted", stored == [struct, block], True)
        say(f"    the AcraStruct: {stored[0][:20].hex()}... ({len(stored[0])} bytes)")
        say(f"    the AcraBlock:  {stored[1][:20].hex()}... ({len(stored[1])} bytes)")
        expect("the application reads", read, [CARD, CARD])


def intrude(port: int, keys: Keys, database: int) -> None:
    """A poison record among the cards, and somebody who reads the whole table."""
    record = poison_record(keys)
    with connect(database) as db:
        db.execute("INSERT INTO card VALUES (1000, %s)", (record,))
    say("\nSomebody copies the whole table, the poison record in it:")
    with connect(port) as db:
        ended = refused(lambda: db.execute("SELECT * FROM card").fetchall())
    expect("the session is ended, SQLSTATE", ended, "42000")


def poison_record(keys: Keys) -> bytes:
    """Return a record made by ``acra-poisonrecordmaker``, as bytes."""
    command = [
        sys.executable,
        "-c",
        "from acra_twisted.tools import poisonrecordmaker as m;m.script()",
    ]
    made = subprocess.run(
        [*command, f"--keys_dir={keys.path}", f"--master_key_file={keys.master_key_file}"],
        capture_output=True,
        check=True,
    )
    return base64.b64decode(made.stdout)


def show_all(spans: list[dict[str, Any]]) -> None:
    """The waterfall and what each stage took."""
    say("\nThe trace, from the application to the database and back (! marks errors):\n")
    show(spans)
    say("\nWhere the time of the statements went:")
    for line in draw_shares(spans):
        say("  " + line)


def check_trace(spans: list[dict[str, Any]]) -> None:
    """Every part must be there, in one piece."""
    by_id = {span["span_id"]: span for span in spans}
    roots = [span for span in spans if span["parent_id"] not in by_id]
    if [root["service"] for root in roots] != ["application"]:
        raise Failed(f"the trace has other roots than the application's: {roots}")
    for name in ("startup", "INSERT account", "SELECT account", INJECTED, "SELECT card"):
        daemons = {span["service"] for span in spans if span["name"] == name}
        if daemons != {"acra-connector", "acra-server"}:
            raise Failed(f"of {name!r} the trace has the spans of {sorted(daemons)} only")
    counted = [span["attributes"].get("acra.containers_opened") for span in spans]
    say("\nIn the trace, on the span of the statement that read the cards:")
    expect("acra.containers_opened", [count for count in counted if count], [2])
    # Not its first digits alone: ids and times are made of such.
    if any(form in str(spans) for form in (CARD.decode(), CARD.hex())):
        raise Failed("a card's number is in the trace")


def check_denial(folder: Path, spans: list[dict[str, Any]]) -> None:
    """The event of the injection is in the log, without what was typed, and names this trace."""
    denied = event(folder, 560)
    expect("\nThe injection is event 560, stage", denied["stage"], "censor")
    expect("  its statement, redacted", "salaries" in denied["query"], True)
    expect("  its trace", denied["trace_id"], spans[0]["trace_id"])


def check_intrusion(folder: Path, collector: Collector) -> None:
    """The event leads to the trace."""
    caught = event(folder, 587)
    say(f"\nThe event (587, {caught['msg']}) carries client id and trace id; its trace:\n")
    show(the_trace(collector, caught["trace_id"]))


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def run(folder: Path, once: bool) -> None:
    """The whole demo; raises Failed or RuntimeError."""
    say("Making keys, starting PostgreSQL, acra-server and acra-connector ...")
    collector = Collector().start()
    database = Postgres()
    chain = None
    try:
        database.start()
        keys = Keys(folder, CLIENT_ID)
        rules = folder / "acra-censor.yaml"
        rules.write_text(RULES)
        columns.make_keys(keys)
        settings = columns.configured(folder)
        tracing = {"otlp_endpoint": collector.url, "tracing_interval": "0.2"}
        stages = {
            "pipeline": {"stages": "query_capture, censor, encryptor, decryptor, poison"},
            "censor": {"acracensor_config_file": str(rules)},
            "poison": {"poison_stop_session_enable": "true"},
            **settings,
            "stage:query_capture": {"filepath": str(folder / "captured.jsonl")},
        }
        chain = Chain(
            ("127.0.0.1", database.port),
            server={"tracing": tracing, **stages},
            connector={"tracing": {**tracing, "tracing_to_server": "true"}},
            link="secure-session",
            keys=keys,
            folder=folder,
        ).start()
        say("\nThe application's statements, through the connector:")
        page = begin("a page of the shop")
        work(chain.port, keys, database.port, page)
        page.end = time.time_ns()
        intrude(chain.port, keys, database.port)
        spans = the_trace(collector, page.trace_id)
        spans.append(as_record(page, "application"))
        show_all(spans)
        check_trace(spans)
        check_denial(folder, spans)
        check_intrusion(folder, collector)
        payment = columns.work(chain, keys, database.port, collector, settings)
        # The injection, what was ended when it had read a poison record, and the sorted column.
        if 'acra_exchanges_total{outcome="denied"} 3.0' not in get(chain.server_pages, "/metrics"):
            raise Failed("the denials are not in the metrics")
        if spans[0]["trace_id"] not in get(chain.server_pages, "/debug/tracez"):
            raise Failed("the trace is not on the server's page")
        trace_id = spans[0]["trace_id"]
        say("\nLook around:")
        say(f"  trace pages   http://127.0.0.1:{chain.server_pages}/debug/tracez")
        say(f"  this trace    http://127.0.0.1:{chain.server_pages}/debug/trace/{trace_id}")
        say(f"  the payment   http://127.0.0.1:{chain.server_pages}/debug/trace/{payment}")
        say(f"  connector's   http://127.0.0.1:{chain.connector_pages}/debug/tracez")
        say("  in Jaeger     otlp_endpoint = http://localhost:4318/v1/traces, in both ini files")
        say(f"  metrics       http://127.0.0.1:{chain.server_pages}/metrics")
        say(f"  ini and logs  {folder}")
        say(f"  connect       psql -h 127.0.0.1 -p {chain.port} -U {SUPERUSER}")
        if not once:
            say("\nIt stays up until Ctrl-C.")
            signal.pause()
    except KeyboardInterrupt:
        say("\nStopping ...")
    finally:
        if chain is not None:
            statuses = chain.stop()
        database.remove()
        collector.stop()
    if any(statuses):
        raise Failed(f"a daemon ended with status {statuses}; see its log in {folder}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the workload")
    once = parser.parse_args().once
    in_order()
    neutral()
    try:
        folder = temporary("acra-demo-")
    except RuntimeError as error:
        say(f"The demo failed: {error}")
        return 1
    try:
        run(folder, once)
    except (Failed, OSError, RuntimeError, psycopg.Error) as error:
        say(f"\nThe demo failed: {error}\nIni files and logs are in {folder}")
        return 1
    if once:
        shutil.rmtree(folder)
    else:
        say(f"Ini files and logs are left in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
