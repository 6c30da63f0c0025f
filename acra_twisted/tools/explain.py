"""``acra-explain``: what AcraServer will do with statements on protected columns, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO, TypeVar

from acra_twisted.config.databasekind import is_mysql
from acra_twisted.config.ownreactor import in_own_reactor
from acra_twisted.encryption.mysql import assumed as mysqlassumed
from acra_twisted.encryption.mysql import belt as mysqlbelt
from acra_twisted.encryption.mysql import schemafile as mysqlschemafile
from acra_twisted.encryption.mysql.question import SchemaError as MysqlSchemaError
from acra_twisted.encryption.mysql.schema import Schema as MysqlSchema
from acra_twisted.encryption.plan import Prepared
from acra_twisted.encryption.postgresql import belt, schemafile
from acra_twisted.encryption.postgresql.assumed import assumed
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Schema, SchemaError
from acra_twisted.encryption.schemarecords import LARGEST
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.errors import AcraError, ConfigError
from acra_twisted.keystore import files
from acra_twisted.options import Settings
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.configuredcolumns import configured_columns
from acra_twisted.tools.databasequestion import Ask, ask_password, password_of, settings_of
from acra_twisted.tools.explanation import REFUSED, Explanation, explain
from acra_twisted.tools.liveschema import read_live, read_live_mysql
from acra_twisted.tools.mysqlexplanation import default_database, of_mysql
from acra_twisted.tools.statementlog import captured_of, statements_of

PROGRAM = "acra-explain"
_POSTGRESQL = "postgresql"
_MYSQL = "mysql"
#: The user who reads the schema, and the database to connect to, where none is named.
_USERS = {_POSTGRESQL: "postgres", _MYSQL: "root"}
_DATABASES = {_POSTGRESQL: "postgres", _MYSQL: ""}
#: Where ``-`` reads; replaced by tests.
INPUT: TextIO = commandline.standard("stdin")
#: Bytes of a file of statements.
_LARGEST = 1 << 30
_ASSUMED = "no schema is given: the lists `columns` of the configuration stand for the tables"
#: Lines that are named in the table of refusals, of each reason.
_LINES = 10
#: A statement, and the number of its first line.
Located = tuple[int, bytes]
_Saved = TypeVar("_Saved")


class Refused(AcraError):
    """A statement is refused."""


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Tell what AcraServer will do with statements: which values are encrypted, "
        "searched, masked or tokenized, which columns of the result are read, and which statement "
        "is refused, and why.  No value of a statement is shown.",
        epilog="Exit status 1 if a statement is refused.",
    )
    commandline.add_common(parser)
    parser.add_argument(
        "statement",
        nargs="*",
        type=commandline.raw,
        metavar="SQL",
        help="a statement; - reads standard input",
    )
    parser.add_argument(
        "--encryptor_config_file",
        default="",
        metavar="FILE",
        help="configuration of the protected columns, in Acra's format; without it that of "
        "--server_config",
    )
    parser.add_argument(
        "--schema", default="", metavar="FILE", help="schema that --save_schema has written"
    )
    parser.add_argument(
        "--server_config",
        default="",
        metavar="FILE",
        help="configuration of AcraServer, for its sections [encrypt:TABLE.COLUMN], and to read "
        "the schema of its database",
    )
    parser.add_argument(
        "--dialect",
        default="",
        choices=(_POSTGRESQL, _MYSQL),
        help="database that the statements are for; without it that of --server_config, else "
        "PostgreSQL",
    )
    parser.add_argument(
        "--user",
        default="",
        help="role that reads the schema; without it postgres, or root of MySQL",
    )
    parser.add_argument(
        "--password_file",
        default="",
        metavar="FILE",
        help="file with its password, mode 0600; without one the tool asks for it",
    )
    parser.add_argument(
        "--database",
        default="",
        help="database to connect to, without it postgres; of MySQL that of names without one, "
        "else the first that the configuration names",
    )
    parser.add_argument(
        "--save_schema", default="", metavar="FILE", help="write the schema that was read"
    )
    parser.add_argument(
        "--search_path",
        default="",
        metavar="NAMES",
        help="schemas of names without one, divided by commas; without it such a name must be that "
        "of one table alone",
    )
    parser.add_argument(
        "--file",
        default="",
        metavar="FILE",
        help="count the refusals of a file's statements, which end with semicolons; a file without "
        "any has one statement a line; a file of the stage query_capture is read as it is",
    )
    parser.switch("ddl", help="print the types, indexes and checks for the database")
    parser.switch("json", help="print the answer as JSON")
    return parser


def main(
    arguments: Sequence[str], environment: Environment, output: TextIO, ask: Ask | None = None
) -> None:
    """Raises AcraError, OSError.  ``ask`` takes the place of the terminal or standard input."""
    given = _parser().parse_args(arguments)
    wanted = bool(given.statement) + bool(given.file) + given.ddl
    if wanted > 1 or not (wanted or given.save_schema):
        raise ConfigError("expected a statement, --file, --ddl or --save_schema; see --help")
    if given.schema and given.server_config and (given.encryptor_config_file or given.save_schema):
        raise ConfigError("the schema is either in --schema or in the database of --server_config")
    if given.save_schema and not given.server_config:
        raise ConfigError("--save_schema needs --server_config")
    settings = configured_columns(given.encryptor_config_file, given.server_config, environment)
    server = settings_of(given, environment) if given.server_config else None
    dialect = _dialect(given, server)
    if given.ddl:
        script = mysqlbelt.script if dialect == _MYSQL else belt.script
        output.write(script(settings))
        if not given.save_schema:
            return
    remarks = list(settings.remarks)
    if not (given.schema or server):
        remarks.append(_ASSUMED)
    given.user = given.user or _USERS[dialect]
    if server is not None:
        server = server.but(
            auth_query_user=given.user,
            auth_query_database=given.database or _DATABASES[dialect],
        )
    if dialect == _MYSQL:
        database = given.database or default_database(settings)
        tables = _mysql_schema(given, settings, server, ask or ask_password, database)
        if given.save_schema:
            files.write(given.save_schema, mysqlschemafile.dump(tables).encode(), 0o644)
        found = of_mysql(settings, tables, database, _statements(given, dialect))
    else:
        schema = _schema(given, settings, server, ask or ask_password)
        if given.save_schema:
            files.write(given.save_schema, schemafile.dump(schema).encode(), 0o644)
        planner = Planner(Protection(schema, settings), Comparisons())
        found = _explained(planner, _path(given.search_path), _statements(given, dialect))
    if given.file:
        _count(found, remarks, given.json, output)
    elif given.statement:
        _tell(found, remarks, given.json, output)


def _dialect(given: Any, server: Settings | None) -> str:
    """Raises ConfigError if two are named."""
    if server is None:
        return given.dialect or _POSTGRESQL
    found = _MYSQL if is_mysql(server) else _POSTGRESQL
    if given.dialect and given.dialect != found:
        raise ConfigError(f"--dialect: the database of {given.server_config} is {found}")
    return found


def _schema(given: Any, settings: EncryptionSettings, server: Settings | None, ask: Ask) -> Schema:
    if given.schema:
        return _saved(given.schema, schemafile.load)
    if server is None:
        return assumed(settings)
    password = password_of(given, ask)
    return in_own_reactor(lambda reactor: read_live(reactor, server, password, settings))


def _mysql_schema(
    given: Any, settings: EncryptionSettings, server: Settings | None, ask: Ask, database: str
) -> MysqlSchema:
    if given.schema:
        return _saved(given.schema, mysqlschemafile.load)
    if server is None:
        return mysqlassumed.assumed(settings, database)
    password = password_of(given, ask)
    return in_own_reactor(lambda reactor: read_live_mysql(reactor, server, password, settings))


def _saved(path: str, load: Callable[[str], _Saved]) -> _Saved:
    """The schema of a file.  Raises ConfigError, OSError."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read(LARGEST + 1)
    try:
        return load(text)
    except (SchemaError, MysqlSchemaError) as error:
        raise ConfigError(f"{path}: {error}") from None


