"""Commands that ask for what a statement asks for, too: stages judge them as that statement.

The command itself goes on as it came, so nothing can be put in the place of its text.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.fast.littleendian import uint32
from acra_twisted.wire.mysql import commands

#: Bytes of a table's name, of 64 characters.
_NAME_MAX: Final = 256
_QUOTE: Final = b"`"
_ESCAPED: Final = b"``"
#: Names of files begin so, which a server finds under another name.
_OF_FILES: Final = b"#"

#: Kinds of these commands' exchanges, and forms of their replies, by their codes.
KINDS: Final = {
    commands.INIT_DB: ("init_db", replies.ONE),
    commands.FIELD_LIST: ("field_list", replies.FIELDS),
    commands.PROCESS_KILL: ("process_kill", replies.ONE),
}


def statement_of(payload: bytes) -> bytes | None:
    """The statement that says what a command of a checked size says; None if there is none."""
    if payload[0] == commands.PROCESS_KILL:
        return b"KILL %d" % uint32(payload, 1)
    if payload[0] == commands.INIT_DB:
        return b"USE `" + payload[1:].replace(_QUOTE, _ESCAPED) + _QUOTE
    name, end, _ = payload[1:].partition(b"\0")
    if not (name and end) or len(name) > _NAME_MAX or _QUOTE in name or name.startswith(_OF_FILES):
        return None
    return b"SHOW COLUMNS FROM `" + name + _QUOTE
