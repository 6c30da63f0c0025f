"""Planted values: how they may be written anywhere, and the search for them in files and texts."""

from __future__ import annotations

import base64
import binascii
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

#: A file is searched in pieces; no form of a value is longer.
PIECE = 1 << 22
LONGEST = 1 << 12
#: Shorter forms stand somewhere by chance.
SHORTEST = 8
_SHORT = bytes(64)
_EMPTY = re.compile(rb"\0{65,}")


class Planting:
    """Makes values of some columns, all different, and keeps them by the ways on which they are
    written."""

    def __init__(self, columns: Sequence[str], seed: int) -> None:
        self._columns = columns
        self._random = random.Random(seed)
        self.values: dict[str, str | int | bytes] = {}
        self.rows: dict[int, dict[str, str | int | bytes]] = {}

    def one(self, way: str, column: str) -> str | int | bytes:
        made: str | int | bytes
        digits = "".join(self._random.choices("0123456789abcdef", k=16))
        if column == "big":
            made = self._random.randrange(1 << 56, 1 << 62)
        elif column == "raw":
            made = self._random.randbytes(20)
        elif column == "key":
            made = f"{digits[:8]}-{digits[8:12]}-4{digits[13:]}-8{digits[:3]}-{digits[4:]}"
        else:
            made = f"{column}:{digits}"
        self.values[f"{way}, {column}"] = made
        return made

    def row(self, way: str, kept: bool = True) -> tuple[str | int | bytes, ...]:
        """The number and the protected values of a row.  ``kept``: it is to be in the table."""
        row = {column: self.one(way, column) for column in self._columns}
        number = len(self.values)
        if kept:
            self.rows[number] = row
        return (number, *row.values())


def forms(value: str | int | bytes) -> dict[str, bytes]:
    """The usual forms of a value by their names."""
    found: dict[str, bytes] = {}
    if isinstance(value, int):
        if abs(value) >= 1 << 48:
            found = {
                "little endian": value.to_bytes(8, "little", signed=True),
                "big endian": value.to_bytes(8, "big", signed=True),
            }
        raw = str(value).encode()
    else:
        raw = value.encode() if isinstance(value, str) else value
    found |= {
        "as it is": raw,
        "reversed": raw[::-1],
        "hex": binascii.hexlify(raw),
        "HEX": binascii.hexlify(raw).upper(),
        "octal": b"".join(b"\\%03o" % byte for byte in raw),
        "escaped": b"".join(bytes((b,)) if 32 <= b < 127 else b"\\%03o" % b for b in raw),
        "doubled escapes": b"".join(bytes((b,)) if 32 <= b < 127 else b"\\\\%03o" % b for b in raw),
        "json": b"".join(bytes((b,)) if 32 <= b < 127 else b"\\u%04x" % b for b in raw),
        "percent": b"".join(bytes((b,)) if 32 <= b < 127 else b"%%%02x" % b for b in raw),
        "utf-16": raw.decode("latin-1").encode("utf-16-le"),
        "utf-32": raw.decode("latin-1").encode("utf-32-le"),
    }
    for skipped in range(3):
        # Where it stands inside of something longer: without the digits that depend on neighbours.
        inner = raw[skipped : skipped + (len(raw) - skipped) // 3 * 3]
        found[f"base64 from {skipped}"] = base64.b64encode(inner)
        found[f"urlsafe base64 from {skipped}"] = base64.urlsafe_b64encode(inner)
    names: dict[bytes, str] = {}
    for name, form in found.items():
        # Many are the same for plain letters: the first name counts.
        names.setdefault(form, name)
    return {name: form for form, name in names.items() if len(form) >= SHORTEST}


class Search:
    """Finds values by all their forms; ``values`` have names."""

    def __init__(self, values: Mapping[str, str | int | bytes]) -> None:
        self._wanted = {
            form: f"{name} ({kind})"
            for name, value in values.items()
            for kind, form in forms(value).items()
        }
        # There are thousands of forms.  Wherever a long one stands, one of its first parts stands
        # where a multiple of the part's length is: so a look at those places finds it.
        self._parts: dict[bytes, list[bytes]] = {}
        self._short: list[bytes] = []
        for form in self._wanted:
            if len(form) < 2 * SHORTEST - 1:
                self._short.append(form)
                continue
            for at in range(SHORTEST):
                self._parts.setdefault(form[at : at + SHORTEST], []).append(form)

    def within(self, data: bytes) -> set[str]:
        """The names of the values in some bytes, each with its form."""
        places = range(0, len(data), SHORTEST)
        there = self._parts.keys() & (data[at : at + SHORTEST] for at in places)
        likely = [*self._short, *(form for part in there for form in self._parts[part])]
        return {self._wanted[form] for form in likely if form in data}

    def in_file(self, path: Path) -> set[str]:
        """The same for a file; one that has gone meanwhile has none."""
        found: set[str] = set()
        try:
            with path.open("rb") as file:
                before = b""
                while piece := file.read(PIECE):
                    # Files of a fixed size are mostly empty.
                    found |= self.within(_EMPTY.sub(_SHORT, before + piece))
                    before = piece[-LONGEST:]
        except FileNotFoundError:
            pass
        return found

    def below(self, folders: Iterable[Path], since: float = 0) -> Iterator[tuple[Path, set[str]]]:
        """Yield every file below some folders in which there is one, of those that were changed
        ``since`` then (seconds since the epoch)."""
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                if not _is_newer(path, since - 5):
                    continue
                found = self.in_file(path)
                if found:
                    yield path, found


def _is_newer(path: Path, since: float) -> bool:
    """Tell whether it is a file that was changed since then, and that has not gone meanwhile."""
    try:
        return not path.is_symlink() and path.is_file() and path.stat().st_mtime >= since
    except FileNotFoundError:
        return False
