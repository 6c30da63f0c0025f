"""``acra-migrate``: encrypts the rows that a table has already, gives them newer keys, or decrypts
them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final, TextIO

from acra_twisted.config.ownreactor import Run, in_own_reactor
from acra_twisted.encryption.migrating import CHANGES, DECRYPT, ENCRYPT, REENCRYPT, REWRAP
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant
from acra_twisted.tools import commandline, tokenstoreflags
from acra_twisted.tools.commandline import Ask, Environment, Parser
from acra_twisted.tools.configuredcolumns import configured_columns
from acra_twisted.tools.migrationjob import MigrationJob, Site
from acra_twisted.tools.mysqlmigration import MysqlSite
from acra_twisted.tools.operatorconnection import OperatorConnection
from acra_twisted.tools.postgresqlmigration import PostgresqlSite

PROGRAM = "acra-migrate"
_TEXTS: Final = {
    ENCRYPT: "Encrypt the values that are in clear.",
    REENCRYPT: "Encrypt values anew that are not stored as they would be today: with the newest "
    "key, as the configuration says, and behind the newest search prefix.",
    REWRAP: "Give values the newest key, and leave their encrypted data as they are.",
    DECRYPT: "Store the values in clear.",
}


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Change the rows that protected tables have already. Applications may use the "
        "tables meanwhile: no row is locked for longer than a batch is written, and no lock is "
        "waited for. Each batch is read back and compared before it is committed. A run that was "
        "interrupted begins again where it likes: rows that are done need no change.",
        epilog="Exit status 1 if a value stays as it was. The master key comes from "
        "ACRA_MASTER_KEY (base64), --master_key_file or --master_key_command.",
    )
    commandline.add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for change in CHANGES:
        made = commands.add_parser(change, help=_TEXTS[change], description=_TEXTS[change])
        _add_flags(made, change)
    return parser


def _add_flags(parser: Parser, change: str) -> None:
    parser.add_argument(
        "table", nargs="+", metavar="TABLE", help="table of the configuration, or SCHEMA.TABLE"
    )
    parser.add_argument(
        "--encryptor_config_file",
        default="",
        metavar="FILE",
        help="configuration of the protected columns, in Acra's format",
    )
    parser.add_argument(
        "--server_config",
        default="",
        metavar="FILE",
        help="configuration of AcraServer, in place of it: for sections [encrypt:TABLE.COLUMN]",
    )
    parser.add_argument(
        "--connection_string",
        default="",
        type=commandline.raw,
        help="the database itself, not AcraServer, in libpq's form; PG... variables and ~/.pgpass "
        "give what it leaves out. For MySQL and MariaDB mysql://USER@HOST:PORT/?OPTION=VALUE, with "
        "password_file and AcraServer's options db_* and tls_*; MYSQL_PWD gives the password",
    )
    parser.add_argument(
        "--client_id", default="", help="owner of the columns that name no client_id"
    )
    parser.key_folders("keys_dir", "keys_dir_public")
    parser.add_argument(
        "--columns",
        default=None,
        type=_names,
        help="columns to change, as NAME or TABLE.NAME, separated by commas; default: all "
        "protected columns",
    )
    parser.add_argument(
        "--batch", default=500, type=_positive, help="rows that are read and written at a time"
    )
    parser.add_argument(
        "--rate", default=0, type=commandline.number, help="rows a second; 0: as fast as it goes"
    )
    parser.add_argument(
        "--passes", default=20, type=_positive, help="passes through a table at most"
    )
    parser.add_argument(
        "--resume", default="", metavar="PLACE", help="place that an interrupted run has told"
    )
    parser.switch("dry_run", help="count the values to change, and write nothing")
    if change in (REENCRYPT, DECRYPT):
        parser.switch(
            "any_prefix", help="take a search prefix that no key makes for an old one of its value"
        )
    if change in (ENCRYPT, DECRYPT):
        parser.switch(
            "ddl",
            help="print the statements that make second columns, and end",
        )
        parser.switch(
            "in_place",
            help="with --ddl, for MySQL and MariaDB: print statements that change the types of "
            "columns; only tokens get second columns",
        )
        parser.switch(
            "switch", help="give second columns the names of the first ones once all is done"
        )
        parser.add_argument(
            "--lock_timeout",
            default=5,
            type=_positive,
            help="seconds for which --switch waits for the table, and others behind it",
        )
        tokenstoreflags.add(parser)
        tokenstoreflags.add_names(parser)
    if change == DECRYPT:
        parser.switch("yes", help="do not ask")


def _names(text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _positive(text: str) -> int:
    number = commandline.whole_number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, not {text!r}")
    return number


def main(
    arguments: Sequence[str],
    environment: Environment,
    output: TextIO,
    run: Run | None = None,
    ask: Ask | None = None,
) -> None:
    """Raises AcraError, OSError.  ``run`` takes the place of a reactor of its own, ``ask`` that of
    the terminal."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        output.write(parser.format_help())
        return
    settings = _configured(given, environment)
    settings, tables = _chosen(settings, given)
    resume = _place(given.resume)
    if given.command == DECRYPT and not (given.yes or given.dry_run or given.ddl):
        answer = (ask or commandline.ask)("Store the values in clear? [yes/no] ")
        if answer.strip() != "yes":
            raise ConfigError("nothing was decrypted: answer yes, or give --yes")

    connection = OperatorConnection(
        given.connection_string, PROGRAM, environment, server_config=given.server_config
    )
    in_place = getattr(given, "in_place", False)
    if in_place and not (connection.is_mysql and given.ddl):
        raise ConfigError("--in_place: it is for --ddl of MySQL and MariaDB")

    async def asked(reactor: Any) -> None:
        try:
            client = await connection.open(reactor)
            site: Site
            if connection.is_mysql:
                site = MysqlSite(client, settings, given.command, in_place)
            else:
                site = PostgresqlSite(client, settings, given.command)
            await MigrationJob(given, environment, site, reactor, output).run(tables, resume)
        finally:
            connection.close()

    (run or in_own_reactor)(asked)


