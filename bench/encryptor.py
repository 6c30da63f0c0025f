"""The stage ``encryptor``: statements that touch no protected column, writing, searching and
reading, beside the same without it.

Both targets are compiled servers without TLS and tracing.  They have their turns in each round, now
one first and now the other, so that what else the machine does, and what the one before has left to
the database, hits both of them.
"""

from __future__ import annotations

import hmac
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from copies import connect
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from inprocess import printed_by

from acra_twisted import purposes
from acra_twisted.crypto import acrablock
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Attribute, Relation, Schema
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import Postgres
from acra_twisted.sql.languages import LANGUAGES

OFF, ON = "without", "encryptor"
_ROWS = 10_000
_TEXT = "x" * 64
_EMAIL = "somebody@example.com"
_CONFIG = """
schemas:
  - table: people
    columns: [id, name, age, email]
    encrypted:
      - {column: name, data_type: str}
      - {column: age, data_type: int32}
      - {column: email, data_type: str, searchable: true}
  - table: written
    columns: [id, name]
    encrypted:
      - {column: name, data_type: str}
"""
_TABLES = (
    "CREATE TABLE people (id int PRIMARY KEY, name bytea, age bytea, email bytea)",
    "CREATE INDEX ON people (substr(email, 1, 33))",
    "CREATE UNLOGGED TABLE written (id int, name bytea)",
    "CREATE UNLOGGED TABLE plain (id int)",
)
#: What is demanded of statements through a server: of the processor time with the stage, as a ratio
#: to that without it, or of the rate.
_MOST_TIME = {
    "nothing protected, simple": 1.03,
    "nothing protected, prepared": 1.03,
    "nothing protected, INSERT of 1,000 rows": 1.03,
}
_LEAST_RATE = {"INSERT of a text, by a container": 0.75, "search, by the hash": 0.85}
#: Of an AcraBlock, as a ratio to its primitives, and of rows with types, rows per second.
_MOST_SEALING = 1.3
_LEAST_ROWS = 40_000

#: Transactions per second, by port and pgbench's arguments.
Workload = Callable[[int, tuple[str, ...]], float]


