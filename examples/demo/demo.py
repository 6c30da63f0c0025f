"""``make demo``: application -> acra-connector -> Secure Session -> acra-server -> database.

As one trace, with what the application encrypts being stored encrypted and read in clear; and with
columns that AcraServer encrypts, so that the application's SQL stays plain.

Starts a database of its own, PostgreSQL or MariaDB, two of each daemon from ini files that it
leaves for you to read, runs a small workload through them, and shows what was traced, and what the
console says of it.  With --once it ends by itself, with exit status 0 only if everything was as it
should be.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import console
from elsewhere import Way
from telling import Failed, ask, begin, event, expect, get, say, show, the_trace

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.endings import in_order
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.places import neutral, temporary
from acra_twisted.telemetry.pages.waterfall import draw_shares
from acra_twisted.telemetry.tracing.records import as_record
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


def work(on: Any, port: int, keys: Keys, page: Span) -> None:
    """Do the work of an application: DDL, inserts, queries, several at once, a denial, an error,
    and encrypted data.  It passes its trace on."""
    with on.connect(port, page) as db:
        ask(db, "CREATE TABLE account (id int PRIMARY KEY, owner text, balance int)")
        with db.cursor() as cursor:
            rows = [(1, "Ann", 100), (2, "Bob", 250), (3, "Cid", 75)]
            cursor.executemany("INSERT INTO account VALUES (%s, %s, %s)", rows)
        expect("rows in the table", ask(db, "SELECT count(*) FROM account"), [(3,)])
        owner = ask(db, "SELECT owner FROM account WHERE id = %s", 2)
        expect("query with a parameter", owner, [("Bob",)])
        expect(*on.together(db), [100, 250, 75])
        # An application that pastes what its user typed into its SQL.
        say(f"    somebody types {on.typed} into the form ...")
        query = f"SELECT owner FROM account WHERE owner = '{on.typed}'"
        expect("injection denied by AcraCensor", on.code(lambda: ask(db, query)), on.denied)
        error = on.code(lambda: ask(db, "SELECT nothing FROM account"))
        expect("error of the database", error, on.no_column)
        expect("the session goes on", ask(db, "SELECT max(balance) FROM account"), [(250,)])
        say("\nEncrypted by the application, with a public key that cannot decrypt:")
        ask(db, f"CREATE TABLE card (id int PRIMARY KEY, number {on.binary})")
        public = load_public_key(keys.path / f"{CLIENT_ID}_storage.pub")
        struct = create_acrastruct(CARD, public)
        block = create_acrablock(CARD, keys.symmetric_key)
        for number, container in enumerate((struct, block)):
            ask(db, "INSERT INTO card VALUES (%s, %s)", number, container)
        read = ask(db, "SELECT number FROM card ORDER BY id")
        with on.connect(on.port) as direct:
            stored = ask(direct, "SELECT number FROM card ORDER BY id")
        encrypted = [(struct,), (block,)]
        expect("the database holds what was encrypted", stored == encrypted, True)
        say(f"    the AcraStruct: {struct[:20].hex()}... ({len(struct)} bytes)")
        say(f"    the AcraBlock:  {block[:20].hex()}... ({len(block)} bytes)")
        expect("the application reads", read, [(CARD,), (CARD,)])


def intrude(on: Any, port: int, keys: Keys) -> None:
    """A poison record among the cards, and somebody who reads the whole table."""
    record = poison_record(keys)
    with on.connect(on.port) as db:
        ask(db, "INSERT INTO card VALUES (1000, %s)", record)
    say("\nSomebody copies the whole table, the poison record in it:")
    with on.connect(port) as db:
        ended = on.code(lambda: ask(db, "SELECT * FROM card"))
    expect("the session is ended", ended, on.denied)


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


def check_trace(on: Any, spans: list[dict[str, Any]]) -> None:
    """Every part must be there, in one piece."""
    by_id = {span["span_id"]: span for span in spans}
    roots = [span for span in spans if span["parent_id"] not in by_id]
    if [root["service"] for root in roots] != ["application"]:
        raise Failed(f"the trace has other roots than the application's: {roots}")
    for name in (*on.first, "INSERT account", "SELECT account", INJECTED, "SELECT card"):
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


def check_intrusion(chain: Chain, collector: Collector) -> None:
    """The event leads to the trace."""
    caught = event(chain.folder, 587)
    say(f"\nThe event (587, {caught['msg']}) carries client id and trace id; its trace:\n")
    show(the_trace(collector, chain, caught["trace_id"]))


def run(on: Any, folder: Path, once: bool) -> None:
    """The whole demo; raises Failed or RuntimeError."""
    say(f"Making keys, starting {on.name}, two acra-servers and two acra-connectors ...")
    collector = Collector().start()
    chains: list[Chain] = []
    sessions = ExitStack()
    try:
        on.start()
        keys = Keys(folder, CLIENT_ID)
        rules = folder / "acra-censor.yaml"
        rules.write_text(RULES)
        settings = on.configured(folder, keys)
        tracing = {"otlp_endpoint": collector.url, "tracing_interval": "0.2"}
        way = Way()
        sessions.callback(way.end)
        other = console.second(on, folder, settings, {"tracing": tracing}, way)
        chains.append(other.start())
        stages = {
            "pipeline": {"stages": on.stages},
            "censor": {"acracensor_config_file": str(rules)},
            "poison": {"poison_stop_session_enable": "true"},
            **settings,
            "stage:query_capture": {"filepath": str(folder / "captured.jsonl")},
        }
        chain = Chain(
            ("127.0.0.1", on.port),
            server={
                "tracing": tracing,
                "history": {"trace_store_file": str(folder / "server.history")},
                "console": {"console_peers": f"127.0.0.1:{other.server_pages}"},
                **stages,
            },
            connector={"tracing": {**tracing, "tracing_to_server": "true"}, **on.follows},
            link="secure-session",
            keys=keys,
            folder=folder,
        )
        chains.append(chain.start())
        say(f"\nThe console: http://127.0.0.1:{chain.server_pages}/console/")
        say("\nThe application's statements, through the connector:")
        page = begin("a page of the shop")
        work(on, chain.port, keys, page)
        page.end = time.time_ns()
        intrude(on, chain.port, keys)
        spans = the_trace(collector, chain, page.trace_id)
        spans.append(as_record(page, "application"))
        show_all(spans)
        check_trace(on, spans)
        check_denial(folder, spans)
        check_intrusion(chain, collector)
        payment = on.more(chain, keys, collector, settings)
        console.bill(on, chain.port, other.port)
        sessions.enter_context(console.held(on, chain.port))
        console.look(chain.server_pages)
        metrics = get(chain.server_pages, "/metrics")
        if f'acra_exchanges_total{{outcome="denied"}} {on.refusals}.0' not in metrics:
            raise Failed("the denials are not in the metrics")
        if spans[0]["trace_id"] not in get(chain.server_pages, "/debug/tracez"):
            raise Failed("the trace is not on the server's page")
        trace_id = spans[0]["trace_id"]
        say("\nLook around:")
        if once:
            say("  (all of this is gone in a moment, and stays up without ONCE=1)")
        say(f"  console       http://127.0.0.1:{chain.server_pages}/console/")
        say(f"  trace pages   http://127.0.0.1:{chain.server_pages}/debug/tracez")
        say(f"  this trace    http://127.0.0.1:{chain.server_pages}/debug/trace/{trace_id}")
        say(f"  the payment   http://127.0.0.1:{chain.server_pages}/debug/trace/{payment}")
        say(f"  connector's   http://127.0.0.1:{chain.connector_pages}/debug/tracez")
        say("  in Jaeger     otlp_endpoint = http://localhost:4318/v1/traces, in both ini files")
        say(f"  metrics       http://127.0.0.1:{chain.server_pages}/metrics")
        say(f"  history       acra-trace --store={folder}/server.history --verdict=deny")
        say(f"  ini and logs  {folder}")
        say(f"  connect       {on.client(chain.port)}")
        if not once:
            say("\nIt stays up until Ctrl-C.")
            signal.pause()
    except KeyboardInterrupt:
        say("\nStopping ...")
    finally:
        sessions.close()
        statuses = [status for chain in reversed(chains) for status in chain.stop()]
        on.remove()
        collector.stop()
    if any(statuses):
        raise Failed(f"a daemon ended with status {statuses}; see its log in {folder}")


def chosen(name: str) -> Any:
    """Return the database of that name with its application.  Raises RuntimeError."""
    if name == "mysql":
        from withmariadb import WithMariaDB

        return WithMariaDB()
    from withpostgresql import WithPostgreSQL

    return WithPostgreSQL()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the workload")
    parser.add_argument(
        "--database", choices=("postgresql", "mysql"), default="postgresql", help="the database"
    )
    given = parser.parse_args()
    in_order()
    neutral()
    try:
        folder = temporary("acra-demo-")
        on = chosen(given.database)
    except RuntimeError as error:
        say(f"The demo failed: {error}")
        return 1
    try:
        run(on, folder, given.once)
    except (Failed, OSError, RuntimeError, on.error) as error:
        say(f"\nThe demo failed: {error}\nIni files and logs are in {folder}")
        return 1
    if given.once:
        shutil.rmtree(folder)
    else:
        say(f"Ini files and logs are left in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
