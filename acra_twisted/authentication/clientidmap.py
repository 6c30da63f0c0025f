r"""The map of logins to client ids: a file of rules, of which the first that matches decides.

A line is a client id and its conditions, all of which must hold::

    # client id    conditions
    -              user=postgres,"acra service"
    payments       user=app_pay database=shop address=10.1.0.0/16,192.0.2.7 tls=yes
    tenant_\1      cert=/CN=(t[0-9]{4}),OU=tenants

``-`` refuses the login.  The words are those of `tokens`, the expressions those of `expressions`.
A login that no line matches has no client id.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import takewhile
from typing import Final, NamedTuple

from acra_twisted.authentication.authfile import NAME_MAX
from acra_twisted.authentication.expressions import Expression
from acra_twisted.authentication.tokens import Token, lines
from acra_twisted.errors import ConfigError, HandshakeError, raise_together
from acra_twisted.nearest import meant
from acra_twisted.purposes import is_client_id
from acra_twisted.transport.identity import names_of

#: What the client's leg has: no TLS, TLS, TLS to which the login is bound.
NO: Final = "no"
YES: Final = "yes"
BOUND: Final = "bound"

#: Rules of a map at most.
RULE_LIMIT: Final = 5000

_ALL: Final = "all"
_NONE: Final = "none"
_LOCAL: Final = "local"
_TEXTS: Final = frozenset(("user", "database", "cert", "cert_san", "link"))
_HEX: Final = frozenset(("cert_serial", "cert_sha256"))
CONDITIONS: Final = (*sorted(_TEXTS), *sorted(_HEX), "address", "protocol", "tls")
_HEX_DIGITS: Final = re.compile(r"[0-9a-f]+")
_SHA256_DIGITS: Final = 64
_REFERENCE: Final = re.compile(r"\\([1-9])")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")

_Network = IPv4Network | IPv6Network


class LoginFacts(NamedTuple):
    """The facts about a login on which its client id depends.

    ``user`` is the user that the client has proven to be, None if nothing proves one; ``database``
    the one that it asked for.  ``address`` is the client's, empty at a unix socket.
    ``certificate`` is the client's in DER, verified, or None.  ``link`` is the id that its
    connector has proven, empty without one.  ``tls`` is NO, YES or BOUND; ``protocol`` the name of
    the database's dialect.
    """

    user: bytes | None = None
    database: bytes = b""
    address: str = ""
    certificate: bytes | None = None
    link: str = ""
    tls: str = NO
    protocol: str = ""


class Match(NamedTuple):
    """``client_id`` is empty if the login is refused, and ``why`` says why.  ``line`` is the number
    of the line that has decided, 0 if none has."""

    client_id: str
    line: int
    why: str = ""


class ClientIdMap:
    """Is made by `read`; never changes.  ``constant_ids`` are the client ids that need no
    expression, ``conditions`` the names of the conditions in use, each with the number of its first
    line."""

    def __init__(self, rules: Sequence[_Rule]) -> None:
        self._rules = tuple(rules)
        self.constant_ids: dict[str, int] = {}
        self.conditions: dict[str, int] = {}
        for rule in rules:
            for condition in rule.conditions:
                self.conditions.setdefault(condition.key, rule.line)
            if rule.client_id and not _REFERENCE.search(rule.client_id):
                self.constant_ids.setdefault(rule.client_id, rule.line)

    @classmethod
    def read(cls, data: bytes, name: str) -> ClientIdMap:
        """Read a file's content.  Raises ConfigError, which has all mistakes, each with ``name``
        and the line's number."""
        rules: list[_Rule] = []
        problems: list[ConfigError] = []
        try:
            for number, tokens in lines(data, name):
                if len(rules) == RULE_LIMIT:
                    raise ConfigError(f"more than {RULE_LIMIT} rules", name)
                try:
                    rules.append(_read_rule(number, tokens))
                except ConfigError as error:
                    problems.append(ConfigError(str(error), f"{name}, line {number}"))
        except ConfigError as error:
            problems.append(error)
        raise_together(problems)
        return cls(rules)

    def decide(self, facts: LoginFacts) -> Match:
        """Return the first rule's decision that matches.  A login that cannot be judged by a rule
        is refused there: a later rule was not written for it."""
        values = _Values(facts)
        for rule in self._rules:
            try:
                groups = rule.match(values)
            except (HandshakeError, ValueError) as error:
                return Match("", rule.line, str(error))
            if groups is not None:
                return rule.decision(groups)
        return Match("", 0, "no line matches")

    def unmet(self, facts: LoginFacts) -> Iterator[tuple[int, str]]:
        """Give the line of each rule before the one that decides, and the first of its conditions
        that does not hold."""
        values = _Values(facts)
        last = self.decide(facts).line
        for rule in takewhile(lambda rule: rule.line != last, self._rules):
            yield rule.line, rule.unmet(values)


