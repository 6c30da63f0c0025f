"""Find the owner of the process at the other end of a connection from this machine.

The kernel tells the credentials of a unix socket's peer (unix(7), SO_PEERCRED).  For TCP the table
of connections (proc(5), /proc/net/tcp) lists the peer's own end with its owner.
"""

from __future__ import annotations

import pwd
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

from acra_twisted.errors import ConfigError

_CREDENTIALS = struct.Struct("3i")
_TABLES = "/proc/self/net/"


def user_ids(option: str, users: Iterable[str]) -> frozenset[int]:
    """The ids of users given by name or number.  Raises ConfigError naming the option."""
    found = set()
    for user in users:
        try:
            found.add(int(user) if user.isascii() and user.isdigit() else pwd.getpwnam(user).pw_uid)
        except KeyError:
            raise ConfigError(f"{option}: there is no user {user!r} here") from None
    return frozenset(found)


def peer_user(connection: socket.socket, tables: str = _TABLES) -> int | None:
    """The user id of the process at the other end; None where the kernel does not tell, as of
    another machine's."""
    if connection.family == socket.AF_UNIX:
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return int(_CREDENTIALS.unpack(data)[1])
    try:
        peer, own = connection.getpeername()[:2], connection.getsockname()[:2]
    except OSError:
        return None
    for name, form in (("tcp", _form4), ("tcp6", _form6)):
        ends = form(*peer), form(*own)
        if None in ends:
            continue
        try:
            with open(tables + name, encoding="ascii") as table:
                for line in table:
                    row = line.split(None, 8)
                    if (row[1], row[2]) == ends:
                        return int(row[7])
        except OSError:
            continue
    return None


def _form4(host: str, port: int) -> str | None:
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is None:
            return None
        address = mapped
    return f"{address.packed[::-1].hex().upper()}:{port:04X}"


def _form6(host: str, port: int) -> str:
    address = ip_address(host.partition("%")[0])
    packed = address.packed
    if not isinstance(address, IPv6Address):
        packed = bytes(10) + b"\xff\xff" + packed
    # Four words, each as the machine has them.
    words = (packed[at : at + 4][::-1].hex().upper() for at in range(0, 16, 4))
    return f"{''.join(words)}:{port:04X}"
