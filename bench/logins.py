"""Measure a login that AcraServer ends: its processor time beyond that of both TLS handshakes, and
that of a bare loop, the floor."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, stdev

import psycopg

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from acra_twisted.sandbox.processes import Process, accepts, free_port

#: Roles: one logs in by SCRAM, the other with nothing at all.
_PROVEN, _TRUSTED = "proven", "trusted"
_PASSWORD = "bench"
#: Forms, beside the interpreted one.
_COMPILED, _LOOP = ", compiled", ", bare loop"
#: Logins of a round.
_LOGINS = 50


def logins(folder: Path, compiled: Path, rounds: int = 16) -> dict[str, float]:
    """Microseconds of processor time of the server for a login by SCRAM with TLS and channel
    binding on both legs, interpreted, ``compiled`` and in a bare loop, beyond those for a session
    of the same connections without any login; and those of such a session.  They are means of all
    rounds, in which each has its turn; the error is the standard error of the login's mean."""
    place = Path(tempfile.mkdtemp(dir=folder))
    authority = Authority(place)
    pair = authority.issue("database", hosts=("localhost", "127.0.0.1"))
    found: dict[str, float] = {}
    with Postgres(system(), tls=pair, password=_PASSWORD) as postgres, ExitStack() as stack:
        verifiers = _roles(postgres, place)
        modes = {
            _TRUSTED: {"auth_mode": "passthrough"},
            _PROVEN: {"auth_mode": "scram", "auth_file": str(verifiers)},
        }
        # The port and the process of each form, for each role.
        servers: dict[tuple[str, str], tuple[int, int]] = {}
        for form, environment in (("", None), (_COMPILED, {"PYTHONPATH": str(compiled)})):
            for role, mode in modes.items():
                chain = Chain(
                    ("127.0.0.1", postgres.port),
                    link="none",
                    folder=Path(tempfile.mkdtemp(dir=place)),
                    server={
                        "authentication": mode,
                        "database": {"db_tls": "require", "client_tls": "require"},
                        "tls": {"tls_database_ca": str(authority.path)},
                        "logging": {"v": "false"},
                    },
                    environment=environment,
                )
                stack.enter_context(chain)
                assert chain.server is not None
                servers[form, role] = chain.port, chain.server.pid
        for role in modes:
            loop = _loop(place / f"{role}.log", postgres.port, pair, verifiers, role)
            stack.callback(loop[1].stop)
            servers[_LOOP, role] = loop[0], loop[1].pid
        spent: dict[tuple[str, str], list[float]] = {each: [] for each in servers}
        for _ in range(rounds + 1):
            for each, (port, pid) in servers.items():
                spent[each].append(_spent(port, pid, each[1]))
    for form in ("", _COMPILED, _LOOP):
        # Those of the first round are cold.
        trusted, proven = spent[form, _TRUSTED][1:], spent[form, _PROVEN][1:]
        more = [one - other for one, other in zip(proven, trusted, strict=True)]
        found |= {
            "both TLS connections" + form: mean(trusted),
            "login" + form: mean(more),
            "login, error" + form: stdev(more) / len(more) ** 0.5,
        }
    return found


def _loop(
    log: Path, database: int, pair: tuple[Path, Path], verifiers: Path, role: str
) -> tuple[int, Process]:
    """Start ``bench/loginloop.py`` for a role; its port and its process."""
    port, script = free_port(), Path(__file__).with_name("loginloop.py")
    command = [sys.executable, str(script), str(port), str(database), *map(str, pair)]
    process = Process(command + [str(verifiers)] * (role == _PROVEN), log)
    process.wait_until(lambda: accepts(port), "the bare loop")
    return port, process


def _roles(postgres: Postgres, folder: Path) -> Path:
    """Make both roles; the file of verifiers."""
    hba = postgres.data / "pg_hba.conf"
    hba.write_text(f"hostssl all {_TRUSTED} 127.0.0.1/32 trust\n" + hba.read_text())
    with psycopg.connect(
        host=str(postgres.folder),
        port=postgres.port,
        user=SUPERUSER,
        dbname="postgres",
        autocommit=True,
    ) as db:
        db.execute(f"CREATE ROLE {_TRUSTED} LOGIN")
        db.execute(f"CREATE ROLE {_PROVEN} LOGIN PASSWORD '{_PASSWORD}'")
        db.execute("SELECT pg_reload_conf()")
        asked = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
        row = db.execute(asked, (_PROVEN,)).fetchone()
    assert row is not None
    verifiers = folder / "userlist.txt"
    verifiers.touch(0o600)
    verifiers.write_text(f'"{_PROVEN}" "{row[0]}"\n')
    return verifiers


def _spent(port: int, pid: int, role: str) -> float:
    before = _nanoseconds(pid)
    for _ in range(_LOGINS):
        psycopg.connect(
            host="127.0.0.1",
            port=port,
            user=role,
            password=_PASSWORD,
            dbname="postgres",
            sslmode="require",
            channel_binding="require" if role == _PROVEN else "disable",
        ).close()
    return (_nanoseconds(pid) - before) / _LOGINS / 1000


def _nanoseconds(pid: int) -> int:
    """Processor time of a process' threads; that of `processor_time` is counted in hundredths of a
    second."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def table(found: dict[str, float]) -> str:
    """The measurements as text."""
    lines = ["Logins by SCRAM (processor time of the server; of a login, beyond that of TLS)"]
    return "\n".join(
        lines + [f"  {name}".ljust(43) + f"{us:6.0f} us" for name, us in found.items()]
    )
