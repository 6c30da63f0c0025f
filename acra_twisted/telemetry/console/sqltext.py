"""Statements as the console shows them: whole, with their keywords in another colour."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

_WORDS: Final = (
    "add all alter analyze and any as asc begin between by call case close column commit copy "
    "create cross cursor declare default delete desc distinct do drop else end escape except exec "
    "execute exists explain fetch filter for foreign from full grant group having in index inner "
    "insert intersect into is isolation join key lateral left level like limit lock merge natural "
    "not null offset on or order outer over partition prepare primary recursive references release "
    "replace returning revoke right rollback row rows savepoint select set share show some start "
    "table then to transaction truncate union unique update use using values view when where "
    "window with"
)
_KEYWORDS: Final = frozenset(_WORDS.split())
#: A name or a text in quotes, a word, or whatever else stands between these.
_PARTS: Final = re.compile(
    r"""("[^"]*"|`[^`]*`|'[^']*')|([A-Za-z_][A-Za-z_0-9$]*)|([^"`'A-Za-z_]+|.)"""
)
#: Characters of a statement that views show which are not about it.
SHOWN_MAX: Final = 1024
#: Characters of a statement whose keywords are told apart.
_LIMIT: Final = 8192
_KEYWORD: Final = Markup("<b>{}</b>")


def highlighted(text: str) -> Markup:
    """Return a statement as markup.  A very long one has no colours."""
    if len(text) > _LIMIT:
        return escape(text)
    made = []
    for found in _PARTS.finditer(text):
        word = found[2]
        if word is not None and word.lower() in _KEYWORDS:
            made.append(_KEYWORD.format(word))
        else:
            made.append(escape(found[0]))
    return Markup("").join(made)
