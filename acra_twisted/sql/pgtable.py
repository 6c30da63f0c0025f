"""The table of decisions on PostgreSQL's functions and catalogs: what each can reach.

The table is data, in the files postgresql_functions.txt and postgresql_relations.txt beside this
module; tests ask live servers for names that it does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

HARMLESS: Final = "harmless"
#: It reads or changes the relation that an argument names.
NAMES: Final = "names"
#: It tells of such a relation, and nothing that the relation holds.
TELLS: Final = "tells"
RUNS: Final = "runs"
FILES: Final = "files"
SHOWS: Final = "shows"
#: It gives what a view or a catalog shows.
BEHIND: Final = "behind"
#: It acts on what is no table.
ACTS: Final = "acts"
#: Classes by severity: a definition that may call any form of a function has the severest.
CLASSES: Final = (RUNS, FILES, SHOWS, NAMES, BEHIND, ACTS, TELLS, HARMLESS)
#: Why a call of these classes is refused.
REASONS: Final = {
    RUNS: "runs SQL that the text does not show",
    FILES: "reaches files of the server",
    SHOWS: "shows what tables hold",
    NAMES: "reaches a table that the text does not name",
}

_OWN_SCHEMAS: Final = frozenset(("", "pg_catalog", "information_schema"))


class Decision(NamedTuple):
    """``place``: where the relation's name is among the arguments; ``=`` before it marks plain
    text, ``:`` the key before the name.  ``views``: those that the function stands behind."""

    kind: str
    place: str = ""
    views: tuple[str, ...] = ()


class Decisions:
    """The whole table."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, int], Decision] = {}
        self._functions: dict[str, Decision] = {}
        self._families: list[tuple[str, Decision]] = []
        self._starts: tuple[str, ...] = ()
        self._in_extensions: set[str] = set()
        self.types: set[str] = set()
        self._operators: set[str] = set()
        self._operators_in_extensions: set[str] = set()
        self._relations: dict[str, tuple[str, ...]] = {}
        self.statistics: set[str] = set()

    # -- functions ------------------------------------------------------------------------------

    def function(self, name: str, count: int) -> Decision | None:
        """The decision on a call with so many arguments; None if the table has none."""
        found = self._exact.get((name, count)) or self._functions.get(name)
        if found is None and name.startswith(self._starts):
            for start, decision in self._families:
                if name.startswith(start):
                    return decision
        return found

    def worst(self, name: str) -> Decision | None:
        """The decision on a function whose arguments are not known."""
        forms = [d for (n, _), d in self._exact.items() if n == name]
        plain = self.function(name, -1)
        forms += [plain] if plain else []
        return min(forms, key=lambda d: CLASSES.index(d.kind), default=None)

    @property
    def harmless(self) -> list[str]:
        """The functions of which no form is anything else."""
        return [n for n in self._functions if self._kind_of(n) == HARMLESS]

    @property
    def running(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """The functions that run SQL given to them: their names, and beginnings of names."""
        exact = {name for (name, _), decision in self._exact.items() if decision.kind == RUNS}
        exact.update(name for name, decision in self._functions.items() if decision.kind == RUNS)
        starts = tuple(start for start, decision in self._families if decision.kind == RUNS)
        return frozenset(exact), starts

    def _kind_of(self, name: str) -> str:
        found = self.worst(name)
        return found.kind if found else ""

    def decided(self, name: str) -> bool:
        """Tell whether the table has a decision on a function."""
        return self.worst(name) is not None

    def knows(self, names: Sequence[str]) -> bool:
        """Tell whether a call by this qualified name is one of the server's own or of contrib."""
        name, schema = names[-1], names[-2] if len(names) > 1 else ""
        if name in self._in_extensions:
            return True
        return schema in _OWN_SCHEMAS and (name in self.types or self.decided(name))

    # -- operators --------------------------------------------------------------------------------

    def knows_operator(self, names: Sequence[str]) -> bool:
        """Tell whether an operator is one of the server's own or of contrib."""
        name, schema = names[-1], names[-2] if len(names) > 1 else ""
        if name in self._operators_in_extensions:
            return True
        return name in self._operators and schema in _OWN_SCHEMAS

    # -- relations --------------------------------------------------------------------------------

    def knows_relation(self, name: str) -> bool:
        """Tell whether the table has a decision on a catalog or view."""
        return name in self._relations

    def shown_by(self, name: str) -> tuple[str, ...]:
        """The catalogs whose content a view of the server's shows."""
        return self._relations.get(name, ())

    # -- reading ----------------------------------------------------------------------------------

    def _read_functions(self, text: str) -> None:
        for words, entry in _entries(text):
            if words[0] == "types":
                self.types.add(entry)
            elif words[0] == "operators":
                own = self._operators if len(words) == 1 else self._operators_in_extensions
                own.add(entry)
            else:
                self._read_function(words, entry)

    def _read_function(self, words: list[str], entry: str) -> None:
        """``kind [place] [in extensions] [behind VIEW ...]``"""
        kind, views = words[0], words[words.index(BEHIND) + 1 :] if BEHIND in words else []
        if kind not in CLASSES:
            raise ValueError(f"[{kind}] is no class of functions")
        if words[-2:] == ["in", "extensions"]:
            self._in_extensions.add(entry)
        place = words[1] if kind in (NAMES, TELLS) else ""
        decision = Decision(kind, place, tuple(views))
        name, _, count = entry.partition("/")
        if count:
            self._exact[name, int(count)] = decision
        elif entry.endswith("*"):
            self._families.append((entry[:-1], decision))
            self._starts += (entry[:-1],)
        else:
            self._functions.setdefault(entry, decision)

    def _read_relations(self, text: str) -> None:
        for (kind, *arguments), entry in _entries(text):
            self._relations[entry] = tuple(arguments)
            if kind == "statistics":
                self.statistics.add(entry)


def _entries(text: str) -> Iterator[tuple[list[str], str]]:
    section: list[str] = []
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].split()
        elif line.startswith("# -- "):
            section = []
        elif section[:1] == ["operators"] or not line.startswith("#"):
            for entry in line.split():
                yield section, entry


def read(functions: str, relations: str) -> Decisions:
    """The table that these texts write down."""
    table = Decisions()
    table._read_functions(functions)
    table._read_relations(relations)
    return table


@cache
def decisions() -> Decisions:
    """The project's table, read once."""
    folder = files(__package__ or "")
    return read(
        (folder / "postgresql_functions.txt").read_text(),
        (folder / "postgresql_relations.txt").read_text(),
    )
