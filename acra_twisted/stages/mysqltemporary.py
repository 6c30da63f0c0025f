"""Tables of MySQL that a session has made for itself alone, as far as its texts tell.

No other session sees them, and no view takes their place while they are there: a text that gives
values to one needs no question what it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption.beginnings import goes_on
from acra_twisted.encryption.mysql.roles import HUGE
from acra_twisted.encryption.mysql.schema import Code
from acra_twisted.encryption.mysql.targets import Target

_NAME: Final = rb"(`[^`\x00\x80-\xff]++`|[A-Za-z_$][0-9A-Za-z_$]*+)"
_creates: Final = re.compile(
    rb"\s*+create\s++(?:or\s++replace\s++)?temporary\s++table\s++(?:if\s++not\s++exists\s++)?"
    + _NAME
    + rb"(?:[.]"
    + _NAME
    + rb")?(?=[\s(;]|\Z)(?!\s*+[./#-])",
    re.I,
).match
#: Words without which a text neither drops a table nor gives it another name, nor runs code that
#: it does not show.
_ENDING: Final = (b"drop", b"rename", b"alter", b"call", b"execute", b"atomic")
#: Variables by which a session finds the tables that another one has made, and not its own.
_MOVING: Final = (b"pseudo_thread_id", b"server_id")
#: Without either, a text gives no value to a variable: some modes of MariaDB need no SET.  Comments
#: that servers run have their words in the text like any other.
_ASSIGNING: Final = (b"set", b":=")
#: Words of texts that create code which other sessions run: its names mean what they mean there.
_CODE: Final = (b"procedure", b"function", b"trigger", b"event", b"package")
#: Tables that are remembered.
_MOST: Final = 1_000


def created(text: bytes, database: str | None) -> Target | None:
    """Return the table that a text makes for its session alone, if it is one statement that does
    so.  ``database`` is that of names without one, None if it is not known."""
    found = None if goes_on(text) else _creates(text)
    if found is None:
        return None
    first, second = (
        None if one is None else one.strip(b"`").decode("utf-8", "replace")
        for one in found.groups()
    )
    if second is not None:
        return Target(first or "", second)
    return Target(database, first or "") if database else None


def may_end_some(code: Sequence[Code]) -> bool:
    """Tell whether code of the database may drop such a table: it may be run by any statement."""
    return any(one.text is None or _drops(one.text.lower().encode()) for one in code)


def _drops(text: bytes) -> bool:
    return _finds_others(text) or (b"drop" in text and b"temporary" in text)


def _finds_others(lowered: bytes) -> bool:
    """Tell whether a text may have its session find other tables; columns may have such names."""
    if not any(name in lowered for name in _MOVING):
        return False
    return any(one in lowered for one in _ASSIGNING)


def may_end(text: bytes) -> bool:
    """Tell whether a text may end such a table, or give it another name, or makes code in which its
    name is that of another, or has its session find other ones.  A huge text may."""
    if len(text) > HUGE:
        return True
    lowered = text.lower()
    if b"create" in lowered:
        if b"replace" in lowered or any(word in lowered for word in _CODE):
            return True
    return any(word in lowered for word in _ENDING) or _finds_others(lowered)


class TemporaryTables:
    """Remembers such tables of one session.  ``resets`` is how often the session had begun anew
    when it was made: then the server forgets them.  ``ends`` is the number of texts that might end
    some."""

    def __init__(self, resets: int) -> None:
        self.resets = resets
        self.ends = 0
        self._made: set[Target] = set()
        self._is_over = False

    def made(self, table: Target, ends: int) -> None:
        """Take in a table that the server has made; ``ends`` is the number of texts that might end
        some when the one that makes it was sent."""
        if ends == self.ends and not self._is_over and len(self._made) < _MOST:
            self._made.add(table)

    def ended(self, is_prepared: bool) -> None:
        """Take in that a text may end some.  One that is prepared may be executed at any time."""
        self.ends += 1
        self._made.clear()
        self._is_over = self._is_over or is_prepared

    def others(self, targets: Sequence[Target], database: str) -> Sequence[Target]:
        """Return the targets that are not such tables; ``database`` is that of names without
        one."""
        return [one for one in targets if one.within(database) not in self._made]
