"""``make tutorial``: the two incidents of docs/tutorial.rst, with the commands that solve them.

Starts a PostgreSQL of its own, acra-server and acra-connector; plants a slow stage and a poison
record; then finds both, as an engineer on call would: on the console, and with commands.  Exit
status 0 only if both are found.  The console stays up for you to look at until Ctrl-C; with --once
it ends by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from acra_twisted import purposes
from acra_twisted.crypto.poison import make_acrastruct
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.endings import in_order
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.places import neutral, temporary
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres

HERE = Path(__file__).parent
CLIENT_ID = "shop application"


def say(text: str = "") -> None:
    print(text, flush=True)


def shell(command: str) -> str:
    """Run one of our tools as it is typed; show command and output."""
    say(f"$ {command}")
    name, *arguments = command.split()
    tool = str(Path(sys.executable).with_name(name))
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=True)
    say(done.stdout)
    return done.stdout


def read(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=60) as page:
        found: dict[str, Any] = json.loads(page.read())
    return found


def view(chain: Chain, path: str, *words: str) -> dict[str, Any]:
    """Open a view of the console, show its sentence, which must have some words, and return its
    JSON."""
    address = f"http://127.0.0.1:{chain.server_pages}/console/{path}"
    url = f"{address}{'&' if '?' in path else '?'}format=json"
    found = read(url)
    text = found["answer"]["text"]
    say(f"{address}\n  {text}\n")
    for word in words:
        expect(f"/console/{path} tells of {word!r}", word in text)
    return found


def expect(what: str, found: object) -> None:
    if not found:
        raise SystemExit(f"The tutorial failed: {what}")


def until(found: Callable[[], object], what: str) -> None:
    """Wait until something is so, for a minute at most."""
    deadline = time.monotonic() + 60
    while not found():
        expect(what, time.monotonic() < deadline)
        time.sleep(0.05)


def application(port: int, statements: list[str]) -> None:
    """Do the application's work; its errors are a part of the tutorial."""
    where = f"host=127.0.0.1 port={port} user={SUPERUSER} dbname=postgres sslmode=disable"
    with psycopg.connect(where, autocommit=True) as db:
        for statement in statements:
            try:
                db.execute(statement)
            except psycopg.Error as error:
                say(f"  (the application gets: {error})")
                return


def slow_stage(chain: Chain) -> None:
    """Incident 1: "the invoices page is slow since the last release"."""
    say("\n== 1. The invoices page is slow\n")
    application(chain.port, ["SELECT count(*) FROM customer", "SELECT count(*) FROM invoice"] * 5)
    view(chain, "statements", "SELECT invoice costs most of the proxy", "slow_audit")
    view(chain, "traces?min_ms=50")
    pages = f"http://127.0.0.1:{chain.server_pages}/debug/traces?min_ms=50&format=json"
    slow = [one for one in read(pages)["traces"] if one["name"] == "SELECT invoice"]
    # On a machine that has much else to do some are slow for another reason as well.
    trace_id = min(slow, key=lambda one: one["took"])["trace_id"]
    view(chain, f"trace?id={trace_id}", "Stage slow_audit took")
    shown = shell("acra-top --once")
    expect("acra-top names the stage", re.search(r"stages' time: slow_audit \d", shown))
    found = shell("acra-trace --min_ms=50")
    expect("the slow exchanges are found", found.count("SELECT invoice") >= 5)
    shown = shell(f"acra-trace {trace_id}")
    share = re.search(r"stage slow_audit +[0-9.]+ ms +([0-9.]+)%", shown)
    expect("the waterfall says which stage it is", share and float(share[1]) > 50)


def intrusion(chain: Chain, log: Path) -> None:
    """Incident 2: the SIEM rings about event 587."""
    say("\n== 2. Event 587\n")
    application(chain.port, ["SELECT * FROM customer"])
    until(lambda: "|587|" in log.read_text(), "the event is in the log")
    lines = [line for line in log.read_text().splitlines() if "|587|" in line]
    say(f"$ grep '|587|' {log.name}\n{lines[0]}\n")
    fields = dict(re.findall(r"(\w+)=([^=]*?)(?= \w+=|$)", lines[0].rpartition("|")[2]))
    expect("the line says who", fields["suser"] == CLIENT_ID)
    page = f"http://127.0.0.1:{chain.server_pages}/debug/trace/{fields['cs1']}?format=json"
    until(lambda: "acra-connector" in str(read(page)), "the connector's spans are there")
    view(chain, "security?kind=poison", CLIENT_ID, "column card")
    view(chain, f"trace?id={fields['cs1']}", "1 poison record")
    shown = shell(f"acra-trace {fields['cs1']}")
    for words in ("acra-connector SELECT customer", "stage poison rows", "poison record"):
        expect(f"the trace has {words!r}", words in shown)


def run(folder: Path, once: bool) -> None:
    database = Postgres()
    chain = None
    os.environ["PYTHONPATH"] = str(HERE / "stages")
    try:
        database.start()
        keys = Keys(folder, CLIENT_ID)
        log = folder / "acra-server.cef"
        tracing = {"tracing_to_server": "true", "tracing_interval": "0.2"}
        chain = Chain(
            ("127.0.0.1", database.port),
            link="secure-session",
            keys=keys,
            folder=folder,
            server={
                "pipeline": {"stages": "slow_audit, decryptor, poison"},
                "poison": {"poison_stop_session_enable": "true"},
                "logging": {"logging_format": "cef", "log_to_file": str(log)},
            },
            connector={"tracing": tracing},
        ).start()
        os.environ["ACRA_TRACE_FROM"] = f"http://127.0.0.1:{chain.server_pages}"
        where = f"host=127.0.0.1 port={database.port} user={SUPERUSER} dbname=postgres"
        with psycopg.connect(where, autocommit=True) as db:
            db.execute("CREATE TABLE invoice (id int)")
            db.execute("CREATE TABLE customer (id int, card bytea)")
            public = keys.store.public_key(purposes.POISON)
            record = make_acrastruct(public, 50, os.urandom)
            db.execute("INSERT INTO customer VALUES (1000, %s)", (record,))
        slow_stage(chain)
        intrusion(chain, log)
        say("Both incidents are solved.")
        if not once:
            say("\nThe pages of the tutorial are there until Ctrl-C:")
            say(f"  the console     http://127.0.0.1:{chain.server_pages}/console/")
            say(f"  acra-server     http://127.0.0.1:{chain.server_pages}/debug/tracez")
            say(f"  acra-connector  http://127.0.0.1:{chain.connector_pages}/debug/tracez")
            say(f"and for the terminal: export ACRA_TRACE_FROM={os.environ['ACRA_TRACE_FROM']}")
            with suppress(KeyboardInterrupt):
                signal.pause()
            say("\nStopping ...")
    finally:
        if chain is not None:
            chain.stop()
        database.remove()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when both are solved")
    once = parser.parse_args().once
    in_order()
    neutral()
    try:
        folder = temporary("acra-tutorial-")
    except RuntimeError as error:
        say(f"The tutorial failed: {error}")
        return 1
    try:
        run(folder, once)
    except KeyboardInterrupt:
        return 130
    except (OSError, RuntimeError, psycopg.Error) as error:
        say(f"\nThe tutorial failed: {error}")
        return 1
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
