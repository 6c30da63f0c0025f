"""MySQL's and MariaDB's SQL as one of `languages`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

from acra_twisted.errors import LexError
from acra_twisted.sql import (
    lexer,
    mysql,
    mysqlcodecs,
    mysqllexer,
    mysqlnames,
    mysqltokens,
    mysqltrees,
    mysqlversions,
    names,
    tree,
)
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import Value, mysql_value
from acra_twisted.sql.modes import UNKNOWN, Mode, name_parts, normal
from acra_twisted.sql.mysqltokens import ANSI_MODES, UNSAFE_CHARSETS
from acra_twisted.sql.tree import Parsed, Table
from acra_twisted.sql.words import Words

#: In some character sets these are one character.
_MAY_BE_HALF = re.compile(rb"[\x80-\xff][\\`]")
_MYSQL_CODECS = {
    **dict.fromkeys(("utf8", "utf8mb3", "utf8mb4"), "utf-8"),
    **dict.fromkeys(("binary", "ascii"), "latin-1"),
    **{name: name for name in ("cp1250", "cp1251", "cp1257", "cp850", "cp852")},
    **mysqlcodecs.NAMES,
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "koi8r": "koi8-r",
    "euckr": "cp949",
    "gb2312": "gb2312",
}


class Mysql:
    """``sql_mode`` and ``character_set_client`` change how a text is read."""

    name = "mysql"
    quote = b"`"
    trees = mysqltrees
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

    def may_differ(self, text: bytes) -> bool:
        """Tell whether a text may have a comment that only some servers run."""
        return mysqlversions.may_differ(text)

    def readings(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> Sequence[bytes]:
        """Read comments that some servers run in both ways: see `mysqlversions.readings`."""
        if not mysqlversions.may_differ(text):
            return (text,)
        if not text.isascii() and mode.encoding != "utf-8":
            raise LexError("a comment that some servers run, in another encoding than UTF-8", 0)
        return mysqlversions.readings(text, limit, partial(self._tokens, text, mode))

    def tokens(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> list[Token]:
        """Raises LexError; also where a text means two things and which is not known."""
        return self._tokens(text, mode, limit, {})

    def _tokens(
        self, text: bytes, mode: Mode, limit: int, chosen: Mapping[bytes, bool]
    ) -> list[Token]:
        if mode.backslash is None:
            half = _MAY_BE_HALF.search(text)
            if half is not None:
                raise LexError("a sign that may be half a character", half.start())
        found: list[Token] | None = None
        for ansi in (False, True) if mode.ansi is None else (mode.ansi,):
            for backslash in (True, False) if mode.backslash is None else (mode.backslash,):
                tokens = mysqllexer.tokens(text, ansi, not backslash, limit, chosen)
                if found is None:
                    found = tokens
                elif [token[1:] for token in tokens] != [token[1:] for token in found]:
                    raise LexError("a text that two settings of sql_mode read differently", 0)
        assert found is not None  # noqa: S101 - there is a reading
        certain = mode.backslash is not None
        if not text.isascii() and (mode.encoding != "utf-8" or not certain):
            mysqllexer.check_letters(text, found, certain)
        return found

    def normal(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> bytes:
        """See `modes.normal`.  Strings may have any bytes: dumps have cells of BLOBs in them.

        None of these makes a sign of ASCII a part of a character in UTF-8.
        """
        try:
            return normal(text, mode)
        except LexError:
            if mode.encoding != "utf-8" or mode.backslash is None:
                raise
        for kind, start, end in self.tokens(text, mode, limit):
            if kind != lexer.STRING:
                normal(text[start:end], mode)
        return text

    def parse(self, text: bytes, tokens: list[Token], mode: Mode) -> list[Parsed]:
        """Parse canonical text, which no mode changes."""
        return mysql.parse(text, tokens)

    def repeated(self, text: bytes, tokens: list[Token], most: int) -> tuple[int, int]:
        """Return nothing: each token stands once in the tree."""
        return 0, 0

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
            for p in name_parts(name, "`")
        ]
        return Table(tree.fold(parts[-2]) if len(parts) > 1 else "", tree.fold(parts[-1]))
