"""A throw-away MariaDB of the system's on a unix socket, asked through its own client."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.places import temporary
from acra_twisted.sandbox.processes import Process, as_user, unprivileged

_ERROR = re.compile(rb"^ERROR ([0-9]+) \([0-9A-Z]+\) at line ([0-9]+): (.*)$", re.MULTILINE)
_SETTINGS = (
    "--skip-networking",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
    "--max-connections=20",
    "--skip-log-bin",
)


class Refusal(NamedTuple):
    """An error of the server: its number and its text."""

    number: int
    text: str


def program(name: str) -> str:
    """Path of one of MariaDB's programs.  Raises RuntimeError if it is not installed."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if path is None:
        raise RuntimeError(
            "no MariaDB: run apt-get install mariadb-server-core mariadb-client-core"
        )
    return path


class MariaDB:
    """One server in a temporary folder; only its own socket, no password."""

    def __init__(self) -> None:
        install, self._server = program("mariadb-install-db"), program("mariadbd")
        self._client = program("mariadb")
        self._user = unprivileged()
        self.folder = temporary("acra-maria-", user=self._user)
        self._process: Process | None = None
        self._data = self.folder / "data"
        self._socket = self.folder / "socket"
        self._data.mkdir()
        if self._user:
            os.chown(self.folder, *self._user)
            os.chown(self._data, *self._user)
        made = subprocess.run(
            bound(
                [
                    install,
                    "--no-defaults",
                    f"--datadir={self._data}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
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
                f"--socket={self._socket}",
                f"--pid-file={self.folder / 'pid'}",
                *_SETTINGS,
            ],
            self.folder / "mariadb.log",
            user=self._user,
        )
        self._process.wait_until(lambda: self._call(b"SELECT 1;").returncode == 0, "answering")
        return self

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
