"""PostgreSQL's SQL as one of `languages`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from acra_twisted.sql import lexer, names, pgrepeats, pgtrees, postgresql, tree, words
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import Value, postgresql_value
from acra_twisted.sql.modes import Mode, name_parts, normal
from acra_twisted.sql.pgsettings import PATH_SETTINGS
from acra_twisted.sql.tree import Parsed, Table
from acra_twisted.sql.words import Words

_CODECS = {
    "UTF8": "utf-8",
    "UNICODE": "utf-8",
    "SQLASCII": "utf-8",
    **{f"LATIN{n}": f"iso8859-{m}" for n, m in zip(range(1, 6), (1, 2, 3, 4, 9), strict=True)},
    **{
        f"LATIN{n}": f"iso8859-{m}" for n, m in zip(range(6, 11), (10, 13, 14, 15, 16), strict=True)
    },
    **{f"ISO8859{n}": f"iso8859-{n}" for n in (5, 6, 7, 8)},
    **{f"WIN{n}": f"cp{n}" for n in (866, 874, *range(1250, 1259))},
    "KOI8R": "koi8-r",
    "KOI8": "koi8-r",
    "KOI8U": "koi8-u",
    "EUCJP": "euc-jp",
    "EUCKR": "euc-kr",
    "EUCCN": "gb2312",
}


def _codec(name: str) -> str:
    """Python's codec for an encoding of PostgreSQL; empty for one that cannot be read safely."""
    return _CODECS.get(re.sub(r"[^A-Z0-9]", "", name.upper()), "")


class Postgresql:
    """``standard_conforming_strings`` and ``client_encoding`` change how a text is read."""

    name = "postgresql"
    quote = b'"'
    trees = pgtrees
    mode = Mode(False, False, "utf-8", True)
    parsed = 1_000_000
    read_by = (
        ("standard_conforming_strings", "on"),
        ("client_encoding", "UTF8"),
        ("server_encoding", "UTF8"),
    )
    path = "search_path"
    path_settings = PATH_SETTINGS

    def mode_of(self, settings: Mapping[str, str]) -> Mode:
        """The mode that ParameterStatus reports."""
        conforming = settings.get("standard_conforming_strings", "on").lower()
        backslash = conforming in ("off", "false", "no", "0", "f", "of")
        encoding = _codec(settings.get("client_encoding", "UTF8"))
        server = settings.get("server_encoding", "UTF8")
        # Bytes without an encoding are folded by the server's locale.
        own = "" if server.upper() == "SQL_ASCII" else _codec(server)
        compared = names.comparison(own, encoding)
        exact = compared == names.EXACT
        default = not backslash and encoding == "utf-8" and exact
        return Mode(backslash, False, encoding, default, compared, bool(encoding) and exact)

    def changing(self, mode: Mode) -> Mode:
        """The mode while something that was sent and not answered may be changing it."""
        return mode._replace(backslash=None)

    def may_differ(self, text: bytes) -> bool:
        """Say no: every server reads a text in one way."""
        return False

    def readings(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> Sequence[bytes]:
        """Return the text: all servers of its mode read it alike."""
        return (text,)

    def tokens(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> list[Token]:
        """Raises LexError; also where a text means two things and which is not known."""
        conforming = None if mode.backslash is None else not mode.backslash
        return lexer.tokens(text, conforming, limit)

    def normal(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> bytes:
        """See `modes.normal`: the server takes no other bytes."""
        return normal(text, mode)

    def parse(self, text: bytes, tokens: list[Token], mode: Mode) -> list[Parsed]:
        """The server's grammar reads strings by the default; others are marked as E'' for it."""
        if mode.backslash and b"\\" in text:
            parts: list[bytes] = []
            position = 0
            for kind, start, _ in tokens:
                if kind == lexer.STRING:
                    parts += (text[position:start], b" E")
                    position = start
            parts.append(text[position:])
            text = b"".join(parts)
            tokens = lexer.tokens(text, True, len(text))
        return postgresql.parse(text, tokens)

    def repeated(self, text: bytes, tokens: list[Token], most: int) -> tuple[int, int]:
        """Return what `pgrepeats` counts."""
        return pgrepeats.repeated(text, tokens, most)

    def value(self, kind: str, raw: bytes, mode: Mode) -> Value:
        """Return the value of a literal."""
        return postgresql_value(kind, raw, not mode.backslash)

    def words(self, text: bytes, tokens: list[Token]) -> Words:
        """The names of a text that cannot be parsed.  Raises LexError."""
        return words.read(text, tokens)

    def compare(self, parsed: Parsed, mode: Mode) -> None:
        """Note how the server compares the names of a statement."""
        names.compare(parsed, mode.names)

    def loose(self, name: str) -> str:
        """The same for all names that may be one to some server."""
        return names.loose(name)

    def is_certain(self, name: str) -> bool:
        """Return True if every server understands the name in the same way."""
        return names.spellings(name) == (name,)

    def table(self, name: str) -> Table:
        """``schema.name``; each part folded unless quoted.  Raises ValueError."""
        parts = name_parts(name, '"')
        folded = [p[1:-1].replace('""', '"') if p[:1] == '"' else tree.fold(p) for p in parts]
        kept = [names.cut(part) for part in folded]
        return Table(kept[-2] if len(kept) > 1 else "", kept[-1])
