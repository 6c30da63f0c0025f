"""Errors of a database that a tool has asked."""

from __future__ import annotations

from acra_twisted.errors import AcraError


class DatabaseError(AcraError):
    """The database has refused a statement.  Its own text is never shown, for it may quote values.

    ``is_about_a_value``: it is a row's value that the database does not take.  ``is_passing``: the
    same may succeed at another time.  ``is_gone``: the connection is over, and nobody knows what
    became of the statement.
    """

    is_about_a_value = False
    is_passing = False
    is_gone = False
