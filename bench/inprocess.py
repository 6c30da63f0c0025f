"""Our code alone: what a transaction costs AcraServer in one process, without sockets.

A relay as the server makes it, with AcraCensor and 100 rules, the decryptor, metrics, pages and
tracing at 1 %; requests go in as pgbench or sysbench sends them, replies as the database does.
Steadier than anything with sockets on a shared machine, and fit for a profiler:
``python bench/inprocess.py postgresql`` (or mysql).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import censor
from spoken import Spoken, log_in
from spokenmysql import MYSQL
from spokenpostgresql import POSTGRESQL
from twisted.internet.testing import MemoryReactorClock

from acra_twisted.daemon.usage import load
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.sandbox.chain import write_ini
from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.keys import Keys
from acra_twisted.server.service import AcraServer
from acra_twisted.server.tap import Options
from acra_twisted.session import Identity, Session
from acra_twisted.telemetry.tracing import spans

_ROUNDS = 7
_TRANSACTIONS = 10_000
_SPOKEN = {"postgresql": POSTGRESQL, "mysql": MYSQL}


class Sink:
    """A channel whose bytes go nowhere."""

    transport: Any = None

    def write(self, data: bytes) -> None:
        """Nobody reads it."""

    def register(self, producer: Any) -> None:
        """It pauses nobody."""


def start(folder: Path, stages: bool, spoken: Spoken) -> AcraServer:
    """An AcraServer on a reactor that does nothing, with stages as ``make bench`` has them."""
    keys = Keys(folder, "bench client")
    rules = folder / "rules.yaml"
    # JSON is YAML.
    rules.write_text(json.dumps({"version": "0.85.0", "handlers": censor.handlers(100)}))
    ini = {
        "server": {
            "incoming_connection_string": "tcp://127.0.0.1:0",
            "acraconnector_transport_encryption_disable": "true",
            "client_id": keys.client_id,
        },
        "database": dict(spoken.section),
        "tls": {"tls_client_auth": "0"},
        "keystore": keys.ini(),
        "tracing": {"tracing_sampler": "probability:0.01"},
        "metrics": {"incoming_connection_zpages_string": "tcp://127.0.0.1:0"},
        "pipeline": {"stages": "decryptor" if stages else ""},
    }
    if stages:
        ini["censor"] = {"acracensor_config_file": str(rules)}
    path = write_ini(folder / "acra-server.ini", ini)
    settings, _ = load(Options.program, [f"--config_file={path}"], {})
    return AcraServer(MemoryReactorClock(), settings)


def session(server: AcraServer, spoken: Spoken) -> tuple[Relay, Session]:
    """A session past its startup, as `ServerConnection` makes one."""
    tracing = server.telemetry.tracing
    made = Session(
        1, Identity("bench client", "127.0.0.1", False), server.context.observers, tracing.clock
    )
    made.span = tracing.root("handleConnection", spans.SERVER)
    flows = log_in(server, made, spoken)
    client, database = Sink(), Sink()
    relay = Relay(
        made,
        client,
        database,
        flows,
        server.context.pipeline,
        server.context.limits,
        fatal=server.context.dialect.encode_farewell,
        seconds=lambda: 0.0,
        later=lambda seconds, function: None,
        ended=lambda reason: None,
        valves=between(client, database, lambda: 0.0),
    )
    request, reply = spoken.first
    relay.from_client(request)
    relay.from_database(reply)
    return relay, made


def run(spoken: Spoken, rounds: int = _ROUNDS) -> dict[str, float]:
    """Microseconds a transaction, of the best round, by workload."""
    found: dict[str, float] = {}
    for stages in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            server = start(Path(folder), stages, spoken)
            relay, made = session(server, spoken)
            for name, (request, reply) in spoken.transactions.items():
                best = float("inf")
                for number in range(rounds):
                    requests = [request(number * _TRANSACTIONS + n) for n in range(_TRANSACTIONS)]
                    began = time.perf_counter()
                    for data in requests:
                        relay.from_client(data)
                        relay.from_database(reply)
                    best = min(best, (time.perf_counter() - began) / _TRANSACTIONS * 1e6)
                    assert not made.outstanding, "a reply is owed"
                found[f"{name}, {'all stages' if stages else 'no stages'}"] = best
            if stages:
                found |= {
                    f"simple, all stages, {name}": us for name, us in _cold(relay, spoken).items()
                }
            for service in [*server.telemetry, *server.listeners.values()]:
                if hasattr(service, "_listener"):
                    service._listener.close()
            server.workers.stop()
    return found


class Neighbour:
    """A process on the same core that goes through so many kilobytes each time it is called."""

    def __init__(self, kilobytes: int) -> None:
        os.sched_setaffinity(0, {0})
        self._here, there = socket.socketpair()
        self._pid = os.fork()
        if not self._pid:
            self._here.close()
            memory = bytearray(kilobytes << 10)
            while there.recv(1):
                for at in range(0, len(memory), 64):
                    memory[at] = 1
                there.send(b"x")
            os._exit(0)
        there.close()

    def __call__(self) -> None:
        """Switch there and back."""
        self._here.send(b"x")
        self._here.recv(1)

    def stop(self) -> None:
        """End it."""
        self._here.close()
        os.waitpid(self._pid, 0)
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def _cold(relay: Relay, spoken: Spoken) -> dict[str, float]:
    """Microseconds of the same code, of simple requests, when something runs before each of its two
    parts, as it does in a server: that time is not counted."""
    transaction = spoken.transactions["simple"]
    listener = socket.create_server(("127.0.0.1", 0))
    one = socket.create_connection(listener.getsockname())
    other = listener.accept()[0]

    def send_and_receive() -> None:
        one.send(transaction[1])
        other.recv(4096)

    found = {"after a send and a receive by TCP": _between(relay, transaction, send_and_receive)}
    for each in (one, other, listener):
        each.close()
    for kilobytes in (0, 256):
        neighbour = Neighbour(kilobytes)
        found[f"after a process that used {kilobytes} kB"] = _between(relay, transaction, neighbour)
        neighbour.stop()
    return found


def _between(
    relay: Relay, transaction: tuple[Callable[[int], bytes], bytes], before: Callable[[], None]
) -> float:
    ask, reply = transaction
    best, clock = float("inf"), time.perf_counter
    for _ in range(3):
        took = 0.0
        for number in range(_TRANSACTIONS // 5):
            request = ask(number)
            before()
            began = clock()
            relay.from_client(request)
            took += clock() - began
            before()
            began = clock()
            relay.from_database(reply)
            took += clock() - began
        best = min(best, took / (_TRANSACTIONS // 5) * 1e6)
    return best


def both(compiled: Path, database: str) -> dict[str, list[float]]:
    """`run`, interpreted and compiled, each in a process of its own."""
    found: dict[str, list[float]] = {}
    for path in ("", str(compiled)):
        for name, took in printed_by(__file__, path, database).items():
            found.setdefault(name, []).append(took)
    return found


def printed_by(script: str, path: str, *arguments: str) -> Any:
    """The JSON that a script prints when modules are looked for in ``path`` first."""
    done = subprocess.run(
        bound([sys.executable, script, *arguments]),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def table(found: dict[str, list[float]]) -> str:
    """For people."""
    lines = ["The server's own code in one process, without sockets, us a transaction"]
    lines.append("".ljust(60) + "interpreted".rjust(12) + "compiled".rjust(12))
    lines += [
        f"  {name.ljust(58)}" + "".join(f"{one:12.1f}" for one in took)
        for name, took in found.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(run(_SPOKEN[sys.argv[1]])))
