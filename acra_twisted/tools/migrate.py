"""``acra-migrate``: encrypts the rows that a table has already, gives them newer keys, or decrypts
them."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, NamedTuple, TextIO

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from acra_twisted.config.ownreactor import in_own_reactor
from acra_twisted.encryption.migrating import CHANGES, DECRYPT, ENCRYPT, REENCRYPT, REWRAP
from acra_twisted.encryption.postgresql import catalog, moving, secondcolumns
from acra_twisted.encryption.postgresql.moving import Part
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.question import schema_question
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant
from acra_twisted.server.tokenstore import redis_tls
from acra_twisted.stages.columnsource import read_column_source
from acra_twisted.tokens.opening import open_store
from acra_twisted.tokens.tokenizer import Tokenizer
from acra_twisted.tools import commandline, tokenstoreflags
from acra_twisted.tools.columnchanges import Keys, column_change
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.rowmoving import (
    ALONE,
    WITHIN,
    Counts,
    Habits,
    MigrationError,
    RowMover,
    Words,
)

PROGRAM = "acra-migrate"
#: Where progress is shown; replaced by tests.
ERRORS: TextIO = sys.stderr
#: Waits for what a function that gets the reactor returns.
Run = Callable[[Callable[[Any], Coroutine[Any, Any, Any]]], Any]
#: Asks at the terminal; empty where there is none.
Ask = Callable[[str], str]
#: Seconds for which rows that somebody holds are left alone.
_HELD: Final = 1.0

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
        required=True,
        metavar="FILE",
        help="configuration of the protected columns, in Acra's format",
    )
    parser.add_argument(
        "--connection_string",
        default="",
        help="the database itself, not AcraServer, in libpq's form; PG... variables and ~/.pgpass "
        "give what it leaves out",
    )
    parser.add_argument(
        "--client_id", default="", help="owner of the columns that name no client_id"
    )
    parser.key_folders("keys_dir", "keys_dir_public")
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
        parser.switch("ddl", help="print the statements that make second columns, and end")
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
    settings = read_column_source(given.encryptor_config_file, (), time.time())
    tables = [_table(settings, name) for name in given.table]
    resume = _place(given.resume)
    if given.command == DECRYPT and not (given.yes or given.dry_run or given.ddl):
        answer = (ask or _ask)("Store the values in clear? [yes/no] ")
        if answer.strip() != "yes":
            raise ConfigError("nothing was decrypted: answer yes, or give --yes")

    async def asked(reactor: Any) -> None:
        client = DatabaseClient(given.connection_string, PROGRAM, deferToThread)
        try:
            await client.connect()
            job = _Job(given, environment, client, reactor, output, settings)
            await job.run(tables, resume)
        finally:
            client.close()

    (run or in_own_reactor)(asked)


def _table(settings: EncryptionSettings, name: str) -> TableSetting:
    known = {".".join(filter(None, (one.schema, one.name))): one for one in settings.tables}
    found = known.get(name)
    if found is None:
        raise ConfigError(f"the configuration names no table {name!r}{meant(name, known)}")
    return found


def _place(text: str) -> tuple[str, int]:
    """The table and the page of ``--resume``; no name and page 0 for none."""
    if not text:
        return "", 0
    name, _, page = text.rpartition(" ")
    if not name or not page.isdecimal():
        raise ConfigError("--resume: expected what an interrupted run has told, 'TABLE PAGE'")
    return name, int(page)


class _Work(NamedTuple):
    """A table that holds rows, and its columns to change."""

    relation: Relation
    parts: Sequence[Part]


class _Job:
    """One command."""

    def __init__(
        self,
        given: Any,
        environment: Environment,
        client: DatabaseClient,
        reactor: Any,
        output: TextIO,
        settings: EncryptionSettings,
    ) -> None:
        self._given, self._environment, self._client = given, environment, client
        self._reactor, self._output, self._settings = reactor, output, settings
        self._tokenizer: Tokenizer | None = None
        self._keys: Keys | None = None
        self._is_over = False
        self._began = time.monotonic()
        self._shown = ""

    async def run(self, tables: Sequence[TableSetting], resume: tuple[str, int]) -> None:
        """Do what the command says.  Raises AcraError."""
        protection = await self._protection(tables)
        roots = [root for table in tables for root in self._roots(protection, table)]
        if getattr(self._given, "ddl", False):
            for root in roots:
                columns = protection.columns(root.oid)
                for line in secondcolumns.preparation(root, columns, self._given.command):
                    self._tell(line)
            return
        work = {root.oid: self._work(protection, root) for root in roots}
        name, page = resume
        names = [moving.label(one.relation) for some in work.values() for one in some]
        if name and name not in names:
            raise ConfigError(f"--resume: there is no table {name!r}{meant(name, names)}")
        before = signal.signal(signal.SIGTERM, self._stop)
        interrupt = signal.signal(signal.SIGINT, self._stop)
        refused: list[str] = []
        number = 0
        try:
            for root in roots:
                for one in work[root.oid]:
                    if name and moving.label(one.relation) != name:
                        continue
                    counts = await self._moved(one, page)
                    name, page = "", 0
                    refused += counts.told
                    number += counts.refused
                if getattr(self._given, "switch", False) and not (number or self._given.dry_run):
                    await self._switch(protection, root, work[root.oid])
        finally:
            signal.signal(signal.SIGTERM, before)
            signal.signal(signal.SIGINT, interrupt)
            if self._tokenizer is not None:
                await self._tokenizer.stop()
        if number:
            raise MigrationError("\n".join([*refused, f"{number} values stay as they are"]))

    async def _protection(self, tables: Sequence[TableSetting]) -> Protection:
        question = schema_question(table.name for table in self._settings.tables)
        rows = (await self._client.ask(question)).rows
        schema = catalog.read([cell for [cell] in rows if cell is not None], 1)
        return Protection(schema, self._settings)

    def _roots(self, protection: Protection, table: TableSetting) -> list[Relation]:
        found = moving.roots(protection, table)
        if not found:
            raise ConfigError(f"the database has no table {table.name}")
        return found

    def _work(self, protection: Protection, root: Relation) -> list[_Work]:
        """The tables with the rows of a root, and what to change in them."""
        found = []
        for relation in moving.holders(protection, root):
            columns = protection.columns(relation.oid)
            found.append(_Work(relation, moving.parts(relation, columns, self._given.command)))
        return found

    async def _moved(self, work: _Work, page: int, words: Words = ALONE) -> Counts:
        """Change the rows of one table, and tell the counts."""
        given = self._given
        if not work.parts:
            return Counts()
        if self._keys is None:
            store = commandline.open_store(
                given.keys_dir, given.keys_dir_public, given, self._environment
            )
            self._keys = Keys(store, given.client_id)
        any_prefix = getattr(given, "any_prefix", False)
        changes = [
            column_change(part, given.command, self._keys, any_prefix, self._need_tokens)
            for part in work.parts
        ]
        show = self._progress(moving.label(work.relation))
        habits = Habits(given.batch, given.dry_run, self._pause, lambda: self._is_over, show)
        self._began = time.monotonic()
        mover = RowMover(self._client, work.relation, work.parts, changes, habits, words)
        try:
            counts = await mover.run(page, given.passes)
        finally:
            self._end_progress()
        done = "to change" if given.dry_run else "changed"
        self._tell(
            f"{moving.label(work.relation)}: {counts.changed} values {done}, "
            f"{counts.refused} refused"
        )
        return counts

    async def _switch(self, protection: Protection, root: Relation, work: Sequence[_Work]) -> None:
        """Keep everybody out, change the rows that are left, and give second columns their
        names."""
        if not any(part.beside for one in work for part in one.parts):
            self._tell(f"{moving.label(root)}: it has no second column to switch to")
            return
        lines = secondcolumns.switch(protection, root)
        client = self._client
        await client.ask("BEGIN")
        try:
            await client.ask(f"SET LOCAL lock_timeout = '{self._given.lock_timeout}s'")
            await client.ask(secondcolumns.lock(root))
            for one in work:
                beside = _Work(one.relation, [part for part in one.parts if part.beside])
                counts = await self._moved(beside, 0, WITHIN)
                if counts.refused:
                    raise MigrationError("\n".join(counts.told))
            for line in lines:
                await client.ask(line)
        except BaseException:
            await client.ask("ROLLBACK")
            raise
        await client.ask("COMMIT")
        self._tell(
            f"{moving.label(root)}: switched; the former columns are named "
            f"NAME{secondcolumns.LEFT}, and nothing is lost until you drop them"
        )

    def _need_tokens(self) -> Tokenizer:
        if self._tokenizer is None:
            given = self._given
            settings = tokenstoreflags.settings_of(given)
            store = open_store(
                tokenstoreflags.store_of(given),
                settings,
                self._reactor,
                redis_tls(settings),
                create=given.command == ENCRYPT,
            )
            assert self._keys is not None  # noqa: S101 - opened before
            keyed = tokenstoreflags.are_keyed(given)
            self._tokenizer = Tokenizer(store, self._keys.store, time.time_ns, keyed=keyed)
        return self._tokenizer

    def _stop(self, *_: object) -> None:
        self._is_over = True

    def _pause(self, rows: int) -> Deferred[None]:
        """Wait as long as the rate says."""
        rate = self._given.rate
        seconds = _HELD if not rows else rows / rate if rate > 0 else 0
        return deferLater(self._reactor, seconds)

    def _tell(self, text: str) -> None:
        self._output.write(f"{text}\n")
        self._output.flush()

    def _progress(self, name: str) -> Callable[[int, int, Counts], None]:
        def show(page: int, pages: int, counts: Counts) -> None:
            if not ERRORS.isatty():
                return
            passed = max(time.monotonic() - self._began, 0.001)
            part = page / max(pages, 1)
            rest = f", {passed / part - passed:,.0f} s left" if 0 < part < 1 else ""
            text = (
                f"{name}: {part:4.0%}, {counts.changed:,} changed, "
                f"{counts.rows / passed:,.0f} rows/s{rest}"
            )
            ERRORS.write(f"\r{text:<{len(self._shown)}}")
            ERRORS.flush()
            self._shown = text

        return show

    def _end_progress(self) -> None:
        if self._shown:
            ERRORS.write("\n")
            self._shown = ""


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        return ""
    ERRORS.write(prompt)
    ERRORS.flush()
    return sys.stdin.readline()


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
