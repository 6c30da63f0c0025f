"""Reads expressions and queries as PostgreSQL keeps them in its catalog: ``pg_node_tree``.

``{VAR :varno 1 :varattno 2}`` is a node with two fields, ``(a b)`` a list, ``<>`` nothing, and a
backslash makes the next character an ordinary one.  Asking for such a text locks nothing and needs
no name to be looked up, as printing it in SQL would.  Source: PostgreSQL's outfuncs.c and read.c.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.encryption.postgresql.schema import SchemaError

#: Characters of a tree, and levels of nodes and lists.
MAX_SIZE: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 1_000
#: The text in the place of a tree that the database has left out as too long.
CUT: Final = "..."
_WORD: Final = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.S)


class TreeLimitError(SchemaError):
    """A tree is too long or too deep to be read; a user of the database may have made it so."""


class TreeNode:
    """A node.  Each field has the items that stand behind its name: str, TreeNode or list."""

    __slots__ = ("kind", "fields")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.fields: dict[str, list[Any]] = {}

    def word(self, name: str) -> str:
        """A field that is one word; empty if it is not."""
        found = self.fields.get(name, ())
        return found[0] if len(found) == 1 and isinstance(found[0], str) else ""

    def number(self, name: str) -> int:
        """A field that is a number; 0 if it is not."""
        return _number(self.word(name))

    def nodes(self, name: str) -> Sequence[TreeNode]:
        """The nodes of a field that is a node or a list of nodes."""
        found = self.fields.get(name, [])
        if len(found) == 1 and isinstance(found[0], list):
            found = found[0]
        return [item for item in found if isinstance(item, TreeNode)]

    def content(self, name: str) -> bytes | None:
        """The bytes of a field such as ``4 [ 33 0 0 0 ]``; None if it is none."""
        found = self.fields.get(name, [])
        if found[1:2] != ["["] or found[-1:] != ["]"]:
            return None
        return bytes(_number(item) & 0xFF for item in found[2:-1] if isinstance(item, str))


def read(text: str) -> Sequence[TreeNode]:
    """The nodes of a tree: of its list, if it is one.  Raises TreeLimitError for one that is too
    large, SchemaError for a text that is no tree."""
    if len(text) > MAX_SIZE or text == CUT:
        raise TreeLimitError("an expression of the database's catalog is too long")
    outer: list[Any] = []
    items: list[Any] = outer
    open_nodes: list[tuple[list[Any], TreeNode | None]] = []
    node: TreeNode | None = None
    for word in _WORD.findall(text):
        if word in ("(", "{"):
            if len(open_nodes) >= MAX_DEPTH:
                raise TreeLimitError("an expression of the database's catalog is too deep")
            open_nodes.append((items, node))
            inner: list[Any] = []
            node = TreeNode("") if word == "{" else None
            items.append(inner if node is None else node)
            items = inner
        elif word in (")", "}"):
            if not open_nodes or (word == "}") != (node is not None):
                raise SchemaError("an expression of the database's catalog is not well-formed")
            items, node = open_nodes.pop()
        elif node is not None and not node.kind:
            node.kind = word
        elif node is not None and word[:1] == ":" and (items or not node.fields):
            # A name that begins with a colon is the first word behind its field's.
            items = node.fields[word[1:]] = []
        else:
            items.append(word)
    if open_nodes:
        raise SchemaError("an expression of the database's catalog is not well-formed")
    if len(outer) == 1 and isinstance(outer[0], list):
        outer = outer[0]
    return [item for item in outer if isinstance(item, TreeNode)]


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        return 0