def _path(names: str) -> SearchPath:
    if not names:
        return SearchPath()
    schemas = [one.strip() for one in names.split(",")]
    return SearchPath(("pg_catalog", *schemas), first=schemas[0])


def _statements(given: Any, dialect: str) -> Iterator[Located]:
    if given.file:
        with open(given.file, "rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ConfigError(f"the file has more than {_LARGEST} bytes", given.file)
        yield from captured_of(text, dialect) or statements_of(text)
    for word in given.statement:
        statement = INPUT.read() if word == "-" else word
        yield 1, statement.encode("utf-8", "surrogateescape")


def _explained(
    planner: Planner, path: SearchPath, statements: Iterator[Located]
) -> Iterator[tuple[int, Explanation]]:
    """Explain statements in the order in which one session sends them."""
    mode = LANGUAGES["postgresql"].mode
    prepared: dict[str, Prepared] = {}
    for line, text in statements:
        planned = planner.plan(text, mode, path, prepared)
        for plan in planned.statements or ():
            if plan.prepares is not None:
                prepared[plan.prepares.name] = plan.prepares
        for explanation in explain(text, planned):
            yield line, explanation


# -- answers --------------------------------------------------------------------------------------


def _tell(
    found: Iterator[tuple[int, Explanation]], remarks: Sequence[str], as_json: bool, output: TextIO
) -> None:
    told = [explanation for _, explanation in found]
    if as_json:
        _print({"remarks": remarks, "statements": [one.record() for one in told]}, output)
    else:
        _note(remarks, output)
        for one in told:
            output.writelines(f"{word:<12} {text}\n" for word, text in one.lines())
    _end(sum(one.verdict == REFUSED for one in told), len(told))


def _count(
    found: Iterator[tuple[int, Explanation]], remarks: Sequence[str], as_json: bool, output: TextIO
) -> None:
    """Count the refusals by reason and column, the most frequent first."""
    verdicts: Counter[str] = Counter()
    lines: dict[tuple[str, str], list[int]] = {}
    for line, one in found:
        verdicts[one.verdict] += 1
        if one.refusal is not None:
            lines.setdefault((one.refusal.reason, one.refusal.column), []).append(line)
    sorted_ = sorted(lines.items(), key=lambda item: (-len(item[1]), item[0]))
    if as_json:
        refusals = [
            {"reason": reason, "column": column, "count": len(where), "lines": where}
            for (reason, column), where in sorted_
        ]
        _print({"remarks": remarks, "verdicts": verdicts, "refusals": refusals}, output)
    else:
        _note(remarks, output)
        for verdict, number in sorted(verdicts.items()):
            output.write(f"{verdict:<12} {number:>7}\n")
        for (reason, column), where in sorted_:
            shown = ", ".join(map(str, where[:_LINES])) + (", ..." if where[_LINES:] else "")
            told = f"{reason} {column}".strip()
            output.write(f"  {len(where):>7}  {told}: line {shown}\n")
    _end(verdicts[REFUSED], verdicts.total())


def _note(remarks: Sequence[str], output: TextIO) -> None:
    output.writelines(f"note: {remark}\n" for remark in remarks)


def _print(found: dict[str, Any], output: TextIO) -> None:
    json.dump(found, output, indent=1)
    output.write("\n")


def _end(refused: int, asked: int) -> None:
    """Raises Refused if a statement is."""
    if refused:
        raise Refused(f"{refused} of {asked} statements are refused")


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
