"""``make soak``: the whole chain under a mixed load for minutes, watched and drawn.

Several drivers, containers, denials, cancels, and two databases behind one server: PostgreSQL and
MariaDB; meanwhile each is restarted, the collector of traces goes away and comes back, keys,
certificates and rules are read anew.  Each second memory,
descriptors, sessions and the event loop's lag of both daemons are noted.  In the end every reply
was right, and what the daemons use is what they used when they were warm, but for what they keep
within bounds; else the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg

from acra_twisted import purposes
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.endings import in_order
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.sandbox.processes import free_port
from acra_twisted.themis import keys as themis_keys
from acra_twisted.writer import create_acrablock, create_acrastruct
from tests.soak import columnmix, columns, mariacolumns, mariamix, memory, mix
from tests.soak.watch import Sample, Watch
from tests.support import loads
from tests.support.daemons import WATCHED, defects, metric

#: Seconds in which the daemons get warm, where the run is long enough.
WARM = 36
#: Bytes that a daemon may use at the end beyond what it used when warm, without what it keeps
#: within bounds: so many, and so many of each session.  Others where the time to get warm was
#: shorter: then something happens for the first time later.
GROWTH, OF_SESSION, SHORT_GROWTH = 1 << 20, 256, 12 << 20
#: Bytes by which its process may be larger: what it keeps within bounds takes memory, too, and
#: leaves holes in it.
PROCESS_GROWTH = 96 << 20


class Soak:
    """``run`` it for so many seconds; ``faults`` then says what was wrong."""

    def __init__(self, folder: Path, say=print) -> None:
        self._folder = folder
        self._say = say
        self.faults: list[str] = []
        self.watches: list[Watch] = []
        self.events: list[tuple[float, str]] = []

    def run(self, seconds: float, each: int = 2) -> None:
        with ExitStack() as stack:
            self._set_up(stack)
            chain = self._chain
            daemons = (("server", chain.server, chain.server_pages),)
            daemons += (("connector", chain.connector, chain.connector_pages),)
            ports = {
                chain.port: (*mix.KINDS, *columnmix.kinds()),
                self._maria_port: (*mariamix.kinds(), *mariacolumns.kinds(self._folder)),
            }
            warming = min(seconds / 5, WARM)
            self._talk(ports, warming, each)
            self._settle(daemons)
            self.watches = [Watch(name, process.pid, pages) for name, process, pages in daemons]
            warm = [watch.sample() for watch in self.watches]
            used = [memory.used(process.pid, self._folder) for _, process, _ in daemons]
            for watch in self.watches:
                watch.start()
            began = time.monotonic()
            clients = mix.start(ports, seconds, each)
            self._disturb(began, seconds)
            self._join(clients, seconds)
            self._settle(daemons)
            for watch, before in zip(self.watches, warm, strict=True):
                watch.stop()
                self._compare(watch, before, watch.sample())
            sessions = sum(client.sessions for client in clients)
            allowed = SHORT_GROWTH if warming < WARM else GROWTH + OF_SESSION * sessions
            for (name, process, _), then in zip(daemons, used, strict=True):
                self._compare_use(name, then, memory.used(process.pid, self._folder), allowed)
            self._sum_up(clients)
            self._look_at_what_is_stored()
            for name in ("acra-server", "acra-connector"):
                self.faults += defects(self._folder / f"{name}.log")

    def _set_up(self, stack: ExitStack) -> None:
        self.postgres = postgres = Postgres()
        stack.callback(postgres.remove)
        postgres.start()
        settings = ("--local-infile=ON",)
        self.mariadb = stack.enter_context(MariaDB(listens=True, settings=settings))
        self._maria_port = free_port()
        keys = Keys(self._folder, "soak client")
        keys.writer.generate(purposes.SEARCH_HMAC, keys.client_id)
        for purpose in (purposes.STORAGE, purposes.STORAGE_SYMMETRIC):
            keys.writer.generate(purpose, columns.ANOTHER)
        self._config = self._folder / "columns.yaml"
        self._config.write_text(columns.CONFIG)
        self._fill(keys)
        self._collector_port = free_port()
        self._collector_comes()
        stack.callback(lambda: self._collector.stop())
        rules = self._folder / "rules.yaml"
        forbidden = {"handler": "deny", "queries": [], "tables": ["forbidden"], "patterns": []}
        # Whoever may not read a table may not load files, unless it is said so.
        loads = {"handler": "allow", "patterns": [mariacolumns.LOAD.format("%%VALUE%%")]}
        self._write_rules(rules, forbidden)
        maria_rules = self._folder / "maria-rules.yaml"
        self._write_rules(maria_rules, loads, forbidden)
        tracing = {
            "tracing": {"tracing_sampler": "probability:0.2", "otlp_endpoint": self._collector.url},
            "logging": {"v": "false"},
        }
        self._chain = stack.enter_context(
            Chain(
                ("127.0.0.1", postgres.port),
                link="tls",
                folder=self._folder,
                keys=keys,
                server={
                    **tracing,
                    "tls": {"tls_client_id_from_cert": "false"},
                    "server": {"client_id": keys.client_id, **WATCHED},
                    "censor": {"acracensor_config_file": str(rules)},
                    "poison": {"poison_detect_enable": "true"},
                    "encryptor": {"encryptor_config_file": str(self._config)},
                    "tokens": {"token_store": f"sqlite:{self._folder}/tokens.db"},
                    "listener:mariadb": {
                        "incoming_connection_string": f"tcp://127.0.0.1:{self._maria_port}",
                        "acraconnector_tls_transport_enable": "false",
                        "acraconnector_transport_encryption_disable": "true",
                        "tls_client_auth": "0",
                        "db_port": str(self.mariadb.port),
                        "mysql_enable": "true",
                        "local_infile": "true",
                        "acracensor_config_file": str(maria_rules),
                    },
                },
                connector={**tracing, "connector": WATCHED},
                environment=memory.environment(self._folder),
            )
        )

    @staticmethod
    def _write_rules(path: Path, *handlers: Mapping[str, object]) -> None:
        path.write_text(json.dumps({"version": "0.85.0", "handlers": handlers}))

    def _fill(self, keys: Keys) -> None:
        public = themis_keys.encode_public(keys.storage_public_key)
        values = []
        for place in range(mix.SECRETS):
            value = mix.secret(place)
            values.append(
                create_acrastruct(value, public)
                if place % 2
                else create_acrablock(value, keys.symmetric_key)
            )
        self.mariadb.account(mariamix.USER, mariamix.PASSWORD)
        self.mariadb.run(
            f"CREATE DATABASE {mariamix.DATABASE}; USE {mariamix.DATABASE};"
            "CREATE TABLE secrets (id int PRIMARY KEY, data blob);"
            "CREATE TABLE forbidden (id bigint); CREATE TABLE written (id bigint);"
            + columns.mysql(self._config)
            + "".join(
                f"INSERT INTO secrets VALUES ({place}, 0x{made.hex()});"
                for place, made in enumerate(values)
            )
        )
        with self._direct() as db:
            db.execute(columns.postgresql(self._config))
            db.execute("CREATE TABLE secrets (id int PRIMARY KEY, data bytea)")
            db.execute("CREATE TABLE forbidden (id int)")
            db.execute("CREATE TABLE written (id int)")
            for place, made in enumerate(values):
                db.execute("INSERT INTO secrets VALUES (%s, %s)", (place, made))

    def _direct(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.postgres.port,
            user=SUPERUSER,
            dbname="postgres",
            autocommit=True,
        )

    def _talk(
        self, ports: Mapping[int, Sequence[type[loads.Client]]], seconds: float, each: int
    ) -> None:
        self._say(f"warming up, {seconds:.0f} s")
        self._join(mix.start(ports, seconds, each), seconds)

    def _join(self, clients: list[loads.Client], seconds: float) -> None:
        for client in clients:
            client.join(seconds + 4 * loads.PATIENCE)
            if client.is_alive():
                self.faults.append(f"a {type(client).__name__} hangs")

    def _disturb(self, began: float, seconds: float) -> None:
        """At parts of the time: what happens to daemons in their lives."""
        for part, what in (
            (0.2, self._collector_goes),
            (0.35, self._read_anew),
            (0.5, self._database_restarts),
            (0.6, self._collector_comes),
            (0.65, self._mariadb_restarts),
            (0.75, self._database_restarts),
            (0.85, self._read_anew),
        ):
            time.sleep(max(0.0, began + part * seconds - time.monotonic()))
            name = what.__name__.strip("_").replace("_", " ")
            self.events.append((time.monotonic() - began, name))
            self._say(f"{time.monotonic() - began:6.0f} s  {name}")
            what()

    def _look_at_what_is_stored(self) -> None:
        """No value of a protected column stands in clear in either database."""
        names = ", ".join(columns.SEALED)
        with self._direct() as db:
            rows = db.execute(f"SELECT {names} FROM people").fetchall()
        hexed = ", ".join(f"IFNULL(HEX({name}), '')" for name in columns.SEALED)
        said = self.mariadb.run(f"SELECT {hexed} FROM {mariamix.DATABASE}.people")
        theirs = [[bytes.fromhex(cell) for cell in line.split("\t")] for line in said.splitlines()]
        for kind, found in (("postgresql", rows), ("mariadb", theirs)):
            self._say(f"{kind}: {len(found)} rows of protected columns looked at")
            if not found:
                self.faults.append(f"{kind}: no row of protected columns has stayed")
            self.faults += [f"{kind}: {one}" for one in columns.clear(found)]

    def _collector_goes(self) -> None:
        self._collector.stop()

    def _collector_comes(self) -> None:
        self._collector = Collector(self._collector_port).start()
        # They are counted by the daemons; here they would only grow.
        self._collector.spans = deque(maxlen=1000)

    def _read_anew(self) -> None:
        os.kill(self._chain.server.pid, signal.SIGHUP)
        os.kill(self._chain.connector.pid, signal.SIGHUP)

    def _database_restarts(self) -> None:
        self.postgres.stop()
        self.postgres.start()

    def _mariadb_restarts(self) -> None:
        self.mariadb.restart()

    def _settle(self, daemons) -> None:
        """Wait until nobody is connected any more."""
        for name, _, pages in daemons:
            deadline = time.monotonic() + 30
            while metric(pages, "acra_open_connections") or metric(pages, "acra_sessions"):
                if time.monotonic() > deadline:
                    self.faults.append(f"{name}: connections have not ended")
                    break
                time.sleep(0.2)
        time.sleep(1)

    def _compare(self, watch: Watch, warm: Sample, last: Sample) -> None:
        # Exporting goes on for a moment over its own connection.
        if last.descriptors > warm.descriptors + 2:
            self.faults.append(f"{watch.name}: {warm.descriptors} -> {last.descriptors} files")
        if last.memory > warm.memory + PROCESS_GROWTH:
            self.faults.append(
                f"{watch.name}: {warm.memory / 1e6:.1f} MB warm, {last.memory / 1e6:.1f} MB after"
            )
        lags = [sample.lag for sample in watch.samples] or [0.0]
        self._say(
            f"{watch.name}: memory {warm.memory / 1e6:.1f} -> {last.memory / 1e6:.1f} MB, "
            f"descriptors {warm.descriptors} -> {last.descriptors}, lag mean "
            f"{statistics.mean(lags) * 1e3:.1f} ms, worst second {max(lags) * 1e3:.1f} ms"
        )

    def _compare_use(self, name: str, warm: memory.Used, last: memory.Used, allowed: int) -> None:
        """Nothing of its sessions stays in a daemon without a bound."""
        self._say(f"{name}: uses {warm} warm, {last} after")
        if sum(last) > sum(warm) + allowed:
            self.faults.append(f"{name}: uses {warm} warm, {last} after")

    def _sum_up(self, clients: list[loads.Client]) -> None:
        kinds: dict[str, list[int]] = {}
        for client in clients:
            counts = kinds.setdefault(type(client).__name__, [0, 0, 0])
            for place, more in enumerate((client.sessions, client.replies, client.losses)):
                counts[place] += more
            self.faults += [f"{type(client).__name__}: {wrong}" for wrong in client.wrong[:3]]
        for name, (sessions, replies, losses) in kinds.items():
            self._say(f"{name}: {sessions} sessions, {replies} replies, {losses} lost")
            if not replies:
                self.faults.append(f"{name}: not one reply")


def draw(soak: Soak, path: Path) -> None:
    """Memory, descriptors, sessions and lag over time, as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = (
        ("memory, MB", lambda sample: sample.memory / 1e6),
        ("descriptors", lambda sample: sample.descriptors),
        ("sessions", lambda sample: sample.sessions),
        ("lag, ms", lambda sample: sample.lag * 1e3),
    )
    figure, axes = pyplot.subplots(len(rows), 1, sharex=True, figsize=(9, 8))
    for axis, (title, value) in zip(axes, rows, strict=True):
        for watch in soak.watches:
            axis.plot(
                [sample.at for sample in watch.samples],
                [value(sample) for sample in watch.samples],
                label=watch.name,
                linewidth=1,
            )
        for at, _ in soak.events:
            axis.axvline(at, color="0.7", linewidth=0.7, linestyle=":")
        axis.set_ylabel(title)
        axis.set_ylim(bottom=0)
    for at, name in soak.events:
        axes[0].annotate(
            name, (at, 0), rotation=90, fontsize=7, color="0.4", xytext=(2, 3),
            textcoords="offset points",
        )  # fmt: skip
    axes[0].legend(loc="lower right")
    axes[-1].set_xlabel("seconds")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--each", type=int, default=2, help="clients of each kind")
    parser.add_argument("--picture", type=Path, default=Path("soak.png"))
    arguments = parser.parse_args()
    in_order()
    folder = Path(tempfile.mkdtemp(prefix="acra-soak-"))
    soak = Soak(folder)
    # Whatever hangs does not do so for ever.
    signal.alarm(int(2 * arguments.seconds + 300))
    try:
        soak.run(arguments.seconds, arguments.each)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    draw(soak, arguments.picture)
    print(f"drawn to {arguments.picture}")
    for fault in soak.faults:
        print(f"WRONG: {fault}")
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main())
