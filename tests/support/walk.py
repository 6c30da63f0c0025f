"""The blocks of a page, one after the other, as somebody follows them: ``python -m
tests.support.walk PAGE FOLDER``.

It runs in a network and with processes of its own (`command`), and a PostgreSQL listens on its
usual port.  Files that a block's first line names are written; what is for a shell goes to one
shell, in the empty folder ``FOLDER/home``, until a command fails.  Of this environment that shell
has the libraries that the project needs, and nothing of the project: it is installed from
``CHECKOUT``, a copy.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

from acra_twisted.sandbox.postgres import Postgres
from tests.support.documents import TOP, blocks

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_FLAGS = struct.Struct("16sH22x")
_IFF_UP = 1
SHELL = ("sh", "bash")
#: Twisted's own script, for whatever Python is first in PATH.
_TWISTD = """#!/bin/sh
exec python -c 'from twisted.scripts.twistd import run; run()' "$@"
"""


def command(page: Path, folder: Path) -> list[str]:
    """Return the command that runs this module, in its own namespaces if the kernel allows them."""
    apart = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        apart += ["--user", "--map-current-user", "--keep-caps"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode != 0:
        apart = []
    return [*apart, sys.executable, "-m", "tests.support.walk", str(page), str(folder)]


def raise_loopback() -> None:
    """A network of one's own begins without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, _FLAGS.pack(b"lo", 0))
        if not _FLAGS.unpack(found)[1] & _IFF_UP:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _FLAGS.pack(b"lo", _IFF_UP))


def script(page: Path) -> str:
    """All blocks as one text for a shell, each with its place in front."""
    parts = ["set -eu"]
    for block in blocks(page):
        if not block.is_run or not block.language:
            continue
        parts.append(f"echo '== {block.where}'")
        if block.language in SHELL:
            parts.append(block.text)
        else:
            parts.append(f"cat > '{block.file}' <<'END OF FILE'\n{block.text}END OF FILE")
    return "\n".join(parts)


def copy_checkout(target: Path) -> None:
    """The project without what was made in it."""
    made = (".*", "build", "dist", "node_modules", "results", "__pycache__", "*.egg-info", "*.so")
    shutil.copytree(TOP, target, ignore=shutil.ignore_patterns(*made), symlinks=True)


def borrow_libraries(target: Path) -> None:
    """Links to what is installed here, without the project itself, and Twisted's script."""
    (target / "bin").mkdir(parents=True)
    script = target / "bin/twistd"
    script.write_text(_TWISTD)
    script.chmod(0o755)
    for place in Path(sysconfig.get_path("purelib")).iterdir():
        if not place.name.startswith(("acra_twisted", "__editable__", "bin")):
            (target / place.name).symlink_to(place)


def main(page: Path, folder: Path) -> int:
    """The shell's exit status."""
    raise_loopback()
    home, checkout, libraries = folder / "home", folder / "checkout", folder / "libraries"
    home.mkdir()
    copy_checkout(checkout)
    borrow_libraries(libraries)
    postgres = Postgres(port=5432)
    postgres.start()
    environment = {
        "PATH": f"{libraries}/bin:{postgres.bin}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "CHECKOUT": str(checkout),
        "PYTHONPATH": str(libraries),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    shell = ["bash", "-c", script(page)]
    done = subprocess.run(shell, cwd=home, env=environment, stderr=subprocess.STDOUT)
    postgres.remove()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
