"""Portals of the protocol that SQL's FETCH could read.

What comes of a portal has the meaning of its statement where the protocol executes it.  FETCH has
no meaning of its own, and the database names no table for the column of a UNION: such a result
would be shown to a client as if it were not protected."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import refusals
from acra_twisted.exchange import Parameters
from acra_twisted.session import Session
from acra_twisted.stages.columnbindings import Binding
from acra_twisted.stages.sessionknown import Known

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


def bound(parameters: Parameters, binding: Binding, known: Known) -> None:
    """Note a portal that shows protected columns."""
    shows = any(one.setting for plan in binding.plans or () for one in plan.results or ())
    if parameters.portal and shows and len(known.portals) <= _PORTALS:
        known.portals.add(parameters.portal.lower())


def refusal(text: bytes, known: Known, session: Session) -> Refusal | None:
    """Return the reason for which a text must not be sent; None unless it may read one of the
    session's portals."""
    if not known.portals:
        return None
    if session.idle:
        # They live as long as their transaction.
        known.portals.clear()
        return None
    if not _FETCH.search(text):
        return None
    lowered = text.lower()
    if len(known.portals) > _PORTALS or _ESCAPED in lowered or not text.isascii():
        return _REFUSAL
    return _REFUSAL if any(name in lowered for name in known.portals) else None
