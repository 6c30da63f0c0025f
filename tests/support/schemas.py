"""Answers to the question about a schema, as a database gives them."""

import base64
import json


def column(name, number, type_=17, *, default=None, generated=False, domains=None, reads=None):
    """A column; ``domains`` are ``[base, modifier, default]`` of each type behind its own."""
    return [name, number, type_, -1, "bytea", False, generated, default, domains, reads]


def table(oid, name, *columns, schema="public", kind="r", **more):
    parts = {"parents": None, "view": None, "indexes": None, "attached": None}
    return {
        "oid": oid,
        "schema": schema,
        "name": name,
        "kind": kind,
        "columns": list(columns),
        **parts,
        **more,
    }


def cell(value):
    return base64.encodebytes(json.dumps(value, ensure_ascii=False).encode())


def answer(*relations, words=None, functions=None, writers=None):
    """The cells of the answer."""
    first = {"words": words, "functions": functions, "writers": writers}
    return [cell(part) for part in (first, *relations)]
