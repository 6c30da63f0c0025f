"""``acra-censor``: ask the firewall what it would decide, and why; make rules of a capture."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.handlers import Decision
from acra_twisted.censor.rules import Rules, read_rules
from acra_twisted.errors import AcraError, ConfigError, LexError
from acra_twisted.sql import lexer, skeleton, tree
from acra_twisted.sql.languages import LANGUAGES, Limits, bound
from acra_twisted.sql.redact import hide
from acra_twisted.sql.tree import Parsed, UnparsableError
from acra_twisted.stages.rulesource import read_rule_file
from acra_twisted.stages.statementfile import read_statements
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.learn import learn

PROGRAM = "acra-censor"
#: Where `check` reads, and where it writes warnings; replaced by tests.
INPUT: TextIO = commandline.standard("stdin")
ERRORS: TextIO = commandline.standard("stderr")
_KINDS = {
    "s": "string",
    "e": "escape string",
    "u": "unicode string",
    "d": "dollar-quoted string",
    "x": "hex string",
    "b": "bit string",
    "n": "number",
    "p": "parameter",
    "i": "word",
    "q": "quoted name",
    "U": "unicode name",
    "o": "operator",
    "c": "comment",
    "h": "optimizer hint",
    "v": "variable",
    "k": "null",
}


#: Longer queries are shown by their size.
_SHOWN_MAX = 64 << 10


class Denied(AcraError):
    """The rules deny a query that was asked for."""

    status = 3


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Try rules of AcraCensor, and make rules from captured statements.",
    )
    commandline.add_common(parser)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    check = commands.add_parser(
        "check",
        help="decide the queries on standard input, with one JSON answer a line",
        epilog="Exit status with --config: 0, every query is allowed; 3, one is denied; 1, the "
        "rules or the command line cannot be used. Without: 0 if every line could be decided; "
        "each answer has its verdict.",
    )
    learning = commands.add_parser(
        "learn",
        help="make an allow list of a capture file",
        epilog="Exit status 1 if no captured statement can be made a rule.",
    )
    learning.add_argument(
        "file",
        metavar="FILE",
        help="capture file of a query_capture handler, of the stage, or of Acra",
    )
    explain = commands.add_parser("explain", help="show how a query is read and decided")
    explain.add_argument(
        "query", type=commandline.raw, help="the statement; - reads it from standard input"
    )
    for command in (check, learning, explain):
        command.add_argument(
            "--db", default="postgresql", choices=sorted(LANGUAGES), help="database of the SQL"
        )
    for command in (check, explain):
        command.add_argument(
            "--config",
            default="",
            metavar="FILE",
            help="rule file; with it `check` reads one query a line, else JSON objects",
        )
    return parser


def main(arguments: Any, environment: Environment, output: TextIO) -> None:
    """Raises AcraError, OSError."""
    given = _parser().parse_args(arguments)
    if given.command == "check":
        _check(given, output)
    elif given.command == "learn":
        output.write(learn(read_statements(given.file, allowed=True), given.db, given.file))
    else:
        query = INPUT.read() if given.query == "-" else given.query
        rules = read_rule_file("--config", given.config) if given.config else Rules()
        explain(LANGUAGES[given.db], query.encode("utf-8", "surrogateescape"), rules, output)


# -- check ----------------------------------------------------------------------------------------


def _check(given: Any, output: TextIO) -> None:
    if given.config:
        censor = Censor(LANGUAGES[given.db], read_rule_file("--config", given.config))
        for remark in censor.remarks:
            ERRORS.write(f"{PROGRAM}: {remark}\n")
        asked = denied = 0
        for number, line in enumerate(INPUT, 1):
            text = line.rstrip("\n")
            if text:
                query = _bytes(text)
                decision = censor.decide(query)
                _answer(number, _shown(LANGUAGES[given.db], query), decision, output)
                asked += 1
                denied += not decision.allowed
        if denied:
            raise Denied(f"{denied} of {asked} queries are denied")
        return
    censors: dict[str, Censor] = {}
    for number, line in enumerate(INPUT, 1):
        if line.strip():
            _answer(number, *_judge(line, number, censors), output)


def _judge(line: str, number: int, censors: dict[str, Censor]) -> tuple[str, Decision]:
    """One JSON line: its query without literals, and the decision.  Raises ConfigError where the
    line itself cannot be used."""
    where = f"line {number}"
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigError("not a JSON object", where) from None
    if not isinstance(asked, Mapping) or not isinstance(asked.get("query"), str):
        raise ConfigError('expected {"db": ..., "rules": ..., "query": ...}', where)
    if asked.get("db") not in LANGUAGES:
        raise ConfigError(f"db: expected one of {', '.join(sorted(LANGUAGES))}", where)
    session = asked.get("session") or {}
    if not isinstance(session, Mapping):
        raise ConfigError("session: expected settings", where)
    language = LANGUAGES[asked["db"]]
    rules = asked.get("rules") or {}
    key = json.dumps([asked["db"], rules], sort_keys=True)
    censor = censors.get(key)
    if censor is None:
        if len(censors) >= 256:
            censors.clear()
        censor = Censor(language, read_rules(rules, where, need_version=False))
        censors[key] = censor
    settings = {str(name).lower(): str(value) for name, value in session.items()}
    query, mode = _bytes(asked["query"]), language.mode_of(settings)
    return _shown(language, query, mode), censor.decide(query, mode)


def _shown(language: Any, query: bytes, mode: Any = None) -> str:
    """A query without its literals; only its size where it cannot be split, or is long."""
    mode = mode or language.mode
    if len(query) <= _SHOWN_MAX:
        try:
            # Of several readings the first one has run all comments.
            usual = language.normal(language.readings(query, mode)[0], mode)
            return hide(usual, language.tokens(usual, mode))
        except LexError:
            pass
    return f"({len(query)} bytes)"


def _bytes(text: str) -> bytes:
    """A lone surrogate stands for a raw byte; one that stands for none is kept as it is."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _answer(number: int, query: str, decision: Decision, output: TextIO) -> None:
    verdict = "allow" if decision.allowed else "deny"
    answer = {"verdict": verdict, "by": decision.by, "why": decision.why}
    json.dump({"line": number, "query": query, **answer}, output)
    output.write("\n")
    output.flush()


