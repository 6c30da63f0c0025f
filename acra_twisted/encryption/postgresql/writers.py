"""The part of the question about a schema that finds what the database writes by itself.

It is read as the parts in `question` are: ``said`` are functions that use protected relations,
``found`` these relations.
"""

from __future__ import annotations

from typing import Final

#: What the database runs where other tables are written: one of these functions, or a rule that
#: names one of these relations; and a foreign key by which columns of these get new values with the
#: key that they name, which has its own number.  What writes such a table does so, too: a table
#: above it, a view of it, or a rule that names it; and for a foreign key a table from which it has
#: keys of its own in the same way.
WRITERS: Final = r"""
ran (oid, class, object) AS (
    SELECT d.refobjid, d.classid, d.objid
    FROM pg_catalog.pg_depend d JOIN said s ON s.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    UNION SELECT NULL::pg_catalog.oid, d.classid, d.objid
    FROM pg_catalog.pg_depend d JOIN found f ON f.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
),
own (oid, relation, name, key) AS (
    SELECT n.oid, t.tgrelid, t.tgname, NULL::pg_catalog.oid
    FROM ran n JOIN pg_catalog.pg_trigger t ON t.oid = n.object
    WHERE n.class = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND NOT t.tgisinternal
    UNION ALL SELECT n.oid, w.ev_class, w.rulename, NULL
    FROM ran n JOIN pg_catalog.pg_rewrite w ON w.oid = n.object
    WHERE n.class = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.rulename <> '_RETURN'
    UNION ALL SELECT n.oid, k.conrelid, k.conname, NULL
    FROM ran n JOIN pg_catalog.pg_constraint k ON k.oid = n.object
    WHERE n.class = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.conrelid > 0
    UNION ALL SELECT n.oid, a.attrelid, k.conname, NULL
    FROM ran n JOIN pg_catalog.pg_constraint k ON k.oid = n.object
        JOIN pg_catalog.pg_attribute a ON a.atttypid = k.contypid
    WHERE n.class = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.contypid > 0
    UNION ALL SELECT n.oid, e.adrelid, 'default'::pg_catalog.name, NULL
    FROM ran n JOIN pg_catalog.pg_attrdef e ON e.oid = n.object
    WHERE n.class = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    UNION ALL SELECT n.oid, p.polrelid, p.polname, NULL
    FROM ran n JOIN pg_catalog.pg_policy p ON p.oid = n.object
    WHERE n.class = 'pg_catalog.pg_policy'::pg_catalog.regclass
    UNION ALL SELECT n.oid, i.indrelid, c.relname, NULL
    FROM ran n JOIN pg_catalog.pg_index i ON i.indexrelid = n.object
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    WHERE n.class = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION ALL SELECT NULL, k.confrelid, k.conname, k.oid
    FROM pg_catalog.pg_constraint k JOIN found f ON f.oid = k.conrelid
    WHERE k.contype = 'f' AND (k.confdeltype = 'd'
        OR k.confupdtype = ANY (ARRAY['c', 'd']::pg_catalog."char"[]))
),
above (relation, other, keyed) AS (
    SELECT i.inhrelid, i.inhparent, false FROM pg_catalog.pg_inherits i
    UNION ALL SELECT d.refobjid, r.ev_class, false
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND r.ev_class <> d.refobjid
    UNION ALL SELECT k.conrelid, k.confrelid, true
    FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'f' AND k.confupdtype = 'c' AND k.confrelid <> k.conrelid
),
writers (oid, relation, name, key) AS (
    SELECT o.oid, o.relation, o.name, o.key FROM own o
    UNION SELECT w.oid, a.other, w.name, w.key
    FROM writers w JOIN above a ON a.relation = w.relation
        AND (w.key IS NOT NULL OR NOT a.keyed)
),
"""
