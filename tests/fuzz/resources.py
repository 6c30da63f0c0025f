"""Texts that stall or kill parsers (SQL reference, section 4): each must be decided soon.

python -m tests.fuzz.resources    (prints what is not, and ends with status 1)
"""

import sys

from tests.fuzz import rules

INPUTS = {
    "postgresql": (
        "SELECT 1" + "+1" * 20_000,
        "SELECT 1" + "+1" * 60_000,
        "SELECT a" + "+a" * 60_000,
        "SELECT '1'" + "::text" * 20_000,
        "SELECT a" + "::text" * 20_000,
        "SELECT " + "/*" * 3_000,
        "SELECT " + "/*" * 10_000 + "*/" * 10_000,
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT " + "NOT " * 5_000 + "true",
        "SELECT " + "CASE WHEN true THEN " * 3_000 + "1" + " END" * 3_000,
        "SELECT * FROM " + "(SELECT * FROM " * 2_000 + "t" + ") x" * 2_000,
        "SELECT 1\0; DROP TABLE t",
        "SELECT " + "-" * 5_000 + "1",
        "SELECT " + "~" * 5_000 + "1",
        "SELECT a" + "[1]" * 5_000,
        "SELECT a" + ".b" * 5_000,
        "SELECT a " + "COLLATE c " * 3_000,
        "SELECT 1 FROM t" + ", t" * 5_000,
        "SELECT 1 FROM t" + " JOIN t ON true" * 2_000,
        "SELECT 1" + " UNION SELECT 1" * 3_000,
        "WITH " + ",".join(f"c{n} AS (SELECT 1)" for n in range(2_000)) + " SELECT 1",
        "INSERT INTO u VALUES " + ",".join(["(1)"] * 30_000),
        "SELECT 'a'" + "\n'a'" * 60_000,
        "SELECT '" + "''" * 500_000 + "'",
        "SELECT " + "$a$" * 100_000,
        "SELECT " + "".join(f"$a{n}$" for n in range(50_000)),
        "SELECT " + "1," * 400_000,
        "SELECT '\ud800'",
        ";" * 100_000,
        "(" * 100,
        "SELECT " + "a AND " * 5_000 + "a",
        "x" * (1 << 20),
        "--" * (1 << 19),
        "SELECT " + "'" * 999_999,
        "SELECT " + "E'\\" * 100_000,
        "/**/" * 250_000,
        "SELECT 1" + "+/**/" * 60_000 + "1",
        "SELECT 1" + "/**//* */" * 60_000,
        "SELECT 1" + "-- /*\n" * 100_000,
        "SELECT 1" + ", 1 /**/" * 60_000,
    ),
    "mysql": (
        "SELECT 1 FROM t" + " JOIN t" * 16,
        "SELECT 1 FROM t" + " JOIN t" * 20,
        "SELECT 1 FROM t" + " STRAIGHT_JOIN t" * 500,
        "SELECT 1 FROM (t" + " JOIN (t" * 90 + ")" * 91,
        "SELECT " + "(" * 40 + "1" + ")" * 40,
        "SELECT " + "(" * 99 + "1" + ")" * 99,
        "SELECT " + "(" * 600 + "1" + ")" * 600,
        "SELECT * FROM " + "(" * 16_000 + "t" + ")" * 16_000,
        "SELECT * FROM " + "(SELECT * FROM " * 10_000 + "t" + ") x" * 10_000,
        "SELECT a" + "+a" * 100_000,
        "SELECT a" + " AND a" * 1_900,
        "SELECT " + "NOT " * 1_900 + "a",
        "SELECT " + "-" * 3_000 + "1",
        "SELECT " + "- " * 1_900 + "a",
        "SELECT " + "!" * 3_000 + "1",
        "SELECT " + "CASE WHEN a THEN " * 900 + "1" + " END" * 900,
        "SELECT " + "f(" * 99 + "1" + ")" * 99,
        "SELECT 1" + " UNION SELECT 1" * 1_000,
        "SELECT 1\0",
        "SELECT '\ud800'",
        "SELECT /*" + "/*" * 50_000,
        "SELECT " + "`" * 999_999,
        "SELECT " + "a." * 1_900 + "a",
        "SELECT a " + "COLLATE c " * 1_000,
        "SELECT " + "INTERVAL " * 1_900 + "1",
        "SELECT " + "BINARY " * 1_900 + "a",
        "INSERT INTO u VALUES " + ",".join(["(1)"] * 30_000),
        "SELECT a " + "IN (SELECT a " * 99 + ")" * 99,
        "WITH " + ",".join(f"c{n} AS (SELECT 1)" for n in range(500)) + " SELECT 1",
        "SELECT 1 FROM t WHERE " + "a BETWEEN 1 AND " * 600 + "1",
        "SELECT " + "a -> " * 1_500 + "a",
        "SELECT " + "@" * 1_000,
        "SELECT " + "{d '1'} " * 500,
    ),
}


def main() -> int:
    """Decide each; tell what took too long, or was allowed by what says nothing about it."""
    wrong = 0
    for name, texts in INPUTS.items():
        censor = rules.make(name)
        for text in texts:
            try:
                decision = rules.decide_anew(censor, text.encode("utf-8", "surrogatepass"))
            except rules.Slow as error:
                print(f"{name}: {text[:40]!r} ({len(text)} characters): {error}")
                wrong += 1
            else:
                # What is allowed is SQL after all: said soon is what counts.
                if decision.allowed and decision.by not in ("allow.table", "empty"):
                    print(f"{name}: {text[:40]!r}: {decision.by}")
                    wrong += 1
    print(f"{sum(map(len, INPUTS.values()))} texts, {wrong} wrong, limit {rules.LIMIT:.3f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