# -- explain --------------------------------------------------------------------------------------


def explain(language: Any, text: bytes, rules: Rules, output: TextIO) -> None:
    """Tokens, statements with their tables, the redacted text, and what decides."""

    def say(name: str, value: str) -> None:
        output.write(f"{name:<12}{value}\n")

    decision = Censor(language, rules).decide(text)
    say("verdict", "allow" if decision.allowed else "deny")
    say("by", decision.by)
    say("why", decision.why)
    try:
        readings = language.readings(text, language.mode)
    except LexError as error:
        say("lexer", str(error))
        return
    for number, reading in enumerate(readings, 1):
        if len(readings) > 1:
            say("reading", f"{number} of {len(readings)}: servers run different comments")
        _explain(language, reading, say)


def _explain(language: Any, text: bytes, say: Callable[[str, str], None]) -> None:
    """Explain one reading of a text."""
    try:
        usual = language.normal(text, language.mode)
        tokens = language.tokens(usual, language.mode)
    except LexError as error:
        say("lexer", str(error))
        return
    for kind, start, end in tokens:
        literal = kind in lexer.LITERALS or kind == lexer.COMMENT
        shown = f"({end - start} bytes)" if literal else usual[start:end].decode("utf-8", "replace")
        say("token", f"{start:>5} {_KINDS[kind]:<22}{shown}")
    say("redacted", hide(usual, tokens))
    found = skeleton.split(usual, language.quote)
    plain = found is not None and skeleton.is_plain(found[2])
    say("cached by", "skeleton" if plain else "tokens")
    try:
        bound(language, usual, tokens, Limits().max_structure)
        for parsed in language.parse(usual, tokens, language.mode):
            say("statement", parsed.kind)
            say("  shape", tree.shape(parsed.tree)[0])
            for table in sorted(parsed.tables):
                say("  table", ".".join(part for part in table if part))
            for table in sorted(parsed.views | parsed.shown):
                say("  shows", table.name)
            for name in sorted(parsed.unknown):
                say("  unknown", name)
            for remark in (*_remarks(parsed), parsed.refused):
                if remark:
                    say("  note", remark)
    except (LexError, UnparsableError) as error:
        say("parser", str(error))


def _remarks(parsed: Parsed) -> tuple[str, ...]:
    return parsed.opaque, parsed.beyond, parsed.apart, parsed.values


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
