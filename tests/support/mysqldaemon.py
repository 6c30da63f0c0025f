"""An AcraServer for MySQL or MariaDB in a process of its own.

Its settings come as text, an expression of Python on the standard input, beside a few of a test's.
It runs until its standard input ends.
"""

from __future__ import annotations

import subprocess
import sys
from ast import literal_eval
from pathlib import Path
from typing import Any

from twisted.internet import stdio
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.options import Address, Settings, defaults
from acra_twisted.plugins.chosen import stage_sections
from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.processes import free_port
from acra_twisted.server.service import AcraServer
from tests.support.mysqllogins import serving_mysql

TOP = Path(__file__).parents[2]
_LISTENING = "Start listening connections"


class MysqlServer:
    """A context manager.  ``port`` serves the database at ``database``; ``settings`` are options
    that are not as usual: plain values, stages by their names."""

    def __init__(self, database: int, **settings: Any) -> None:
        self.port = free_port()
        self._settings = {"db_port": database, **settings}
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []

    def __enter__(self) -> MysqlServer:
        process = self._process = subprocess.Popen(
            bound([sys.executable, "-m", "tests.support.mysqldaemon", str(self.port)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=TOP,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(repr(self._settings) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            self._lines.append(line)
            if _LISTENING in line:
                return self
        raise RuntimeError("".join(self._lines))

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> str:
        """End it, once; return what it has logged."""
        process, self._process = self._process, None
        if process is not None:
            said, _ = process.communicate(timeout=20)
            self._lines.append(said)
        return "".join(self._lines)


class _UntilItEnds(Protocol):
    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def connectionLost(self, reason: Any = None) -> None:
        self.ended.callback(None)


async def _main(reactor: Any) -> None:
    given = literal_eval(sys.stdin.readline())
    settings = defaults(SERVER_SECTIONS).but(
        **{
            "db_host": "127.0.0.1",
            "acraconnector_transport_encryption_disable": True,
            "stages": (),
            "client_id": "an application",
            "tls_client_auth": 0,
            "incoming_connection_string": Address("127.0.0.1", int(sys.argv[1])),
            "incoming_connection_close_timeout": 1.0,
            **given,
        }
    )
    own = {
        section.name.partition(":")[2]: defaults([section])
        for section in stage_sections(settings["stages"])
    }
    server = AcraServer(reactor, serving_mysql(Settings(dict(settings), own)))
    server.startService()
    until = _UntilItEnds()
    stdio.StandardIO(until)
    await until.ended
    await server.stopService()


if __name__ == "__main__":
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    react(lambda reactor: ensureDeferred(_main(reactor)))
