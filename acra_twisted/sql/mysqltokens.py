"""MySQL statements that no parser analyses for us, read by their tokens.

Sources: the statements' syntax in MySQL's and MariaDB's manuals.  What is not recognised here and
not analysed elsewhere is opaque.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from acra_twisted.sql import lexer, tree
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.mysqlstatements import ACTS, CODE, PLAIN, SHOWS
from acra_twisted.sql.mysqlstatements import statements as statements_table
from acra_twisted.sql.tree import Node, Parsed, Table
from acra_twisted.sql.words import Words

#: Character sets whose second bytes can be quotes or backslashes: never read.
UNSAFE_CHARSETS = frozenset(("big5", "cp932", "gb18030", "gbk", "sjis"))
#: Modes in which double quotes enclose names.
ANSI_MODES = frozenset(("ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"))
_SINGLE_BYTE_OR_SAFE = frozenset(
    ("armscii8", "ascii", "binary", "cp1250", "cp1251", "cp1256", "cp1257", "cp850")
    + ("cp852", "cp866", "dec8", "eucjpms", "euckr", "gb2312", "geostd8", "greek", "hebrew")
    + ("hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2", "latin5", "latin7", "macce")
    + ("macroman", "swe7", "tis620", "ujis", "utf8", "utf8mb3", "utf8mb4")
)
_LISTS = frozenset(("checksum", "optimize", "analyze", "check", "repair"))
_CODE = {
    "call": "CALL runs code that is not in the text",
    "prepare": "PREPARE takes its text from a value",
    "execute": "EXECUTE runs a statement that is not in the text",
    "begin": "a compound statement carries code",
    "install": "a plugin brings code",
    "set": "SET STATEMENT carries another statement",
    "create": "a routine, a trigger, an event or a server carries code",
}
#: First words of statements whose text may not show what they do.
_UNSEEN = frozenset(
    (*_CODE, "alter", "do", "drop", "grant", "load", "revoke", "uninstall", "xa")
    + ("backup", "binlog", "change", "flush", "help", "kill", "purge", "reset", "shutdown")
    + ("signal", "resignal", "start", "stop", "get", "if", "case", "loop", "repeat", "while", "for")
)
#: Names of files begin so, which a server finds under another name.
OF_FILES = "#mysql50#"
#: Changes of a table that name nothing but its parts: its keys around rows of a dump, its character
#: set, its partitions.
_changes_itself = re.compile(
    r"(?:dis|en)able keys|convert to (?:character set|charset) \S+(?: collate \S+)?"
    r"|(?:drop|truncate) partition \w+(?: , \w+)*"
).fullmatch
_LOAD_INDEX = ["load", "index", "into", "cache"]
_HANDLES = frozenset(("savepoint", "release", "deallocate"))
_SCOPES = frozenset(("global", "session", "local", "persist", "persist_only"))
_OF_MODE = ["(", "@@sql_mode", ","]
#: Kinds of values of settings: the server tells which one a variable has given it.
_GIVEN = (lexer.STRING, lexer.WORD, lexer.VARIABLE)


def statements(text: bytes, tokens: list[Token]) -> list[list[Token]]:
    """The tokens of each statement, without comments and the semicolons between."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        kind, start, end = token
        if kind == lexer.OPERATOR and text[start:end] == b";":
            parts.append([])
        elif kind not in (lexer.COMMENT, lexer.HINT):
            parts[-1].append(token)
    return [part for part in parts if part]


def word(text: bytes, token: Token) -> str:
    """A token as text: names without their quotes, words in lower case."""
    kind, start, end = token
    shown = text[start:end].decode("utf-8", "replace")
    if kind == lexer.QUOTED:
        quote = shown[0]
        return tree.fold(shown[1:-1].replace(quote * 2, quote))
    return tree.fold(shown) if kind == lexer.WORD else shown


def first_word(text: bytes, part: list[Token]) -> str:
    """Return the words that a statement begins with."""
    return word(text, part[0]) if part else ""


def names(text: bytes, part: list[Token]) -> frozenset[str]:
    """Every identifier and word of a statement, in lower case."""
    return frozenset(word(text, t) for t in part if t[0] in (lexer.WORD, lexer.QUOTED))


def words(text: bytes, tokens: list[Token]) -> Words:
    """The names of a text that no parser reads."""
    parts = statements(text, tokens)
    firsts = (first_word(text, part) for part in parts)
    found = frozenset[str]().union(*(names(text, part) for part in parts))
    unseen = "immediate" in found or any(name.startswith(OF_FILES) for name in found)
    return Words(found, unseen or any(first in _UNSEEN for first in firsts))


