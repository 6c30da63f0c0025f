"""The settings that a startup packet makes, by the names that the server takes them for.

Source: PostgreSQL's pg_split_opts, process_postgres_switches, ParseLongOption and guc_name_compare.
"""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres.frames import StartupPacket

#: Fields that the server does not treat as settings; it compares them byte by byte.
FIELDS: Final = frozenset((b"user", b"database", b"options", b"replication"))
#: Where the packet names an option of the protocol.
_PROTOCOL: Final = b"_pq_."
_WORD: Final = re.compile(rb"(?:\\.|\\\Z|[^ \t\n\v\f\r\\])+", re.S)
_ESCAPED: Final = re.compile(rb"\\(.?)", re.S)
_SWITCH: Final = re.compile(rb"-[A-Za-z0-9]")
#: In some locales these are blanks to the server, and what follows may be another switch.
_MAY_SPLIT: Final = re.compile(rb"[\x85\xa0]-")


def setting_names(startup: StartupPacket) -> list[str]:
    """Every setting in a startup packet, in lower case.  Raises WireError for other switches."""
    names = [
        name for name in startup.parameters if name not in FIELDS and not name.startswith(_PROTOCOL)
    ]
    names += option_names(startup.parameters.get(b"options", b""))
    # ASCII alone is folded, as by the server.
    return [name.lower().decode("latin-1") for name in names]


def option_names(options: bytes) -> list[bytes]:
    """Settings in the parameter ``options``.  Raises WireError for anything but ``-c name=value``,
    ``-cname=value`` and ``--name=value``: the server has switches that do more, several of which
    can be written as one word."""
    if _MAY_SPLIT.search(options):
        raise _refused("a word that may be two")
    names = []
    words = iter([_ESCAPED.sub(rb"\1", word) for word in _WORD.findall(options)])
    for word in words:
        if word[:2] == b"-c":
            setting = word[2:] or next(words, b"")
        elif word[:2] == b"--":
            setting = word[2:]
        else:
            raise _refused(_shown(word))
        name, equals, _ = setting.partition(b"=")
        if not (name and equals):
            raise _refused("a switch without name=value")
        names.append(name.replace(b"-", b"_"))
    return names


def _shown(word: bytes) -> str:
    """A switch by its letter, and nothing else by what it says."""
    return f"the switch {word[:2].decode()}" if _SWITCH.match(word) else "a word that is no setting"


def _refused(what: str) -> WireError:
    return WireError(
        "client",
        f"the startup parameter options has {what}; only settings are accepted there, written "
        "as -c name=value or --name=value",
        EndReason.LOGIN,
    )
