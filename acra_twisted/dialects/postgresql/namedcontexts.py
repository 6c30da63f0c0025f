"""Trace contexts of what SQL gives a name to, for the statements that run it by that name.

``DECLARE c CURSOR FOR SELECT ...`` and ``PREPARE p AS SELECT ...`` come with a context; ``FETCH 10
FROM c`` and ``EXECUTE p(1)`` bring none.  It is as with the protocol's own prepared statements.
"""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.exchange import Exchange
from acra_twisted.wire.link.tracecontext import TraceContext

_NAME: Final = rb'("(?:[^"]|""|(?!))++"|[A-Za-z_\x80-\xff][\w$\x80-\xff]*+)'
_MAKES: Final = re.compile(rb"\s*+(prepare|declare)\s++%b[\s(]" % _NAME, re.I)
_EXECUTES: Final = re.compile(rb"\s*+execute\s++%b" % _NAME, re.I)
_FETCHES: Final = re.compile(rb"\s*+(?:fetch|move)\s.{0,64}?%b\s*+;?\s*+\Z" % _NAME, re.I | re.S)
#: FETCH and MOVE are no longer.
_FETCH_LIMIT: Final = 256
_NAMES_MAX: Final = 100


class NamedContexts:
    """A session's names of cursors and of prepared statements, the newest at the end."""

    def __init__(self) -> None:
        # Contexts by kind and name, and if it has been executed.
        self._kept: dict[tuple[bytes, bytes], tuple[TraceContext, bool]] = {}

    def note(self, text: bytes, context: TraceContext) -> None:
        """A statement came with a context; if it gives something a name, that has it, too."""
        made = _MAKES.match(text)
        if made is not None:
            self._keep((made[1].lower(), _folded(made[2])), context, False)

    def follow(self, exchange: Exchange, text: bytes) -> None:
        """Set what a statement without a context of its own goes on with, or is linked with."""
        found, kind = _EXECUTES.match(text), b"prepare"
        if found is None and len(text) <= _FETCH_LIMIT:
            found, kind = _FETCHES.match(text), b"declare"
        key = (kind, _folded(found[1])) if found is not None else None
        kept = self._kept.get(key) if key is not None else None
        if key is None or kept is None:
            return
        context, was_run = kept
        if was_run:
            exchange.linked = context
        else:
            exchange.remote = context
            self._keep(key, context, True)

    def _keep(self, key: tuple[bytes, bytes], context: TraceContext, was_run: bool) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (context, was_run)
        if len(self._kept) > _NAMES_MAX:
            del self._kept[next(iter(self._kept))]


def _folded(name: bytes) -> bytes:
    """A name as the database takes it."""
    if name[:1] == b'"':
        return name[1:-1].replace(b'""', b'"')
    return name.lower()