def _configured(given: Any, environment: Environment) -> EncryptionSettings:
    """The protected columns.  Raises ConfigError."""
    if bool(given.encryptor_config_file) == bool(given.server_config):
        raise ConfigError("give --encryptor_config_file, or --server_config of an AcraServer")
    return configured_columns(given.encryptor_config_file, given.server_config, environment)


def _table(settings: EncryptionSettings, name: str) -> TableSetting:
    known = {one.label: one for one in settings.tables}
    found = known.get(name)
    if found is None:
        raise ConfigError(f"the configuration names no table {name!r}{meant(name, known)}")
    return found


def _chosen(
    settings: EncryptionSettings, given: Any
) -> tuple[EncryptionSettings, Sequence[TableSetting]]:
    """The configuration without the columns that are left out, and the tables that are named.
    Raises ConfigError."""
    tables = [_table(settings, name) for name in given.table]
    if given.columns is None:
        return settings, tables
    if not given.columns:
        raise ConfigError("--columns: it names no column; leave it out for all of the tables")
    if getattr(given, "switch", False):
        raise ConfigError("--columns: a switch has all second columns of a table")
    columns = [column for table in tables for column in table.protected.values()]
    known = {name for column in columns for name in (column.name, column.label)}
    for name in given.columns:
        if name not in known:
            raise ConfigError(f"--columns: no protected column {name!r}{meant(name, known)}")
    kept = {
        id(table): table._replace(
            protected={
                name: one
                for name, one in table.protected.items()
                if one.name in given.columns or one.label in given.columns
            }
        )
        for table in tables
    }
    every = [kept.get(id(table), table) for table in settings.tables]
    return settings._replace(tables=every), [kept[id(table)] for table in tables]


def _place(text: str) -> tuple[str, int]:
    """The table and the page of ``--resume``; no name and page 0 for none."""
    if not text:
        return "", 0
    name, _, page = text.rpartition(" ")
    if not name or not page.isdecimal():
        raise ConfigError("--resume: expected what an interrupted run has told, 'TABLE PAGE'")
    return name, int(page)


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
