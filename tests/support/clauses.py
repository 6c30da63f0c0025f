"""Rules for statements of MySQL with clauses that its parser is not shown.

Each is a key of a handler, a rule, texts for which the rule holds and such for which it does not.
"""

ALLOWED = (
    (
        "queries",
        "DELETE FROM gone WHERE o = 7 AND {fn lcase(n)} = 'a'",
        ["delete from gone where o = 7 and { fn lcase(n) } = 'a'"],
        [
            "DELETE FROM gone WHERE {fn o = 7 AND lcase(n)} = 'a'",
            "DELETE FROM gone WHERE {fn o = 7 AND lcase(n) = 'a'}",
            "DELETE FROM gone WHERE o = {fn 7 AND lcase(n)} = 'a'",
            "DELETE FROM gone WHERE o = 7 AND lcase(n) = 'a'",
        ],
    ),
    (
        "patterns",
        "SELECT n FROM gone WHERE o = %%VALUE%% AND {fn n = %%VALUE%% OR o = %%VALUE%%}",
        ["SELECT n FROM gone WHERE o = 1 AND {fn n = 'a' OR o = 2}"],
        [
            "SELECT n FROM gone WHERE {fn o = 1 AND n = 'a' OR o = 2}",
            "SELECT n FROM gone WHERE {fn o = 1 AND n = 'a'} OR o = 2",
            "SELECT n FROM gone WHERE o = 1 AND {fn n = 'a'} OR o = 2",
        ],
    ),
    (
        "queries",
        "SELECT 1 FROM {oj t LEFT JOIN t AS b ON 1 = 2}, t AS c",
        ["SELECT 1 FROM {oj t LEFT JOIN t AS b ON 1 = 2}, t AS c"],
        [
            "SELECT 1 FROM {oj t} LEFT JOIN t AS b ON 1 = 2, t AS c",
            "SELECT 1 FROM {oj t LEFT JOIN t AS b ON 1 = 2, t AS c}",
            "SELECT 1 FROM t LEFT JOIN t AS b ON 1 = 2, {oj t} AS c",
            "SELECT 1 FROM {oj t} LEFT JOIN t AS b ON 1 = 2 JOIN t AS c",
            "SELECT 1 FROM {oj t LEFT JOIN t AS b ON 1 = 2 JOIN t AS c}",
        ],
    ),
    (
        "queries",
        "SELECT n FROM gone WHERE o IN (SELECT o FROM gone) LIMIT ROWS EXAMINED 9",
        ["SELECT n FROM gone WHERE o IN (SELECT o FROM gone) LIMIT ROWS EXAMINED 9"],
        [
            "SELECT n FROM gone WHERE o IN (SELECT o FROM gone LIMIT ROWS EXAMINED 9)",
            "SELECT n FROM gone WHERE o IN (SELECT o FROM gone) LIMIT ROWS EXAMINED 8",
        ],
    ),
    (
        "patterns",
        "SELECT n FROM gone %%WHERE%% LIMIT ROWS EXAMINED 9",
        ["SELECT n FROM gone WHERE o = 1 OR n IN ('a', 'b') LIMIT ROWS EXAMINED 9"],
        ["SELECT n FROM gone WHERE o IN (SELECT o FROM gone LIMIT ROWS EXAMINED 9)"],
    ),
    (
        "queries",
        "CREATE TABLE made2 (a NATIONAL CHAR(1), b CHAR(1), c POINT, d GEOMETRY)",
        ["CREATE TABLE made2 (a NATIONAL CHAR(1), b CHAR(1), c POINT, d GEOMETRY)"],
        [
            "CREATE TABLE made2 (a CHAR(1), b NATIONAL CHAR(1), c POINT, d GEOMETRY)",
            "CREATE TABLE made2 (a NATIONAL CHAR(1), b CHAR(1), c GEOMETRY, d POINT)",
        ],
    ),
)
DENIED = (
    (
        "patterns",
        "SELECT n FROM gone WHERE o = %%VALUE%%",
        [
            "SELECT n FROM gone WHERE o = {fn 1}",
            "SELECT n FROM gone WHERE o = -{fn 1}",
            "SELECT n FROM gone WHERE {fn o} = 1",
            "SELECT n FROM gone WHERE {fn o = 1}",
            "SELECT n FROM gone WHERE o = {d '2026-01-31'}",
            "SELECT n FROM gone WHERE o = 1 LIMIT ROWS EXAMINED 999999",
            "SELECT n FROM {oj gone} WHERE o = 1",
        ],
        ["SELECT n FROM gone WHERE o > {fn 1}", "SELECT n FROM {oj gone JOIN t} WHERE o = 1"],
    ),
    (
        "patterns",
        "DELETE FROM spans %%WHERE%%",
        [
            "DELETE FROM spans FOR PORTION OF p FROM '2026-01-01' TO '2026-01-02'",
            "DELETE FROM spans FOR PORTION OF p FROM '2026-01-01' TO '2026-01-02' WHERE a = 1",
            "DELETE spans.* FROM spans",
            "DELETE spans FROM spans WHERE a = 1",
        ],
        ["DELETE FROM gone WHERE o = {fn 99}"],
    ),
    (
        "queries",
        "DROP TABLE kept",
        ["DROP TABLE kept NOWAIT", "DROP TABLE kept WAIT 10"],
        ["DROP TABLE IF EXISTS nothing NOWAIT"],
    ),
    (
        "queries",
        "DROP TABLE kept NOWAIT",
        ["DROP TABLE kept NOWAIT", "DROP TABLE kept WAIT 10", "DROP TABLE kept"],
        ["DROP TABLE IF EXISTS nothing"],
    ),
)
