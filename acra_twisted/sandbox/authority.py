"""A throw-away certificate authority: what the demo, the tests and the benchmarks trust."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from acra_twisted.transport import authority

_DAY = datetime.timedelta(days=1)
_LIFETIME = 30


class Authority:
    """Keeps its key in memory; writes ``ca.pem`` to ``folder``."""

    def __init__(self, folder: Path, name: str = "Sandbox CA") -> None:
        self.folder = folder
        self.path = folder / "ca.pem"
        self._made = authority.Authority.make(authority.simple_name(name), _period(_LIFETIME))
        self.certificate = self._made.certificate
        _write(self.path, authority.encode_certificate(self.certificate), 0o644)

    def issue(
        self,
        name: str,
        *,
        hosts: tuple[str, ...] = (),
        days: int = _LIFETIME,
        server_only: bool = False,
        begins_in: int = 0,
    ) -> tuple[Path, Path]:
        """Certificate and key files for a name; ``days`` below 0 makes an expired one, and it
        ``begins_in`` so many days.

        With hosts it serves servers as well as clients.
        """
        usages = [] if server_only else [authority.CLIENT]
        if hosts:
            usages.append(authority.SERVER)
        key = authority.new_key()
        certificate = self._made.issue(
            authority.simple_name(name, "Sandbox"),
            key.public_key(),
            _period(days, begins_in),
            usages,
            [authority.general_name(host) for host in hosts],
        )
        certificate_path = self.folder / f"{name}.pem"
        key_path = self.folder / f"{name}.key"
        _write(certificate_path, authority.encode_certificate(certificate), 0o644)
        _write(key_path, authority.encode_key(key), 0o600)
        return certificate_path, key_path


def _period(days: int, begins_in: int = 0) -> authority.Period:
    now = datetime.datetime.now(datetime.UTC)
    begin = now - _DAY if days > 0 else now + 2 * days * _DAY
    if begins_in:
        begin = now + begins_in * _DAY
    return authority.Period(begin, now + days * _DAY)


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:
        file.write(data)
