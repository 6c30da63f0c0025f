"""The exceptions of the program.

Four things go wrong in a proxy and each has its own end.  A peer sends what it must not
(`WireError`, `HandshakeError`): its connection ends.  The operator asks for what cannot be had
(`ConfigError`): the program does not start.  Stored data cannot be opened (`CryptoError`): it stays
as stored.  Anything else that is raised is our own bug: the
statement is refused and the traceback goes to the log.  A refusal by policy is none of these; it
is a verdict (see `acra_twisted.verdicts`).

Texts never contain a value out of a query, a key or a password.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from acra_twisted.endreason import EndReason
from acra_twisted.events import WRONG_CONFIGURATION


class AcraError(Exception):
    """Root of the tree.  ``status`` is the exit status of a tool that it ends."""

    status: ClassVar[int] = 1


class ConfigError(AcraError):
    """The configuration cannot be used.  ``str()`` is a line that says where and what to do; where
    several mistakes were found at once, a line for each.

    ``parts`` are these lines with the event's code of each, for the log; ``settings`` what could
    be read all the same, for whoever writes it there.
    """

    def __init__(self, text: str, where: str = "", code: int = WRONG_CONFIGURATION) -> None:
        super().__init__(f"{where}: {text}" if where else text)
        self.settings: Any = None
        self.where = where
        self.parts: tuple[tuple[int, str], ...] = tuple(
            (code, line) for line in str(self).splitlines()
        )


class UnparsedRule(ConfigError):
    """The text of a rule of the firewall is no statement of its language."""


def raise_together(problems: Sequence[ConfigError]) -> None:
    """Raises a ConfigError that has them all, a line each and each once; nothing if there are
    none."""
    if problems:
        parts = tuple(dict.fromkeys(part for problem in problems for part in problem.parts))
        together = ConfigError("\n".join(dict.fromkeys(line for _, line in parts)))
        together.parts = parts
        raise together


def try_all(*checks: Callable[[], object]) -> None:
    """Make all checks, whichever of them raise.  Raises a ConfigError that has all mistakes."""
    problems: list[ConfigError] = []
    for check in checks:
        try:
            check()
        except ConfigError as error:
            problems.append(error)
    raise_together(problems)


class WireError(AcraError):
    """A peer broke the protocol.

    ``side`` is ``"client"``, ``"database"`` or ``"link"``.  ``reason`` is what the client is told
    where a reply is still legal; None: it is told nothing.
    """

    def __init__(self, side: str, text: str, reason: EndReason | None = EndReason.PROTOCOL) -> None:
        super().__init__(text)
        self.side = side
        self.reason = reason


class FrameTooLarge(WireError):
    """A length field announces more than the limit for its message; nothing was allocated."""


class RolledBackError(AcraError):
    """A result was refused in a transaction that has gone on behind it.  The session ends, so that
    the database rolls back."""


class QuestionError(AcraError):
    """A question of ours to a session's database has no answer.  ``sqlstate`` is the database's
    reason, empty if it has given none, and ``number`` that of MySQL's error, 0 for none."""

    def __init__(self, text: str, sqlstate: bytes = b"", number: int = 0) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate
        self.number = number


class HandshakeError(AcraError):
    """A peer could not be authenticated, or took too long about it."""


class ForeignProtocol(HandshakeError):
    """A peer speaks ``protocol``, a name of `transport.spoken`, where another is expected."""

    def __init__(self, protocol: str) -> None:
        super().__init__(f"the peer speaks {protocol}")
        self.protocol = protocol


class CryptoError(AcraError):
    """Something encrypted cannot be opened: another key, changed, cut off, or not what it seems.

    One text for all of these where the difference could tell an attacker something.
    """


class KeyStoreError(AcraError):
    """A key cannot be had.  ``str()`` says which and what to do."""


class TokenStoreError(AcraError):
    """Tokens cannot be had or kept: their store is away, or a record in it is damaged.  The
    statement fails; a token is never taken for its value."""


class LexError(AcraError):
    """SQL text that this lexer cannot split into tokens.  ``position`` is a byte offset."""

    def __init__(self, why: str, position: int) -> None:
        super().__init__(f"{why} at byte {position}")
        self.why = why
        self.position = position


class UnscannableError(LexError):
    """SQL text that the server's own lexer refuses, too: no part of it can be run."""


class TooCostlyError(LexError):
    """SQL text that would take longer to analyse than a limit allows."""


class NotEverywhereError(LexError):
    """Some servers run the comment with the mark ``mark``, and some do not."""

    def __init__(self, mark: bytes, position: int) -> None:
        super().__init__("a comment that some servers run and others do not", position)
        self.mark = mark
