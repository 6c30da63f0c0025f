"""``acra-rollback``: decrypts the rows of a SELECT, and inserts the values or writes a file of
INSERTs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final, TextIO

from acra_twisted.config.ownreactor import Run, in_own_reactor
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.errors import AcraError, ConfigError
from acra_twisted.keystore.openers import make_opener
from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.operatorconnection import MYSQL_ENABLE, OperatorConnection
from acra_twisted.tools.selection import Statements, Texts, bare, commit, data_of, ended

PROGRAM = "acra-rollback"
#: Where warnings go; replaced by tests.
ERRORS: TextIO = commandline.standard("stderr")
#: Rows that are told one by one.
_TOLD: Final = 20


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Decrypt the values of a SELECT of one column. They are inserted by a "
        "statement of yours, or written to a file of such statements. For the columns of a "
        "configuration use acra-migrate decrypt.",
        epilog="Exit status 1 if a value does not open; the others are written all the same. The "
        "master key comes from ACRA_MASTER_KEY (base64), --master_key_file or "
        "--master_key_command.",
    )
    commandline.add_common(parser)
    parser.key_folders("keys_dir", "keys_dir_public")
    parser.add_argument("--client_id", required=True, help="owner of the values")
    parser.add_argument(
        "--connection_string",
        default="",
        type=commandline.raw,
        help="the database itself, in libpq's form, or mysql://USER@HOST:PORT/DATABASE as for "
        "acra-migrate",
    )
    parser.switch("mysql_enable", help=MYSQL_ENABLE)
    parser.add_argument("--select", required=True, help="SELECT with one column, the data")
    parser.add_argument(
        "--insert",
        required=True,
        help="INSERT or UPDATE with the placeholder $1 for the data, ? of MySQL",
    )
    parser.switch("execute", help="run the statement for each row, all in one transaction")
    parser.add_argument(
        "--output_file", default="", metavar="FILE", help="write them to a new file, mode 0600"
    )
    parser.switch("escape", help="write bytes in the escape format, not in hexadecimal digits")
    return parser


class NotInserted(AcraError):
    """A statement cannot be run."""


class NotOpened(AcraError):
    """Some values do not open."""


def main(
    arguments: Sequence[str], environment: Environment, output: TextIO, run: Run | None = None
) -> None:
    """Raises AcraError, OSError.  ``run`` takes the place of a reactor of its own."""
    given = _parser().parse_args(arguments)
    connection = OperatorConnection(
        given.connection_string, PROGRAM, environment, given.mysql_enable
    )
    if not connection.texts.has_placeholder(given.insert):
        # Acra's words; scripts look for them.
        raise ConfigError("SQL INSERT statement doesn't contain any placeholders")
    if not given.execute and not given.output_file:
        raise ConfigError("nothing to do: give --execute, or --output_file for values in clear")
    client_id = str(given.client_id)
    store = commandline.open_store(given.keys_dir, given.keys_dir_public, given, environment)
    opener = make_opener(store, STORAGE, STORAGE_SYMMETRIC, client_id)
    file = _new_file(given.output_file) if given.output_file else None

    async def asked(reactor: Any) -> None:
        try:
            statements = await connection.statements(reactor)
            await _roll_back(given, statements, connection.texts, opener, file, output)
        finally:
            connection.close()

    try:
        (run or in_own_reactor)(asked)
    finally:
        if file is not None:
            file.close()
            ERRORS.write(f"warning: {given.output_file} has values in clear\n")


def _new_file(path: str) -> TextIO:
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    return os.fdopen(descriptor, "w", encoding="ascii")


async def _roll_back(
    given: Any,
    statements: Statements,
    texts: Texts,
    opener: Opener,
    file: TextIO | None,
    output: TextIO,
) -> None:
    """Raises DatabaseError, ConfigError, NotInserted, NotOpened."""
    insert = bare(given.insert)
    prepared = None
    if given.execute:
        prepared = await statements.prepare(insert)
        if prepared.number != 1:
            raise ConfigError(
                f"--insert: expected one placeholder, {texts.placeholder}, and no other"
            )
    await statements.begin(written_back=False)
    done = number = 0
    told: list[str] = []
    try:
        async for row in statements.rows(given.select):
            number += 1
            if len(row.cells) != 1:
                raise ConfigError("--select: expected one column, the data")
            if row.cells[0] is None:
                continue
            try:
                data = data_of(row, opener)
                if prepared is not None and not prepared.takes_bytes and b"\0" in data:
                    raise Closed("its value has a zero byte, which characters have not")
            except Closed as error:
                told.append(f"row {number}: {error}")
                continue
            if file is not None:
                file.write(f"{texts.filled(insert, data, given.escape)};\n")
            if prepared is not None:
                await prepared.run(data)
            done += 1
    except (ConfigError, DatabaseError) as error:
        if prepared is None:
            raise
        raise NotInserted(await ended(statements, error, done)) from None
    await commit(statements, done if given.execute else 0)
    output.write(f"{done} values decrypted\n")
    if told:
        more = [f"{len(told) - _TOLD} more"] if len(told) > _TOLD else []
        raise NotOpened("\n".join([*told[:_TOLD], *more, f"{len(told)} values do not open"]))


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
