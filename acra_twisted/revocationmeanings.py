"""The meanings of the event codes of revocation: see `eventmeanings`."""

from __future__ import annotations

from typing import Final

from acra_twisted import events
from acra_twisted.eventmeanings import Event

#: By code.
REVOCATION_MEANINGS: Final[dict[int, Event]] = {
    events.REVOKED: Event(
        8,
        "critical",
        "a peer has shown a certificate that is revoked, or has one on an open session",
        "``certificate`` and ``src`` say whose it is. Somebody may have stolen its key: find out "
        "why it was revoked.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.REVOCATION_UNKNOWN: Event(
        6,
        "error",
        "a peer was refused because nobody says that its certificate is not revoked",
        "``error`` says what was found. Check the responder or the list (``tls_ocsp_url``, "
        "``tls_crl_url``), or choose what to do without (``tls_ocsp_required``, "
        "``tls_crl_required``).",
        events.REFUSED,
        events.FAILURE,
    ),
    events.REVOCATION_NOT_CHECKED: Event(
        5,
        "warning",
        "a peer was accepted although nobody says that its certificate is not revoked",
        "The settings allow it (``soft``, ``allowUnknown``, or a certificate that names no "
        "responder). ``error`` says what was found.",
        events.ALLOWED,
        events.SUCCESS,
    ),
    events.REVOCATION_SOURCE: Event(
        6,
        "error",
        "a configured revocation list cannot be had, or no OCSP response to staple",
        "Check the address in the line, and the server there.",
    ),
}
