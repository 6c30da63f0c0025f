"""Our code alone: what a transaction costs AcraServer in one process, without sockets.

A relay as the server makes it, with AcraCensor and 100 rules, the decryptor, metrics, pages and
tracing at 1 %; requests go in as pgbench sends them, replies as PostgreSQL does.  Steadier than
anything with sockets on a shared machine, and fit for a profiler: ``python bench/inprocess.py``.
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
from twisted.internet.testing import MemoryReactorClock

from acra_twisted.daemon.usage import load
from acra_twisted.loginactions import CLIENT, DATABASE
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.sandbox.chain import write_ini
from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.keys import Keys
from acra_twisted.server.service import AcraServer
from acra_twisted.server.tap import Options
from acra_twisted.session import Identity, Session
from acra_twisted.telemetry.tracing import spans
from acra_twisted.wire.postgres.frames import StartupPacket, message

_ROUNDS = 7
_TRANSACTIONS = 10_000
_INTEGER = b"abalance\0" + b"\0\0\x40\x01\0\x03" + b"\0\0\0\x17\0\x04" + b"\xff" * 4 + b"\0\0"
# char(84), as pgbench has it.
_TEXT_COLUMN = b"filler\0" + b"\0\0\x40\x01\0\4" + b"\0\0\4\x12\xff\xff\0\0\0\x58\0\0"
_ROW = message(b"D", b"\0\1\0\0\0\1" + b"0")
_TEXT_ROW = message(b"D", b"\0\1\0\0\0\x54" + b" " * 84)
_READY = message(b"Z", b"I")


def _reply(column: bytes, row: bytes, count: int = 1) -> bytes:
    """The reply to a query that gives so many rows of one column."""
    complete = message(b"C", b"SELECT %d\0" % count)
    return message(b"T", b"\0\1" + column) + row * count + complete + _READY


_REPLY = _reply(_INTEGER, _ROW)
_TEXT_REPLY = _reply(_TEXT_COLUMN, _TEXT_ROW)
_TEXT_ROWS = _reply(_TEXT_COLUMN, _TEXT_ROW, 100)
_NAME = b"P0_1"
_TEXT = b"SELECT abalance FROM pgbench_accounts WHERE aid = "


class Sink:
    """A channel whose bytes go nowhere."""

    transport: Any = None

    def write(self, data: bytes) -> None:
        """Nobody reads it."""

    def register(self, producer: Any) -> None:
        """It pauses nobody."""


def start(folder: Path, stages: bool) -> AcraServer:
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
        "database": {"db_host": "127.0.0.1"},
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


def session(server: AcraServer) -> tuple[Relay, Session]:
    """A session past its startup, as `ServerConnection` makes one."""
    tracing = server.telemetry.tracing
    made = Session(
        1, Identity("bench client", "127.0.0.1", False), server.context.observers, tracing.clock
    )
    made.span = tracing.root("handleConnection", spans.SERVER)
    login = server.context.dialect.serve(server.context.login_policy)
    login.feed(CLIENT, StartupPacket(0, {b"user": b"postgres"}).encode())
    login.connected(encrypted=False)
    login.opened(made)
    *_, done = login.feed(DATABASE, message(b"R", b"\0\0\0\0") + _READY)
    client, database = Sink(), Sink()
    relay = Relay(
        made,
        client,
        database,
        done.flows,
        server.context.pipeline,
        server.context.limits,
        fatal=server.context.dialect.encode_farewell,
        seconds=lambda: 0.0,
        later=lambda seconds, function: None,
        ended=lambda reason: None,
        valves=between(client, database, lambda: 0.0),
    )
    relay.from_client(message(b"P", _NAME + b"\0" + _TEXT + b"$1;\0\0\0") + message(b"S", b""))
    relay.from_database(message(b"1", b"") + _READY)
    return relay, made


def simple(number: int) -> bytes:
    """As ``pgbench -S -M simple`` sends it."""
    return message(b"Q", _TEXT + b"%d;\0" % number)


def prepared(number: int) -> bytes:
    """As ``pgbench -S -M prepared`` sends it."""
    value = b"%d" % number
    bound = b"\0" + _NAME + b"\0\0\0\0\1" + len(value).to_bytes(4, "big") + value + b"\0\0"
    return (
        message(b"B", bound)
        + message(b"D", b"P\0")
        + message(b"E", b"\0\0\0\0\0")
        + message(b"S", b"")
    )


def run(rounds: int = _ROUNDS) -> dict[str, float]:
    """Microseconds a transaction, of the best round, by workload."""
    found: dict[str, float] = {}
    for stages in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            server = start(Path(folder), stages)
            relay, made = session(server)
            for name, request, reply in (
                ("simple", simple, _REPLY),
                ("text, simple", simple, _TEXT_REPLY),
                ("prepared", prepared, message(b"2", b"") + _REPLY),
                ("text, prepared", prepared, message(b"2", b"") + _TEXT_REPLY),
                ("100 text rows, simple", simple, _TEXT_ROWS),
            ):
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
                found |= {f"simple, all stages, {name}": us for name, us in cold(relay).items()}
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


def cold(relay: Relay) -> dict[str, float]:
    """Microseconds of the same code, simple protocol, when something runs before each of its two
    parts, as it does in a server: that time is not counted."""
    listener = socket.create_server(("127.0.0.1", 0))
    one = socket.create_connection(listener.getsockname())
    other = listener.accept()[0]

    def send_and_receive() -> None:
        one.send(_REPLY)
        other.recv(4096)

    found = {"after a send and a receive by TCP": _between(relay, send_and_receive)}
    for each in (one, other, listener):
        each.close()
    for kilobytes in (0, 256):
        neighbour = Neighbour(kilobytes)
        found[f"after a process that used {kilobytes} kB"] = _between(relay, neighbour)
        neighbour.stop()
    return found


def _between(relay: Relay, before: Callable[[], None]) -> float:
    best, clock = float("inf"), time.perf_counter
    for _ in range(3):
        took = 0.0
        for number in range(_TRANSACTIONS // 5):
            request = simple(number)
            before()
            began = clock()
            relay.from_client(request)
            took += clock() - began
            before()
            began = clock()
            relay.from_database(_REPLY)
            took += clock() - began
        best = min(best, took / (_TRANSACTIONS // 5) * 1e6)
    return best


def both(compiled: Path) -> dict[str, list[float]]:
    """`run`, interpreted and compiled, each in a process of its own."""
    found: dict[str, list[float]] = {}
    for path in ("", str(compiled)):
        for name, took in printed_by(__file__, path).items():
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
    print(json.dumps(run()))
