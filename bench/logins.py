"""Measure a login that AcraServer ends: its processor time beyond that of both TLS handshakes."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, stdev

import psycopg

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system

#: Roles: one logs in by SCRAM, the other with nothing at all.
_PROVEN, _TRUSTED = "proven", "trusted"
_PASSWORD = "bench"
#: Logins of a round.
_LOGINS = 50


def logins(folder: Path, compiled: Path, rounds: int = 16) -> dict[str, float]:
    """Microseconds of processor time of the server for a login by SCRAM with TLS and channel
    binding on both legs, interpreted and ``compiled``, beyond those for a session of the same
    connections without any login; and those of such a session.  They are means of all rounds, in
    which both kinds have their turns; the error is the standard error of the login's mean."""
    place = Path(tempfile.mkdtemp(dir=folder))
    authority = Authority(place)
    pair = authority.issue("database", hosts=("localhost", "127.0.0.1"))
    found: dict[str, float] = {}
    with Postgres(system(), tls=pair, password=_PASSWORD) as postgres:
        verifiers = _roles(postgres, place)
        modes = {
            _TRUSTED: {"auth_mode": "passthrough"},
            _PROVEN: {"auth_mode": "scram", "auth_file": str(verifiers)},
        }
        for form, environment in (("", None), (", compiled", {"PYTHONPATH": str(compiled)})):
            with ExitStack() as stack:
                chains = {}
                for role, mode in modes.items():
                    chain = Chain(
                        ("127.0.0.1", postgres.port),
                        link="none",
                        folder=Path(tempfile.mkdtemp(dir=place)),
                        authority=authority,
                        server={
                            "authentication": mode,
                            "database": {"db_tls": "require", "client_tls": "require"},
                            "tls": {"tls_database_ca": str(authority.path)},
                            "logging": {"v": "false"},
                        },
                        environment=environment,
                    )
                    chains[role] = stack.enter_context(chain)
                spent: dict[str, list[float]] = {role: [] for role in chains}
                for _ in range(rounds + 1):
                    for role, chain in chains.items():
                        spent[role].append(_spent(chain, role))
            # Those of the first round are cold.
            trusted, proven = spent[_TRUSTED][1:], spent[_PROVEN][1:]
            more = [one - other for one, other in zip(proven, trusted, strict=True)]
            found |= {
                "both TLS connections" + form: mean(trusted),
                "login" + form: mean(more),
                "login, error" + form: stdev(more) / len(more) ** 0.5,
            }
    return found


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


def _spent(chain: Chain, role: str) -> float:
    assert chain.server is not None
    before = _nanoseconds(chain.server.pid)
    for _ in range(_LOGINS):
        psycopg.connect(
            host="127.0.0.1",
            port=chain.port,
            user=role,
            password=_PASSWORD,
            dbname="postgres",
            sslmode="require",
            channel_binding="require" if role == _PROVEN else "disable",
        ).close()
    return (_nanoseconds(chain.server.pid) - before) / _LOGINS / 1000


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
