r"""The question that reads a database's schema, as a simple query of one statement.

Any role may ask it, under any settings of its session.  Every name and operator is of pg_catalog,
so that no search_path puts another in its place; the text is ASCII, and so is the answer, so that
no encoding matters; stored expressions are read as they are stored, for the database locks tables
to print them, and the question must not wait for a migration's locks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from acra_twisted.encryption.postgresql.writers import WRITERS

_MAX_NAME: Final = 63
#: Questions for paths that are kept: one for each reading of a schema.
_KEPT: Final = 8
#: Answers to `isolation_question`.
CURRENT: Final = (b"read committed", b"read uncommitted")
_OPERATOR: Final = re.compile(r"(?<= )(=|<>|\|\||>|<|!?~)(?= )")

# Below, operators are written bare, and qualified when the text is made.

# Relations of the names, with all that inherit or are inherited from, and the views of them.
# Then every relation that has the name of one of these.
_RELATIONS: Final = r"""
links (one, other) AS (
    SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits i
    UNION ALL SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i
    UNION ALL SELECT d.refobjid, r.ev_class
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND r.rulename = '_RETURN' AND r.ev_class <> d.refobjid
),
kept (oid, name, namespace, kind) AS (
    SELECT c.oid, c.relname, c.relnamespace, c.relkind FROM pg_catalog.pg_class c
    WHERE c.relkind = ANY (ARRAY['r', 'p', 'v', 'm', 'f']::pg_catalog."char"[])
        AND c.relpersistence <> 't'
),
found (oid) AS (
    SELECT k.oid FROM kept k WHERE k.name = ANY (ARRAY[{names}]::pg_catalog.name[])
    UNION SELECT l.other FROM found f JOIN links l ON l.one = f.oid
),
relations AS (
    SELECT k.oid, k.name, k.namespace, k.kind FROM kept k
    WHERE k.name = ANY (
        SELECT o.name FROM kept o WHERE o.oid = ANY (SELECT f.oid FROM found f))
),
"""
# Stored expressions that are too long are left out: beyond 32 MiB of views, the shortest first, and
# 256 KiB of a default or of an index's expressions.
_RULES: Final = r"""
rules (oid, tree) AS (
    SELECT w.ev_class, CASE WHEN pg_catalog.sum(pg_catalog.octet_length(
            w.ev_action::pg_catalog.text)) OVER (
            ORDER BY pg_catalog.octet_length(w.ev_action::pg_catalog.text), w.ev_class) > 33554432
        THEN '...' ELSE w.ev_action::pg_catalog.text END
    FROM pg_catalog.pg_rewrite w JOIN relations r ON r.oid = w.ev_class
    WHERE w.rulename = '_RETURN'
),
"""
# Domains of their columns, each with all types behind it.
_BASES: Final = r"""
bases (type, base, modifier, initial, depth) AS (
    SELECT t.oid, t.typbasetype, t.typtypmod, CASE
        WHEN pg_catalog.octet_length(t.typdefaultbin::pg_catalog.text) > 262144 THEN '...'
        ELSE t.typdefaultbin::pg_catalog.text END, 1
    FROM pg_catalog.pg_type t
    WHERE t.typtype = 'd' AND t.oid = ANY (
        SELECT a.atttypid FROM pg_catalog.pg_attribute a JOIN relations r ON r.oid = a.attrelid)
    UNION ALL
    SELECT b.type, t.typbasetype, t.typtypmod, CASE
        WHEN pg_catalog.octet_length(t.typdefaultbin::pg_catalog.text) > 262144 THEN '...'
        ELSE t.typdefaultbin::pg_catalog.text END, b.depth OPERATOR(pg_catalog.+) 1
    FROM bases b JOIN pg_catalog.pg_type t ON t.oid = b.base WHERE t.typtype = 'd'
),
"""
# Functions, with the words of their bodies that name one of these relations or a function: in lower
# case and without quotes.  A name that is no single word is looked for as it is.  A body in SQL's
# own form is in pg_depend.
_FUNCTIONS: Final = r"""
bodies (oid, name, word, body) AS (
    SELECT p.oid, p.proname,
        pg_catalog.lower(pg_catalog.translate(p.proname::pg_catalog.text, '"''', '')
            COLLATE pg_catalog."C"),
        pg_catalog.lower(pg_catalog.translate(p.prosrc, '"''', '') COLLATE pg_catalog."C")
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE (l.lanname <> ALL (ARRAY['internal', 'c']::pg_catalog.name[]) OR p.prokind = 'a')
        AND n.nspname <> ALL (ARRAY['pg_catalog', 'information_schema']::pg_catalog.name[])
),
tables (oid, word) AS (
    SELECT k.oid, pg_catalog.lower(pg_catalog.translate(k.name::pg_catalog.text, '"''', '')
        COLLATE pg_catalog."C")
    FROM kept k WHERE k.oid = ANY (SELECT f.oid FROM found f)
),
words (word) AS (SELECT t.word FROM tables t UNION SELECT b.word FROM bodies b),
mentions (oid, word) AS (
    SELECT b.oid, w FROM bodies b, pg_catalog.unnest(
        pg_catalog.regexp_split_to_array(b.body, E'[\\s!-#%-/:-@\\[-^`{{-~]+')) w
    WHERE w = ANY (SELECT o.word FROM words o)
    UNION SELECT b.oid, o FROM bodies b, pg_catalog.unnest(ARRAY(
        SELECT o.word FROM words o WHERE o.word ~ E'[\\s!-#%-/:-@\\[-^`{{-~]')) o
    WHERE pg_catalog.strpos(b.body, o) > 0
    UNION SELECT d.objid, t.word FROM pg_catalog.pg_depend d JOIN tables t ON t.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION SELECT d.objid, b.word FROM pg_catalog.pg_depend d JOIN bodies b ON b.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
),
said (oid, words) AS (
    SELECT m.oid, pg_catalog.json_agg(m.word) FROM mentions m GROUP BY m.oid
),
"""
_COLUMNS: Final = r"""
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
        a.attname, a.attnum, a.atttypid::pg_catalog.int8, a.atttypmod,
        (SELECT t.typname FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid), a.attnotnull,
        a.attgenerated <> '' OR a.attidentity <> '',
        CASE WHEN a.attgenerated <> '' THEN NULL
            WHEN pg_catalog.octet_length(e.adbin::pg_catalog.text) > 262144 THEN '...'
            ELSE e.adbin::pg_catalog.text END,
        (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
            b.base::pg_catalog.int8, b.modifier, b.initial) ORDER BY b.depth)
            FROM bases b WHERE b.type = a.atttypid),
        CASE WHEN a.attgenerated <> '' THEN
            (SELECT pg_catalog.json_agg(DISTINCT d.refobjsubid)
            FROM pg_catalog.pg_depend d WHERE d.refobjid = r.oid AND d.refobjsubid > 0
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND d.refobjsubid <> a.attnum
            AND (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = e.oid
                OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = r.oid
                AND d.objsubid = a.attnum)) END
        ) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
        LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
    WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
