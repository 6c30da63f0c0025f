"""A throw-away MariaDB of the system's, asked through its own client on a unix socket."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.places import installed, make_or_copy, temporary
from acra_twisted.sandbox.processes import Process, as_user, free_port, unprivileged

_ERROR = re.compile(rb"^ERROR ([0-9]+) \([0-9A-Z]+\) at line ([0-9]+): (.*)$", re.MULTILINE)
#: Debian's plugins of the server, in the package mariadb-server.
PLUGINS = Path("/usr/lib/mysql/plugin")
_ED25519 = "auth_ed25519"
_SETTINGS = (
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
    "--max-connections=100",
    "--skip-log-bin",
)


class Refusal(NamedTuple):
    """An error of the server: its number and its text."""

    number: int
    text: str


def program(name: str) -> str:
    """Path of one of MariaDB's programs.  Raises RuntimeError if it is not installed."""
    path = installed(name)
    if path is None:
        raise RuntimeError(
            "no MariaDB: run apt-get install mariadb-server-core mariadb-client-core"
        )
    return path


class MariaDB:
    """One server in a temporary folder.  Root may do everything, without password.

    ``listens``: it serves ``port`` on loopback, beside its unix socket.  There ``tls`` is its
    certificate and key, and ``ca`` the authority of its clients' certificates.  ``plugins`` is a
    folder with Debian's plugins: it then knows ed25519.  ``settings`` are more options.  Its folder
    is in ``place``, if it can be.
    """

    def __init__(
        self,
        *,
        listens: bool = False,
        tls: tuple[Path, Path] | None = None,
        ca: Path | None = None,
        plugins: Path | None = None,
        settings: Sequence[str] = (),
        place: str = "",
    ) -> None:
        self._install, self._server = program("mariadb-install-db"), program("mariadbd")
        self._client = program("mariadb")
        self._user = unprivileged()
        self.port = free_port() if listens else 0
        self.folder = temporary("acra-maria-", user=self._user, first=place)
        self._process: Process | None = None
        self._data = self.folder / "data"
        self._socket = self.folder / "socket"
        self._settings = list(settings)
        if listens:
            self._settings += ["--bind-address=127.0.0.1", f"--port={self.port}"]
        else:
            self._settings.append("--skip-networking")
        if tls is not None:
            names = ("ssl-cert", "ssl-key", "ssl-ca")
            for name, source in zip(names, (*tls, ca), strict=True):
                if source is not None:
                    self._settings.append(f"--{name}={self._own(source, name)}")
        if plugins is not None:
            library = self._own(plugins / f"{_ED25519}.so", f"{_ED25519}.so")
            self._settings += [f"--plugin-dir={library.parent}", f"--plugin-load-add={_ED25519}"]
        if self._user:
            os.chown(self.folder, *self._user)
        make_or_copy(self._data, (self._server, _SETTINGS, self._user), self._make_data)

    def _own(self, source: Path, name: str) -> Path:
        """A copy of a file that the server can read."""
        copy = self.folder / name
        shutil.copyfile(source, copy)
        copy.chmod(0o600)
        if self._user:
            os.chown(copy, *self._user)
        return copy

    def _make_data(self) -> None:
        self._data.mkdir()
        if self._user:
            os.chown(self._data, *self._user)
        made = subprocess.run(
            bound(
                [
                    self._install,
                    "--no-defaults",
                    # From its folder, whose path may have blanks, at which the script fails.
                    f"--datadir=./{self._data.name}",
                    "--tmpdir=.",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    *_SETTINGS,
                ]
            ),
            capture_output=True,
            check=False,
            cwd=self.folder,
            **as_user(self._user),
        )
        if made.returncode:
            raise RuntimeError(
                f"mariadb-install-db: {made.stderr.decode(errors='replace')[-2000:]}"
            )

    def start(self) -> MariaDB:
        """Start and wait until it answers."""
        self._process = Process(
            [
                self._server,
                "--no-defaults",
                f"--datadir={self._data}",
                f"--tmpdir={self.folder}",
                f"--socket={self._socket}",
                f"--pid-file={self.folder / 'pid'}",
                *_SETTINGS,
                *self._settings,
            ],
            self.folder / "mariadb.log",
            user=self._user,
        )
        self._process.wait_until(lambda: self._call(b"SELECT 1;").returncode == 0, "answering")
        return self

    def account(
        self, name: str, password: str, *, plugin: str = "mysql_native_password", require: str = ""
    ) -> None:
        """Make an account that may do everything but grant, from anywhere.

        ``plugin`` is the name of its authentication: mysql_native_password, ed25519, or two such
        with OR between.  ``require`` is what it must show: SSL, X509.
        """
        secret = "" if plugin == "unix_socket" else f" USING PASSWORD('{password}')"
        via = " OR ".join(f"{one}{secret}" for one in plugin.split(" OR "))
        demand = f" REQUIRE {require}" if require else ""
        self.run(
            f"CREATE USER '{name}'@'%' IDENTIFIED VIA {via}{demand};"
            f" GRANT ALL ON *.* TO '{name}'@'%';"
        )

    def _call(
        self, script: bytes, user: str = "root", database: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [
                self._client,
                "--no-defaults",
                f"--socket={self._socket}",
                f"--user={user}",
                "--batch",
                "--force",
                "--skip-column-names",
                "--comments",
                "--default-character-set=utf8mb4",
                *([database] if database else []),
            ],
            input=script,
            capture_output=True,
            check=False,
            cwd=self.folder,
        )

    def run(self, script: str) -> str:
        """Return the client's output.  Raises RuntimeError if anything in it fails."""
        done = self._call(script.encode())
        if done.returncode or _ERROR.search(done.stderr):
            raise RuntimeError(done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def ask(
        self,
        texts: Sequence[bytes],
        *,
        prepare: bool = False,
        typed: bool = False,
        before: str = "",
        user: str = "root",
        database: str = "",
    ) -> list[Refusal | None]:
        """Send each text unchanged, and return the server's answers: None, or an error.

        ``prepare``: the texts are only prepared.  ``typed``: they are given to the client as a
        person would, one line each, with its own reading of quotes; only so a text may hold several
        statements.  ``before`` is SQL before each, on its line.  All are one session's.
        """
        if typed:
            # The delimiter keeps the statements of a text together.
            script = "\n".join(f"{before.replace(';', '//')} {text.decode()} //" for text in texts)
            return self._answers(f"delimiter //\n{script}\n".encode(), texts, user, database, 2)
        lines = []
        for text in texts:
            # As a value, so that the client's own reading of quotes and semicolons is left out.
            value = f"CONVERT(0x{text.hex()} USING utf8mb4)"
            verb = "PREPARE asked FROM" if prepare else "EXECUTE IMMEDIATE"
            lines.append(f"{before} {verb} {value};")
        return self._answers("\n".join(lines).encode(), texts, user, database, 1)

    def _answers(
        self, script: bytes, texts: Sequence[bytes], user: str, database: str, first: int
    ) -> list[Refusal | None]:
        """The errors of a script whose texts stand one a line, from line ``first`` on."""
        done = self._call(script, user, database)
        said: list[Refusal | None] = [None] * len(texts)
        for number, line, text in _ERROR.findall(done.stderr):
            said[int(line) - first] = Refusal(int(number), text.decode(errors="replace"))
        return said

    def restart(self) -> None:
        """End its process, and start another one with the same data."""
        if self._process is not None:
            self._process.stop()
        self.start()

    def stop(self) -> None:
        """Stop it and delete everything."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> MariaDB:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
