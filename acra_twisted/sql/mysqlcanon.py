"""MySQL's text as sqlglot is shown it: tokens with one blank between them, and no literal.

No literal, comment, escape or lexing mode reaches the parser: literal *i* is ``'Li'`` or
``900000000 + i``.  What it does not know and what changes no meaning is left out.  Functions and
types of other databases are names to it (`acra_twisted.sql.mysqlforeign`).
"""

from __future__ import annotations

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqlclauses, mysqlforeign, tree
from acra_twisted.sql.lexer import Token

_MAX_DEPTH = 100
_MAX_JOINS = 8
#: The number that stands for literal 0.
FIRST_NUMBER = 900_000_000
_MODIFIERS = frozenset(("low_priority", "delayed", "high_priority", "quick"))
_MODIFIED = frozenset(("insert", "update", "delete", "ignore", "replace"))
#: Names of introducers: SHOW CHARACTER SET of MySQL 8 and MariaDB.
_CHARSETS = frozenset(
    ("armscii8", "ascii", "big5", "binary", "cp1250", "cp1251", "cp1256", "cp1257", "cp850")
    + ("cp852", "cp866", "cp932", "dec8", "eucjpms", "euckr", "gb18030", "gb2312", "gbk")
    + ("geostd8", "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2")
    + ("latin5", "latin7", "macce", "macroman", "sjis", "swe7", "tis620", "ucs2", "ujis")
    + ("utf16", "utf16le", "utf32", "utf8", "utf8mb3", "utf8mb4")
)
#: First words that are shown as others.
CHANGED_VERBS = {"replace": "INSERT", "do": "SELECT", "analyze": "EXPLAIN"}
_DROPPING = (["drop"], ["drop", "temporary"])
#: Words between SELECT and what is selected.
_SELECTING = frozenset(
    ("select", "high_priority", "straight_join", "sql_small_result", "sql_big_result")
    + ("sql_buffer_result", "sql_calc_found_rows", "sql_cache", "sql_no_cache")
)
_VALUES_FOR = {b"next": "NEXTVAL", b"previous": "LASTVAL"}
#: Words of queries, and what stands behind VALUES in a partition.
_QUERIES = frozenset((b"select", b"with", b"table", b"from", b"as"))
_BOUNDS = (b"less", b"in")
_EXPLAINED = frozenset(("select", "insert", "update", "delete", "replace", "with", "format"))
_VALUES = (lexer.STRING, lexer.HEX, lexer.BIT)
_QUOTES = "'\"`"
#: Stands for a dot between names until all is joined: no text has it.
_DOT = "\0"


class Canonical:
    """``text`` for sqlglot, and the kind and span of every literal by ordinal.

    ``left_out`` are the words of a clause that no parser is shown, ``of_left_out`` the ordinals of
    its literals, ``writes_file`` tells that it names a file of the server.  ``clauses`` are those
    of `mysqlclauses` with their spots, ``of_clauses`` the ordinals of their literals.
    """

    __slots__ = (
        "text",
        "literals",
        "left_out",
        "of_left_out",
        "writes_file",
        "clauses",
        "of_clauses",
    )

    def __init__(
        self,
        text: str,
        literals: list[Token],
        left_out: tuple[str, ...],
        of_left_out: frozenset[int],
        writes_file: bool,
        clauses: tuple[str, ...],
        of_clauses: frozenset[int],
    ) -> None:
        self.text = text
        self.literals = literals
        self.left_out = left_out
        self.of_left_out = of_left_out
        self.writes_file = writes_file
        self.clauses = clauses
        self.of_clauses = of_clauses


