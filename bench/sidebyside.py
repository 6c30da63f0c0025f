"""Targets that are measured in turn, whatever their database is: see `run` and `runmysql`.

Every target is measured in turn, round after round, so that what else the machine does hits all
of them, while the others sleep.  The direct connection is measured again after every few: what a
machine does may change by half within a minute.  Reported are medians, of the direct connection's
rate and of each target's ratio to what it was just before and just after.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import censor
import haproxy

from acra_twisted import __version__
from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain, Ini
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import Process, accepts, free_port, processor_time

DIRECT = "direct"
SAMPLERS = {"off": "never", "1 %": "probability:0.01", "100 %": "always"}
COMPILED = Path(__file__).parents[1] / "build" / "compiled"
#: A server, and the chains: their names and links.
SERVER, *CHAINS = LINKS = (
    ("server", "none"),
    ("connector+TLS+server", "tls"),
    ("connector+Secure Session+server", "secure-session"),
)
#: Targets that are measured between two measurements of the direct connection.
_APART = 4


class Workload(NamedTuple):
    """``run``: the rate at a port.  It takes so many ``seconds``; 0 where no processor time is
    shown."""

    run: Callable[[int], float]
    seconds: float


class Target(NamedTuple):
    """A chain that is compared: whether it is ``compiled``, its sampling, and options of its
    server."""

    title: str
    link: str
    compiled: bool
    sampling: str
    options: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """Its name in tables."""
        return f"{self.title}{', compiled' if self.compiled else ''}, tracing {self.sampling}"


def program(name: str, folder: Path, *arguments: object) -> tuple[Process, int]:
    """One of the programs beside this one; its first argument is where it listens."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
    process = Process([*command, *map(str, (port, *arguments))], folder / f"{name}.log")
    process.wait_until(lambda: accepts(port), "listening")
    return process, port


class Bench:
    """Targets by name, with their ports, in front of the database at ``port``; ``server`` and
    ``connector`` have more settings of their daemons, by section."""

    def __init__(
        self,
        port: int,
        stack: ExitStack,
        folder: Path,
        server: Ini | None = None,
        connector: Ini | None = None,
    ) -> None:
        #: Microseconds of processor time a transaction, by workload, target and process.
        self.spent: dict[str, dict[str, list[float]]] = {}
        self.processes: dict[str, list[int]] = {}
        self.ports: dict[str, int] = {DIRECT: port}
        self._database = port
        self._stack = stack
        self._folder = folder
        self._server, self._connector = server or {}, connector or {}

    def add(self, name: str, process: Process, port: int) -> None:
        """Something that stands between client and database; of several with a name the one that
        is added last is asked."""
        self._stack.callback(process.stop)
        self.ports[name] = port
        self.processes.setdefault(name, []).append(process.pid)

    def add_relay(self) -> None:
        """`relay.py`: the least that a relay in Python costs."""
        self.add("bare relay in Python", *program("relay", self._folder, self._database))

    def add_two_relays(self) -> None:
        """Two of them in a row: the least that a chain in Python costs, without encryption."""
        name = "two bare relays in a row"
        behind, port = program("relay", self._folder, self._database)
        self.add(name, behind, port)
        self.add(name, *program("relay", self._folder, port))

    def add_two_relays_with_tls(self) -> None:
        """`tlsrelay.py`, twice, with TLS between them: the least that a chain in Python costs."""
        name = "two relays with TLS between"
        files = Authority(self._folder).issue("relay", hosts=("localhost",))
        behind, port = program("tlsrelay", self._folder, self._database, *files)
        self.add(name, behind, port)
        self.add(name, *program("tlsrelay", self._folder, port))

    def add_haproxys(self) -> None:
        """`haproxy`: what a relay in C costs, and two with TLS between them.  Where it is not
        installed they are left out, and a line says so."""
        if haproxy.program() is None:
            print("HAProxy is not installed: it is left out.", file=sys.stderr)
            return
        self.add("HAProxy, one thread", *haproxy.relay(self._folder, self._database))
        for process, port in haproxy.two_with_tls(self._folder, self._database):
            self.add("two HAProxys with TLS between", process, port)

    def add_chain(self, target: Target, tracing: Mapping[str, str] | None = None) -> Chain:
        """A chain that runs, with the firewall's hundred rules; ``tracing`` has more settings."""
        sampler = {"tracing_sampler": SAMPLERS[target.sampling]}
        one = self.chain_of(target, {**sampler, **(tracing or {})})
        self.ports[target.name] = one.port
        running = (one.server, one.connector)
        self.processes[target.name] = [daemon.pid for daemon in running if daemon is not None]
        return one

    def chain_of(self, target: Target, tracing: Mapping[str, str]) -> Chain:
        """Start a chain that is not measured in turns."""
        place = Path(tempfile.mkdtemp(dir=self._folder))
        rules = place / "rules.yaml"
        # JSON is YAML.
        rules.write_text(json.dumps({"version": "0.85.0", "handlers": censor.handlers(100)}))
        both = {"tracing": dict(tracing), "logging": {"v": "false"}}
        made = Chain(
            ("127.0.0.1", self._database),
            link=target.link,
            server={
                **both,
                **self._server,
                "censor": {"acracensor_config_file": str(rules)},
                "server": dict(target.options),
            },
            connector={**both, **self._connector},
            folder=place,
            keys=Keys(place, "bench client"),
            environment={"PYTHONPATH": str(COMPILED)} if target.compiled else None,
        )
        self._stack.callback(made.stop)
        return made.start()

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

    def measure(
        self, workloads: Mapping[str, Workload], rounds: int
    ) -> Iterator[tuple[str, dict[str, float]]]:
        """Each workload with what each target does: the median of its rounds' ratios to the direct
        connection, for that itself of its rates."""
        for name, (run, seconds) in workloads.items():
            measured: list[tuple[str, float]] = []
            spent: dict[str, list[list[float]]] = {target: [] for target in self.processes}
            for number in range(rounds):
                for target in self._turns():
                    print(f"\r{name}: round {number + 1}, {target}".ljust(70), end="", flush=True)
                    with self.awake(target) as pids:
                        before = [processor_time(pid) for pid in pids]
                        rate = run(self.ports[target])
                        measured.append((target, rate))
                        after = [processor_time(pid) for pid in pids]
                    if pids and seconds:
                        done = rate * seconds
                        times = zip(before, after, strict=True)
                        spent[target].append([(now - was) / done * 1e6 for was, now in times])
            print("\r".ljust(71) + "\r", end="")
            if seconds:
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


def written(record: Mapping[str, Any], clients: int) -> str:
    """Write results to ``bench/results/`` as JSON, and return the name of the file."""
    place = Path(__file__).parent / "results"
    place.mkdir(exist_ok=True)
    path = place / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    common = {
        "version": __version__,
        "clients": clients,
        "cores": os.cpu_count(),
        "unit": "per second; as ratios to direct, but for direct itself",
    }
    path.write_text(json.dumps({**record, **common}, indent=1) + "\n")
    return f"bench/results/{path.name}"
