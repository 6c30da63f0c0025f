"""Names of tables as PostgreSQL compares them: cut to 63 bytes and folded, in its own encoding.

A server in UTF-8 folds ASCII letters alone and cuts between characters, as its grammar does for
us.  A server in a single-byte encoding also folds the letters above 127 of a name without quotes,
by a locale that nobody tells us; in any other encoding it cuts elsewhere.  There two names are
taken for one wherever they may be one, and a name that may be another gets no permission.
Sources: PostgreSQL's scansup.c (downcase_truncate_identifier), its conversion tables.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.sql.tree import Parsed, Table

#: How a session's server compares names.  UNSURE: names beyond ASCII cannot be known at all.
EXACT, LOOSE, UNSURE = "", "loose", "unsure"

_MAX_BYTES: Final = 63
#: A cut inside a character leaves three bytes less at most.
CERTAIN_BYTES: Final = 60
_WIDEST: Final = 4
#: Characters of one and the same code in EUC_JP, where Python and PostgreSQL choose differently.
_TWINS: Final = {
    0x301C: 0xFF5E,
    0x2016: 0x2225,
    0x2212: 0xFF0D,
    0x00A2: 0xFFE0,
    0x00A3: 0xFFE1,
    0x00AC: 0xFFE2,
    0x00A6: 0xFFE4,
}
_ALL_TWINS: Final = frozenset((*_TWINS, *_TWINS.values()))


def cut(name: str) -> str:
    """The part of a name that a server in UTF-8 keeps."""
    return name.encode("utf-8", "replace")[:_MAX_BYTES].decode("utf-8", "ignore")


def loose(name: str) -> str:
    """The same for all names that may be one to a server in any encoding."""
    kept, size = [], 0
    for character in name:
        size += 1 if character.isascii() else _WIDEST
        if size > CERTAIN_BYTES:
            break
        kept.append(_folded(character))
    return "".join(kept).translate(_TWINS)


def spellings(name: str) -> tuple[str, ...]:
    """Every name that this one may be to a server in an encoding of its own; none if that cannot
    be told."""
    if len(name.encode("utf-8", "replace")) >= CERTAIN_BYTES or _is_unknown(name):
        return ()
    folded = "".join(map(_folded, name))
    return (name,) if folded == name else (name, folded)


def _folded(character: str) -> str:
    if character.isascii():
        return character
    if character == "\u0130":
        return "i"
    lower = character.lower()
    return lower if len(lower) == 1 else character


def _is_unknown(name: str) -> bool:
    return any(ord(character) in _ALL_TWINS or _is_composed(character) for character in name)


def _is_composed(character: str) -> bool:
    """A Hangul syllable that Python makes of four characters of EUC_KR."""
    if not "\uac00" <= character <= "\ud7a3":
        return False
    return len(character.encode("euc-kr", "replace")) > 2


def comparison(server: str, client: str) -> str:
    """Rules for comparing names, by the server's and the client's encoding: codecs of Python, empty
    for one that is not known."""
    if server == "utf-8":
        return LOOSE if client in ("euc-jp", "euc-kr") else EXACT
    # Between two others the server converts by tables of its own.
    return LOOSE if server and client in ("utf-8", server) else UNSURE


def compare(parsed: Parsed, how: str) -> None:
    """Note what the names of a statement may be to a server that compares them so."""
    written = {name for table in parsed.tables for name in table}
    if how == EXACT or all(name.isascii() and len(name) < CERTAIN_BYTES for name in written):
        return
    parsed.loose = True
    spelled = {name: spellings(name) for name in written}
    if how == UNSURE:
        parsed.opaque = parsed.opaque or "a name that the server may read as another"
    if how == UNSURE or not all(spelled.values()):
        parsed.other_tables = None
        return
    others = {
        Table(schema, name)
        for table in parsed.tables
        for schema in spelled[table.schema]
        for name in spelled[table.name]
    }
    parsed.other_tables = frozenset(others) - parsed.tables
