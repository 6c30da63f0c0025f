"""Functions and types of other databases that sqlglot knows, and MySQL and MariaDB do not.

MySQL takes them for names, of tables, columns or stored functions; to sqlglot each has a grammar of
its own.  So it is shown them with a mark, which is taken off what it gives back.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlglot.dialects.mysql import MySQL

from acra_twisted.sql import mysqlcalls

#: Stands at the end of a name; no text that was UTF-8 has it.
_MARK: Final = "\ud800"
#: Types of columns of MySQL 9 and MariaDB 11.7 that are not in the table of functions.
_NEWER: Final = frozenset(("vector",))


@cache
def _foreign() -> frozenset[str]:
    parser: Any = MySQL.parser_class
    words: Any = MySQL.tokenizer_class.KEYWORDS
    found = {*parser.FUNCTIONS, *parser.FUNCTION_PARSERS, *parser.NO_PAREN_FUNCTION_PARSERS}
    found |= {word for word, kind in words.items() if kind in parser.TYPE_TOKENS}
    table = mysqlcalls.decisions()
    names = {word.lower() for word in found} - table.types - _NEWER
    return frozenset(name for name in names if table.worst(name) is None)


def is_foreign(name: str) -> bool:
    """Tell whether a folded name is known to sqlglot alone."""
    return name in _foreign()


def marked(name: str) -> str:
    """Return a name that means nothing to sqlglot."""
    return name + _MARK


def unmarked(text: str) -> str:
    """Return names, or a text of them, as they were."""
    return text.replace(_MARK, "")