class Served:
    """A server without and one with the stage, and a table with the same rows for both."""

    def __init__(
        self, postgres: Postgres, stack: ExitStack, folder: Path, compiled: Path | None
    ) -> None:
        self._postgres = postgres
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self.keys = Keys(self._folder, "bench client")
        self.keys.writer.generate(purposes.SEARCH_HMAC, self.keys.client_id)
        config = self._folder / "encryptor.yaml"
        config.write_text(_CONFIG)
        with connect(postgres.port) as db:
            for statement in _TABLES:
                db.execute(statement)
        self.chains: dict[str, Chain] = {}
        for name, stages, own in (
            (OFF, "decryptor", {}),
            (ON, "encryptor, decryptor", {"stage:encryptor": {"config_file": str(config)}}),
        ):
            chain = Chain(
                ("127.0.0.1", postgres.port),
                link="none",
                keys=self.keys,
                folder=Path(tempfile.mkdtemp(dir=self._folder)),
                server={
                    "pipeline": {"stages": stages},
                    "tracing": {"tracing_sampler": "never"},
                    "logging": {"v": "false"},
                    **own,
                },
                environment={"PYTHONPATH": str(compiled)} if compiled else None,
            )
            stack.callback(chain.stop)
            self.chains[name] = chain.start()
        with connect(self.chains[ON].port) as db, db.transaction():
            for number in range(_ROWS):
                db.execute(
                    "INSERT INTO people (id, name, age, email) VALUES (%s, %s, %s, %s)",
                    (number, _TEXT, number, f"{number}{_EMAIL}"),
                )

    def compare(self, workload: Workload, rounds: int) -> dict[str, dict[str, float]]:
        """Return by statement the rate with the stage as a ratio to that without it, and the
        server's processor time a transaction without and with it, microseconds (medians)."""
        container = acrablock.create(_TEXT.encode(), self.keys.symmetric_key, b"", os.urandom).hex()
        prefix = self._prefix().hex()
        select = "SELECT abalance FROM pgbench_accounts WHERE aid = "
        many = ", ".join(["(:aid)"] * 1_000)
        found = {}
        for title, mode, by_hand, with_stage in (
            ("nothing protected, simple", "simple", select + ":aid", select + ":aid"),
            ("nothing protected, prepared", "prepared", select + ":aid", select + ":aid"),
            (
                "nothing protected, INSERT of 1,000 rows",
                "simple",
                f"INSERT INTO plain VALUES {many}",
                f"INSERT INTO plain VALUES {many}",
            ),
            (
                "INSERT of a text, by a container",
                "simple",
                f"INSERT INTO written (id, name) VALUES (:aid, '\\x{container}')",
                f"INSERT INTO written (id, name) VALUES (:aid, '{_TEXT}')",
            ),
            (
                "search, by the hash",
                "simple",
                f"SELECT id FROM people WHERE substr(email, 1, 33) = '\\x{prefix}' AND id < :aid",
                f"SELECT id FROM people WHERE email = '7{_EMAIL}' AND id < :aid",
            ),
        ):
            scripts = {OFF: self._script(by_hand), ON: self._script(with_stage)}
            found[title] = self._compared(workload, rounds, mode, scripts)
        return found

    def _prefix(self) -> bytes:
        with connect(self._postgres.port) as db:
            row = db.execute("SELECT substr(email, 1, 33) FROM people WHERE id = 7").fetchone()
        assert row is not None
        return bytes(row[0])

    def _script(self, statement: str) -> str:
        file, path = tempfile.mkstemp(".sql", dir=self._folder)
        with os.fdopen(file, "w") as script:
            script.write(f"\\set aid random(1, 100000)\n{statement};\n")
        return path

    def _compared(
        self, workload: Workload, rounds: int, mode: str, scripts: dict[str, str]
    ) -> dict[str, float]:
        ratio: list[float] = []
        spent: dict[str, list[float]] = {name: [] for name in self.chains}
        for number in range(rounds):
            rates = {}
            turns = list(self.chains.items())
            for name, chain in turns[:: -1 if number % 2 else 1]:
                assert chain.server is not None
                clock = _clock_of(chain.server.pid)
                before = time.clock_gettime(clock)
                began = time.perf_counter()
                rates[name] = workload(chain.port, ("-f", scripts[name], "-M", mode))
                took = time.perf_counter() - began
                used = time.clock_gettime(clock) - before
                spent[name].append(used / (rates[name] * took) * 1e6)
            ratio.append(rates[ON] / rates[OFF])
            with connect(self._postgres.port) as db:
                db.execute("TRUNCATE written, plain")
        return {"ratio": median(ratio), **{name: median(each) for name, each in spent.items()}}

    def rows(self, rounds: int) -> dict[str, float]:
        """Rows per second of 10,000 rows with a text and a number, the best of the rounds."""
        best = dict.fromkeys(self.chains, 0.0)
        for _ in range(rounds):
            for name, chain in self.chains.items():
                with connect(chain.port) as db:
                    began = time.perf_counter()
                    result = db.pgconn.exec_(b"SELECT id, name, age FROM people")
                    took = time.perf_counter() - began
                if result.ntuples != _ROWS:
                    raise RuntimeError(f"rows {name}: {result.error_message!r}")
                best[name] = max(best[name], _ROWS / took)
        return best


def _clock_of(pid: int) -> int:
    """Linux's clock of the processor time of a process, which is finer than the hundredths of
    ``/proc``: one of them is 2 % of a round."""
    return ~pid << 3 | 2


def inprocess(rounds: int) -> dict[str, float]:
    """In this process, microseconds, the best of the rounds: sealing 64 bytes beside its
    primitives, and planning."""
    key = b"k" * 32
    setting = ColumnSetting("", "people", "name", data_type="str")
    text = _TEXT.encode()
    store = ColumnSealer(setting, block_seal(key)).store
    # The cipher of the owner's key is made once, for that is what `block_seal` does.
    owner = AESGCM(hmac.digest(key, key, "sha256"))

    def primitives(random: RandomSupply) -> None:
        drawn = random(acrablock.RANDOM_SIZE)
        own = drawn[:32]
        owner.encrypt(drawn[32:44], own, b"")
        AESGCM(hmac.digest(own, own, "sha256")).encrypt(drawn[44:], text, b"")

    planner = _planner()
    path = SearchPath(("pg_catalog", "public"))
    mode = LANGUAGES["postgresql"].mode
    one = b"INSERT INTO people (id, name) VALUES "
    many = one + b", ".join(b"(%d, 'somebody')" % number for number in range(_ROWS))
    untouched = b"SELECT abalance FROM pgbench_accounts WHERE aid = 17"
    hit = one + b"(1, 'somebody')"
    supply = RandomSupply(os.urandom, acrablock.RANDOM_SIZE, 1_000)
    measured: dict[str, tuple[int, Callable[[], object]]] = {
        "primitives of an AcraBlock": (1_000, lambda: primitives(supply)),
        "AcraBlock sealed": (1_000, lambda: store(text, supply)),
        "nothing protected": (1_000, lambda: planner.plan(untouched, mode, path, {})),
        "plan known": (1_000, lambda: planner.plan(hit, mode, path, {})),
        "INSERT of 10,000 rows, a row": (1, lambda: _planner().plan(many, mode, path, {})),
    }
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, (times, function) in measured.items():
            began = time.perf_counter()
            for _ in range(times):
                function()
            took = (time.perf_counter() - began) / times * 1e6
            best[name] = min(best.get(name, took), took)
    best["INSERT of 10,000 rows, a row"] /= _ROWS
    return best


