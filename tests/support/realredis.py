"""Debian's Redis, as a child on loopback."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from twisted.internet import reactor  # noqa: TID251 - txredisapi wants a real one
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS

from acra_twisted.sandbox.processes import Process, free_port
from acra_twisted.tokens.redisconnection import RedisConnection, redis_protocol
from acra_twisted.tokens.redisstore import RedisStore

#: The program is all of Redis: its name says which part.
PROGRAM = "/usr/bin/redis-check-rdb"
#: What its log says when its data are read.
_READY = "Ready to accept connections"


class RealRedis:
    """Keeps its data in ``folder``; `kill` and `start` as often as a test likes."""

    def __init__(self, folder: Path, *options: str, tls: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        program = folder / "redis-server"
        if not program.exists():
            os.symlink(PROGRAM, program)
        ports = ["--tls-port", "--port"] if tls else ["--port", "--tls-port"]
        self._arguments = [
            *(str(program), "--bind", "127.0.0.1", ports[0], str(self.port), ports[1], "0"),
            *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always"),
            *("--save", "", *options),
        ]
        self.start()

    def start(self) -> None:
        log = self.folder / "redis.log"
        before = log.read_text().count(_READY) if log.exists() else 0
        self.process = Process(self._arguments, log)
        # It listens while it reads its data, and answers nothing.
        self.process.wait_until(lambda: self.process.output().count(_READY) > before, "ready")

    def kill(self) -> None:
        """End it as a crash does."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.stop()

    def stop(self) -> None:
        self.process.stop()

    def connection(self, creator=None, **login) -> RedisConnection:
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.port)
        if creator is not None:
            endpoint = wrapClientTLS(creator, endpoint)
        return RedisConnection(endpoint, redis_protocol(**login))

    def store(self, creator=None, **login) -> RedisStore:
        return RedisStore(self.connection(creator, **login))
