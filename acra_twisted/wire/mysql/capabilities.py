"""Capabilities of clients and servers of MySQL and MariaDB, and those that this proxy lets pass.

Basic capabilities are 32 bits, MariaDB's extended ones 32 more.  A capability is in force if the
client has set it and the server, as shown to the client, has too.
"""

from __future__ import annotations

from typing import Final

#: Clear, it announces MariaDB's extended capabilities.
LONG_PASSWORD: Final = 1
FOUND_ROWS: Final = 1 << 1
LONG_FLAG: Final = 1 << 2
CONNECT_WITH_DB: Final = 1 << 3
NO_SCHEMA: Final = 1 << 4
COMPRESS: Final = 1 << 5
ODBC: Final = 1 << 6
LOCAL_FILES: Final = 1 << 7
IGNORE_SPACE: Final = 1 << 8
PROTOCOL_41: Final = 1 << 9
INTERACTIVE: Final = 1 << 10
SSL: Final = 1 << 11
IGNORE_SIGPIPE: Final = 1 << 12
TRANSACTIONS: Final = 1 << 13
RESERVED: Final = 1 << 14
SECURE_CONNECTION: Final = 1 << 15
MULTI_STATEMENTS: Final = 1 << 16
MULTI_RESULTS: Final = 1 << 17
PS_MULTI_RESULTS: Final = 1 << 18
PLUGIN_AUTH: Final = 1 << 19
CONNECT_ATTRS: Final = 1 << 20
PLUGIN_AUTH_LENENC: Final = 1 << 21
EXPIRED_PASSWORDS: Final = 1 << 22
SESSION_TRACK: Final = 1 << 23
DEPRECATE_EOF: Final = 1 << 24
OPTIONAL_RESULTSET_METADATA: Final = 1 << 25
ZSTD: Final = 1 << 26
QUERY_ATTRIBUTES: Final = 1 << 27
MULTI_FACTOR: Final = 1 << 28
CAPABILITY_EXTENSION: Final = 1 << 29
SSL_VERIFY_SERVER_CERT: Final = 1 << 30
REMEMBER_OPTIONS: Final = 1 << 31

# MariaDB's.
PROGRESS: Final = 1
COM_MULTI: Final = 1 << 1
STMT_BULK: Final = 1 << 2
EXTENDED_METADATA: Final = 1 << 3
CACHE_METADATA: Final = 1 << 4
BULK_UNIT_RESULTS: Final = 1 << 5

#: Clients must have them.  One without PLUGIN_AUTH proves its password as mysql_native_password
#: does; to one without PLUGIN_AUTH_LENENC a length is one byte.
REQUIRED_OF_CLIENTS: Final = PROTOCOL_41 | SECURE_CONNECTION
#: Databases must have them.
REQUIRED: Final = REQUIRED_OF_CLIENTS | PLUGIN_AUTH
#: Capabilities that neither side is shown: every session is in a mode that can be read.
REFUSED: Final = COMPRESS | OPTIONAL_RESULTSET_METADATA | ZSTD | CAPABILITY_EXTENSION
#: MariaDB's that may pass.  New ones may not.
PASSING_EXTENDED: Final = STMT_BULK | EXTENDED_METADATA | CACHE_METADATA


class InForce:
    """The agreement of a client and its server.

    ``capabilities`` and ``extended`` are the bits in force.  ``mariadb``: the server is one.
    ``tracked_for_us``: the database tracks the session because the proxy asked for it; the client
    did not, and is shown nothing of it.  ``may_have_several``: texts may hold several statements,
    from the login on or later.
    """

    __slots__ = (
        *("capabilities", "extended", "mariadb", "tracked_for_us"),
        *("tracks", "deprecate_eof", "query_attributes", "connect_attrs", "plugin_auth"),
        *("local_files", "extended_metadata", "cache_metadata", "may_have_several"),
    )

    def __init__(
        self,
        capabilities: int,
        extended: int = 0,
        mariadb: bool = False,
        tracked_for_us: bool = False,
        may_have_several: bool = True,
    ) -> None:
        self.capabilities: Final = capabilities
        self.extended: Final = extended
        self.mariadb: Final = mariadb
        self.tracked_for_us: Final = tracked_for_us
        self.may_have_several: Final = may_have_several
        #: The database tracks the session, for the client or for us.
        self.tracks: Final = tracked_for_us or bool(capabilities & SESSION_TRACK)
        self.deprecate_eof: Final = bool(capabilities & DEPRECATE_EOF)
        self.query_attributes: Final = bool(capabilities & QUERY_ATTRIBUTES)
        self.connect_attrs: Final = bool(capabilities & CONNECT_ATTRS)
        self.local_files: Final = bool(capabilities & LOCAL_FILES)
        self.plugin_auth: Final = bool(capabilities & PLUGIN_AUTH)
        self.extended_metadata: Final = bool(extended & EXTENDED_METADATA)
        self.cache_metadata: Final = bool(extended & CACHE_METADATA)
