"""The actions that a service's own connection to the database asks for.

See `dialectinterfaces.IServiceQuery`.
"""

from __future__ import annotations

from typing import NamedTuple

#: Two texts of each row; None where the database has NULL.
Rows = tuple[tuple[bytes | None, bytes | None], ...]


class Send(NamedTuple):
    """Send ``data`` to the database."""

    data: bytes


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
    """The database has not answered the question, for ``reason``; the next may be asked."""

    reason: str


QueryAction = Send | Derive | LoggedIn | Answered | Refused
