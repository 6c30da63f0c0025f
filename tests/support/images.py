"""An image made without a builder: a Dockerfile's instructions, done in a folder.

The base image is a folder of Debian's packages (``.servers/debian``), in which commands run by
chroot.  Instructions that are not known here are errors, so that none is left out.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

TOP = Path(__file__).parents[2]
BASE = TOP / ".servers" / "debian"
#: Mounts of one's own, and the right to chroot, also for who is not root.
NAMESPACE = ["unshare", *([] if os.geteuid() == 0 else ["-r", "--map-auto"]), "--mount", "--fork"]


@dataclass
class Image:
    """A folder, and how it is started."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    """Words and texts, lines put together, comments left out."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, text = line.strip().partition(" ")
            yield word.upper(), " ".join(text.split())


def ignored(path: str, patterns: list[str]) -> bool:
    """True if a ``.dockerignore`` keeps a file of the context from the builder."""
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    found = False
    for pattern in patterns:
        text = pattern.removeprefix("!")
        names = parts if text.startswith("**/") else above
        if any(fnmatch(name, text.removeprefix("**/")) for name in names):
            found = not pattern.startswith("!")
    return found


def context() -> list[str]:
    """Files below the top that the builder is sent."""
    lines = (TOP / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    found = []
    for folder, folders, files in os.walk(TOP):
        place = Path(folder).relative_to(TOP)
        # What is left out whole is not looked into.
        folders[:] = [one for one in folders if not ignored(str(place / one), patterns)]
        found += [str(place / name) for name in files]
    return sorted(path for path in found if not ignored(path, patterns))


class Builder:
    """Makes the last stage of a Dockerfile in ``place``; ``arguments`` are its build arguments."""

    def __init__(self, place: Path, arguments: Mapping[str, str]) -> None:
        self._place = place
        self._arguments = dict(arguments)
        self._stages: dict[str, Image] = {}
        self._given: dict[str, str] = {}
        self.image = Image(place)

    def build(self, dockerfile: Path) -> Image:
        """Do all that it says."""
        for word, text in instructions(dockerfile):
            getattr(self, f"_do_{word.lower()}")(text)
        return self.image

    def _do_from(self, text: str) -> None:
        base, _, name = text.partition(" AS ")
        assert base == "python:3.11-slim-bookworm", f"{base} is not what .servers/debian is like"
        self.begin(name)

    def begin(self, name: str = "") -> None:
        """A new stage: Debian as it is."""
        self.image = Image(self._place / f"stage-{len(self._stages)}")
        self._stages[name or "last"] = self.image
        self._given = {}
        subprocess.run(["cp", "-a", str(BASE), str(self.image.root)], check=True)
        (self.image.root / "usr/local/bin/python").symlink_to("/usr/bin/python3")

    def _do_arg(self, text: str) -> None:
        name, _, default = text.partition("=")
        self._given[name] = self._arguments.get(name, default)

    def _do_env(self, text: str) -> None:
        for pair in shlex.split(text):
            name, _, value = pair.partition("=")
            path = self.image.env.get("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            self.image.env[name] = value.replace("$PATH", path)

    def _do_workdir(self, text: str) -> None:
        self.image.workdir = text
        self._inside(text).mkdir(parents=True, exist_ok=True)

    def _do_user(self, text: str) -> None:
        self.image.user = text

    def _do_stopsignal(self, text: str) -> None:
        assert text == "SIGTERM"

    def _do_entrypoint(self, text: str) -> None:
        self.image.entrypoint = json.loads(text)

    def _do_cmd(self, text: str) -> None:
        self.image.command = json.loads(text)

    def _inside(self, path: str) -> Path:
        return self.image.root / Path(self.image.workdir, path).relative_to("/")

    def _do_copy(self, text: str) -> None:
        *options, source, target = text.split()
        if options:
            stage = self._stages[options[0].removeprefix("--from=")]
            copied = [str(stage.root / source.lstrip("/")), str(self._inside(target))]
            subprocess.run(["cp", "-a", *copied], check=True)
            return
        assert (source, target) == (".", ".")
        for path in context():
            place = self._inside(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / path, place)

    def _do_run(self, text: str) -> None:
        self.run(text)

    def run(self, text: str) -> str:
        """Return the output of a command in the folder.  Raises AssertionError if it fails."""
        root = self.image.root
        for name in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
            shutil.copyfile(f"/{name}", root / name)
        network = {k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")}
        if "PIP_CERT" in os.environ:
            network["PIP_CERT"] = "/etc/ssl/certs/ca-certificates.crt"
        done = subprocess.run(
            [
                *(*NAMESPACE, "sh", "-ec"),
                'mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; '
                'exec chroot "$0" sh -ec \'cd "$0"; eval "$1"\' "$1" "$2"',
                *(str(root), self.image.workdir, text),
            ],
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                **network,
                **self.image.env,
                **self._given,
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"RUN {text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout
