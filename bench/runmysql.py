"""``make bench DB=mysql``: direct, HAProxy, a bare relay, server, and chain, side by side.

As `run` for PostgreSQL; the client is sysbench, the database MariaDB.  Its transactions: one row by
its number (of text, which may hold containers, or a number), and ``oltp_read_only``: sixteen
statements, four of which give a hundred rows or their sum.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import inprocess
from connections import idle_sessions, most_memory
from sidebyside import (
    COMPILED,
    LINKS,
    SERVER,
    Bench,
    Target,
    Workload,
    program,
    spent_table,
    table,
    written,
)
from spokenmysql import MYSQL

from acra_twisted.sandbox.chain import Ini
from acra_twisted.sandbox.endings import bound, in_order
from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.sandbox.mariadb import program as mariadb
from acra_twisted.sandbox.processes import resident

ROWS = 100_000
_TABLE_SIZE = 10_000
_USER, _PASSWORD = "sbtest", "bench"  # noqa: S105 - a throw-away database's
_SETTING = {"mysql_enable": "true"}
#: More settings of both daemons.
SETTINGS: tuple[Ini, Ini] = ({"database": _SETTING}, {"connector": _SETTING})
TARGETS = (
    Target(*SERVER, False, "off"),
    *(Target(*link, False, "1 %") for link in LINKS),
    Target(*SERVER, False, "100 %"),
    Target(*SERVER, True, "off"),
    *(Target(*link, True, "1 %") for link in LINKS),
    Target(*SERVER, True, "100 %"),
)
_ONE = str(Path(__file__).with_name("one.lua"))
_TEXTS, _PREPARED = "--db-ps-mode=disable", "--db-ps-mode=auto"
#: By name: what sysbench is given, and rows of a transaction where these are what counts.
WORKLOADS: dict[str, tuple[tuple[str, ...], int]] = {
    "number, simple": ((_ONE, "--column=k", _TEXTS), 0),
    "text, simple": (("oltp_point_select", _TEXTS), 0),
    "number, prepared": ((_ONE, "--column=k", _PREPARED), 0),
    "text, prepared": (("oltp_point_select", _PREPARED), 0),
    "read only": (("oltp_read_only", _TEXTS), 0),
    "read only, prep.": (("oltp_read_only", _PREPARED), 0),
    f"{ROWS:,} rows": ((_ONE, f"--rows={ROWS}", _TEXTS), ROWS),
}
_RATE = re.compile(r"transactions: +\d+ +\(([0-9.]+) per sec\.\)")


class Client:
    """Asks, by sysbench, with so many ``clients`` for so many ``seconds``."""

    def __init__(self, seconds: int, clients: int) -> None:
        self._seconds = seconds
        self._clients = clients

    def run(self, port: int, arguments: tuple[str, ...], clients: int = 0) -> str:
        """Return what sysbench prints."""
        done = subprocess.run(
            bound(
                [
                    *("sysbench", arguments[0], f"--mysql-port={port}", "--mysql-host=127.0.0.1"),
                    *(f"--mysql-user={_USER}", f"--mysql-password={_PASSWORD}"),
                    *(f"--mysql-db={_USER}", f"--table-size={_TABLE_SIZE}"),
                    *(f"--threads={clients or self._clients}", f"--time={self._seconds}"),
                    *("--rand-type=uniform", *arguments[1:]),
                ]
            ),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"sysbench failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def rate(self, port: int, arguments: tuple[str, ...], rows: int) -> float:
        """Transactions per second; rows, of one client, where a transaction has so many."""
        shown = self.run(port, (*arguments, "run"), 1 if rows else 0)
        return float(_RATE.search(shown)[1]) * (rows or 1)

    def workloads(self) -> dict[str, Workload]:
        """Return the workloads by their names."""
        return {
            name: Workload(
                partial(self.rate, arguments=arguments, rows=rows), 0 if rows else self._seconds
            )
            for name, (arguments, rows) in WORKLOADS.items()
        }


def gigabyte(bench: Bench, compiled: bool = True) -> list[float]:
    """Megabytes that a server holds behind its first statement, and at most while it passes a
    gigabyte of rows, which all stages see."""
    target = Target(*SERVER, compiled, "off")
    one = bench.chain_of(target, {"tracing_sampler": "never"})
    command = [
        *(mariadb("mariadb"), "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--skip-ssl"),
        *(f"--port={one.port}", f"--user={_USER}", f"--password={_PASSWORD}", "--quick"),
        *("--batch", "--skip-column-names", "-e"),
    ]

    def read(rows: int) -> None:
        asked = [*command, f"SELECT REPEAT('x', 1000) FROM seq_1_to_{rows}", _USER]
        with subprocess.Popen(bound(asked), stdout=subprocess.PIPE) as client:
            size = sum(map(len, iter(partial(client.stdout.read, 1 << 20), b"")))
        assert not client.returncode and size == 1001 * rows

    read(1)
    first = resident(one.server.pid) / 1e6
    return [first, *most_memory([one.server.pid], partial(read, 1_000_000))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--proxies", action="store_true", help="only the first tables")
    parser.add_argument("--inprocess", action="store_true", help="only our code, without sockets")
    arguments = parser.parse_args()
    in_order()
    rounds = 2 if arguments.quick else 8
    folder = Path(tempfile.mkdtemp(prefix="acra-bench-"))
    record: dict[str, object] = {}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if not arguments.inprocess:
            database = stack.enter_context(MariaDB(listens=True))
            database.account(_USER, _PASSWORD)
            database.run(f"CREATE DATABASE {_USER}")
            client = Client(1, arguments.clients)
            client.run(database.port, ("oltp_read_only", "prepare"), 1)
            bench = Bench(database.port, stack, folder, *SETTINGS)
            sink, collector = program("sink", folder)
            stack.callback(sink.stop)
            bench.add_haproxys()
            bench.add_relay()
            bench.add_two_relays()
            bench.add_two_relays_with_tls()
            for target in TARGETS:
                exports = {"otlp_endpoint": f"http://127.0.0.1:{collector}/v1/traces"}
                bench.add_chain(target, exports)
            bench.lull()
            stack.callback(bench.wake)
            results = dict(bench.measure(client.workloads(), rounds))
            print(table(results, list(bench.ports)) + "\n")
            print(spent_table(bench.spent, list(bench.ports)) + "\n")
            idle = [idle_sessions(folder, MYSQL, form) for form in (None, COMPILED)]
            flat = gigabyte(bench)
            print(f"Memory of an idle session, kB: {idle[0]:.1f}, compiled {idle[1]:.1f}")
            print(f"Memory before and while 1 GB is read, MB: {flat[0]:.1f}, {flat[1]:.1f}\n")
            record |= {"results": results, "processor_us": bench.spent}
            record |= {"idle_kb": idle, "gigabyte_mb": flat}
        if not arguments.proxies:
            record["inprocess_us"] = found = inprocess.both(COMPILED, "mysql")
            print(inprocess.table(found))
    print(f"\nWritten to {written(record, arguments.clients)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
