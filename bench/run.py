"""``make bench``: direct, pgbouncer, server alone, connector and server, side by side.

Every target is measured in turn, round after round, so that what else the machine does hits all
of them, while the others sleep.  The direct connection is measured again after every few: what a
machine does may change by half within a minute.  Reported are medians, of the direct connection's
rate and of each target's ratio to what it was just before and just after.
Results go to ``bench/results/`` as JSON.  ``make bench BENCH=--quick`` takes a fifth of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from urllib.request import urlopen

import censor
import connections
import containers
import copies
import encryptor
import inprocess
import logins
import psycopg
import tracing

from acra_twisted import __version__
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.endings import in_order
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.sandbox.processes import Process, accepts, free_port, processor_time

ROWS = 100_000
_SCALE = 5
DIRECT = "direct"
#: Targets that are measured between two measurements of the direct connection.
_APART = 4
SAMPLERS = {"off": "never", "1 %": "probability:0.01", "100 %": "always"}
#: Microseconds.
BUSY_POLL = 100
COMPILED = Path(__file__).parents[1] / "build" / "compiled"
#: What is compared: its name, its link, whether it is compiled, and its sampling.
_LINKS = (
    ("server", "none"),
    ("connector+TLS+server", "tls"),
    ("connector+Secure Session+server", "secure-session"),
)
#: A server whose connections are Twisted's.
_PLAIN = "server, plain transports"
CHAINS = (
    *((title, link, False, sampling) for sampling in ("off", "1 %") for title, link in _LINKS),
    *((title, link, False, "100 %") for title, link in _LINKS[:2]),
    ("server", "none", True, "off"),
    *((title, link, True, "1 %") for title, link in _LINKS),
    ("server", "none", True, "100 %"),
    ("two servers", "none", True, "1 %"),
    *((_PLAIN, "none", compiled, "1 %") for compiled in (False, True)),
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
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
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


def bare_relay(postgres: Postgres, folder: Path) -> tuple[Process, int]:
    """`relay.py`: the least that a relay in Python costs."""
    return program("relay", folder, postgres.port)


def program(name: str, folder: Path, *ports: int) -> tuple[Process, int]:
    """One of the programs beside this one; its first argument is where it listens."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
    process = Process([*command, *map(str, (port, *ports))], folder / f"{name}.log")
    process.wait_until(lambda: accepts(port), "listening")
    return process, port


