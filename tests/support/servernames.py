"""The names that PostgreSQL servers have: functions, types, operators, relations.

``python -m tests.support.servernames`` starts the servers at hand with all of their extensions and
writes the sections of acra_twisted/sql/postgresql_*.txt that follow from what the servers say;
then it prints the names that are left to decide.
"""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pgparse
import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, embedded, system
from acra_twisted.sql import pgtable

TOP = Path(pgtable.__file__).parent
FUNCTIONS, RELATIONS = TOP / "postgresql_functions.txt", TOP / "postgresql_relations.txt"
#: Begins what is written here.
MARK = "# -- written by tests/support/servernames.py --"

_FUNCTIONS = """
SELECT proname, e.extname IS NOT NULL, coalesce(bool_and(
    'internal'::regtype = ANY (proargtypes)
    OR prorettype::regtype::text IN ('trigger', 'event_trigger', 'internal', 'cstring',
        'language_handler', 'fdw_handler', 'index_am_handler', 'table_am_handler', 'tsm_handler')
    OR prokind IN ('a', 'w')
    OR provolatile IN ('i', 's') AND 'cstring'::regtype = ANY (proargtypes)
    OR provolatile IN ('i', 's') AND prorettype = 'bytea'::regtype AND proname ~ 'send$'
    OR provolatile = 'i' AND NOT 'regclass'::regtype = ANY (proargtypes)), true)
FROM pg_proc p
LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE pronamespace::regnamespace::text IN ('pg_catalog', 'information_schema', 'public')
GROUP BY 1, 2
"""
_TYPES = "SELECT DISTINCT typname FROM pg_type WHERE typtype <> 'c' AND typelem = 0 OR typlen > 0"
_OPERATORS = """
SELECT DISTINCT oprname, d.objid IS NOT NULL FROM pg_operator o
LEFT JOIN pg_depend d ON d.classid = 'pg_operator'::regclass AND d.objid = o.oid
    AND d.deptype = 'e'
"""
_BOUND = """
SELECT DISTINCT proname FROM pg_proc WHERE oid IN (
    SELECT castfunc FROM pg_cast
    UNION SELECT unnest(ARRAY[oprcode, oprrest, oprjoin]::oid[]) FROM pg_operator
    UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn,
        aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]) FROM pg_aggregate
    UNION SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout,
        typanalyze, typsubscript]::oid[]) FROM pg_type
    UNION SELECT unnest(ARRAY[rngcanonical, rngsubdiff]::oid[]) FROM pg_range
    UNION SELECT amproc FROM pg_amproc
    UNION SELECT conproc FROM pg_conversion
    UNION SELECT unnest(ARRAY[tmplinit, tmpllexize]::oid[]) FROM pg_ts_template
    UNION SELECT unnest(ARRAY[prsstart, prstoken, prsend, prsheadline, prslextype]::oid[])
        FROM pg_ts_parser)
"""
_RELATIONS = """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'f', 'p', 'S')
AND relnamespace::regnamespace::text IN ('pg_catalog', 'information_schema', 'public')
"""
#: Functions that give what a view shows, wherever they stand in it.
_TELLING = re.compile("pg_stat_get_|pg_sequence_last|pg_get_(view|rule|index)def$")
#: Functions in the FROM clause of views that say nothing of the view's subject.
_TOOLS = frozenset(("unnest", "pg_mcv_list_items", "generate_series", "_pg_expandarray"))


class Names(NamedTuple):
    """The names of all servers.  ``functions``: by name, if it is safe by the server's declaration
    and if it comes with an extension.  ``bound``: functions that operators, casts, aggregates,
    types and the like run.  ``behind``: functions and the views over them."""

    functions: dict[str, tuple[bool, bool]]
    types: set[str]
    operators: dict[str, bool]
    bound: set[str]
    relations: set[str]
    behind: dict[str, set[str]]


@contextmanager
def server(install: Path):
    """A connection to a server with every extension that it has."""
    postgres = Postgres(install, settings=["shared_preload_libraries = 'pg_stat_statements'"])
    try:
        postgres.start()
        with psycopg.connect(
            host="127.0.0.1", port=postgres.port, user=SUPERUSER, dbname="postgres", autocommit=True
        ) as db:
            for (name,) in db.execute("SELECT name FROM pg_available_extensions").fetchall():
                db.execute(f'CREATE EXTENSION IF NOT EXISTS "{name}" CASCADE')
            yield db
    finally:
        postgres.remove()


def installations() -> list[Path]:
    """Return the newest of Debian's servers, and the wheel's."""
    return [system(), embedded()]


