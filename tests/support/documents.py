"""Read pages in reStructuredText: their blocks of code, and their inline literals."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]
#: So begins the first line, a comment, of a block that is not run.
_NOT_RUN = re.compile(r"^(?:#|//|--) .*\(not run\b.*\)$")
_DIRECTIVE = re.compile(r"^( *)\.\. (code-block|literalinclude|parsed-literal)::\s*(\w*)\s*$")
_LITERAL = re.compile(r"(?<![`\w:])``(.+?)``", re.S)
_FILE = re.compile(r"^(?:#|//|--) ([\w./-]+\.\w+)(?: \(.*\))?$")


@dataclass(frozen=True)
class Block:
    """``language`` is empty where the page does not say it."""

    page: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str:
        """The file that the first line names, if it is a comment with a name."""
        found = _FILE.match(self.text.partition("\n")[0])
        return found[1] if found else ""

    @property
    def is_run(self) -> bool:
        """True unless the first line says otherwise."""
        return not _NOT_RUN.match(self.text.partition("\n")[0])


def pages() -> list[Path]:
    """The README, what is in docs, and what the examples say."""
    return [TOP / "README.rst", *site(), *sorted((TOP / "examples").rglob("README.rst"))]


def site() -> list[Path]:
    """The pages in docs."""
    return sorted((TOP / "docs").glob("*.rst"))


def blocks(path: Path) -> list[Block]:
    """Blocks in their order: ``code-block`` directives and literal blocks behind ``::``."""
    return [block for block, _ in _parts(path) if block is not None]


def literals(path: Path) -> list[str]:
    """Return the texts in double backquotes outside blocks."""
    prose = "\n".join(line for block, line in _parts(path) if block is None)
    return [" ".join(found.split()) for found in _LITERAL.findall(prose)]


def _parts(path: Path) -> Iterator[tuple[Block | None, str]]:
    """Blocks, and the lines between them."""
    lines = path.read_text().split("\n")
    name = str(path.relative_to(TOP)) if path.is_relative_to(TOP) else path.name
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        yield None, line
        directive = _DIRECTIVE.match(line)
        literal = line.rstrip().endswith("::") and not line.lstrip().startswith("..")
        if not directive and not literal:
            continue
        start, taken = at, []
        while at < len(lines) and (not lines[at].strip() or _margin(lines[at]) > _margin(line)):
            taken.append(lines[at])
            at += 1
        while taken and (not taken[0].strip() or (directive and taken[0].lstrip()[:1] == ":")):
            taken.pop(0)
            start += 1
        text = textwrap.dedent("\n".join(taken)).rstrip() + "\n"
        yield Block(name, start + 1, directive[3] if directive else "", text), ""


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())
