"""Ways of reaching a table without naming it, from callforms.txt, and what they need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: What the rules of each group are, as a rule file's handlers.
RULES = {
    "deny": [{"handler": "deny", "tables": ["secrets"]}],
    "allow": [{"handler": "allow", "tables": ["products", "orders"]}, {"handler": "denyall"}],
    "deny views": [
        {"handler": "deny", "tables": ["pg_stat_activity", "pg_largeobject", "pg_settings"]},
        {"handler": "deny", "tables": ["pg_authid", "pg_cursors", "pg_stat_user_tables"]},
        {"handler": "deny", "tables": ["pg_views", "pg_proc"]},
    ],
    "deny updates": [{"handler": "deny", "patterns": ["%%UPDATE%%"]}],
    "deny deletes": [{"handler": "deny", "patterns": ["%%DELETE%%"]}],
    "allow inserts": [{"handler": "allow", "patterns": ["%%INSERT%%"]}, {"handler": "denyall"}],
    "allow selects": [{"handler": "allow", "patterns": ["%%SELECT%%"]}, {"handler": "denyall"}],
}
#: Made on the server before; each pair then runs in a transaction that is rolled back.
SCHEMA = """
CREATE TABLE secrets (id int PRIMARY KEY, ssn text);
CREATE INDEX secrets_ssn ON secrets (ssn);
INSERT INTO secrets VALUES (1, 'hiddenvalue');
CREATE TYPE pair AS (name text, amount int);
CREATE TABLE products (id int PRIMARY KEY, name text, p pair, tags text[], doc jsonb);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent);
CREATE SEQUENCE numbers;
CREATE SEQUENCE products_numbers OWNED BY products.id;
CREATE ROLE app;
CREATE SCHEMA other;
CREATE TYPE mood AS ENUM ('fine');
CREATE DOMAIN number AS text;
CREATE VIEW named AS SELECT id FROM parent;
"""
#: Made on a server that has every extension.
EXTENSIONS = """
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw;
CREATE FOREIGN TABLE far (id int) SERVER loop OPTIONS (table_name 'products');
"""


class Pair(NamedTuple):
    """``rules`` are a rule file's handlers; ``refused`` and ``allowed`` are of one form."""

    rules: list[dict[str, object]]
    refused: str
    allowed: str


def pairs() -> Iterator[Pair]:
    """All of them."""
    rules, refused = [], ""
    for line in Path(__file__).with_suffix(".txt").read_text().splitlines():
        if line.startswith("["):
            rules = RULES[line[1:-1]]
        elif line.startswith("- "):
            refused = line[2:]
        elif line.startswith("+ "):
            yield Pair(rules, refused, line[2:])
