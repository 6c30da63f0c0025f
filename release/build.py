"""``make dist``: what a release consists of, in ``dist``.

A source archive, a wheel that runs anywhere and one whose hot path is compiled for the Python that
this runs on; a bill of materials, and SHA-256 of them all.  The same sources make the same bytes:
times come from ``SOURCE_DATE_EPOCH`` or the last commit, names are sorted, owners and modes set.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from acra_twisted import __version__
from release import bill, changelog, manpages

TOP = Path(__file__).parents[1]
NAME = "acra-twisted"


def tracked() -> list[str]:
    """The files of a release, by their paths below the top: those that git knows, or all of an
    unpacked source archive."""
    if not (TOP / ".git").exists():
        made = ("build", "dist", "node_modules", "__pycache__")
        return sorted(
            str(path.relative_to(TOP))
            for path in TOP.rglob("*")
            if path.is_file()
            and not any(
                part in made or part.endswith(".egg-info") or (part[0] == "." and part != ".ci")
                for part in path.relative_to(TOP).parts[:-1]
            )
        )
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    names = subprocess.run(command, cwd=TOP, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in names.split("\0") if name and (TOP / name).is_file())


def epoch() -> int:
    """Seconds that all times in the files are set to."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    if (TOP / ".git").exists():
        command = ["git", "-c", "safe.directory=*", "log", "-1", "--format=%ct"]
        done = subprocess.run(command, cwd=TOP, check=True, capture_output=True, text=True)
        return int(done.stdout)
    return int((TOP / "CHANGELOG.rst").stat().st_mtime)


def stage(place: Path, at: int) -> None:
    """A copy of the sources with what is generated for a release: man pages and changelog."""
    for name in tracked():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TOP / name, target)
        target.chmod(0o755 if os.access(TOP / name, os.X_OK) else 0o644)
    date = datetime.datetime.fromtimestamp(at, datetime.UTC).date().isoformat()
    if changelog.fragments(place):
        (place / "CHANGELOG.rst").write_text(changelog.assemble(place, __version__, date))
        for fragment in changelog.fragments(place):
            fragment.unlink()
    manpages.write(place / "man", date)


def built(kind: str, place: Path, at: int, *, compiled: bool = False) -> Path:
    """An archive of ``kind`` (sdist or wheel) of the sources in a folder.

    Raises RuntimeError with the end of what setuptools says.
    """
    out = place.parent / f"out-{kind}-{compiled}"
    program = f"from setuptools import build_meta as b; b.build_{kind}(__import__('sys').argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", program, str(out)],
        cwd=place,
        env={
            **os.environ,
            "SOURCE_DATE_EPOCH": str(at),
            "PYTHONHASHSEED": "0",
            "ACRA_TWISTED_COMPILE": "1" if compiled else "0",
        },
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{kind}: {(done.stdout + done.stderr)[-3000:]}")
    (path,) = out.iterdir()
    return path


def settled(archive: Path, at: int) -> bytes:
    """A source archive with its files in order, of nobody, and of one time."""
    packed = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            content = old.extractfile(member)
            member.mtime, member.uid, member.gid, member.uname, member.gname = at, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, content)
    return gzip.compress(packed.getvalue(), mtime=at)


def release(out: Path, *, compiled: bool) -> None:
    """Make all of it.  Raises RuntimeError."""
    at = epoch()
    os.umask(0o022)
    out.mkdir(exist_ok=True)
    for old in (*out.glob("acra_twisted-*"), *out.glob("SHA256SUMS")):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="acra-release-") as name:
        sources = Path(name, "sources")
        stage(sources, at)
        archive = built("sdist", sources, at)
        (out / archive.name).write_bytes(settled(archive, at))
        # Wheels are built of what is in the archive: it is whole.
        with tarfile.open(out / archive.name) as file:
            # It is our own; Python before 3.11.4, as Debian 12 has it, knows no filters.
            file.extraction_filter = getattr(tarfile, "data_filter", None)
            file.extractall(name)
        unpacked = Path(name, archive.name.removesuffix(".tar.gz"))
        for form in (False, True) if compiled else (False,):
            wheel = built("wheel", unpacked, at, compiled=form)
            shutil.copyfile(wheel, out / wheel.name)
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.glob("acra_twisted-*"))
    }
    date = datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    parts = out / f"acra_twisted-{__version__}.cdx.json"
    parts.write_text(json.dumps(bill.bill(NAME, date, hashes), indent=1) + "\n")
    hashes[parts.name] = hashlib.sha256(parts.read_bytes()).hexdigest()
    lines = [f"{content}  {file}\n" for file, content in hashes.items()]
    (out / "SHA256SUMS").write_text("".join(lines))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TOP / "dist", help="folder of the release")
    parser.add_argument("--interpreted", action="store_true", help="without the compiled wheel")
    given = parser.parse_args()
    try:
        release(given.out, compiled=not given.interpreted)
    except RuntimeError as error:
        sys.stderr.write(f"make dist: {error}\n")
        return 1
    sys.stdout.write((given.out / "SHA256SUMS").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
