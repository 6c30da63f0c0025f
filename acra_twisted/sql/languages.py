"""The two SQL languages behind one face: what the censor needs to know of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol

from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import Value
from acra_twisted.sql.modes import Mode as Mode
from acra_twisted.sql.modes import normal as normal
from acra_twisted.sql.tree import Parsed, Table
from acra_twisted.sql.words import Words

MAX_BRACKETS = 100
#: Bytes of names, words and signs for each token that may be parsed.
_TOKEN_BYTES = 16


class Limits(NamedTuple):
    """Limits of a text: bytes, tokens, and the tokens left to parse once long lists are cut.

    Splitting takes a microsecond or two a token, parsing and matching ten.
    """

    max_text: int = 16 << 20
    max_tokens: int = 200_000
    max_structure: int = 16_000


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

    def may_differ(self, text: bytes) -> bool:
        """Tell whether a text may have several readings: each takes the time of a text."""

    def readings(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> Sequence[bytes]:
        """The texts as which servers of the mode may read a text, all of them certain, in a fixed
        order; the text itself where they read it alike.  Raises LexError as `tokens` does."""

    def tokens(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> list[Token]:
        """Raises LexError; also where a text means two things and which is not known."""

    def normal(self, text: bytes, mode: Mode, limit: int = lexer.MAX_TOKENS) -> bytes:
        """The text in UTF-8.  Raises LexError for bytes that the encoding does not have, where the
        server does not take them."""

    def parse(self, text: bytes, tokens: list[Token], mode: Mode) -> list[Parsed]:
        """Raises tree.UnparsableError, and LexError for what must not be parsed."""

    def repeated(self, text: bytes, tokens: list[Token], most: int) -> tuple[int, int]:
        """Return how many tokens its parser makes of a text beyond those that it has, and their
        bytes but for literals; it counts no more once there are ``most``."""

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


class _Languages(Mapping[str, Any]):
    """The languages by their names.  Each is loaded when it is first asked for: the library that
    parses MySQL's texts takes more than thirty megabytes."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        found = self._loaded.get(name)
        if found is None:
            found = self._loaded[name] = _LOADERS[name]()
        return found

    def __contains__(self, name: object) -> bool:
        return name in _LOADERS

    def __iter__(self) -> Iterator[str]:
        return iter(_LOADERS)

    def __len__(self) -> int:
        return len(_LOADERS)


def _postgresql() -> Any:
    from acra_twisted.sql.postgresqllanguage import Postgresql

    return Postgresql()


def _mysql() -> Any:
    from acra_twisted.sql.mysqllanguage import Mysql

    return Mysql()


_LOADERS: Final[dict[str, Callable[[], Any]]] = {"postgresql": _postgresql, "mysql": _mysql}
LANGUAGES: Final = _Languages()


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
    more, longer = language.repeated(text, tokens, limit)
    structure += more
    size += longer
    if structure > limit or size > limit * _TOKEN_BYTES:
        raise TooCostlyError(
            f"{structure} tokens ({size} bytes) are left where long lists are cut, "
            f"max_structure allows {limit} ({limit * _TOKEN_BYTES} bytes)",
            0,
        )