"""
_INDEXES: Final = r"""
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
        c.relname, i.indisunique, m.amname, i.indpred IS NOT NULL,
        i.indisvalid AND i.indisready, i.indkey::pg_catalog.int2[], i.indnkeyatts,
        CASE WHEN pg_catalog.octet_length(i.indexprs::pg_catalog.text) > 262144 THEN '...'
            ELSE i.indexprs::pg_catalog.text END) ORDER BY c.relname)
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        JOIN pg_catalog.pg_am m ON m.oid = c.relam
    WHERE i.indrelid = r.oid
"""
# 6237 is pg_publication_namespace, of PostgreSQL 15 and later.
_ATTACHED: Final = r"""
attached (oid, list) AS (
    SELECT x.oid, pg_catalog.json_agg(pg_catalog.json_build_array(x.kind, x.name, x.columns)
        ORDER BY x.kind, x.name)
    FROM (
        SELECT r.oid, CASE WHEN n.contype = 'c' THEN 'check'
            WHEN n.contype = 'f' THEN 'foreign key' ELSE 'exclusion' END, n.conname, n.conkey
        FROM pg_catalog.pg_constraint n JOIN relations r ON r.oid = n.conrelid
        WHERE n.contype = ANY (ARRAY['c', 'f', 'x']::pg_catalog."char"[])
        UNION ALL SELECT r.oid, 'reference', n.conname, n.confkey
        FROM pg_catalog.pg_constraint n JOIN relations r ON r.oid = n.confrelid
        WHERE n.contype = 'f'
        UNION ALL SELECT r.oid, 'policy', p.polname, (
            SELECT pg_catalog.array_agg(DISTINCT d.refobjsubid::pg_catalog.int2)
            FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND d.refobjid = p.polrelid AND d.refobjsubid > 0)
        FROM pg_catalog.pg_policy p JOIN relations r ON r.oid = p.polrelid
        UNION ALL SELECT r.oid, 'statistics', s.stxname, (
            SELECT pg_catalog.array_agg(DISTINCT d.refobjsubid::pg_catalog.int2)
            FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
            AND d.objid = s.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND d.refobjid = s.stxrelid AND d.refobjsubid > 0)
        FROM pg_catalog.pg_statistic_ext s JOIN relations r ON r.oid = s.stxrelid
        UNION ALL SELECT r.oid, 'trigger', t.tgname, NULL
        FROM pg_catalog.pg_trigger t JOIN relations r ON r.oid = t.tgrelid
        WHERE NOT t.tgisinternal
        UNION ALL SELECT r.oid, 'rule', w.rulename, NULL
        FROM pg_catalog.pg_rewrite w JOIN relations r ON r.oid = w.ev_class
        WHERE w.rulename <> '_RETURN'
        UNION ALL SELECT r.oid, 'publication', p.pubname, NULL
        FROM pg_catalog.pg_publication p, relations r
        WHERE p.puballtables AND r.kind = ANY (ARRAY['r', 'p']::pg_catalog."char"[])
        UNION ALL SELECT r.oid, 'publication', p.pubname, NULL
        FROM pg_catalog.pg_publication p
            JOIN pg_catalog.pg_publication_rel q ON q.prpubid = p.oid
            JOIN relations r ON r.oid = q.prrelid
        UNION ALL SELECT r.oid, 'publication', p.pubname, NULL
        FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_depend o ON o.refobjid = p.oid
            AND o.refclassid = 'pg_catalog.pg_publication'::pg_catalog.regclass
            AND o.classid = 6237::pg_catalog.oid
            JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid
            AND d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
            JOIN relations r ON r.namespace = d.refobjid
        UNION ALL SELECT r.oid, 'partition key', 'partition key', (
            SELECT pg_catalog.array_agg(k) FROM pg_catalog.unnest(g.partattrs) k)
        FROM pg_catalog.pg_partitioned_table g JOIN relations r ON r.oid = g.partrelid
    ) x (oid, kind, name, columns)
    GROUP BY x.oid
),
"""
_ANSWER: Final = r"""
SELECT pg_catalog.encode(pg_catalog.convert_to(a.value::pg_catalog.text, 'UTF8'), 'base64')
FROM (
    SELECT pg_catalog.json_build_object(
        'words', (SELECT pg_catalog.json_agg(DISTINCT t.word) FROM tables t),
        'functions', (SELECT pg_catalog.json_agg(
                pg_catalog.json_build_array(b.oid::pg_catalog.int8, b.name, b.word, s.words))
            FROM said s JOIN bodies b ON b.oid = s.oid),
        'writers', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                w.oid::pg_catalog.int8, n.nspname, c.relname, w.name, c.oid::pg_catalog.int8,
                (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                    k.conrelid::pg_catalog.int8, x.one, k.confrelid::pg_catalog.int8, x.other))
                FROM pg_catalog.pg_constraint k, ROWS FROM (
                    pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) x (one, other)
                WHERE k.oid = w.key)))
            FROM writers w JOIN pg_catalog.pg_class c ON c.oid = w.relation
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE w.key IS NOT NULL
                OR NOT EXISTS (SELECT FROM found f WHERE f.oid = w.relation)))
    UNION ALL SELECT pg_catalog.json_build_object(
        'oid', r.oid::pg_catalog.int8, 'schema', n.nspname, 'name', r.name, 'kind', r.kind,
        'parents', (SELECT pg_catalog.json_agg(i.inhparent::pg_catalog.int8 ORDER BY i.inhseqno)
            FROM pg_catalog.pg_inherits i WHERE i.inhrelid = r.oid),
        'view', u.tree,
        'columns', ({columns}), 'indexes', ({indexes}), 'attached', x.list)
    FROM relations r JOIN pg_catalog.pg_namespace n ON n.oid = r.namespace
        LEFT JOIN attached x ON x.oid = r.oid LEFT JOIN rules u ON u.oid = r.oid
) a (value)
"""
# Rows that any change of the answer changes, by the transactions that wrote them: those of the
# names, of columns and their types, of all that depends on these relations, and of functions and
# what uses them; and of schemas and roles, by which bare names are looked up.
_MARK: Final = r"""
SELECT pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_array(
    (SELECT pg_catalog.json_agg(c.oid::pg_catalog.text || ' ' || c.xmin::pg_catalog.text
        ORDER BY c.oid) FROM pg_catalog.pg_class c
    WHERE c.relname = ANY (ARRAY[{names}]::pg_catalog.name[]) AND c.relpersistence <> 't'
        OR c.oid = ANY (ARRAY[{oids}]::pg_catalog.oid[])),
    (SELECT pg_catalog.json_agg(a.attrelid::pg_catalog.text || ' ' || a.xmin::pg_catalog.text
        || ' ' || t.xmin::pg_catalog.text ORDER BY a.attrelid, a.attnum)
    FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ANY (ARRAY[{oids}]::pg_catalog.oid[])),
    (SELECT pg_catalog.json_agg(i.inhrelid::pg_catalog.text || ' ' || i.xmin::pg_catalog.text
        ORDER BY i.inhrelid, i.inhparent) FROM pg_catalog.pg_inherits i
    WHERE i.inhrelid = ANY (ARRAY[{oids}]::pg_catalog.oid[])
        OR i.inhparent = ANY (ARRAY[{oids}]::pg_catalog.oid[])),
    (SELECT pg_catalog.json_agg(d.objid::pg_catalog.text || ' ' || d.xmin::pg_catalog.text
        ORDER BY d.classid, d.objid, d.objsubid, d.refobjsubid) FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.refobjid = ANY (ARRAY[{oids}]::pg_catalog.oid[])),
    (SELECT pg_catalog.json_build_array(pg_catalog.count(p.oid),
        pg_catalog.sum(p.xmin::pg_catalog.text::pg_catalog.int8))
    FROM pg_catalog.pg_proc p WHERE p.oid > 16383::pg_catalog.oid),
    (SELECT pg_catalog.json_build_array(pg_catalog.count(d.objid),
        pg_catalog.sum(d.xmin::pg_catalog.text::pg_catalog.int8))
    FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND d.refobjid > 16383::pg_catalog.oid),
    (SELECT pg_catalog.json_build_array(pg_catalog.count(n.oid),
        pg_catalog.sum(n.xmin::pg_catalog.text::pg_catalog.int8))
    FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_(toast_)?temp_'),
    (SELECT pg_catalog.json_build_array(pg_catalog.count(b.oid),
        pg_catalog.sum(b.xmin::pg_catalog.text::pg_catalog.int8))
    FROM pg_catalog.pg_publication b),
    (SELECT pg_catalog.json_build_array(pg_catalog.count(m.roleid),
        pg_catalog.sum(m.xmin::pg_catalog.text::pg_catalog.int8))
    FROM pg_catalog.pg_auth_members m)
    )::pg_catalog.text, 'UTF8'), 'base64')
