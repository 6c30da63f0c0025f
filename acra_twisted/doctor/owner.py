"""Find the process of a listening socket, as far as this user may know it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from acra_twisted.lines import printable
from acra_twisted.optionkinds import Address

_LISTENING = "0A"
_COMMAND_MAX = 80
#: Words of a command line that are looked at.
_WORDS_MAX = 4


class Owner(NamedTuple):
    """A process and its command line, shortened."""

    pid: int
    command: str


def owner_of(address: Address) -> Owner | None:
    """The process that listens there; None if it cannot be known."""
    try:
        sockets = {f"socket:[{inode}]" for inode in _inodes(address)}
        for pid in os.listdir("/proc") if sockets else ():
            if pid.isdecimal() and sockets & set(_open_by(pid)):
                return Owner(int(pid), _command(pid))
    except OSError:
        pass
    return None


def _inodes(address: Address) -> Iterator[str]:
    if address.path:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
            for line in table:
                fields = line.split(maxsplit=7)
                if len(fields) == 8 and fields[7].strip() == os.path.abspath(address.path):
                    yield fields[6]
        return
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(name):
            continue
        with open(name, encoding="ascii") as table:
            for line in list(table)[1:]:
                fields = line.split()
                port = int(fields[1].rpartition(":")[2], 16)
                if fields[3] == _LISTENING and port == address.port:
                    yield fields[9]


def _open_by(pid: str) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        for descriptor in os.listdir(folder):
            try:
                yield os.readlink(f"{folder}/{descriptor}")
            except OSError:
                continue
    except OSError:
        return


def _command(pid: str) -> str:
    """The program and what it runs: no flag, for passwords may be among them."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(4096).decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    plain = [os.path.basename(word) for word in words[:_WORDS_MAX] if word[:1] not in ("", "-")]
    text = " ".join(word for word in plain if "=" not in word)
    return printable(text)[:_COMMAND_MAX]
