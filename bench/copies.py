"""COPY of rows with a protected column: rows per second through a server, and the time for which
another session is held up meanwhile.

A part of ``make bench BENCH=--encryptor``.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg

from acra_twisted import purposes
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.sandbox.processes import processor_time

_ROWS = 100_000
_ROUNDS = 5
_CONFIG = """
schemas:
  - table: sealed
    columns: [id, name, note]
    encrypted:
      - column: name
        data_type: str
  - table: searched
    columns: [id, name, note]
    encrypted:
      - column: name
        data_type: str
        searchable: true
"""
_TABLES = ("plain", "sealed", "searched")
#: Seconds: the least that a process is known to have used.
_TICK = 0.01
#: What a client sends at once.
_BLOCK = 64 * 1024


def connect(port: int) -> psycopg.Connection:
    """Return a connection that commits each statement."""
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=SUPERUSER,
        dbname="postgres",
        sslmode="disable",
        autocommit=True,
    )


class _Pinger(threading.Thread):
    """Asks for the time that ``SELECT 1`` takes on another session, until it is stopped."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._stop_it = threading.Event()
        self.took: list[float] = []

    def run(self) -> None:
        with connect(self._port) as db:
            while not self._stop_it.is_set():
                began = time.perf_counter()
                db.pgconn.exec_(b"SELECT 1")
                self.took.append(time.perf_counter() - began)
                time.sleep(0.002)

    def finish(self) -> Sequence[float]:
        """The times in milliseconds, the shortest first."""
        self._stop_it.set()
        self.join()
        return sorted(one * 1e3 for one in self.took)


def _measure(port: int, process: int) -> list[str]:
    """Return a line for each table and way: the best of the rounds, and the waits of all."""
    data = b"".join(b"%d\tname of number %d\tnote\n" % (n, n) for n in range(_ROWS))
    pinger = _Pinger(port)
    pinger.start()
    time.sleep(_ROUNDS)
    lines = ["nothing".ljust(54) + _times(pinger.finish())]
    for table in _TABLES:
        for way in ("in", "out"):
            best, cheapest, waits = 0.0, 1e9, []
            for _ in range(_ROUNDS):
                pinger = _Pinger(port)
                with connect(port) as db:
                    if way == "in":
                        db.execute(f"TRUNCATE {table}")
                    pinger.start()
                    before, began = processor_time(process), time.perf_counter()
                    if way == "in":
                        with db.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                            for at in range(0, len(data), _BLOCK):
                                copy.write(data[at : at + _BLOCK])
                    else:
                        with db.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                            for _ in copy:
                                pass
                    took = time.perf_counter() - began
                    spent = max(processor_time(process) - before, _TICK)
                    waits += pinger.finish()
                best, cheapest = max(best, _ROWS / took), min(cheapest, spent)
            lines.append(
                f"{table:10}{way:5}{best:10,.0f} rows/s"
                f"{_ROWS / cheapest:12,.0f} rows/s of processor" + _times(sorted(waits))
            )
    return lines


def _times(waits: Sequence[float]) -> str:
    marks = (waits[len(waits) // 2], waits[int(len(waits) * 0.99)], waits[-1])
    return "".join(f"{one:8.1f} ms" for one in marks)


def table(compiled: Path) -> str:
    """The measurements as text, of a server in the ``compiled`` form."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = Postgres()
        stack.callback(postgres.remove)
        postgres.start()
        with connect(postgres.port) as db:
            for table in _TABLES:
                db.execute(f"CREATE UNLOGGED TABLE {table} (id int, name bytea, note text)")
        keys = Keys(folder, "bench client")
        keys.writer.generate(purposes.SEARCH_HMAC, keys.client_id)
        config = folder / "encryptor.yaml"
        config.write_text(_CONFIG)
        chain = Chain(
            ("127.0.0.1", postgres.port),
            link="none",
            keys=keys,
            folder=folder,
            server={
                "encryptor": {"encryptor_config_file": str(config)},
                "tracing": {"tracing_sampler": "never"},
                "logging": {"v": "false"},
            },
            environment={"PYTHONPATH": str(compiled)},
        )
        stack.callback(chain.stop)
        served = chain.start()
        assert served.server is not None
        title = (
            "Rows of 30 bytes (at least 30,000 rows/s of processor), SELECT 1 on another session: "
            "median, 99th percentile, longest (at most 20 ms)"
        )
        return "\n".join((title, *_measure(served.port, served.server.pid)))