"""
# The third of each row tells of a view whose row this transaction has written itself; the last has
# the names of all that stands behind what is temporary, and this session's own.
_LOOKUP: Final = r"""
SELECT pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_array(c.relname,
    c.relkind = ANY (ARRAY['r', 'p', 'f']::pg_catalog."char"[]) AND NOT c.relispartition
        AND NOT c.relhasrules AND NOT c.relhastriggers AND NOT c.relhassubclass AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid),
    c.relkind = 'v' AND NOT c.xmin::pg_catalog.text::pg_catalog.int8 < pg_catalog.mod(
        pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()),
        4294967296::pg_catalog.int8),
    CASE WHEN c.relnamespace = pg_catalog.pg_my_temp_schema() THEN (
        WITH RECURSIVE behind (oid) AS (
            SELECT c.oid UNION SELECT n.oid FROM behind b CROSS JOIN LATERAL (
                SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = b.oid
                UNION ALL SELECT d.refobjid
                FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d ON d.objid = w.oid
                WHERE w.ev_class = b.oid
                    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) n (oid))
        SELECT pg_catalog.json_agg(k.relname) FROM pg_catalog.pg_class k
        WHERE k.oid = ANY (SELECT b.oid FROM behind b) AND k.oid <> c.oid) END
    )::pg_catalog.text, 'UTF8'), 'base64')