class _Cursor:
    """Walks the tokens of a statement."""

    def __init__(self, text: bytes, part: list[Token]) -> None:
        self._text, self._part, self.at = text, part, 0

    @property
    def here(self) -> str:
        """The token at this place; empty at the end."""
        return word(self._text, self._part[self.at]) if self.at < len(self._part) else ""

    def skip(self, *words: str) -> bool:
        """Step over one of the words."""
        if self.here and self.here in words:
            self.at += 1
            return True
        return False

    def skip_to(self, *words: str) -> None:
        """Step over everything up to one of the words, and over it and those behind it."""
        while self.here and self.here not in words:
            self.at += 1
        while self.skip(*words):
            pass

    def table(self) -> Table | None:
        """A name, with or without its schema."""
        found: list[str] = []
        while self.at < len(self._part) and len(found) < 2:
            if self._part[self.at][0] not in (lexer.WORD, lexer.QUOTED):
                return None
            found.append(self.here)
            self.at += 1
            if not self.skip("."):
                break
        return Table(found[0] if len(found) > 1 else "", found[-1]) if found else None


def listed(text: bytes, part: list[Token], place: int) -> frozenset[Table]:
    """Tables with commas between, from a place on."""
    cursor = _Cursor(text, part)
    cursor.at = place
    found = [cursor.table()]
    while cursor.skip(","):
        found.append(cursor.table())
    return frozenset(table for table in found if table is not None)


def read(text: bytes, part: list[Token]) -> Parsed | None:
    """A statement that tokens tell enough of; None for one that a parser has to read."""
    cursor = _Cursor(text, part)
    verb = cursor.here
    cursor.at = 1
    parsed = Parsed(tree.OTHER, Node("Tokens", {"words": _shape(text, part)}))
    parsed.whole = False
    found: list[Table | None] = []
    if verb == "begin" and (len(part) == 1 or cursor.here == "work"):
        return None
    words = [word(text, token) for token in part]
    if verb in _HANDLES:
        # Its name is the session's own, and no rule can list it.
        parsed.tree = Node("Tokens", {"words": verb})
        return parsed
    kind = CODE if verb == "begin" else statements_table().kind(words)
    if kind in (PLAIN, SHOWS, ACTS, CODE):
        return _unread(parsed, kind, words, names(text, part))
    if verb in ("describe", "desc", "explain") and _is_name(text, part):
        found.append(cursor.table())
    elif verb == "show":
        return _guarded(_show(cursor, parsed, names(text, part)), words)
    elif verb == "start" and cursor.skip("transaction"):
        parsed.kind = tree.BEGIN
    elif verb == "handler":
        found.append(cursor.table())
    elif verb == "lock":
        cursor.skip("table", "tables")
        found += _listed(cursor, len(part))
    elif verb in ("flush", "backup", "cache") or words[:4] == _LOAD_INDEX:
        if verb == "flush":
            cursor.skip_to("table", "tables")
        else:
            cursor.at = 4 if verb == "load" else 2
        found += _listed(cursor, len(part)) if cursor.here not in ("", "with") else []
    elif verb == "alter" and cursor.skip("table"):
        found.append(cursor.table())
        if not _changes_itself(" ".join(words[cursor.at :])):
            return None
    elif verb == "rename" and cursor.skip("table", "tables"):
        found += _renamed(cursor, words)
    elif verb in _LISTS:
        cursor.skip("no_write_to_binlog", "local")
        if not cursor.skip("table", "tables"):
            return None
        found += _listed(cursor, len(part))
    elif verb == "load":
        parsed.beyond = "LOAD reads a file"
        parsed.opaque = "LOAD reads a file"
        while cursor.here and not cursor.skip("table"):
            cursor.at += 1
        found.append(cursor.table())
    else:
        return None
    if None in found:
        parsed.opaque = parsed.opaque or "a statement that is not analysed"
    parsed.tables = frozenset(t for t in found if t is not None)
    known = {name for table in parsed.tables for name in table}
    parsed.names = names(text, part) - {verb} - known
    return _guarded(parsed, words)


def _shape(text: bytes, part: list[Token]) -> str:
    return " ".join("?" if t[0] in lexer.LITERALS else word(text, t) for t in part)


def _is_name(text: bytes, part: list[Token]) -> bool:
    """DESCRIBE of a table, not of a statement."""
    statements = ("select", "insert", "update", "delete", "replace", "with", "table", "values")
    more = ("format", "extended", "partitions", "analyze", "for", "into", "(")
    second = word(text, part[1]) if len(part) > 1 else ""
    return bool(second) and second not in statements and second not in more


def _show(cursor: _Cursor, parsed: Parsed, given: frozenset[str]) -> Parsed:
    """SHOW COLUMNS, INDEX, CREATE TABLE name a table; the rest of SHOW names none."""
    while cursor.skip("full", "extended"):
        pass
    if cursor.skip("columns", "fields", "index", "indexes", "keys"):
        if cursor.skip("from", "in"):
            table = cursor.table()
            if table is not None and cursor.skip("from", "in"):
                schema = cursor.table()
                table = Table(schema.name if schema else "", table.name)
            parsed.tables = frozenset((table,)) if table else frozenset()
    elif cursor.skip("create"):
        if cursor.skip("table", "view", "sequence"):
            table = cursor.table()
            parsed.tables = frozenset((table,)) if table else frozenset()
    parsed.names = given - {name for table in parsed.tables for name in table} - {"show"}
    return parsed


