"""Declares the options about proof of who a client is."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.databasekind import is_mysql
from acra_twisted.config.loginlimits import LIMITS
from acra_twisted.config.loginmethods import METHODS, by_certificate
from acra_twisted.config.secretsources import SOURCES, has_sources
from acra_twisted.optionkinds import BOOLEAN, FILE, Choice, Seconds
from acra_twisted.options import Option, Section, Settings

#: The mistake of settings by which proofs would be open to everybody on the way.
WITHOUT_TLS: Final = (
    "auth_mode: clients prove who they are over TLS alone; set tls_cert and tls_key, and not "
    "client_tls = disable; or auth_without_tls = yes"
)

_MAP: Final = Option(
    "client_id_map_file",
    FILE,
    "",
    "Rules that give logins their client ids, by user, database, address, certificate and link; "
    "docs/client-ids.rst has the form. With it they alone decide. SIGHUP reads it again.",
)

_RECHECK: Final = Option(
    "auth_recheck",
    Seconds(),
    0.0,
    "Interval for looking up users with open sessions again. Sessions of a user who is gone, "
    "locked or has expired end. 0 leaves them open, as the database does.",
)

AUTHENTICATION: Final = Section(
    "authentication",
    "Proof of who a client is.",
    (
        Option(
            "auth_mode",
            Choice("auto", "passthrough", "scram", "cert"),
            "auto",
            "Decides what proves a user. scram: AcraServer asks for a proof by SCRAM-SHA-256, and "
            "logs in to the database with the key that the proof has shown. cert: the client's "
            "certificate proves its user (auth_ident_file). passthrough: the database asks, and "
            "its client answers. auto is scram where auth_file or "
            "auth_query_user is set, else passthrough.",
        ),
        Option(
            "auth_without_tls",
            BOOLEAN,
            False,
            "Accept proofs of clients without TLS. Otherwise client_tls = allow and auto require "
            "TLS, unless the link is encrypted or a unix socket.",
        ),
        Option(
            "require_channel_binding",
            BOOLEAN,
            False,
            "Accept proofs only if they are bound to the client's TLS connection "
            "(channel_binding=require), so that nobody in the middle can use them.",
        ),
        Option(
            "db_channel_binding",
            Choice("prefer", "require", "disable"),
            "prefer",
            "Binding of AcraServer's own logins to its TLS connection to the database.",
        ),
        *SOURCES,
        *METHODS,
        *LIMITS,
        _RECHECK,
        _MAP,
    ),
)


def ends_authentication(settings: Settings) -> bool:
    """Return True if AcraServer asks clients for the proof, before it asks the database; those of
    MySQL are asked by their database alone."""
    if is_mysql(settings):
        return False
    mode = settings["auth_mode"]
    return has_sources(settings) if mode == "auto" else mode != "passthrough"


def uses_secrets(settings: Settings) -> bool:
    """Return True if AcraServer looks up secrets of users."""
    return ends_authentication(settings) and not by_certificate(settings)


def requires_tls(settings: Settings, plain: bool) -> bool:
    """Return True if clients must use TLS of the database's protocol before they prove who they
    are; ``plain``: the link is not encrypted."""
    insists = ends_authentication(settings) and not settings["auth_without_tls"]
    return insists and is_exposed(settings, plain)


def is_exposed(settings: Settings, plain: bool) -> bool:
    """Return True if others may read what comes over the link without TLS of the database's
    protocol; ``plain``: the link is not encrypted."""
    return plain and not settings["incoming_connection_string"].path