def canonical(text: bytes, tokens: list[Token]) -> Canonical:
    """Raises LexError where a parser could stall on the text, or a name is not UTF-8."""
    out: list[str] = []
    literals: list[Token] = []
    previous, depth, joins = "", 0, 0
    clause, writes_file = _into(text, tokens)
    left_out: list[str] = []
    clauses: list[str] = []
    of_clauses: set[int] = set()
    of_left_out: set[int] = set()
    kept = [n for n, token in enumerate(tokens) if token[0] not in (lexer.COMMENT, lexer.HINT)]
    words = [text[tokens[n][1] : tokens[n][2]].lower() for n in kept]
    sequences = _sequences(kept, words)
    clause |= _merged(text, tokens) | _partitions(kept, words)
    spoken = mysqlclauses.Words([tokens[n][0] for n in kept], words)
    replaced = {kept[at]: shown for at, shown in mysqlclauses.shown(spoken).items()}
    clause |= replaced.keys()
    for place, (kind, start, end) in enumerate(tokens):
        if kind in (lexer.COMMENT, lexer.HINT):
            continue
        if place in sequences:
            out.append(sequences[place])
            previous = ""
            continue
        if place in clause:
            shown = replaced.get(place)
            word = "?"
            if kind == previous == lexer.STRING:
                literals[-1] = (kind, literals[-1][1], end)
            elif kind in lexer.LITERALS:
                (of_left_out if shown is None else of_clauses).add(len(literals))
                literals.append((kind, start, end))
            else:
                word = tree.fold(_decoded(text, start, end))
            if shown is None:
                left_out.append(word)
            else:
                clauses.append(f"{shown.spot} {word}")
                out.append(shown.text)
                depth += (shown.text == "(") - (shown.text == ")")
                if depth > _MAX_DEPTH:
                    raise LexError("nested too deeply", start)
            previous = kind
            continue
        if kind in (lexer.STRING, lexer.HEX, lexer.BIT):
            if kind == previous == lexer.STRING:
                literals[-1] = (kind, literals[-1][1], end)
                continue
            out.append(f"'L{len(literals)}'")
            literals.append((kind, start, end))
        elif kind == lexer.NUMBER:
            out.append(str(FIRST_NUMBER + len(literals)))
            literals.append((kind, start, end))
        elif kind == lexer.NULL:
            out.append("NULL")
        else:
            word = _decoded(text, start, end)
            low = tree.fold(word)
            if kind == lexer.WORD:
                if low in CHANGED_VERBS and (not out or out[-1] == ";"):
                    word = _verb(low, text, tokens, place)
                elif (
                    out
                    and _is_modifier(low, out[-1].lower())
                    or low[:1] == "_"
                    and low[1:] in _CHARSETS
                ):
                    previous = kind
                    continue
                elif low == "tables" and len(out) < 3 and [o.lower() for o in out] in _DROPPING:
                    word = "TABLE"
                elif low == "distinctrow" and out and out[-1].lower() in _SELECTING:
                    word = "DISTINCT"
                elif mysqlforeign.is_foreign(low):
                    word = f"`{mysqlforeign.marked(word)}`"
                elif not word.isidentifier() or not word.isascii():
                    word = f"`{word}`"
                joins += (low in ("join", "straight_join")) - (low in ("on", "using"))
            elif kind == lexer.QUOTED:
                if word[0] == '"':
                    word = _in_backticks(word[1:-1].replace('""', '"'))
                name = word[1:-1]
                if mysqlforeign.is_foreign(tree.fold(name)):
                    word = f"`{mysqlforeign.marked(name)}`"
            elif kind == lexer.VARIABLE:
                word = _variable(word)
            elif low == ".":
                word = _DOT
            elif low in ("(", "["):
                depth += 1
            elif low in (")", "]"):
                depth -= 1
            elif low == ";":
                joins = 0
            if depth > _MAX_DEPTH or joins > _MAX_JOINS:
                raise LexError("nested too deeply", start)
            out.append(word)
        previous = kind
    joined = " ".join(filter(None, out)).replace(f" {_DOT} ", ".").replace(_DOT, ".")
    return Canonical(
        joined,
        literals,
        tuple(left_out),
        frozenset(of_left_out),
        writes_file,
        tuple(clauses),
        frozenset(of_clauses),
    )


def _decoded(text: bytes, start: int, end: int) -> str:
    try:
        return text[start:end].decode()
    except UnicodeDecodeError:
        raise LexError("bytes that are not UTF-8", start) from None