FROM pg_catalog.pg_class c
WHERE c.relname = ANY (ARRAY[{names}]::pg_catalog.name[])
    AND c.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm']::pg_catalog."char"[])
"""
_PATH: Final = r"""
SELECT pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_array(
    pg_catalog.current_schemas(true),
    (SELECT pg_catalog.json_agg(c.relname) FROM pg_catalog.pg_class c
    WHERE c.relnamespace = pg_catalog.pg_my_temp_schema()
        AND c.relname = ANY (ARRAY[{names}]::pg_catalog.name[])),
    pg_catalog.current_schema()
    )::pg_catalog.text, 'UTF8'), 'base64')
"""


def schema_question(names: Iterable[str]) -> bytes:
    """The question for the relations of some names, and for all that depends on them.  The answer
    has rows of one column; `catalog.read` reads it."""
    parts = _RELATIONS + _RULES + _BASES + _FUNCTIONS + WRITERS + _ATTACHED
    text = f"WITH RECURSIVE {parts.strip().removesuffix(',')}{_ANSWER}"
    return _made(text.format(names=_literals(names), columns=_COLUMNS, indexes=_INDEXES))


def mark_question(names: Iterable[str], oids: Iterable[int]) -> bytes:
    """The question for a mark of all that the answer to `schema_question` for these names tells, if
    that has the relations ``oids``: as long as it is the same, so is that answer.  The answer is
    one row of one column."""
    listed = ", ".join(map(str, sorted(oids)))
    return _made(_MARK.format(names=_literals(names), oids=listed))


def lookup_question(names: Iterable[str]) -> bytes:
    """The question for the relations of some names.  The answer has rows of one column;
    `catalog.read_lookup` reads it."""
    return _made(_LOOKUP.format(names=_literals(names)))


@lru_cache(_KEPT)
def path_question(names: frozenset[str]) -> bytes:
    """The question for the schemas in which a session looks bare names up, for those of the names
    that are temporary tables of it, and for the schema in which bare names are made.  The answer is
    one row of one column; `catalog.read_path` reads it.  It is kept, for every session asks it."""
    return _made(_PATH.format(names=_literals(names)))


def _made(text: str) -> bytes:
    return " ".join(_OPERATOR.sub(r"OPERATOR(pg_catalog.\1)", text).split()).encode("ascii")


def _literals(names: Iterable[str]) -> str:
    return ", ".join(_literal(name) for name in sorted(set(names)) if _is_possible(name))


def _is_possible(name: str) -> bool:
    """Tell whether a table can have a name at all."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= _MAX_NAME and "\0" not in name


def _literal(name: str) -> str:
    """A name as a string that means the same under every setting and in every encoding."""
    return "E'" + "".join(map(_character, name)) + "'"


def _character(character: str) -> str:
    code = ord(character)
    if character.isascii() and character.isalnum():
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def isolation_question() -> bytes:
    """The text to ask how a transaction is isolated: one row of one column.  Each statement sees
    the database as it is if that is one of `CURRENT`."""
    return b"SELECT pg_catalog.current_setting('transaction_isolation')"


def prepared_question() -> bytes:
    """The text to ask for the names of the statements that the protocol has prepared: rows of one
    cell."""
    return b"SELECT name FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql"
