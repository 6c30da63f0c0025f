"""How each SQL language is read by `redact`: its tokens, and the words that begin a statement.

The parsers are not needed for it: who shows statements does not import them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Final

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqllexer, mysqlversions
from acra_twisted.sql.lexer import Token

_SHARED: Final = frozenset(
    b"SELECT INSERT UPDATE DELETE CREATE ALTER DROP TRUNCATE BEGIN START COMMIT ROLLBACK SAVEPOINT "
    b"RELEASE SET SHOW PREPARE EXECUTE DEALLOCATE EXPLAIN ANALYZE LOCK DO GRANT REVOKE CALL VALUES "
    b"LOAD IMPORT".split()
)
_POSTGRESQL: Final = _SHARED | frozenset(
    b"MERGE COPY RESET LISTEN UNLISTEN NOTIFY DECLARE FETCH MOVE CLOSE VACUUM DISCARD CHECKPOINT "
    b"REINDEX CLUSTER COMMENT REFRESH ABORT END SECURITY REASSIGN".split()
)
_MYSQL: Final = _SHARED | frozenset(
    b"REPLACE USE DESCRIBE DESC HANDLER XA RENAME FLUSH KILL OPTIMIZE REPAIR CHECK CHECKSUM UNLOCK "
    b"INSTALL UNINSTALL PURGE RESET CHANGE STOP SHUTDOWN RESTART CLONE BINLOG CACHE HELP SIGNAL "
    b"RESIGNAL GET".split()
)


#: Three times as fast as the marks of either language; finds them all, and arithmetic.
_MAY_BE_MARKS: Final = re.compile(rb"['\"`$\\#@/-]")


class Reader:
    """Reads the texts of one language.

    ``quote`` encloses names; ``operations`` are the words, in capitals, that a summary may show as
    what a statement does.  ``conforming`` of a method: whether a backslash is an ordinary character
    in a string; None where that is not known.
    """

    __slots__ = ("quote", "operations", "_marks")

    def __init__(self, quote: bytes, operations: frozenset[bytes], marks: str) -> None:
        self.quote = quote
        self.operations = operations
        self._marks = re.compile(marks.encode())

    def has_plain_words_only(self, text: bytes) -> bool:
        """Return True if its literals can only be numbers, and it has no comment."""
        return _MAY_BE_MARKS.search(text) is None or self._marks.search(text) is None

    def tokens(self, text: bytes, conforming: bool | None, limit: int) -> list[Token]:
        """Split a text whose meaning is certain.  Raises LexError for any other, and TooCostlyError
        for more tokens than ``limit``."""
        raise NotImplementedError  # pragma: no cover - abstract

    def first_tokens(self, text: bytes, conforming: bool | None, count: int) -> list[Token]:
        """Return the first tokens of a text that has too many, none where that is not certain."""
        return []


class PostgresqlReader(Reader):
    """Reads PostgreSQL's texts: see `lexer`."""

    def tokens(self, text: bytes, conforming: bool | None, limit: int) -> list[Token]:
        """Split a text; see `Reader`."""
        if conforming and text.find(b"\\'") >= 0:
            # Its author may have meant to escape the quote; then a value follows.
            conforming = None
        return lexer.tokens(text, conforming, limit)

    def first_tokens(self, text: bytes, conforming: bool | None, count: int) -> list[Token]:
        """Return the first tokens; see `Reader`."""
        if conforming is None or (conforming and text.find(b"\\'") >= 0):
            return []
        return list(islice(lexer.scan(text, conforming), count))


class MysqlReader(Reader):
    """Reads the texts of MySQL and MariaDB: see `mysqllexer`.

    Nobody need know whether ANSI_QUOTES is on: what double quotes enclose is never shown, and a
    text in which they end elsewhere with it cannot be read.
    """

    def tokens(self, text: bytes, conforming: bool | None, limit: int) -> list[Token]:
        """Split a text; see `Reader`."""
        return _hide_unquoted(text, self._tokens(text, conforming, limit, {}))

    def readings(self, text: bytes, conforming: bool | None, limit: int) -> list[bytes]:
        """The texts as which servers may read a text; see `mysqlversions.readings`."""
        return mysqlversions.readings(text, limit, partial(self._tokens, text, conforming))

    def _tokens(
        self, text: bytes, conforming: bool | None, limit: int, chosen: Mapping[bytes, bool]
    ) -> list[Token]:
        if text.find(b"\\") < 0:
            conforming = False
        elif not text.isascii() or (
            conforming and (text.find(b"\\'") >= 0 or text.find(b'\\"') >= 0)
        ):
            # A backslash may be half a character; or was meant to escape the quote behind it.
            conforming = None
        found: list[Token] | None = None
        for ansi in (False, True) if text.find(b'"') >= 0 else (False,):
            for no_backslash in (False, True) if conforming is None else (conforming,):
                tokens = mysqllexer.tokens(text, ansi, no_backslash, limit, chosen)
                if found is None:
                    found = tokens
                elif [token[1:] for token in tokens] != [token[1:] for token in found]:
                    raise LexError("a text that two settings read differently", 0)
        assert found is not None  # noqa: S101 - one of the readings has been made
        if not text.isascii():
            mysqllexer.check_dashes(text, found)
        return found


#: The byte may be a blank, in some character set.
_MAY_BE_NUMBER: Final = re.compile(rb"[\x80-\xff][0-9]").search


def _hide_unquoted(text: bytes, tokens: list[Token]) -> list[Token]:
    """The tokens with each word that begins with a digit as a number, unless it is behind a point:
    it may be a value whose quotes were forgotten.  So is one with a digit behind a byte above
    127."""
    dot, ascii_only = False, text.isascii()
    for at, (kind, start, end) in enumerate(tokens):
        if kind == lexer.WORD and (
            (not dot and 0x30 <= text[start] <= 0x39)
            or (not ascii_only and _MAY_BE_NUMBER(text, start, end) is not None)
        ):
            tokens[at] = (lexer.NUMBER, start, end)
        dot = text[start:end] == b"."
    return tokens


#: Readers by the name of the language, which is a session's `language`.
MYSQL: Final = MysqlReader(b"`", _MYSQL, r"""['"`\\#@]|--|/\*""")
READERS: Final[dict[str, Reader]] = {
    "postgresql": PostgresqlReader(b'"', _POSTGRESQL, r"""['"$\\]|--|/\*"""),
    "mysql": MYSQL,
}