def _guarded(parsed: Parsed, words: list[str]) -> Parsed:
    """No permission for its tables covers what a subquery reads."""
    if "(" in words and not {"select", "values", "table", "with"}.isdisjoint(words):
        parsed.apart = "a subquery in a statement that is not analysed"
    return parsed


def _unread(parsed: Parsed, kind: str, words: list[str], given: frozenset[str]) -> Parsed:
    """A statement whose first words tell all that can be told."""
    verb = words[0]
    parsed.names = given - {verb}
    if kind == CODE:
        parsed.opaque = _CODE.get(verb, f"{verb.upper()} reaches what the text does not name")
    elif kind == ACTS:
        parsed.apart = f"{verb.upper()} acts beyond tables"
    elif kind == SHOWS:
        parsed.values = f"{' '.join(words[:2]).upper()} may show values of tables"
    if verb == "show" and "(" not in words:
        # Names of schemas; a table can be reached only by a subquery.
        parsed.names = frozenset()
    return parsed


def _renamed(cursor: _Cursor, words: list[str]) -> list[Table | None]:
    """Names of tables and their new ones, with None among them where anything else is written."""
    if words[cursor.at : cursor.at + 2] == ["if", "exists"]:
        cursor.at += 2
    found: list[Table | None] = []
    while True:
        found.append(cursor.table())
        if cursor.skip("wait"):
            cursor.at += 1
        else:
            cursor.skip("nowait")
        if not cursor.skip("to"):
            return [*found, None]
        found.append(cursor.table())
        if not cursor.skip(","):
            return [*found, None] if cursor.here else found


def _listed(cursor: _Cursor, size: int) -> list[Table | None]:
    """Names of tables with commas between, and with something behind each."""
    found = [cursor.table()]
    depth = 0
    while cursor.at < size:
        sign = cursor.here
        cursor.at += 1
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            found.append(cursor.table())
    return found


class Settings(NamedTuple):
    """The effect of a statement on lexing: ``any`` if it has one, and why it is refused for it."""

    any: bool
    refused: str


_NONE = Settings(False, "")


def lexing_settings(text: bytes, part: list[Token]) -> Settings:
    """Return the effect of SET on sql_mode and on the client's character set."""
    words, kinds = [word(text, t) for t in part], [t[0] for t in part]
    if not words or words[0] != "set":
        return _NONE
    _settle(words, kinds)
    found = _NONE
    for start, end in assignments(words):
        setting = _assignment(words[start:end], kinds[start:end])
        if setting.refused:
            return setting
        found = setting if setting.any else found
    return found


def _settle(words: list[str], kinds: list[str]) -> None:
    """Take each ``concat(@@sql_mode, 'X')`` for a variable, which the server tells of as well: no
    routine is called by it.  Dumps write it."""
    for place, name in enumerate(words):
        end = place + 4
        if name != "concat" or [w.lower() for w in words[place + 1 : end]] != _OF_MODE:
            continue
        end += words[end : end + 1] == ["_utf8"]
        if kinds[end : end + 1] == [lexer.STRING] and words[end + 1 : end + 2] == [")"]:
            words[place : end + 2] = ["@@sql_mode"]
            kinds[place : end + 2] = [lexer.VARIABLE]


def assignments(words: list[str]) -> list[tuple[int, int]]:
    """Return where each assignment of a SET, given by its words, begins and ends."""
    commas = [n for n, w in enumerate(words) if w == ","]
    edges = [0, *commas, len(words)]
    return [(a + 1, b) for a, b in zip(edges, edges[1:], strict=False)]


def _assignment(item: list[str], kinds: list[str]) -> Settings:
    while item and (item[0] in _SCOPES or item[0].rstrip(".") in ("@@", "@@session", "@@global")):
        item, kinds = item[1:], kinds[1:]
        if item and item[0] == ".":
            item, kinds = item[1:], kinds[1:]
    if not item:
        return _NONE
    name = item[0].lstrip("@").lower().rpartition(".")[2].strip("`'\"")
    if item[0].startswith("@") and not item[0].startswith("@@"):
        return _NONE
    if name == "names" or (name in ("character", "char") and item[1:2] == ["set"]):
        value = item[1:] if name == "names" else item[2:]
        return _charset(value, kinds[-len(value) :] if value else [])
    if name == "charset":
        return _charset(item[1:], kinds[1:])
    if name in ("character_set_client", "character_set_connection", "collation_connection"):
        return _charset(item[2:], kinds[2:])
    if name == "sql_mode":
        plain = len(item) == 3 and kinds[2] in (*_GIVEN, lexer.NUMBER)
        return Settings(True, "" if plain else "sql_mode is set to what the text does not show")
    return _NONE


def _charset(value: list[str], kinds: list[str]) -> Settings:
    if not value or kinds[0] not in _GIVEN or (kinds[0] == lexer.VARIABLE and len(value) > 1):
        return Settings(True, "the character set is set to what the text does not show")
    if kinds[0] == lexer.VARIABLE:
        return Settings(True, "")
    name = value[0].strip("'\"").lower().partition("_")[0]
    if name not in _SINGLE_BYTE_OR_SAFE:
        return Settings(True, "a character set that cannot be read safely")
    return Settings(True, "")
