"""An AcraServer for MySQL or MariaDB in a process of its own.

Its settings come as text, an expression of Python on the standard input, beside a few of a test's.
It runs until its standard input ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet import stdio
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings, defaults
from acra_twisted.plugins.chosen import stage_sections
from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.processes import free_port
from acra_twisted.server.service import AcraServer

TOP = Path(__file__).parents[2]
_LISTENING = "Start listening connections"


class MysqlServer:
    """A context manager.  ``port`` serves the database at ``database``; ``settings`` are options
    that are not as usual: plain values, stages by their names.  ``own`` are options of stages, by
    the stages' names; ``site`` is a folder with plugins."""

    def __init__(
        self,
        database: int,
        *,
        own: Mapping[str, Mapping[str, Any]] | None = None,
        site: Path | None = None,
        **settings: Any,
    ) -> None:
        self.port = free_port()
        self._settings = {"db_port": database, "own": own or {}, **settings}
        self._environment = {**os.environ, **({"PYTHONPATH": str(site)} if site else {})}
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read)

    @property
    def output(self) -> str:
        """Everything that it has logged so far."""
        return "".join(self._lines)

    def _read(self) -> None:
        """Keep what it says; it would wait for who does not read."""
        assert self._process is not None and self._process.stdout is not None
        for line in iter(self._process.stdout.readline, ""):
            self._lines.append(line)

    def __enter__(self) -> MysqlServer:
        process = self._process = subprocess.Popen(
            bound([sys.executable, "-m", "tests.support.mysqldaemon", str(self.port)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=TOP,
            env=self._environment,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(repr(self._settings) + "\n")
        process.stdin.flush()
        for line in iter(process.stdout.readline, ""):
            self._lines.append(line)
            if _LISTENING in line:
                self._reader.start()
                return self
        raise RuntimeError(self.output)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> str:
        """End it, once; return what it has logged."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.close()
            process.wait(timeout=120)
            self._reader.join()
            process.stdout.close()
        return self.output


class _UntilItEnds(Protocol):
    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def connectionLost(self, reason: Any = None) -> None:
        self.ended.callback(None)


async def _main(reactor: Any) -> None:
    given = literal_eval(sys.stdin.readline())
    options = given.pop("own")
    settings = defaults(SERVER_SECTIONS).but(
        **{
            "mysql_enable": True,
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
    own = {}
    for section in stage_sections(settings["stages"]):
        name = section.name.partition(":")[2]
        own[name] = defaults([section]).but(**options.get(name, {}))
    server = AcraServer(reactor, Settings(dict(settings), own))
    server.startService()
    until = _UntilItEnds()
    stdio.StandardIO(until)
    await until.ended
    await server.stopService()


if __name__ == "__main__":
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    react(lambda reactor: ensureDeferred(_main(reactor)))
