"""Declares the options about sources of secrets, by which AcraServer checks users itself."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.closedkinds import STATEMENT
from acra_twisted.optionkinds import FILE, TEXT, Integer, Seconds
from acra_twisted.options import Option, Settings

#: The query for the function that ``acra-auth sql`` makes.
QUERY: Final = "select rolname, secret from acra_auth.lookup($1)"

SOURCES: Final = (
    Option(
        "auth_file",
        FILE,
        "",
        "File with the secrets of users, in the form of PgBouncer's userlist.txt, mode 0600. "
        "acra-auth export writes one. SIGHUP reads it again.",
    ),
    Option(
        "auth_query_user",
        TEXT,
        "",
        "Role that asks the database for secrets of users that auth_file does not have. Nobody "
        "can log in as this role through AcraServer. acra-auth sql prints what to run in the "
        "database.",
    ),
    Option(
        "auth_query_password_file",
        FILE,
        "",
        "File with the password of that role, mode 0600. Without one the certificate in "
        "tls_database_cert proves the role.",
    ),
    Option(
        "auth_query",
        STATEMENT,
        QUERY,
        "Query with one parameter, the user's name, that gives name and secret, or no row.",
    ),
    Option(
        "auth_query_database",
        TEXT,
        "",
        "Database in which it is asked. Empty means the database of the role's name.",
    ),
    Option(
        "auth_query_timeout",
        Seconds(0.1),
        2.0,
        "Time limit for one answer, and for the login of the role.",
    ),
    Option(
        "auth_cache_soft",
        Seconds(),
        10.0,
        "Age up to which an answer is used without asking again. 0 asks for every login.",
    ),
    Option(
        "auth_cache_hard",
        Seconds(),
        3600.0,
        "Age up to which an answer is used while the database does not answer. 0 is never.",
    ),
    Option(
        "auth_scram_iterations",
        Integer(0, 1_000_000),
        0,
        "Iterations that users without a secret are shown, so that nobody can tell them from "
        "others. 0 shows those of most secrets.",
    ),
)


def uses_query(settings: Settings) -> bool:
    """Return True if the database is asked for secrets."""
    return bool(settings["auth_query_user"])


def has_sources(settings: Settings) -> bool:
    """Return True if there is a source of secrets."""
    return bool(settings["auth_file"]) or uses_query(settings)
