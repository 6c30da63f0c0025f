"""Containers: what opening one costs, and what results with and without them cost.

``primitives``: the elliptic-curve, HMAC and AES work that nobody can do without, called directly,
in the same run; the figures of ours are given with their ratio to it.
"""

from __future__ import annotations

import hmac
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from inprocess import printed_by

from acra_twisted.crypto import acrablock, acrastruct
from acra_twisted.crypto.openers import Opener
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.themis import keys

_COUNT = 500
_ROWS = 10_000
_TEXT = b"x" * 64
_KEY = b"k" * 32


def _rate(function: Callable[[bytes], object], items: Sequence[bytes]) -> float:
    began = time.perf_counter()
    for item in items:
        function(item)
    return len(items) / (time.perf_counter() - began)


def openings(rounds: int) -> dict[str, float]:
    """Containers of 64 bytes opened per second, on one core."""
    private = keys.generate()
    structs = [
        acrastruct.create(_TEXT, private.public_key(), b"", os.urandom) for _ in range(_COUNT)
    ]
    blocks = [acrablock.create(_TEXT, _KEY, b"", os.urandom) for _ in range(_COUNT)]
    cell = AESGCM(_KEY).encrypt(b"i" * 12, _TEXT, b"")

    def primitives(struct: bytes) -> None:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), struct[20:53])
        private.exchange(ec.ECDH(), point)
        for _ in range(2):
            hmac.digest(_KEY, _KEY, "sha256")
            AESGCM(_KEY).decrypt(b"i" * 12, cell, b"")

    def opening(kind: str) -> Callable[[], Callable[[bytes], object]]:
        def fresh() -> Callable[[bytes], object]:
            opener = Opener([private], [_KEY])
            return lambda data: opener.open(kind, data, {})

        return fresh

    warm = Opener([private], [])
    for struct in structs:
        warm.open("acrastruct", struct, {})
    texts = [_TEXT] * _COUNT
    public = private.public_key()
    # What makes the function of a round, and what it is called with.
    measured: dict[str, tuple[Callable[[], Callable[[bytes], object]], list[bytes]]] = {
        "primitives of an AcraStruct": (lambda: primitives, structs),
        "AcraStruct, first time": (opening("acrastruct"), structs),
        "AcraStruct, read again": (
            lambda: lambda data: warm.open("acrastruct", data, {}),
            structs,
        ),
        "AcraBlock": (opening("acrablock"), blocks),
        "AcraStruct, made": (
            lambda: lambda data: acrastruct.create(data, public, b"", os.urandom),
            texts,
        ),
        "AcraBlock, made": (
            lambda: lambda data: acrablock.create(data, _KEY, b"", os.urandom),
            texts,
        ),
    }
    best = dict.fromkeys(measured, 0.0)
    # In turns, so that what else the machine does hits all of them.
    for _ in range(rounds):
        for name, (make, items) in measured.items():
            best[name] = max(best[name], _rate(make(), items))
    return best


