"""Start processes, wait until they are ready, and end them by process id."""

from __future__ import annotations

import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from acra_twisted.sandbox.endings import bound

#: Ports that are given: below those that the kernel gives by itself, to clients for instance.
_PORTS: Final = range(12_000, 32_000)
#: Descriptors of sockets by whose names other processes know the ports that were given last:
#: whoever got one may not listen on it yet.
_given: Final[deque[int]] = deque()
_GIVEN_MAX: Final = 128
#: Ports that are tried before there is none.
_TRIES: Final = 10_000


def free_port() -> int:
    """A loopback port that nobody listens on, and that no process was given by this shortly before.

    It stays free for a client that wants to find nobody there, or until somebody listens.  Raises
    RuntimeError if none is found.
    """
    for _ in range(_TRIES):
        port = secrets.choice(_PORTS)
        mark = socket.socket(socket.AF_UNIX)
        try:
            # A name without a file, which goes with the process.
            mark.bind(f"\0acra-sandbox-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        _given.append(mark.detach())
        if len(_given) > _GIVEN_MAX:
            os.close(_given.popleft())
        return port
    raise RuntimeError("no port of 127.0.0.1 is free")


def accepts(port: int) -> bool:
    """True if something listens on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def unprivileged() -> tuple[int, int] | None:
    """User and group for servers that refuse to run as root; None if we are not root.  Raises
    RuntimeError if there is no such user."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise RuntimeError(
            "servers refuse to run as root, and there is no user 'nobody': start it as another user"
        ) from None
    return nobody.pw_uid, nobody.pw_gid


def as_user(user: tuple[int, int] | None) -> dict[str, Any]:
    """Return arguments for `subprocess` to run something as `unprivileged` says."""
    return {"user": user[0], "group": user[1], "extra_groups": []} if user else {}


class Process:
    """A child whose output goes to a file; ended by `stop`, or by the kernel when the thread that
    started it is gone."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: tuple[int, int] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        self.name = Path(arguments[0]).name
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                bound(arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=cwd or log.parent,
                start_new_session=True,
                **as_user(user),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._child.poll()

    def output(self) -> str:
        """Return its output."""
        return self.log.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
        """Raises RuntimeError with the end of its output if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.status is not None or time.monotonic() > deadline:
                state = "runs" if self.status is None else f"ended with status {self.status}"
                tail = self.output()[-2000:]
                raise RuntimeError(f"{self.name}: not {what}; it {state}\n{tail}")
            time.sleep(0.02)

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._child.send_signal(number)

    def wait(self, seconds: float = 120.0) -> int:
        """Its exit status once it has ended."""
        return self._child.wait(seconds)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60.0) -> int:
        """End it, also if it is stopped; its exit status."""
        if self._child.poll() is None:
            self._child.send_signal(number)
            self._child.send_signal(signal.SIGCONT)
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        return self._child.returncode


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def processor_time(pid: int) -> float:
    """Seconds of the processor that a process has used, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Daemon(Process):
    """A daemon of ours, which tells when it serves as it tells a service manager (sd_notify(3)).

    Its sockets listen before that: while it still reads its certificates, for instance.
    """

    def __init__(
        self, arguments: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        # A name without a file, which goes with the socket.
        name = f"acra-sandbox-{secrets.token_hex(16)}"
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.bind(f"\0{name}")
        self._told.setblocking(False)
        told = {**(environment or {}), "NOTIFY_SOCKET": f"@{name}"}
        super().__init__(arguments, log, environment=told)

    def wait_until_it_serves(self) -> None:
        """Once.  Raises RuntimeError as `wait_until` does."""
        with self._told:
            self.wait_until(self._serves, "listening")

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60.0) -> int:
        """End it as any other process."""
        self._told.close()
        return super().stop(number, seconds)

    def _serves(self) -> bool:
        try:
            while self._told.recv(100) != b"READY=1":
                pass
        except BlockingIOError:
            return False
        return True


def twistd(plugin: str, ini: Path, *arguments: str, reactor: str = "") -> list[str]:
    """The command line of a daemon in the foreground."""
    program = str(Path(sys.executable).with_name("twistd"))
    chosen = [f"--reactor={reactor}"] if reactor else []
    return [program, *chosen, "-n", plugin, f"--config_file={ini}", *arguments]
