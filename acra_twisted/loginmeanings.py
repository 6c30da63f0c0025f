"""The meanings of the event codes of logins: see `eventmeanings`."""

from __future__ import annotations

from typing import Final

from acra_twisted import events
from acra_twisted.eventmeanings import Event

#: By code.
LOGIN_MEANINGS: Final[dict[int, Event]] = {
    events.LOGIN_REFUSED: Event(
        5,
        "warning",
        "a login was refused, by the database or by AcraServer",
        "Look at ``rule``, ``duser`` and ``src``. ``cn2`` counts the refusals of an address; many "
        "of them are an attack.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.REPEATED_FAILURES: Event(
        7,
        "error",
        "logins fail again and again; answers wait longer and longer",
        "``rule`` says what they have in common: address, user, or both; ``cn2`` counts them. "
        "Find the application that has an old password, or block the address.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.BINDING_REFUSED: Event(
        8,
        "critical",
        "a login was bound to another TLS connection, its binding was taken off, or it was a copy",
        "Somebody may be between the client and AcraServer. Look for a proxy that ends TLS on the "
        "way from ``src``.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.DATABASE_UNPROVEN: Event(
        8,
        "critical",
        "the database has not proven that it knows the user",
        "The peer at ``db_host`` and ``db_port`` may be no database of yours, or somebody is "
        "between; compare its certificate.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.SOURCE_AWAY: Event(
        6,
        "error",
        "secrets of users cannot be looked up: only users whose secret is kept can log in",
        "Look at ``error``; check that the database runs, and run what ``acra-auth sql`` prints.",
    ),
    events.SECRET_OUTDATED: Event(
        4,
        "warning",
        "a user's secret here is not the database's, or was not until now",
        "Nothing, if the password was changed a moment ago. Otherwise write ``auth_file`` anew "
        "(``acra-auth export``) and send SIGHUP.",
    ),
    events.USER_LOST: Event(
        5,
        "warning",
        "an open session ended: its user may not log in any more (``auth_recheck``)",
        "Nothing, if the user was locked or removed on purpose.",
        events.REFUSED,
        events.SUCCESS,
    ),
}