class Results:
    """Rows per second of results of 10,000 rows, directly and through servers."""

    def __init__(self, postgres: Postgres, stack: ExitStack, folder: Path) -> None:
        self.keys = Keys(Path(tempfile.mkdtemp(dir=folder)), "bench client")
        self.ports = {"direct": postgres.port}
        for name, stages in (
            ("stages off", ""),
            ("decryptor", "decryptor"),
            ("decryptor, poison", "decryptor, poison"),
        ):
            chain = Chain(
                ("127.0.0.1", postgres.port),
                link="none",
                keys=self.keys,
                folder=Path(tempfile.mkdtemp(dir=folder)),
                server={
                    "pipeline": {"stages": stages},
                    "tracing": {"tracing_sampler": "never"},
                    "logging": {"v": "false"},
                    # Larger than the results: the second reading is all hits.
                    "keystore": {"keystore_cache_size": "0"},
                },
            )
            stack.callback(chain.stop)
            self.ports[name] = chain.start().port
        self._fill(postgres.port)

    def _fill(self, port: int) -> None:
        public = self.keys.storage_public_key
        symmetric = self.keys.symmetric_key
        with self._connect(port) as db:
            for table, make in (
                ("plain", lambda: os.urandom(253)),
                ("structs", lambda: acrastruct.create(_TEXT, public, b"", os.urandom)),
                ("blocks", lambda: acrablock.create(_TEXT, symmetric, b"", os.urandom)),
            ):
                db.execute(f"CREATE TABLE {table} (id int, data bytea)")
                with db.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                    for number in range(_ROWS):
                        copy.write_row((number, make()))

    @staticmethod
    def _connect(port: int) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=port, user=SUPERUSER, dbname="postgres", sslmode="disable"
        )

    def measure(self, rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
        """Each result with the best of its rounds for each target."""
        for title, query in (
            ("no containers, bytea", b"SELECT id, data FROM plain"),
            ("no containers, text", b"SELECT id, repeat('x', 50) FROM plain"),
            ("numbers alone", b"SELECT id FROM plain"),
            ("AcraBlocks", b"SELECT id, data FROM blocks"),
            ("AcraStructs", b"SELECT id, data FROM structs"),
        ):
            best = dict.fromkeys(self.ports, 0.0)
            for _ in range(rounds * 8):
                for name, port in self.ports.items():
                    with self._connect(port) as db:
                        began = time.perf_counter()
                        result = db.pgconn.exec_(query)
                        took = time.perf_counter() - began
                    if result.ntuples != _ROWS:
                        raise RuntimeError(f"{title} through {name}: {result.error_message!r}")
                    best[name] = max(best[name], _ROWS / took)
            yield title, best


def waiting(results: Results, rounds: int) -> dict[str, float]:
    """Milliseconds that ``SELECT 1`` takes on a session while another one reads containers (EN-12):
    the 99th percentile alone, beside 10,000 AcraStructs, and beside values of 10 MB."""
    port = results.ports["decryptor"]
    with results._connect(results.ports["direct"]) as db:
        db.execute("CREATE TABLE large (data bytea)")
        made = acrastruct.create(
            os.urandom(10_000_000), results.keys.storage_public_key, b"", os.urandom
        )
        db.execute("INSERT INTO large VALUES (%s)", (made,))
    found = {}
    for title, query in (
        ("alone", b""),
        ("10,000 AcraStructs", b"SELECT id, data FROM structs"),
        ("values of 10 MB", b"SELECT data FROM large"),
    ):
        stop = threading.Event()

        def read(query: bytes = query, stop: threading.Event = stop) -> None:
            while query and not stop.is_set():
                with results._connect(port) as other:
                    other.pgconn.exec_(query)

        reader = threading.Thread(target=read)
        reader.start()
        took = []
        with results._connect(port) as db:
            until = time.monotonic() + 2 * rounds
            while time.monotonic() < until:
                began = time.perf_counter()
                db.pgconn.exec_(b"SELECT 1")
                took.append(time.perf_counter() - began)
                time.sleep(0.002)
        stop.set()
        reader.join()
        found[title] = sorted(took)[int(len(took) * 0.99)] * 1e3
    return found


def compiled_openings(rounds: int, compiled: Path) -> dict[str, float]:
    """`openings` in the compiled form, in a process of its own."""
    found: dict[str, float] = printed_by(__file__, str(compiled), str(rounds))
    return found


def _opened(title: str, opened: dict[str, float]) -> list[str]:
    floor = opened["primitives of an AcraStruct"]
    lines = [f"Containers of 64 bytes, one core, {title}".ljust(50) + "per second".rjust(14)]
    for name, rate in opened.items():
        cost = f"{1e6 / rate:.0f} us"
        lines.append(name.ljust(50) + f"{rate:,.0f}".rjust(14) + cost.rjust(10))
    ratio = floor / opened["AcraStruct, first time"]
    return [*lines, f"first time: {ratio:.2f} of the time that the primitives alone take", ""]


def table(
    opened: dict[str, dict[str, float]],
    results: dict[str, dict[str, float]],
    waited: dict[str, float],
) -> str:
    """The measurements as text.  ``opened``: by form, interpreted or compiled."""
    lines = [line for title, rates in opened.items() for line in _opened(title, rates)]
    names = list(next(iter(results.values())))
    lines.append("Rows per second".ljust(24) + "".join(name.rjust(20) for name in names))
    for title, best in results.items():
        lines.append(title.ljust(24) + "".join(f"{best[name]:,.0f}".rjust(20) for name in names))
    lines += ["", "SELECT 1 on another session meanwhile, 99th percentile"]
    lines += [title.ljust(24) + f"{took:.1f} ms".rjust(12) for title, took in waited.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(openings(int(sys.argv[1]))))
