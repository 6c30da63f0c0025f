"""``acra-auth``: sources of secrets for AcraServer, which checks users by them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TextIO

from acra_twisted.authentication.authfile import NAME_MAX, format_line, load
from acra_twisted.config.databasekind import is_mysql
from acra_twisted.config.ownreactor import in_own_reactor
from acra_twisted.errors import ConfigError
from acra_twisted.keystore import files
from acra_twisted.tools import commandline
from acra_twisted.tools.authsql import ALTER, EXPORT, quoted, set_up
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.databasequestion import (
    Ask,
    ask_database,
    ask_password,
    password_of,
    settings_of,
)
from acra_twisted.wire import scram
from acra_twisted.wire.scramkeys import encode_keys

PROGRAM = "acra-auth"
_SALT_SIZE = 16
#: Roles that are exported at most.
_ROLES_MAX = 100_000


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Make the sources of secrets by which AcraServer checks users itself "
        "(auth_file, auth_query_user). No password is kept in them.",
    )
    commandline.add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name: str, text: str) -> Parser:
        made: Parser = commands.add_parser(name, help=text, description=text)
        return made

    made = command("sql", "Print what to run in the database before AcraServer may ask it.")
    made.add_argument("--user", default="acra_service", help="role that asks (auth_query_user)")
    made = command(
        "export", "Write the secrets of a database's roles to a file, without superusers."
    )
    made.add_argument(
        "--server_config", required=True, metavar="FILE", help="configuration of AcraServer"
    )
    made.add_argument("--out", required=True, metavar="FILE", help="file to write, mode 0600")
    made.add_argument(
        "--user", default="postgres", help="role that may read pg_authid, such as a superuser"
    )
    made.add_argument(
        "--password_file",
        default="",
        metavar="FILE",
        help="file with its password, mode 0600; without one the tool asks for it",
    )
    made.add_argument("--database", default="postgres", help="database to connect to")
    made.add_argument("--roles", default="%", help="pattern of LIKE for the names of roles")
    made.switch("force", help="replace an existing file")
    made = command("verifier", "Read a password, and print a line of the file and the SQL for it.")
    made.add_argument("user", type=commandline.raw, metavar="USER", help="name of the role")
    made.add_argument(
        "--iterations", default=4096, type=commandline.whole_number, help="4096 to 1000000"
    )
    made.switch("keys", help="print the line of a file of keys instead (auth_keys_file)")
    made = command("check", "Read files of secrets, as AcraServer does.")
    made.switch("auth_md5", help="allow MD5 hashes, as AcraServer does with auth_md5")
    made.add_argument("files", nargs="+", metavar="FILE", help="file of secrets (auth_file)")
    return parser


def main(
    arguments: Sequence[str],
    environment: Environment,
    output: TextIO,
    ask: Ask | None = None,
) -> None:
    """Raises AcraError, OSError.  ``ask`` takes the place of the terminal or standard input."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command == "sql":
        if not given.user.isprintable() or not given.user:
            raise ConfigError("--user: expected the name of a role")
        output.write(set_up(given.user))
    elif given.command == "export":
        _export(given, environment, output, ask or ask_password)
    elif given.command == "verifier":
        _verifier(given, output, ask or ask_password)
    elif given.command == "check":
        for path in given.files:
            output.write(f"{path}: {_counted(len(load(path, given.auth_md5)))}\n")
    else:
        output.write(parser.format_help())


def _counted(number: int) -> str:
    return "1 user" if number == 1 else f"{number} users"


# -- verifier -------------------------------------------------------------------------------------


def _verifier(given: Any, output: TextIO, ask: Ask) -> None:
    if not 4096 <= given.iterations <= 1_000_000:
        raise ConfigError("--iterations: expected a number from 4096 to 1000000")
    user = given.user.encode(errors="surrogateescape")
    format_line(user, b"")
    password = ask(f"Password of {given.user}: ").encode(errors="surrogateescape")
    if not password:
        raise ConfigError("the password is empty")
    salt = os.urandom(_SALT_SIZE)
    keys = scram.keys_of(scram.salted(password, salt, given.iterations))
    secret = scram.verifier_of(keys, salt, given.iterations).encode()
    output.write(ALTER.format(quoted(given.user), secret.decode()))
    if given.keys:
        secret = encode_keys(keys, salt, given.iterations)
    output.write(format_line(user, secret).decode(errors="surrogateescape") + "\n")


# -- export ---------------------------------------------------------------------------------------


def _export(given: Any, environment: Environment, output: TextIO, ask: Ask) -> None:
    if os.path.lexists(given.out) and not given.force:
        raise ConfigError(f"{given.out} is there already; --force replaces it")
    settings = settings_of(given, environment)
    if is_mysql(settings):
        raise ConfigError("export is for PostgreSQL: MySQL and MariaDB ask users themselves")
    password = password_of(given, ask)
    pattern = given.roles.encode()[:NAME_MAX]
    rows = in_own_reactor(
        lambda reactor: ask_database(
            reactor, settings, password, EXPORT, _ROLES_MAX, pattern, " and to read pg_authid"
        )
    )
    written, left_out = [], 0
    for name, secret in rows:
        if name is None or secret is None or not scram.is_verifier(secret):
            left_out += 1
            continue
        written.append(format_line(name, secret) + b"\n")
    files.write(given.out, b"".join(written))
    output.write(f"{given.out}: {_counted(len(written))}\n")
    if left_out:
        output.write(
            f"{_counted(left_out)} left out: no SCRAM secret; ALTER ROLE ... PASSWORD with "
            "password_encryption = 'scram-sha-256' makes one\n"
        )


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
