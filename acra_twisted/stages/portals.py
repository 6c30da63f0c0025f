"""Portals of the protocol that SQL's FETCH could read.

What comes of a portal has the meaning of its statement where the protocol executes it.  FETCH has
no meaning of its own, and the database names no table for the column of a UNION: such a result
would be shown to a client as if it were not protected."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import refusals
from acra_twisted.exchange import Exchange, Parameters
from acra_twisted.stages.columnbindings import Binding
from acra_twisted.stages.sessionknown import NAME_SIZE, Known

#: Portals of a session that are kept.
_PORTALS: Final = 1_000
_FETCH: Final = re.compile(rb"\bfetch\b", re.I)
#: Any name may be written so.
_ESCAPED: Final = b"u&"
_REFUSAL: Final = Refusal(
    refusals.EXPRESSION,
    "",
    "FETCH may read a portal of the protocol that shows columns which AcraServer protects",
    "execute the portal by the protocol, or declare a cursor of another name",
)


def bound(parameters: Parameters, binding: Binding, exchange: Exchange, known: Known) -> None:
    """Note a portal that shows protected columns."""
    shows = any(one.setting for plan in binding.plans or () for one in plan.results or ())
    if not parameters.portal or not shows:
        return
    # Where there are too many, it counts as one of any name: that is in every text.
    name = _bare(parameters.portal[:NAME_SIZE]) if len(known.portals) < _PORTALS else b""
    known.portals[name] = exchange
    known.follow(exchange.session)


def refusal(text: bytes, known: Known) -> Refusal | None:
    """Return the reason for which a text must not be sent; None unless it may read one of the
    session's portals."""
    if not known.portals or not _FETCH.search(text):
        return None
    if not text.isascii() or _ESCAPED in text.lower():
        return _REFUSAL
    bare = _bare(text)
    return _REFUSAL if any(name in bare for name in known.portals) else None


def _bare(text: bytes) -> bytes:
    """A text in small letters and without quotes, which SQL doubles in a quoted name."""
    return text.lower().replace(b'"', b"")