class Bench:
    """Targets by name, with their ports; measures workloads on them."""

    def __init__(self, postgres: Postgres, seconds: int, clients: int) -> None:
        #: Microseconds of processor time a transaction, by workload, target and process.
        self.spent: dict[str, dict[str, list[float]]] = {}
        self.processes: dict[str, list[int]] = {}
        #: Where servers say what became of their spans.
        self.pages: dict[str, int] = {}
        self.postgres = postgres
        self.seconds = seconds
        self.clients = clients
        self.ports: dict[str, int] = {DIRECT: postgres.port}

    @contextmanager
    def awake(self, target: str) -> Iterator[list[int]]:
        """Only one of them runs: thirty daemons' timers would be measured with it, and their
        memory in its caches."""
        pids = self.processes.get(target, [])
        self._signal(pids, signal.SIGCONT)
        time.sleep(0.1)
        try:
            yield pids
        finally:
            self._signal(pids, signal.SIGSTOP)

    def lull(self) -> None:
        """Put all of them to sleep."""
        self._signal(chain(*self.processes.values()), signal.SIGSTOP)

    def wake(self) -> None:
        """Wake all of them, so that they can be ended."""
        self._signal(chain(*self.processes.values()), signal.SIGCONT)

    @staticmethod
    def _signal(pids: Iterable[int], number: int) -> None:
        for pid in pids:
            os.kill(pid, number)

    def pgbench(self, port: int, arguments: tuple[str, ...]) -> float:
        """Transactions per second."""
        done = subprocess.run(
            [
                *(str(self.postgres.bin / "pgbench"), "-h", "127.0.0.1", "-p", str(port)),
                *("-U", SUPERUSER, "-n", "-c", str(self.clients), "-T", str(self.seconds)),
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

    def rows(self, port: int, arguments: tuple[str, ...]) -> float:
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

    def spans(self) -> dict[str, dict[str, int]]:
        """Count the exported and lost spans of each server that sampled everything."""
        found = {}
        for name, port in self.pages.items():
            with self.awake(name), urlopen(f"http://127.0.0.1:{port}/metrics") as page:
                counted = _SPANS.findall(page.read().decode())
            found[name] = {result: int(float(count)) for result, count in counted}
        return found

    def measure(self, rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
        """Each workload with what each target does: the median of its rounds' ratios to the direct
        connection, for that itself of its rates."""
        workloads: dict[str, tuple[Callable[..., float], tuple[str, ...]]] = {
            name: (self.pgbench, arguments) for name, arguments in WORKLOADS.items()
        }
        workloads[f"{ROWS:,} rows"] = (self.rows, ())
        for name, (run, arguments) in workloads.items():
            measured: list[tuple[str, float]] = []
            spent: dict[str, list[list[float]]] = {target: [] for target in self.processes}
            for number in range(rounds):
                for target in self._turns():
                    print(f"\r{name}: round {number + 1}, {target}".ljust(70), end="", flush=True)
                    with self.awake(target) as pids:
                        before = [processor_time(pid) for pid in pids]
                        rate = run(self.ports[target], arguments)
                        measured.append((target, rate))
                        spent.setdefault(target, []).append(
                            [
                                (processor_time(pid) - was) / (rate * self.seconds) * 1e6
                                for pid, was in zip(pids, before, strict=True)
                            ]
                        )
            print("\r".ljust(71) + "\r", end="")
            if run == self.pgbench:
                self.spent[name] = {
                    target: [statistics.median(one) for one in zip(*found, strict=True)]
                    for target, found in spent.items()
                }
            yield name, ratios(measured)

    def _turns(self) -> Iterator[str]:
        """The targets of a round, the direct connection before, between and after the others."""
        for number, target in enumerate(name for name in self.ports if name != DIRECT):
            if number % _APART == 0:
                yield DIRECT
            yield target
        yield DIRECT


def ratios(measured: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Medians of each target's rate as a ratio to the mean of the direct connection's last before
    and first after it; of the direct connection's, the median rate."""
    direct = [number for number, (target, _) in enumerate(measured) if target == DIRECT]
    found: dict[str, list[float]] = {}
    for number, (target, rate) in enumerate(measured):
        if target != DIRECT:
            place = bisect(direct, number)
            around = measured[direct[place - 1]][1] + measured[direct[place]][1]
            rate /= around / 2
        found.setdefault(target, []).append(rate)
    return {target: statistics.median(each) for target, each in found.items()}


def targets(bench: Bench, stack: ExitStack, folder: Path) -> None:
    """Start everything that stands between client and database."""
    bouncer, bench.ports["pgbouncer"] = pgbouncer(bench.postgres, folder)
    stack.callback(bouncer.stop)
    bench.processes["pgbouncer"] = [bouncer.pid]
    sink, collector = program("sink", folder)
    stack.callback(sink.stop)
    for name, start in (("bare relay in Python", bare_relay), ("naive Twisted pipe", pipe)):
        process, bench.ports[name] = start(bench.postgres, folder)
        stack.callback(process.stop)
        bench.processes[name] = [process.pid]
    for title, link, compiled, sampling in CHAINS:
        several = title.startswith("two ")
        options = {"incoming_connection_reuse_port": "true"} if several else {}
        if title == _PLAIN:
            options["native_transports"] = "off"
        tracing = {
            "tracing_sampler": SAMPLERS[sampling],
            "otlp_endpoint": f"http://127.0.0.1:{collector}/v1/traces",
        }
        one = chain_of(bench, stack, folder, link, compiled, tracing, options)
        name = f"{title}{', compiled' if compiled else ''}, tracing {sampling}"
        bench.ports[name] = one.port
        running = [daemon.pid for daemon in (one.server, one.connector) if daemon is not None]
        if several:
            other, _ = one.one_more()
            stack.callback(other.stop)
            running.append(other.pid)
        bench.processes[name] = running
        if sampling == "100 %":
            bench.pages[name] = one.server_pages


def chain_of(
    bench: Bench,
    stack: ExitStack,
    folder: Path,
    link: str,
    compiled: bool,
    tracing: dict[str, str],
    options: dict[str, str],
) -> Chain:
    """A chain that runs, with the firewall's hundred rules; ``options`` are the server's."""
    place = Path(tempfile.mkdtemp(dir=folder))
    rules = place / "rules.yaml"
    # JSON is YAML.
    rules.write_text(json.dumps({"version": "0.85.0", "handlers": censor.handlers(100)}))
    both = {"tracing": tracing, "logging": {"v": "false"}}
    made = Chain(
        ("127.0.0.1", bench.postgres.port),
        link=link,
        server={**both, "censor": {"acracensor_config_file": str(rules)}, "server": options},
        connector=both,
        folder=place,
        keys=Keys(place, "bench client"),
        environment={"PYTHONPATH": str(COMPILED)} if compiled else None,
    )
    stack.callback(made.stop)
    return made.start()


def busy_servers(bench: Bench, stack: ExitStack, folder: Path) -> dict[str, int]:
    """Servers that do not fall asleep between the requests of one client, for latency only."""
    found = {}
    tracing, options = {"tracing_sampler": SAMPLERS["1 %"]}, {"busy_poll": str(BUSY_POLL)}
    for form, compiled in (("", False), (", compiled", True)):
        one = chain_of(bench, stack, folder, "none", compiled, tracing, options)
        name = f"server{form}, tracing 1 %, busy_poll = {BUSY_POLL}"
        found[name] = one.port
        bench.processes[name] = [one.server.pid]
    return found


def spent_table(spent: dict[str, dict[str, list[float]]], names: list[str]) -> str:
    """Processor time of each process of the proxies, the server's first."""
    width = max(map(len, names)) + 2
    titles = list(spent)
    lines = ["Processor time, us a transaction (server + connector, or both servers)"]
    lines.append("".ljust(width) + "".join(title.rjust(18) for title in titles))
    for name in names:
        cells = (spent[title].get(name) for title in titles)
        shown = "".join(
            (" + ".join(f"{us:.0f}" for us in cell) if cell else "").rjust(18) for cell in cells
        )
        if shown.strip():
            lines.append(name.ljust(width) + shown)
    return "\n".join(lines)


def spans_table(spans: dict[str, dict[str, int]]) -> str:
    """Return a table of exported and lost spans."""
    lines = ["Spans of the servers that sample everything"]
    for name, counts in spans.items():
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        lines.append(f"  {name}: {told}")
    return "\n".join(lines)


def table(results: dict[str, dict[str, float]], names: list[str]) -> str:
    """Ratios to direct; the first line has the absolute figures."""
    width = max(map(len, names)) + 2
    lines = ["".ljust(width) + "".join(title.rjust(18) for title in results)]
    absolute = "".join(f"{found[DIRECT]:,.0f}/s".rjust(18) for found in results.values())
    lines.append(DIRECT.ljust(width) + absolute)
    for name in names[1:]:
        cells = "".join(f"{found[name]:.2f}".rjust(18) for found in results.values())
        lines.append(name.ljust(width) + cells)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--containers", action="store_true", help="only what is encrypted")
    parser.add_argument("--censor", action="store_true", help="only the firewall")
    parser.add_argument("--encryptor", action="store_true", help="only protected columns")
    parser.add_argument("--tracing", action="store_true", help="only what tracing costs")
    parser.add_argument("--proxies", action="store_true", help="only the first tables")
    parser.add_argument("--inprocess", action="store_true", help="only our code, without sockets")
    arguments = parser.parse_args()
    in_order()
    # Of pgbench short rounds, and many: what else the machine does comes and goes in seconds.
    seconds, rounds = 1, 1 if arguments.quick else 4
    folder = Path(tempfile.mkdtemp(prefix="acra-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = Postgres()
        stack.callback(postgres.remove)
        postgres.start()
        bench = Bench(postgres, seconds, arguments.clients)
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
        parts = ("containers", "censor", "encryptor", "tracing", "inprocess")
        whole = not any(getattr(arguments, part) for part in (*parts, "proxies"))
        if whole or arguments.proxies:
            targets(bench, stack, folder)
            busy = busy_servers(bench, stack, folder)
            bench.lull()
            stack.callback(bench.wake)
            results = dict(bench.measure(rounds * 2))
            print(table(results, list(bench.ports)) + "\n")
            print(spent_table(bench.spent, list(bench.ports)) + "\n")
            record["spans"] = spans = bench.spans()
            print(spans_table(spans) + "\n")
            alone = {
                name: port
                for name, port in bench.ports.items()
                if name in (DIRECT, "pgbouncer") or name.endswith("tracing 1 %")
            }
            links = (
                connections.idle_sessions(folder),
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
            found = inprocess.both(COMPILED)
            print(inprocess.table(found) + "\n")
            record |= {"inprocess_us": found}
        if whole or arguments.tracing:
            costs = (
                tracing.records(rounds * 2),
                tracing.encodings(rounds * 2),
                tracing.following(postgres, stack, folder, bench.pgbench, rounds * 6),
            )
            print(tracing.table(*costs) + "\n")
            record |= dict(zip(("recording", "encoding", "following"), costs, strict=True))
        if whole or arguments.censor:
            decided = censor.decisions(rounds * 2)
            cost = censor.Stage(postgres, stack, folder).cost(bench.pgbench, rounds * 10)
            print(censor.table(decided, cost) + "\n")
            record |= {"decisions": decided, "censor": cost}
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
            compared = served.compare(bench.pgbench, rounds * 5)
            typed = served.rows(rounds * 5)
            print(encryptor.table(own, compared, typed) + "\n")
            print(copied := copies.table(COMPILED))
            record |= {"sealing_us": own, "encryptor": compared, "typed": typed, "copied": copied}
    place = Path(__file__).parent / "results"
    place.mkdir(exist_ok=True)
    path = place / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    record = {
        **record,
        "version": __version__,
        "clients": arguments.clients,
        "cores": os.cpu_count(),
        "unit": "per second; as ratios to direct, but for direct itself",
        "results": results,
        "processor_us": bench.spent,
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\nWritten to bench/results/{path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
