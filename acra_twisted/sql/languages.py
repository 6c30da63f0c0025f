"""The two SQL languages behind one face: what the censor needs to know of each.

A `Mode` is what a session's settings make of a text: how backslashes, double quotes and bytes
above 127 are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.sql import (
    lexer,
    mysql,
    mysqllexer,
    mysqlnames,
    mysqltokens,
    names,
    pgtrees,
    postgresql,
    tree,
    words,
)
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import Value, mysql_value, postgresql_value
from acra_twisted.sql.mysqltokens import ANSI_MODES, UNSAFE_CHARSETS
from acra_twisted.sql.pgsettings import PATH_SETTINGS
from acra_twisted.sql.tree import Parsed, Table
from acra_twisted.sql.words import Words

MAX_BRACKETS = 100
#: In place of a setting's value, or behind a flag in one: nobody knows what it is.
UNKNOWN = "?"
#: Bytes of names, words and signs for each token that may be parsed.
_TOKEN_BYTES = 16


class Limits(NamedTuple):
    """Limits of a text: bytes, tokens, and the tokens left to parse once long lists are cut.

    Splitting takes a microsecond or two a token, parsing and matching ten.
    """

    max_text: int = 16 << 20
    max_tokens: int = 200_000
    max_structure: int = 16_000


class Mode(NamedTuple):
    """``backslash``: whether it escapes in plain strings; None if that is not known, nor whether
    ``encoding`` still holds, so that a text must mean the same whatever they are.  ``ansi``:
    ``"x"`` is a name in MySQL; None if that is not known.  ``encoding``: a Python codec; empty for
    one that cannot be read safely.  ``default``: skeletons may be used.
    ``names``: how the server compares names, one of `sql.names`.  ``whole``: decisions are the
    same as in every other such mode, for texts that are read the same.
    """

    backslash: bool | None
    ansi: bool | None
    encoding: str
    default: bool
    names: str = names.EXACT
    whole: bool = True


class Language(Protocol):
    """A database's SQL."""

    name: str
    quote: bytes
    trees: ModuleType
    mode: Mode
    #: Tokens that its parser can be given.
    parsed: int
    #: The settings that `mode_of` reads, each with what it is where the database reports nothing.
    read_by: Sequence[tuple[str, str]]
    #: The setting by which names without a schema are looked up, empty if there is none; and
    #: those that change it.
    path: str
    path_settings: frozenset[str]

    def mode_of(self, settings: Mapping[str, str]) -> Mode:
        """The mode that a session's settings, under the server's names, make."""

    def changing(self, mode: Mode) -> Mode:
        """The mode while something that was sent and not answered may be changing it."""

    def tokens(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> list[Token]:
        """Raises LexError; also where a text means two things and which is not known."""

    def parse(self, text: bytes, tokens: list[Token], mode: Mode) -> list[Parsed]:
        """Raises tree.UnparsableError, and LexError for what must not be parsed."""

    def value(self, kind: str, raw: bytes, mode: Mode) -> Value:
        """Return the value of a literal."""

    def table(self, name: str) -> Table:
        """A table's name as a rule writes it."""

    def words(self, text: bytes, tokens: list[Token]) -> Words:
        """The names of a text that cannot be parsed.  Raises LexError."""

    def compare(self, parsed: Parsed, mode: Mode) -> None:
        """Note how the server compares the names of a statement."""

    def loose(self, name: str) -> str:
        """The same for all names that may be one to some server."""

    def is_certain(self, name: str) -> bool:
        """Return True if every server understands the name in the same way."""


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
        """As reported by ParameterStatus."""
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

    def tokens(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> list[Token]:
        """Raises LexError; also where a text means two things and which is not known."""
        conforming = None if mode.backslash is None else not mode.backslash
        return lexer.tokens(text, conforming, limit)

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
        parts = _name_parts(name, '"')
        folded = [p[1:-1].replace('""', '"') if p[:1] == '"' else tree.fold(p) for p in parts]
        kept = [names.cut(part) for part in folded]
        return Table(kept[-2] if len(kept) > 1 else "", kept[-1])


class Mysql:
    """``sql_mode`` and ``character_set_client`` change how a text is read."""

    name = "mysql"
    quote = b"`"
    trees = mysql
    mode = Mode(True, False, "utf-8", True, names.LOOSE)
    parsed = 4_000
    read_by = (("sql_mode", ""), ("character_set_client", "utf8mb4"))
    path = ""
    path_settings: frozenset[str] = frozenset()

    def mode_of(self, settings: Mapping[str, str]) -> Mode:
        """Read the settings as the status, session tracking or SELECT @@sql_mode give them.

        A flag with UNKNOWN behind it may be set or not; beside a character set that is UNKNOWN
        nothing is known of backslashes either.
        """
        flags = {flag.strip().upper() for flag in settings.get("sql_mode", "").split(",")}
        ansi: bool | None = not ANSI_MODES.isdisjoint(flags)
        if f"ANSI_QUOTES{UNKNOWN}" in flags:
            ansi = None
        backslash: bool | None = "NO_BACKSLASH_ESCAPES" not in flags
        charset = settings.get("character_set_client", "utf8mb4").lower()
        if charset == UNKNOWN or f"NO_BACKSLASH_ESCAPES{UNKNOWN}" in flags:
            backslash = None
        encoding = "" if charset in UNSAFE_CHARSETS else _MYSQL_CODECS.get(charset, "")
        if charset == UNKNOWN:
            encoding = "utf-8"
        default = ansi is False and backslash is not False and encoding == "utf-8"
        return Mode(backslash, ansi, encoding, default, names.LOOSE, bool(encoding))

    def changing(self, mode: Mode) -> Mode:
        """The mode while something that was sent and not answered may be changing it."""
        return mode._replace(backslash=None, ansi=None, default=False)

    def tokens(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> list[Token]:
        """Raises LexError; also where a text means two things and which is not known."""
        if mode.backslash is None:
            half = _MAY_BE_HALF.search(text)
            if half is not None:
                raise LexError("a sign that may be half a character", half.start())
        found: list[Token] | None = None
        for ansi in (False, True) if mode.ansi is None else (mode.ansi,):
            for backslash in (True, False) if mode.backslash is None else (mode.backslash,):
                tokens = mysqllexer.tokens(text, ansi, not backslash, limit)
                if found is None:
                    found = tokens
                elif [token[1:] for token in tokens] != [token[1:] for token in found]:
                    raise LexError("a text that two settings of sql_mode read differently", 0)
        assert found is not None  # noqa: S101 - there is a reading
        certain = mode.backslash is not None
        if not text.isascii() and (mode.encoding != "utf-8" or not certain):
            mysqllexer.check_letters(text, found, certain)
        return found

    def parse(self, text: bytes, tokens: list[Token], mode: Mode) -> list[Parsed]:
        """Parse canonical text, which no mode changes."""
        return mysql.parse(text, tokens)

    def value(self, kind: str, raw: bytes, mode: Mode) -> Value:
        """Return the value of a literal."""
        return mysql_value(kind, raw, not mode.backslash)

    def words(self, text: bytes, tokens: list[Token]) -> Words:
        """The names of a text that cannot be parsed."""
        return mysqltokens.words(text, tokens)

    def compare(self, parsed: Parsed, mode: Mode) -> None:
        """Note how the server compares the names of a statement."""
        mysqlnames.compare(parsed)

    def loose(self, name: str) -> str:
        """The same for all names that may be one to some server."""
        return mysqlnames.fold(name)

    def is_certain(self, name: str) -> bool:
        """Return True if every server understands the name in the same way."""
        return mysqlnames.fold(name) == name

    def table(self, name: str) -> Table:
        """``schema.name``, without regard to the case of ASCII letters.  Raises ValueError."""
        parts = [
            p[1:-1].replace("``", "`") if p[:1] == "`" else p.strip('"')
            for p in _name_parts(name, "`")
        ]
        return Table(tree.fold(parts[-2]) if len(parts) > 1 else "", tree.fold(parts[-1]))


#: In some character sets these are one character.
_MAY_BE_HALF = re.compile(rb"[\x80-\xff][\\`]")
_MYSQL_CODECS = {
    **dict.fromkeys(("utf8", "utf8mb3", "utf8mb4"), "utf-8"),
    **dict.fromkeys(("latin1", "binary", "ascii"), "latin-1"),
    **{name: name for name in ("cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866")},
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "ujis": "euc-jp",
    "euckr": "euc-kr",
    "gb2312": "gb2312",
}


def _name_parts(name: str, quote: str) -> list[str]:
    pattern = rf"\s*({quote}(?:[^{quote}]|{quote}{quote})+{quote}|[^\s.{quote}]+)\s*(\.|$)"
    parts: list[str] = []
    position = 0
    while position < len(name):
        match = re.compile(pattern).match(name, position)
        if match is None:
            raise ValueError(f"{name!r} is not the name of a table")
        parts.append(match.group(1))
        position = match.end()
        if not match.group(2):
            break
    if not parts or len(parts) > 3 or name.rstrip().endswith("."):
        raise ValueError(f"{name!r} is not the name of a table")
    return parts


LANGUAGES: dict[str, Any] = {"postgresql": Postgresql(), "mysql": Mysql()}


def normal(text: bytes, mode: Mode) -> bytes:
    """The text in UTF-8.  Raises LexError for bytes that the encoding does not have."""
    if not mode.encoding:
        raise LexError("a client encoding that cannot be read safely", 0)
    if text.isascii():
        return text
    try:
        shown = text.decode(mode.encoding)
    except UnicodeDecodeError as error:
        raise LexError("bytes that the client encoding does not have", error.start) from None
    return text if mode.encoding == "utf-8" else shown.encode()


def bound(language: Any, text: bytes, tokens: list[Token], limit: int) -> None:
    """Refuse what may crash or stall a parser, given ``limit`` tokens.  Raises LexError."""
    depth = structure = size = 0
    for kind, start, end in tokens:
        if kind == lexer.COMMENT:
            continue
        structure += 1
        if kind not in lexer.LITERALS:
            size += end - start
        if kind == lexer.OPERATOR and end - start == 1:
            sign = text[start]
            if sign in b"([":
                depth += 1
                if depth > MAX_BRACKETS:
                    raise LexError("brackets nested too deeply", start)
            elif sign in b")]":
                depth -= 1
    limit = min(limit, language.parsed)
    if structure > limit or size > limit * _TOKEN_BYTES:
        raise TooCostlyError(
            f"{structure} tokens ({size} bytes) are left where long lists are cut, "
            f"max_structure allows {limit} ({limit * _TOKEN_BYTES} bytes)",
            0,
        )
