"""Options: methods of login other than SCRAM, and users without a secret."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.databasekind import is_mysql
from acra_twisted.optionkinds import BOOLEAN, FILE, NAMES, TEXT, Choice
from acra_twisted.options import Option, Settings

METHODS: Final = (
    Option(
        "auth_ident_file",
        FILE,
        "",
        "auth_mode = cert: file in the form of pg_ident.conf, with the certificates that prove "
        "each user. Without one the name in the certificate must be the user's. SIGHUP reads it "
        "again.",
    ),
    Option(
        "auth_ident_map",
        TEXT,
        "acra",
        "Name of the map in auth_ident_file.",
    ),
    Option(
        "auth_ident_name",
        Choice("cn", "dn"),
        "cn",
        "Name in the certificate that counts: its only common name, or its whole subject.",
    ),
    Option(
        "auth_keys_file",
        FILE,
        "",
        "auth_mode = cert: file with the keys by which users are logged in to the database, mode "
        "0600 (acra-auth verifier --keys prints its lines). A user without keys is logged in by "
        "the certificate in tls_database_cert, which pg_ident.conf of the database maps to it. "
        "SIGHUP reads it again.",
    ),
    Option(
        "auth_md5",
        BOOLEAN,
        False,
        "Accept MD5 hashes as secrets, and ask their users for an MD5 password. Hashes are as good "
        "as passwords, and nothing binds a login to its connection.",
    ),
    Option(
        "auth_cleartext",
        NAMES,
        (),
        "Users whose programs cannot do SCRAM. They are asked for their password in clear, over an "
        "encrypted connection alone.",
    ),
    Option(
        "auth_unknown",
        Choice("refuse", "passthrough"),
        "refuse",
        "Treatment of users without a secret: refuse them as if their password was wrong, or let "
        "the database ask them. passthrough shows which users have one.",
    ),
)


def by_certificate(settings: Settings) -> bool:
    """Return True if certificates alone prove users."""
    return settings["auth_mode"] == "cert" and not is_mysql(settings)