class _Values:
    """The values of a login's conditions, each found when a rule asks first."""

    def __init__(self, facts: LoginFacts) -> None:
        self._facts = facts
        self._known: dict[str, Sequence[str]] = {}
        self._address: IPv4Address | IPv6Address | None = None

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The client's address, an IPv4 one as such; None at a unix socket.  Raises ValueError."""
        if self._address is None and self._facts.address:
            found = ip_address(self._facts.address.partition("%")[0])
            self._address = getattr(found, "ipv4_mapped", None) or found
        return self._address

    def of(self, condition: str) -> Sequence[str]:
        """Return the values that a condition looks at, none if it is absent.  Raises
        HandshakeError if the client's certificate cannot be read, ValueError if a name is too
        long."""
        values = self._known.get(condition)
        if values is None:
            values = self._known[condition] = self._find(condition)
        return values

    def _find(self, condition: str) -> Sequence[str]:
        facts = self._facts
        if condition == "user":
            return () if facts.user is None else (_name(facts.user),)
        if condition == "database":
            return (_name(facts.database),) if facts.database else ()
        if condition == "link":
            return (facts.link,) if facts.link else ()
        if condition == "tls":
            return (YES, BOUND) if facts.tls == BOUND else (facts.tls,)
        if condition == "protocol":
            return (facts.protocol,)
        if facts.certificate is None:
            return ()
        names = names_of(facts.certificate)
        if condition == "cert_san":
            return names.alternative
        return ({"cert": names.subject, "cert_serial": names.serial}.get(condition, names.sha256),)


def _name(name: bytes) -> str:
    """Return a name as the file has it: bytes that are not UTF-8 are surrogates in both.  Raises
    ValueError for one that the database cuts off: it is another there."""
    if len(name) > NAME_MAX:
        raise ValueError(f"a name is too long: it has more than {NAME_MAX} bytes")
    return name.decode(errors="surrogateescape")


# -- rules ----------------------------------------------------------------------------------------


class _Condition(NamedTuple):
    """Holds if one of its words is a value; ``anything`` and ``nothing`` are its words ``all`` and
    ``none``."""

    key: str
    words: frozenset[str]
    networks: tuple[_Network, ...] = ()
    anything: bool = False
    nothing: bool = False
    expression: Expression | None = None

    def match(self, values: _Values) -> tuple[str, ...] | None:
        """Return the groups of its expression, () without one, or None if it does not hold."""
        if self.key == "address":
            return () if self._holds_address(values.address) else None
        present = values.of(self.key)
        if not present:
            return () if self.nothing else None
        if self.expression is not None:
            found = (self.expression.match(value) for value in present)
            return next((groups for groups in found if groups is not None), None)
        return () if self.anything or not self.words.isdisjoint(present) else None

    def _holds_address(self, address: IPv4Address | IPv6Address | None) -> bool:
        if address is None:
            return self.nothing
        return self.anything or any(address in network for network in self.networks)


class _Rule(NamedTuple):
    """A line.  ``client_id`` is empty if it refuses; it may refer to groups."""

    line: int
    client_id: str
    conditions: tuple[_Condition, ...]

    def match(self, values: _Values) -> tuple[str, ...] | None:
        """Return the groups of its expression, or None if a condition does not hold."""
        groups: tuple[str, ...] = ()
        for condition in self.conditions:
            found = condition.match(values)
            if found is None:
                return None
            groups = groups or found
        return groups

    def unmet(self, values: _Values) -> str:
        """Return the first of its conditions that does not hold; there is one."""
        return next(each.key for each in self.conditions if each.match(values) is None)

    def decision(self, groups: tuple[str, ...]) -> Match:
        """Return what it decides for a login that it matches."""
        if not self.client_id:
            return Match("", self.line, f"line {self.line} refuses it")
        client_id = _REFERENCE.sub(lambda found: groups[int(found[1])], self.client_id)
        if not is_client_id(client_id):
            return Match("", self.line, f"line {self.line} makes of it what is no client id")
        return Match(client_id, self.line)