def _planner() -> Planner:
    people = Relation(
        1,
        "public",
        "people",
        "r",
        tuple(Attribute(name, place, 17, 17) for place, name in enumerate(("id", "name"), 1)),
    )
    setting = ColumnSetting("", "people", "name", data_type="str")
    table = TableSetting("", "people", (), {"name": setting})
    settings = EncryptionSettings((table,))
    return Planner(Protection(Schema(1, {1: people}), settings), Comparisons())


def both(rounds: int, compiled: Path) -> dict[str, dict[str, float]]:
    """`inprocess` interpreted, and compiled in a process of its own."""
    return {
        "interpreted": inprocess(rounds),
        "compiled": printed_by(__file__, str(compiled), str(rounds)),
    }


def table(
    own: dict[str, dict[str, float]],
    compared: dict[str, dict[str, float]],
    rows: dict[str, float],
) -> str:
    """The measurements as text."""
    lines = ["The stage encryptor in one process, us".ljust(44) + "".join(f.rjust(14) for f in own)]
    for name in next(iter(own.values())):
        lines.append(name.ljust(44) + "".join(f"{took[name]:14.2f}" for took in own.values()))
    ratio = (
        f"{took['AcraBlock sealed'] / took['primitives of an AcraBlock']:14.2f}"
        for took in own.values()
    )
    lines += ["sealed, as a ratio to its primitives".ljust(44) + "".join(ratio), ""]
    lines.append("Statements through a compiled server, with the stage as a ratio to without it")
    for title, found in compared.items():
        lines.append(
            f"{title.ljust(44)}{found['ratio']:.2f} of the rate; processor time of the server a "
            f"transaction: {found[OFF]:.1f} us without, {found[ON]:.1f} us with it "
            f"({found[ON] / found[OFF]:.2f})"
        )
    lines.append("")
    lines += [f"{_ROWS:,} rows, {name}: {rate:,.0f} rows/s" for name, rate in rows.items()]
    return "\n".join(lines)


def bars(
    own: dict[str, dict[str, float]],
    compared: dict[str, dict[str, float]],
    rows: dict[str, float],
) -> str:
    """Each bar beside what was measured, as text."""
    compiled = own["compiled"]
    sealing = compiled["AcraBlock sealed"] / compiled["primitives of an AcraBlock"]
    measured = [
        *((f"{n}: time", compared[n][ON] / compared[n][OFF], b) for n, b in _MOST_TIME.items()),
        ("AcraBlock sealed: time, of its primitives'", sealing, _MOST_SEALING),
    ]
    rates = [(f"{n}: rate", compared[n]["ratio"], b) for n, b in _LEAST_RATE.items()]
    rates.append(("10,000 rows with types, a second", rows[ON], _LEAST_ROWS))
    lines = ["Bars of protected columns: measured, demanded"]
    for name, found, bar in measured:
        lines.append(_bar(name, found, "at most", bar, found <= bar))
    for name, found, bar in rates:
        lines.append(_bar(name, found, "at least", bar, found >= bar))
    return "\n".join(lines)


def _bar(name: str, found: float, bound: str, bar: float, is_met: bool) -> str:
    digits = 0 if bar > 1_000 else 2
    demanded = f"{bound} {bar:,.{digits}f}".ljust(18)
    return f"{name.ljust(48)}{found:10,.{digits}f}   {demanded}{'met' if is_met else 'MISSED'}"


if __name__ == "__main__":
    print(json.dumps(inprocess(int(sys.argv[1]))))
