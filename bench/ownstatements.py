"""Statements beside protected columns in one process, without sockets: what the stage ``encryptor``
adds to the server's own code.

Fit for a profiler: ``python bench/ownstatements.py "search, by the hash" encryptor 200`` sends so
many and nothing else.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from inprocess import Sink, printed_by
from spoken import log_in
from spokenpostgresql import POSTGRESQL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock

from acra_twisted import purposes
from acra_twisted.crypto import acrablock
from acra_twisted.daemon.usage import load
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.sandbox.chain import write_ini
from acra_twisted.sandbox.keys import Keys
from acra_twisted.server.service import AcraServer
from acra_twisted.server.tap import Options
from acra_twisted.session import Identity, Session
from acra_twisted.telemetry.tracing import spans
from acra_twisted.wire.postgres.frames import message

OFF, ON = "without", "encryptor"
#: Transactions of a round, which is short: the best one is one without interruption.
_ROUND: Final = 40
_CONFIG: Final = """
schemas:
  - table: people
    columns: [id, email]
    encrypted:
      - {column: email, data_type: str, searchable: true}
  - table: written
    columns: [id, name]
    encrypted:
      - {column: name, data_type: str}
"""
_BYTEA, _INTEGER = 17, 23
_READY = message(b"Z", b"I")
_ID = b"\0\1id\0" + b"\0\0\0\7\0\1" + b"\0\0\0\x17\0\4" + b"\xff" * 4 + b"\0\0"
_INSERTED = message(b"C", b"INSERT 0 1\0") + _READY
_FOUND = (
    message(b"T", _ID) + message(b"D", b"\0\1\0\0\0\0017") + message(b"C", b"SELECT 1\0") + _READY
)

#: Makes a request of a number, and the reply to each.
_Spoken = tuple[Callable[[int], bytes], bytes]


class _Reactor(MemoryReactorClock):
    seconds = staticmethod(time.monotonic)  # type: ignore[assignment]  # the time of the day


def _answer(text: bytes) -> Deferred[list[list[bytes]]]:
    """The database's answer to a question of the stage."""
    found: Sequence[Any] = ()
    if b"relhasrules" in text:
        found = [["plain", True, False, None]]
    elif b"current_schemas" in text:
        found = [[["pg_catalog", "public"], None, "public"]]
    elif b"pg_publication b" in text:
        found = [[1]]
    elif b"pg_class" in text:
        found = [
            {"words": None, "functions": None, "writers": None},
            _relation(7, "people", ("id", _INTEGER), ("email", _BYTEA)),
            _relation(8, "written", ("id", _INTEGER), ("name", _BYTEA)),
        ]
    return succeed([[base64.encodebytes(json.dumps(part).encode())] for part in found])


def _relation(oid: int, name: str, *columns: tuple[str, int]) -> dict[str, Any]:
    shown = [
        [column, number, kind, -1, "", False, False, None, None, None]
        for number, (column, kind) in enumerate(columns, 1)
    ]
    parts = {"parents": None, "view": None, "indexes": None, "attached": None}
    return {"oid": oid, "schema": "public", "name": name, "kind": "r", "columns": shown, **parts}


class Side:
    """A session of a server with the stage or without it, and its statements."""

    def __init__(self, folder: Path, stage: str) -> None:
        keys = Keys(folder, "bench client")
        keys.writer.generate(purposes.SEARCH_HMAC, keys.client_id)
        config = folder / "encryptor.yaml"
        config.write_text(_CONFIG)
        ini = {
            "server": {
                "incoming_connection_string": "tcp://127.0.0.1:0",
                "acraconnector_transport_encryption_disable": "true",
                "client_id": keys.client_id,
            },
            "database": dict(POSTGRESQL.section),
            "tls": {"tls_client_auth": "0"},
            "keystore": keys.ini(),
            "tracing": {"tracing_sampler": "never"},
            "logging": {"v": "false"},
            "pipeline": {"stages": "encryptor, decryptor" if stage == ON else "decryptor"},
        }
        if stage == ON:
            ini["stage:encryptor"] = {"config_file": str(config)}
        path = write_ini(folder / "acra-server.ini", ini)
        self.server = AcraServer(
            _Reactor(), load(Options.program, [f"--config_file={path}"], {})[0]
        )
        self.relay = _session(self.server)
        self.spoken = _spoken(keys, stage)

    def send(self, requests: Sequence[bytes], reply: bytes) -> None:
        """Send requests, each of which gets the same reply."""
        for request in requests:
            self.relay.from_client(request)
            self.relay.from_database(reply)

    def requests(self, name: str) -> list[bytes]:
        """The requests of a round, of a statement that is known from then on."""
        make, reply = self.spoken[name]
        made = [make(1_000 + number) for number in range(_ROUND)]
        self.send(made, reply)
        return made