# -- reading --------------------------------------------------------------------------------------


def _read_rule(number: int, tokens: Sequence[Token]) -> _Rule:
    """Read a line.  Raises ConfigError."""
    client_id = "" if tokens[0].bare == "-" else tokens[0].text
    references = [int(found[1]) for found in _REFERENCE.finditer(client_id)]
    if tokens[0].bare != "-":
        # A group stands for some character of an id; it is long enough only when it is known.
        constant = is_client_id(client_id) if not references else _may_be_id(client_id)
        if not constant:
            raise ConfigError("not a client id: 5 to 256 of A-Z a-z 0-9 - _ and space")
    conditions: dict[str, _Condition] = {}
    for token in tokens[1:]:
        condition = _read_condition(token)
        if condition.key in conditions:
            raise ConfigError(f"{condition.key} twice")
        conditions[condition.key] = condition
    if not conditions:
        raise ConfigError("no condition (write user=all)")
    expressions = [each.expression for each in conditions.values() if each.expression is not None]
    if references:
        if len(expressions) != 1:
            raise ConfigError("\\n needs exactly one expression")
        if max(references) > expressions[0].groups:
            raise ConfigError(f"\\{max(references)} needs a group of the expression")
    return _Rule(number, client_id, tuple(conditions.values()))


def _may_be_id(template: str) -> bool:
    rest = _REFERENCE.sub("", template)
    return not rest or is_client_id(rest.ljust(5, "_"))


def _read_condition(token: Token) -> _Condition:
    if "=" not in token.bare:
        raise ConfigError("condition without =")
    key, value = token.divide("=", 1)
    if key.text not in CONDITIONS or "\0" in key.bare:
        raise ConfigError(f"unknown condition {key.text}{meant(key.text, CONDITIONS, '{}')}")
    if value.bare.startswith("/"):
        if key.text not in _TEXTS:
            raise ConfigError(f"{key.text} takes no expression")
        if value.text == "/":
            raise ConfigError("empty value")
        return _Condition(key.text, frozenset(), expression=Expression(value.text[1:]))
    parts = value.divide(",")
    if not all(part.text for part in parts):
        raise ConfigError("empty value")
    special = {part.bare for part in parts}
    anything, nothing = _ALL in special, _NONE in special
    if key.text == "address":
        nothing = nothing or _LOCAL in special
        networks = tuple(_network(p.text) for p in parts if p.bare not in (_ALL, _NONE, _LOCAL))
        return _Condition(key.text, frozenset(), networks, anything, nothing)
    words = [part.text for part in parts if part.bare not in (_ALL, _NONE)]
    return _Condition(key.text, frozenset(_checked(key.text, words)), (), anything, nothing)


def _checked(key: str, words: Sequence[str]) -> Iterator[str]:
    """Give a condition's words in the form of its values.  Raises ConfigError."""
    known = _known(key)
    for word in words:
        if known is not None and word not in known:
            raise ConfigError(f"unknown {key} {word}{meant(word, known, '{}')}")
        if key not in _HEX:
            yield word
            continue
        digits = word.replace(":", "").lower()
        if not _HEX_DIGITS.fullmatch(digits):
            raise ConfigError(f"{key} is not in hex digits")
        if key == "cert_sha256" and len(digits) != _SHA256_DIGITS:
            raise ConfigError(f"cert_sha256 needs {_SHA256_DIGITS} hex digits")
        yield digits if key == "cert_sha256" else digits.lstrip("0") or "0"


def _known(key: str) -> Collection[str] | None:
    """Return the words that a condition may have; None if it may have any."""
    if key == "tls":
        return (NO, YES, BOUND)
    if key == "protocol":
        # Parsers of SQL come with it: only a map that names protocols needs their names.
        from acra_twisted.sql.languages import LANGUAGES

        return LANGUAGES
    return None


def _network(word: str) -> _Network:
    try:
        network = ip_network(word)
    except ValueError as error:
        # Python's own words for host bits; else it is no network at all.
        bits = "host bits" in str(error)
        raise ConfigError(f"{word} {'has host bits set' if bits else 'is no network'}") from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        raise ConfigError(f"{word}: write it as IPv4")
    return network
