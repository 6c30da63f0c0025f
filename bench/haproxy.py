"""HAProxy with one thread, which copies bytes as `relay` does, and is written in C.

No relay can do much better on this machine: what ours do is told beside it.
"""

from __future__ import annotations

from pathlib import Path

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.places import installed
from acra_twisted.sandbox.processes import Process, accepts, free_port

#: Seconds for a connection that says nothing: longer than one sleeps between its turns.
_SILENCE = 3_600
_SETTINGS = """\
global
  nbthread 1
  maxconn 1000
defaults
  mode tcp
  timeout connect 5s
  timeout client {silence}s
  timeout server {silence}s
listen relay
  bind 127.0.0.1:{port}{accepting}
  server behind 127.0.0.1:{target}{dialling}
"""


def program() -> str | None:
    """Its path; None where it is not installed."""
    return installed("haproxy")


def relay(
    folder: Path, target: int, *, accepting: str = "", dialling: str = ""
) -> tuple[Process, int]:
    """One of them in front of a port, and its own; what it is told more of either side.

    Raises RuntimeError if it does not start.
    """
    path = program()
    if path is None:
        raise RuntimeError("no HAProxy: run apt-get install haproxy")
    port = free_port()
    settings = folder / f"haproxy-{port}.cfg"
    settings.write_text(
        _SETTINGS.format(
            silence=_SILENCE, port=port, target=target, accepting=accepting, dialling=dialling
        )
    )
    process = Process([path, "-db", "-f", str(settings)], folder / f"haproxy-{port}.log")
    process.wait_until(lambda: accepts(port), "listening")
    return process, port


def two_with_tls(folder: Path, target: int) -> list[tuple[Process, int]]:
    """Two of them with TLS between, the one that faces the target first; as `relay`."""
    authority = Authority(folder)
    # It reads certificate and key from one file.
    both = folder / "haproxy.pem"
    both.touch(0o600)
    both.write_bytes(
        b"".join(p.read_bytes() for p in authority.issue("haproxy", hosts=("localhost",)))
    )
    behind = relay(folder, target, accepting=f" ssl crt {both}")
    dialling = f" ssl verify required ca-file {authority.path}"
    return [behind, relay(folder, behind[1], dialling=dialling)]