def _in_backticks(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _variable(word: str) -> str:
    """Return a variable whose name may be quoted in any way, with its name as a parser reads it in
    every mode: backslashes in it escape nothing."""
    at = 2 if word.startswith("@@") else 1
    if word[at:][:1] not in _QUOTES or len(word) == at:
        return word
    quote, name = word[at], word[at + 1 : -1]
    return word[:at] + _in_backticks(name.replace(quote * 2, quote))


def _is_modifier(word: str, before: str) -> bool:
    """LOW_PRIORITY, QUICK and the like, and ALL behind SELECT: sqlglot does not know them, or takes
    them for names."""
    if word in _MODIFIERS:
        return before in _MODIFIED
    if word == "all":
        return before in _SELECTING
    return word == "ignore" and before in ("update", "delete")


def _verb(low: str, text: bytes, tokens: list[Token], place: int) -> str:
    """Return a word that sqlglot understands in place of a statement's first word."""
    if low == "analyze":
        # MariaDB's EXPLAIN ANALYZE; ANALYZE TABLE is another statement.
        after = [t for t in tokens[place + 1 : place + 20] if t[0] == lexer.WORD][:1]
        word = tree.fold(_decoded(text, *after[0][1:])) if after else ""
        return "EXPLAIN" if word in _EXPLAINED else "ANALYZE"
    return CHANGED_VERBS[low]


def _sequences(kept: list[int], words: list[bytes]) -> dict[int, str]:
    """Map places to what is shown of NEXT VALUE FOR and PREVIOUS VALUE FOR a sequence: a call.

    ``kept`` are the places of tokens that are no comments, ``words`` their texts in small letters.
    """
    found: dict[int, str] = {}
    for at, word in enumerate(words):
        function = _VALUES_FOR.get(word)
        if function is None or words[at + 1 : at + 3] != [b"value", b"for"]:
            continue
        end = at + (6 if words[at + 4 : at + 5] == [b"."] else 4)
        name = b"".join(words[at + 3 : end]).decode("utf-8", "replace")
        found.update(dict.fromkeys(kept[at:end], ""))
        found[kept[at]] = f"{function} ( {name} )"
    return found


def _merged(text: bytes, tokens: list[Token]) -> frozenset[int]:
    """Places of the tokens of UNION = (a, b), an option of a table."""
    first = text[tokens[0][1] : tokens[0][2]].lower() if tokens else b""
    if first not in (b"create", b"alter"):
        return frozenset()
    words = [text[start:end].lower() for _, start, end in tokens]
    found: set[int] = set()
    begin = -1
    for place, word in enumerate(words):
        if begin < 0 and word == b"union" and words[place + 1 : place + 3] == [b"=", b"("]:
            begin = place
        elif begin >= 0 and word == b")":
            found.update(range(begin, place + 1))
            begin = -1
    return frozenset(found)


def _partitions(kept: list[int], words: list[bytes]) -> frozenset[int]:
    """Places of the tokens of PARTITION BY behind a table that is made; see `_sequences`.

    It calls nothing that anybody has written, and reads no table; one with a query in it or behind
    it is left for the parser.
    """
    if words[:1] != [b"create"] or b";" in words:
        return frozenset()
    depth, begin = 0, -1
    for at, word in enumerate(words):
        depth += (word == b"(") - (word == b")")
        behind = words[at + 1] if at + 1 < len(words) else b""
        if begin < 0:
            if not depth and word == b"partition" and behind == b"by":
                begin = at
        elif word in _QUERIES or (word == b"values" and behind not in _BOUNDS):
            return frozenset()
    return frozenset(kept[begin:]) if begin > 0 else frozenset()


def _into(text: bytes, tokens: list[Token]) -> tuple[frozenset[int], bool]:
    """Places of the tokens of ``INTO @variable`` and ``INTO OUTFILE``, and whether it is a file."""
    found: set[int] = set()
    files = False
    for place, (kind, start, end) in enumerate(tokens):
        if kind != lexer.WORD or text[start:end].lower() != b"into":
            continue
        clause = _Clause(text, tokens, place + 1)
        if clause.variables():
            found.update(range(place, clause.at))
        elif clause.file():
            files = True
            found.update(range(place, clause.at))
    return frozenset(found), files


class _Clause:
    """Walks the tokens behind INTO; ``at`` is the place of the first that is not its own."""

    def __init__(self, text: bytes, tokens: list[Token], at: int) -> None:
        self._text, self._tokens = text, tokens
        self.at = at

    def _next(self) -> tuple[int, str, str] | None:
        """The place, kind and text of the next token that is no comment."""
        for at in range(self.at, len(self._tokens)):
            kind, start, end = self._tokens[at]
            if kind not in (lexer.COMMENT, lexer.HINT):
                return at, kind, self._text[start:end].lower().decode("latin-1")
        return None

    def _take(self, *wanted: str) -> bool:
        """Step over one of the words."""
        found = self._next()
        if found is None or found[1] not in (lexer.WORD, lexer.OPERATOR) or found[2] not in wanted:
            return False
        self.at = found[0] + 1
        return True

    def _take_kind(self, *wanted: str) -> bool:
        """Step over a token of one of the kinds."""
        found = self._next()
        if found is None or found[1] not in wanted:
            return False
        self.at = found[0] + 1
        return True

    def variables(self) -> bool:
        """``@a, @b``."""
        if not self._take_kind(lexer.VARIABLE):
            return False
        while self._take(","):
            if not self._take_kind(lexer.VARIABLE):
                return False
        return True

    def file(self) -> bool:
        """A file's name, and how it is written."""
        if not self._take("outfile", "dumpfile") or not self._take_kind(*_VALUES):
            return False
        if self._take("character") and self._take("set") or self._take("charset"):
            self.at += 1
        if self._take("fields", "columns"):
            self._options("terminated", "optionally", "enclosed", "escaped", "by")
        if self._take("lines"):
            self._options("starting", "terminated", "by")
        return True

    def _options(self, *words: str) -> None:
        """Step over the words and their values."""
        while self._take(*words) or self._take_kind(*_VALUES):
            pass