def _session(server: AcraServer) -> Relay:
    tracing = server.telemetry.tracing
    identity = Identity("bench client", "127.0.0.1", False)
    made = Session(1, identity, server.context.observers, tracing.clock)
    made.span = tracing.root("handleConnection", spans.SERVER)
    flows = log_in(server, made, POSTGRESQL)
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
    made.ask = _answer
    request, reply = POSTGRESQL.first
    relay.from_client(request)
    relay.from_database(reply)
    return relay


def _spoken(keys: Keys, stage: str) -> dict[str, _Spoken]:
    text = b"x" * 64
    block = acrablock.create(text, keys.symmetric_key, b"", os.urandom).hex().encode()
    written = text if stage == ON else b"\\x" + block
    searched = b"email = 'somebody@example.com'"
    if stage == OFF:
        searched = b"substr(email, 1, 33) = '\\x7f" + b"ab" * 32 + b"'"
    return {
        "nothing protected, simple": POSTGRESQL.transactions["simple"],
        "nothing protected, prepared": POSTGRESQL.transactions["prepared"],
        "nothing protected, INSERT of 1,000 rows": (
            lambda n: _query(b"INSERT INTO plain VALUES " + b", ".join([b"(%d)" % n] * 1_000)),
            message(b"C", b"INSERT 0 1000\0") + _READY,
        ),
        "INSERT of a text, by a container": (
            lambda n: _query(b"INSERT INTO written (id, name) VALUES (%d, '%b')" % (n, written)),
            _INSERTED,
        ),
        "search, by the hash": (
            lambda n: _query(b"SELECT id FROM people WHERE %b AND id < %d" % (searched, n)),
            _FOUND,
        ),
    }


def _query(text: bytes) -> bytes:
    return message(b"Q", text + b";\0")


def run(rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds of a transaction without the stage and with it, the best of the rounds, in which
    both take turns."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        sides = {stage: Side(Path(tempfile.mkdtemp(dir=folder)), stage) for stage in (OFF, ON)}
        for name in sides[OFF].spoken:
            requests = {stage: side.requests(name) for stage, side in sides.items()}
            best = dict.fromkeys(sides, float("inf"))
            for _ in range(rounds):
                for stage, side in sides.items():
                    reply = side.spoken[name][1]
                    began = time.perf_counter()
                    side.send(requests[stage], reply)
                    took = (time.perf_counter() - began) / _ROUND * 1e6
                    best[stage] = min(best[stage], took)
                    assert not side.relay.session.outstanding, "a reply is owed"
            found[name] = best
        for side in sides.values():
            side.server.workers.stop()
    return found


def both(rounds: int, compiled: Path) -> dict[str, dict[str, dict[str, float]]]:
    """`run`, interpreted and compiled, each in a process of its own."""
    forms = {"interpreted": "", "compiled": str(compiled)}
    return {form: printed_by(__file__, path, str(rounds)) for form, path in forms.items()}


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """The measurements as text."""
    lines = ["Statements in one process, without sockets: us without the stage, and more with it"]
    lines.append("".ljust(44) + "".join(form.rjust(22) for form in found))
    for name in next(iter(found.values())):
        took = [each[name] for each in found.values()]
        shown = (f"{one[OFF]:14.2f}{one[ON] - one[OFF]:+8.2f}" for one in took)
        lines.append(name.ljust(44) + "".join(shown))
    return "\n".join(lines)


def _send_alone(name: str, stage: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        side = Side(Path(folder), stage)
        requests = side.requests(name)
        for at in range(0, count, _ROUND):
            side.send(requests[: count - at], side.spoken[name][1])
        side.server.workers.stop()


if __name__ == "__main__":
    if sys.argv[2:]:
        _send_alone(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        print(json.dumps(run(int(sys.argv[1]))))
