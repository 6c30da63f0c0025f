"""The actions that a service's own connection to the database asks for.

See `dialectinterfaces.IServiceQuery`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: The texts of each row, as many as the question has columns; None where the database has NULL.
Rows = tuple[tuple[bytes | None, ...], ...]


class Names(NamedTuple):
    """Settings, or flags, that a service's login and question come from, as messages name them.
    ``help`` says what is to be done where the role may not ask."""

    user: str = "auth_query_user"
    password: str = "auth_query_password_file"  # noqa: S105 - the name of an option
    database: str = "auth_query_database"
    question: str = "auth_query"
    limit: str = "auth_query_timeout"
    help: str = "; acra-auth sql prints what to run in the database"


#: Those of the role that looks up secrets.
AUTH_QUERY: Final = Names()


class Send(NamedTuple):
    """Send ``data`` to the database."""

    data: bytes


class StartTLS(NamedTuple):
    """Begin TLS with the database.  The answer is ``tls_started``."""


class Derive(NamedTuple):
    """Salt a password (`wire.scram.salted`).  The answer is ``derived``."""

    password: bytes
    salt: bytes
    iterations: int


class LoggedIn(NamedTuple):
    """Take note that questions may be asked."""


class Answered(NamedTuple):
    """Take the answer to the question; the next may be asked."""

    rows: Rows


class Refused(NamedTuple):
    """The database has not answered the question, for ``reason``; the next may be asked.  ``code``
    is the database's own for the error, empty for none."""

    reason: str
    code: str = ""


QueryAction = Send | StartTLS | Derive | LoggedIn | Answered | Refused
