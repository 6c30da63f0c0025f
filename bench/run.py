"""``make bench``: direct, pgbouncer, HAProxy, server alone, connector and server, side by side.

How is told in `sidebyside`; MySQL's bench is `runmysql`.  Results go to ``bench/results/`` as JSON.
``make bench BENCH=--quick`` takes a fifth of the time.
"""

from __future__ import annotations

import argparse
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import censor
import connections
import console
import containers
import copies
import encryptor
import inprocess
import logins
import ownstatements
import psycopg
import tracing
from bursts import need_priority
from sidebyside import (
    COMPILED,
    DIRECT,
    LINKS,
    SAMPLERS,
    SERVER,
    Bench,
    Target,
    Workload,
    program,
    spent_table,
    table,
    written,
)
from spokenpostgresql import POSTGRESQL

from acra_twisted.sandbox.endings import in_order
from acra_twisted.sandbox.places import installed
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.sandbox.processes import Process, accepts, free_port

ROWS = 100_000
_SCALE = 5
#: Seconds of a round of statements beside protected columns.
_STEADY = 3
#: Microseconds.
BUSY_POLL = 100
#: A server whose connections are Twisted's, and two on one port.
_PLAIN = ("server, plain transports", "none")
_TWO = ("two servers", "none")
TARGETS = (
    *(Target(*link, False, sampling) for sampling in ("off", "1 %") for link in LINKS),
    *(Target(*link, False, "100 %") for link in LINKS[:2]),
    Target(*SERVER, True, "off"),
    *(Target(*link, True, "1 %") for link in LINKS),
    Target(*SERVER, True, "100 %"),
    Target(*_TWO, True, "1 %", {"incoming_connection_reuse_port": "true"}),
    *(Target(*_PLAIN, compiled, "1 %", {"native_transports": "off"}) for compiled in (False, True)),
)
_HERE = Path(__file__).parent
#: A column of text, which may hold containers, beside pgbench's own of integers.
WORKLOADS = {
    "select, simple": ("-S", "-M", "simple"),
    "text, simple": ("-f", str(_HERE / "text.sql"), "-M", "simple"),
    "select, prepared": ("-S", "-M", "prepared"),
    "text, prepared": ("-f", str(_HERE / "text.sql"), "-M", "prepared"),
    "100 text rows": ("-f", str(_HERE / "text100.sql"), "-M", "simple"),
    "TPC-B-like": ("-M", "simple"),
}
_SPANS = re.compile(r'acra_span_exporter_spans_total\{exporter="otlp",result="(\w+)"\} (\S+)')
_TPS = re.compile(r"tps = ([0-9.]+) \(without initial")


def pgbouncer(postgres: Postgres, folder: Path) -> tuple[Process, int]:
    """Session pooling, as comparable as it gets."""
    program = installed("pgbouncer")
    if program is None:
        sys.exit("no pgbouncer: run apt-get install pgbouncer")
    port = free_port()
    # Where it may write when it is not root: a folder of its own, beside the keys of others.
    folder.chmod(0o711)
    folder = folder / "pgbouncer"
    folder.mkdir()
    ini = folder / "pgbouncer.ini"
    ini.write_text(
        f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n"
        f"pool_mode = session\nunix_socket_dir =\nmax_client_conn = 100\n"
        f"default_pool_size = 50\nlogfile = {folder}/pgbouncer.log\n"
    )
    ini.write_text(ini.read_text().replace("* = host", "postgres = user=postgres host"))
    user = None
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        user = (nobody.pw_uid, nobody.pw_gid)
        folder.chmod(0o777)
    process = Process([program, str(ini)], folder / "pgbouncer.out", user=user)
    process.wait_until(lambda: accepts(port), "listening")
    return process, port


