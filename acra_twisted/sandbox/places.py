"""Temporary folders for servers of any user, on any machine, and where their programs are.

Another user can reach them, a socket's path below them is short enough, and, where it is asked for,
programs may be executed in them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.processes import as_user

#: Names a folder of its user's alone, in which new data of servers are kept: the next are copies.
KEPT: Final = "ACRA_SANDBOX_CLUSTERS"
#: Where one is made if the system's own choice (``TMPDIR``) does not do.
_OTHERS = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/opt")  # noqa: S108 - mkdtemp makes it
#: Bytes of a path that a socket's name fits behind: the system's limit is 107.
_LONGEST = 85


def temporary(
    prefix: str,
    *,
    user: tuple[int, int] | None = None,
    programs: bool = False,
    first: str = "",
) -> Path:
    """A new folder for a server that ``user`` (we, if None) runs; ``programs`` are executed in it.

    ``first`` is a place that is tried before all others.  Raises RuntimeError that says which
    places were tried and what is wrong with each.
    """
    wrong = []
    usual = os.environ.get("TMPDIR") or _OTHERS[0]
    for place in dict.fromkeys((first or usual, usual, *_OTHERS)):
        try:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        except OSError as error:
            wrong.append(f"{place}: {error.strerror}")
            continue
        reason = _unfit(folder, user, programs)
        if not reason:
            return folder
        folder.rmdir()
        wrong.append(f"{place}: {reason}")
    raise RuntimeError(
        "no place for temporary files; set TMPDIR to a folder with a short path, on a file system "
        f"without noexec, that every user may enter ({'; '.join(wrong)})"
    )


def _unfit(folder: Path, user: tuple[int, int] | None, programs: bool) -> str:
    """The reason why a server cannot live in a new folder; empty if it can."""
    if len(os.fsencode(folder)) > _LONGEST:
        return "its path is too long for a socket"
    if programs and os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return "it is mounted noexec"
    if user is not None:
        folder.chmod(0o755)
        if _fails("test", "-x", str(folder), user=user):
            return "other users cannot enter it"
    return ""


def installed(name: str) -> str | None:
    """The path of one of the system's programs, of those for administrators as well, which are not
    in everybody's ``PATH``; None where it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def executable(program: Path, user: tuple[int, int] | None) -> str:
    """Why ``user`` (we, if None) cannot run a program that has ``--version``; empty if it can."""
    return _fails(str(program), "--version", user=user)


def copied(install: Path, folder: Path) -> Path:
    """A copy below ``folder`` of a folder of programs, that everybody may read and execute.

    The libraries that a wheel brings are copied, too: its programs look for them beside the
    package, three folders up.
    """
    package = install.parent
    target = folder / package.name / install.name
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(install, target, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
    return target


def _fails(*command: str, user: tuple[int, int] | None) -> str:
    try:
        done = subprocess.run(
            bound(command), capture_output=True, text=True, cwd="/", check=False, **as_user(user)
        )
    except OSError as error:
        return f"cannot become user {user[0] if user else os.geteuid()}: {error.strerror}"
    said = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else (said or [f"status {done.returncode}"])[-1]


def make_or_copy(target: Path, made_of: object, make: Callable[[], None]) -> None:
    """``make`` the data of a server, or copy those that were made of equal things before.

    The ``repr`` of ``made_of`` tells them apart.  `KEPT` names where they are kept.
    """
    kept = None
    if place := os.environ.get(KEPT):
        kept = Path(place) / hashlib.sha256(repr(made_of).encode()).hexdigest()
        if kept.exists():
            _copy(kept, target)
            return
    make()
    if kept is not None:
        _copy(target, kept)


def _copy(source: Path, target: Path) -> None:
    """Copy data that no server uses, with their owner; ``target`` is there when it is whole."""
    part = target.with_name(f"{target.name}.{os.getpid()}")
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(part)], check=True)
    part.rename(target)


def neutral() -> None:
    """Takes out of the environment what would send clients elsewhere, or set our daemons up.

    These are libpq's variables, proxies for HTTP, and our own options.
    """
    for name in tuple(os.environ):
        if name.startswith(("PG", "ACRA_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
