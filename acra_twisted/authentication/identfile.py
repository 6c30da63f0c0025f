r"""Certificates and the users that they prove, by a file in the manner of pg_ident.conf.

A line is the name of a map, a certificate's name and a database user::

    # map   certificate                      user
    acra    CN=reports,OU=batch              reports
    acra    /CN=([a-z]+),OU=staff            \1
    acra    CN=admin                         all

Lines of other maps are not looked at.  A name that begins with ``/`` is an expression for the whole
name; ``\1`` in the user is its first group.  ``all`` without quotes is every user.  The words are
those of `tokens`, the expressions those of `expressions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.authentication.authfile import NAME_MAX
from acra_twisted.authentication.expressions import VALUE_LIMIT, Expression
from acra_twisted.authentication.tokens import Token, lines
from acra_twisted.errors import ConfigError, raise_together

#: Lines of a map at most.
LINE_LIMIT: Final = 5000
_ALL: Final = "all"
_INCLUDE: Final = frozenset(("include", "include_if_exists", "include_dir"))
_FIRST_GROUP: Final = "\\1"


class _Line(NamedTuple):
    """``certificate`` is a name or an expression; ``user`` is None for every user."""

    number: int
    certificate: str | Expression
    user: str | Expression | None

    def allows(self, certificate: str, user: str) -> bool:
        """Return True if it lets this certificate be this user."""
        group = None
        if isinstance(self.certificate, str):
            if certificate != self.certificate:
                return False
        else:
            found = self.certificate.match(certificate)
            if found is None:
                return False
            if self.certificate.groups:
                group = found[1]
        if self.user is None:
            return True
        if isinstance(self.user, Expression):
            return self.user.match(user) is not None
        wanted = self.user if group is None else self.user.replace(_FIRST_GROUP, group)
        return user == wanted


class IdentMap:
    """Is made by `read`; never changes."""

    def __init__(self, found: Sequence[_Line]) -> None:
        self._lines = tuple(found)

    @classmethod
    def read(cls, data: bytes, name: str, wanted: str) -> IdentMap:
        """Read the map ``wanted`` from a file's content.  Raises ConfigError, which has all
        mistakes, each with ``name`` and the line's number; also if the map has no line."""
        found: list[_Line] = []
        problems: list[ConfigError] = []
        others: set[str] = set()
        try:
            for number, tokens in lines(data, name):
                if len(found) == LINE_LIMIT:
                    raise ConfigError(f"more than {LINE_LIMIT} lines", name)
                try:
                    read = _read_line(number, tokens)
                except ConfigError as error:
                    problems.append(ConfigError(str(error), f"{name}, line {number}"))
                    continue
                if tokens[0].text == wanted:
                    found.append(read)
                else:
                    others.add(tokens[0].text)
        except ConfigError as error:
            problems.append(error)
        if not (found or problems):
            known = f"; it has {', '.join(sorted(others))}" if others else ""
            problems.append(ConfigError(f"no line of the map {wanted}{known}", name))
        raise_together(problems)
        return cls(found)

    def line(self, certificate: str, user: bytes) -> int:
        """Return the number of the first line that lets a certificate be ``user``, 0 if none does.

        ``certificate`` is its name, in which bytes that are not UTF-8 are surrogates.  A user's
        name that the database cuts off is another there, and nobody's here.
        """
        if not 0 < len(certificate) <= VALUE_LIMIT or not 0 < len(user) <= NAME_MAX:
            return 0
        asked = user.decode(errors="surrogateescape")
        for each in self._lines:
            if each.allows(certificate, asked):
                return each.number
        return 0


def _read_line(number: int, tokens: Sequence[Token]) -> _Line:
    """Read a line.  Raises ConfigError."""
    if len(tokens) != 3:
        raise ConfigError("a line is the name of a map, a certificate's name and a user")
    name, certificate, user = tokens
    if not (name.text and certificate.text and user.text):
        raise ConfigError("an empty name")
    if name.bare in _INCLUDE:
        raise ConfigError("other files cannot be included")
    known = _name(certificate)
    if user.bare == _ALL:
        return _Line(number, known, None)
    if user.bare.startswith("+"):
        raise ConfigError("members of a role are known to the database alone: name users")
    wanted = _name(user)
    groups = 0 if isinstance(known, str) else known.groups
    if isinstance(wanted, str) and _FIRST_GROUP in wanted and not groups:
        raise ConfigError("\\1 needs an expression with a group for the certificate's name")
    return _Line(number, known, wanted)


def _name(token: Token) -> str | Expression:
    if not token.bare.startswith("/"):
        return token.text
    if token.text == "/":
        raise ConfigError("an empty expression")
    return Expression(token.text[1:])