def pipe(postgres: Postgres, folder: Path) -> tuple[Process, int]:
    """Twisted's own port forwarder: what copying bytes costs at least, without trying."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("twistd")), "-n", f"--pidfile={folder}/pipe.pid"]
    command += ["portforward", "-p", f"tcp:{port}:interface=127.0.0.1", "-h", "127.0.0.1"]
    process = Process([*command, "-d", str(postgres.port)], folder / "pipe.log")
    process.wait_until(lambda: accepts(port), "listening")
    return process, port


class Client:
    """Asks by so many ``clients`` of pgbench for so many ``seconds``, and for one large result."""

    def __init__(self, postgres: Postgres, seconds: int, clients: int) -> None:
        self._postgres = postgres
        self._seconds = seconds
        self._clients = clients

    def pgbench(self, port: int, arguments: tuple[str, ...]) -> float:
        """Transactions per second."""
        return self._pgbench(port, ("-T", str(self._seconds), *arguments))

    def some(self, port: int, count: int, arguments: tuple[str, ...]) -> float:
        """Transactions per second, while there are about so many."""
        return self._pgbench(port, ("-t", str(max(count // self._clients, 1)), *arguments))

    def _pgbench(self, port: int, arguments: tuple[str, ...]) -> float:
        done = subprocess.run(
            [
                *(str(self._postgres.bin / "pgbench"), "-h", "127.0.0.1", "-p", str(port)),
                *("-U", SUPERUSER, "-n", "-c", str(self._clients)),
                *("-D", f"scale={_SCALE}"),
                *(*arguments, "postgres"),
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "PGSSLMODE": "disable"},
        )
        if done.returncode:
            sys.exit(f"pgbench failed:\n{done.stderr}")
        return float(_TPS.search(done.stdout)[1])

    @staticmethod
    def rows(port: int) -> float:
        """Rows per second of one large result."""
        with psycopg.connect(
            host="127.0.0.1", port=port, user=SUPERUSER, dbname="postgres", sslmode="disable"
        ) as db:
            query = f"SELECT n, repeat('x', 50) FROM generate_series(1, {ROWS}) n".encode()
            began = time.perf_counter()
            result = db.pgconn.exec_(query)
            took = time.perf_counter() - began
            assert result.ntuples == ROWS
        return ROWS / took

    def workloads(self) -> dict[str, Workload]:
        """Return the workloads by their names."""
        found = {
            name: Workload(partial(self.pgbench, arguments=arguments), self._seconds)
            for name, arguments in WORKLOADS.items()
        }
        return {**found, f"{ROWS:,} rows": Workload(self.rows, 0)}


def targets(bench: Bench, postgres: Postgres, stack: ExitStack, folder: Path) -> dict[str, int]:
    """Start everything that stands between client and database; return where servers say what
    became of their spans."""
    bench.add("pgbouncer", *pgbouncer(postgres, folder))
    sink, collector = program("sink", folder)
    stack.callback(sink.stop)
    bench.add_haproxys()
    bench.add_relay()
    bench.add_two_relays()
    bench.add_two_relays_with_tls()
    bench.add("naive Twisted pipe", *pipe(postgres, folder))
    pages = {}
    for target in TARGETS:
        exports = {"otlp_endpoint": f"http://127.0.0.1:{collector}/v1/traces"}
        one = bench.add_chain(target, exports)
        if target.title == _TWO[0]:
            other, _ = one.one_more()
            stack.callback(other.stop)
            bench.processes[target.name].append(other.pid)
        if target.sampling == "100 %":
            pages[target.name] = one.server_pages
    return pages


def busy_servers(bench: Bench) -> dict[str, int]:
    """Servers that do not fall asleep between the requests of one client, for latency only."""
    found = {}
    for compiled in (False, True):
        target = Target(*SERVER, compiled, "1 %", {"busy_poll": str(BUSY_POLL)})
        one = bench.chain_of(target, {"tracing_sampler": SAMPLERS["1 %"]})
        name = f"{target.name}, busy_poll = {BUSY_POLL}"
        found[name] = one.port
        bench.processes[name] = [one.server.pid]
    return found


def spans_of(bench: Bench, pages: dict[str, int]) -> dict[str, dict[str, int]]:
    """Count the exported and lost spans of each server that sampled everything."""
    found = {}
    for name, port in pages.items():
        with bench.awake(name), urlopen(f"http://127.0.0.1:{port}/metrics") as page:
            counted = _SPANS.findall(page.read().decode())
        found[name] = {result: int(float(count)) for result, count in counted}
    return found


def spans_table(spans: dict[str, dict[str, int]]) -> str:
    """Return a table of exported and lost spans."""
    lines = ["Spans of the servers that sample everything"]
    for name, counts in spans.items():
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        lines.append(f"  {name}: {told}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--containers", action="store_true", help="only what is encrypted")
    parser.add_argument("--censor", action="store_true", help="only the firewall")
    parser.add_argument("--encryptor", action="store_true", help="only protected columns")
    parser.add_argument("--tracing", action="store_true", help="only what tracing costs")
    parser.add_argument("--console", action="store_true", help="only console and history")
    parser.add_argument(
        "--bursts", action="store_true", help="only these, in turns before all others (root)"
    )
    parser.add_argument("--proxies", action="store_true", help="only the first tables")
    parser.add_argument("--inprocess", action="store_true", help="only our code, without sockets")
    arguments = parser.parse_args()
    in_order()
    if arguments.bursts:
        try:
            need_priority()
        except PermissionError as error:
            parser.error(str(error))
    # Of pgbench short rounds, and many: what else the machine does comes and goes in seconds.
    seconds, rounds = 1, 1 if arguments.quick else 4
    folder = Path(tempfile.mkdtemp(prefix="acra-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = Postgres()
        stack.callback(postgres.remove)
        postgres.start()
        bench = Bench(postgres.port, stack, folder)
        client = Client(postgres, seconds, arguments.clients)
        subprocess.run(
            [
                *(str(postgres.bin / "pgbench"), "-i", "-q", "-s", str(_SCALE), "-h", "127.0.0.1"),
                *("-p", str(postgres.port), "-U", SUPERUSER, "postgres"),
            ],
            check=True,
            capture_output=True,
        )
        results: dict[str, dict[str, float]] = {}
        record: dict[str, object] = {}
        parts = ("containers", "censor", "console", "bursts", "encryptor", "tracing", "inprocess")
        whole = not any(getattr(arguments, part) for part in (*parts, "proxies"))
        if whole or arguments.proxies:
            pages = targets(bench, postgres, stack, folder)
            busy = busy_servers(bench)
            bench.lull()
            stack.callback(bench.wake)
            results = dict(bench.measure(client.workloads(), rounds * 2))
            print(table(results, list(bench.ports)) + "\n")
            print(spent_table(bench.spent, list(bench.ports)) + "\n")
            record["spans"] = spans = spans_of(bench, pages)
            print(spans_table(spans) + "\n")
            alone = {
                name: port
                for name, port in bench.ports.items()
                if name in (DIRECT, "pgbouncer") or name.endswith("tracing 1 %")
            }
            links = (
                connections.idle_sessions(folder, POSTGRESQL),
                connections.handshakes(folder, postgres.port, COMPILED),
                connections.gigabyte(folder, postgres.port),
                connections.latency(alone | busy, rounds * 4, bench.awake),
            )
            print(connections.table(*links) + "\n")
            record["logins_us"] = spent = logins.logins(folder, COMPILED, 2 * rounds)
            print(logins.table(spent) + "\n")
            record |= dict(
                zip(("idle_kb", "tls_us", "gigabyte_mb", "latency_us"), links, strict=True)
            )
        if whole or arguments.inprocess:
            found = inprocess.both(COMPILED, "postgresql")
            print(inprocess.table(found) + "\n")
            record |= {"inprocess_us": found}
        if whole or arguments.tracing:
            costs = (
                tracing.records(rounds * 2),
                tracing.encodings(rounds * 2),
                tracing.following(postgres, stack, folder, client.pgbench, rounds * 6),
            )
            print(tracing.table(*costs) + "\n")
            record |= dict(zip(("recording", "encoding", "following"), costs, strict=True))
        if whole or arguments.censor:
            decided = censor.decisions(rounds * 2)
            cost = censor.Stage(postgres, stack, folder).cost(client.pgbench, rounds * 10)
            print(censor.table(decided, cost) + "\n")
            record |= {"decisions": decided, "censor": cost}
        if whole or arguments.console:
            served = console.Served(postgres, stack, folder)
            # Twice as long: each connection of pgbench has spans that are kept.
            longer = Client(postgres, 2 * seconds, arguments.clients)
            watched = served.compare(longer.pgbench, client.pgbench, rounds * 8)
            print(console.table(watched) + "\n")
            answers = served.answers(longer.pgbench)
            print(console.pages_table(answers) + "\n")
            record |= {"console": watched, "console pages": answers}
        if arguments.bursts:
            served = console.Served(postgres, stack, folder)
            watched = served.in_bursts(postgres.pid, client.some)
            print(console.bursts_table(watched) + "\n")
            answers = served.answers_before_others(postgres.pid, client.some)
            print(console.pages_table(answers) + "\n")
            record |= {"console in bursts": watched, "console pages in bursts": answers}
        if whole or arguments.containers:
            opened = {
                "interpreted": containers.openings(rounds * 3),
                "compiled": containers.compiled_openings(rounds * 3, COMPILED),
            }
            large = containers.Results(postgres, stack, folder)
            read = dict(large.measure(rounds))
            waited = containers.waiting(large, rounds)
            print(containers.table(opened, read, waited))
            record |= {"openings": opened, "rows": read, "waiting": waited}
        if whole or arguments.encryptor:
            own = encryptor.both(rounds * 5, COMPILED)
            served = encryptor.Served(postgres, stack, folder, COMPILED)
            # Eight sessions begin in each round, and each asks for its search path: longer rounds,
            # for that is no part of a statement.
            steady = Client(postgres, _STEADY, arguments.clients)
            compared = served.compare(steady.pgbench, rounds * 5)
            typed = served.rows(rounds * 5)
            print(encryptor.table(own, compared, typed) + "\n", flush=True)
            alone = ownstatements.both(rounds * 40, COMPILED)
            print(ownstatements.table(alone) + "\n")
            print(copied := copies.table(COMPILED))
            print("\n" + encryptor.bars(own, compared, typed))
            record |= {"sealing_us": own, "encryptor": compared, "typed": typed, "copied": copied}
            record |= {"own_statements_us": alone}
    record |= {"results": results, "processor_us": bench.spent}
    print(f"\nWritten to {written(record, arguments.clients)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