def names(databases: Iterable[psycopg.Connection]) -> Names:
    """Return the names of all servers together."""
    found = Names({}, set(), {}, set(), set(), defaultdict(set))
    for db in databases:
        for name, extension, safe in db.execute(_FUNCTIONS):
            before = found.functions.get(name, (True, False))
            found.functions[name] = (before[0] and safe, before[1] or extension)
        found.types.update(name for (name,) in db.execute(_TYPES))
        for name, extension in db.execute(_OPERATORS):
            found.operators[name] = found.operators.get(name, False) or extension
        found.bound.update(name for (name,) in db.execute(_BOUND))
        found.relations.update(name for (name,) in db.execute(_RELATIONS))
        for name, functions in _behind(db).items():
            for function in functions:
                found.behind[function].add(name)
    return found


def _behind(db: psycopg.Connection) -> dict[str, set[str]]:
    """Return by view the functions that return its rows or its counters, also through other
    views."""
    text = "SELECT viewname, definition FROM pg_views WHERE schemaname <> 'information_schema'"
    functions: dict[str, set[str]] = {}
    relations: dict[str, set[str]] = {}
    for name, definition in db.execute(text):
        inside = list(_walk(pgparse.parse(definition)))
        ranges = [part for kind, part in inside if kind == "RangeFunction"]
        called = {_last(p) for r in ranges for kind, p in _walk(r) if kind == "FuncCall"}
        counters = {_last(part) for kind, part in inside if kind == "FuncCall"}
        functions[name] = (called - _TOOLS) | set(filter(_TELLING.match, counters))
        relations[name] = {part["relname"] for kind, part in inside if kind == "RangeVar"}

    def through(name: str) -> set[str]:
        deeper = [through(other) for other in relations.get(name, ()) if other in functions]
        return functions[name].union(*deeper)

    return {name: through(name) for name in functions}


def _walk(item):
    if isinstance(item, dict):
        for key, value in item.items():
            yield key, value
            yield from _walk(value)
    elif isinstance(item, list):
        for value in item:
            yield from _walk(value)


def _last(call) -> str:
    return call["funcname"][-1]["String"]["sval"]


def by_hand() -> pgtable.Decisions:
    """The decisions that people made."""
    return pgtable.read(_by_hand(FUNCTIONS), _by_hand(RELATIONS))


def _by_hand(path: Path) -> str:
    return path.read_text().split(MARK)[0].rstrip()


def _section(title: str, reason: str, entries: Iterable[str]) -> list[str]:
    wrapped = textwrap.wrap(
        " ".join(sorted(entries)), 100, break_on_hyphens=False, break_long_words=False
    )
    return [f"[{title}]", *([f"# {reason}"] if reason else []), *wrapped, ""]


def write(found: Names) -> None:
    """Write the sections that follow from what the servers say."""
    hand = by_hand()
    left = {n: f for n, f in found.functions.items() if not hand.decided(n)}
    lines = [_by_hand(FUNCTIONS), "", MARK, ""]
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for function, views in found.behind.items():
        if function in left:
            groups[tuple(sorted(views))].append(function)
            del left[function]
    for views, functions in sorted(groups.items()):
        lines += _section(f"behind {' '.join(views)}", "gives the view's rows", functions)
    safe = {n: extension for n, (is_safe, extension) in left.items() if is_safe}
    why = "immutable, an aggregate, a type's input or output, or not to be called from SQL"
    lines += _section("harmless", why, (n for n, extension in safe.items() if not extension))
    lines += _section("harmless in extensions", why, (n for n, e in safe.items() if e))
    lines += _section("types", "can be written like a function", found.types)
    # Without a reason: a line of operators may begin with the sign of one.
    lines += _section("operators", "", (n for n, e in found.operators.items() if not e))
    lines += _section("operators in extensions", "", (n for n, e in found.operators.items() if e))
    FUNCTIONS.write_text("\n".join(lines).rstrip() + "\n")
    plain = (n for n in found.relations if not hand.knows_relation(n))
    lines = [_by_hand(RELATIONS), "", MARK, ""]
    lines += _section("plain", "no values of tables", plain)
    RELATIONS.write_text("\n".join(lines).rstrip() + "\n")


def undecided(found: Names, table: pgtable.Decisions) -> list[str]:
    """Names that the table does not have."""
    return sorted(
        [f"function {name}" for name in found.functions if not table.decided(name)]
        + [f"type {name}" for name in found.types if name not in table.types]
        + [f"operator {name}" for name in found.operators if not table.knows_operator([name])]
        + [f"relation {name}" for name in found.relations if not table.knows_relation(name)]
    )


def main() -> None:
    with server(system()) as one, server(embedded()) as other:
        found = names([one, other])
    write(found)
    table = pgtable.read(FUNCTIONS.read_text(), RELATIONS.read_text())
    print("\n".join(undecided(found, table)))


if __name__ == "__main__":
    main()
