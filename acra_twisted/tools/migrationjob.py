"""The work of acra-migrate on some tables: their rows, and the switch to second columns."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TextIO

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.postgresql import catalog, moving, secondcolumns
from acra_twisted.encryption.postgresql.moving import Part
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.question import schema_question
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant
from acra_twisted.server.tokenstore import redis_tls
from acra_twisted.tokens.opening import open_store
from acra_twisted.tokens.tokenizer import Tokenizer
from acra_twisted.tools import commandline, tokenstoreflags
from acra_twisted.tools.columnchanges import Keys, column_change, second_column_change
from acra_twisted.tools.commandline import Environment
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.rowcomparing import RowComparer
from acra_twisted.tools.rowmoving import ALONE, WITHIN, RowMover, Words
from acra_twisted.tools.rowpages import Counts, Habits, MigrationError, Stopped

#: Where progress is shown; replaced by tests.
ERRORS: TextIO = sys.stderr
#: Seconds for which rows that somebody holds are left alone.
_HELD: Final = 1.0


class _Work(NamedTuple):
    """A table that holds rows, and its columns to change."""

    relation: Relation
    parts: Sequence[Part]


class _Mark(NamedTuple):
    """When a table was compared: see `secondcolumns.mark`."""

    since: int
    file: bytes | None


#: Marks of tables that were compared, by each table and the numbers of its columns.
_Marks = dict[tuple[int, tuple[tuple[int, int], ...]], _Mark]


class MigrationJob:
    """One command.  ``given`` are its flags; ``client`` is connected."""

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
        protection = await self._protection()
        roots = [root for table in tables for root in self._roots(protection, table)]
        if getattr(self._given, "ddl", False):
            for root in roots:
                columns = protection.columns(root.oid)
                for line in secondcolumns.preparation(
                    protection, root, columns, self._given.command
                ):
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
                    await self._switch(root, work[root.oid])
        finally:
            signal.signal(signal.SIGTERM, before)
            signal.signal(signal.SIGINT, interrupt)
            if self._tokenizer is not None:
                await self._tokenizer.stop()
        if number:
            raise MigrationError("\n".join([*refused, f"{number} values stay as they are"]))

    async def _protection(self) -> Protection:
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
        keys, any_prefix = self._need_keys(), self._any_prefix
        changes = [
            column_change(part, given.command, keys, any_prefix, self._need_tokens)
            for part in work.parts
        ]
        habits = self._habits(work.relation)
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

    def _habits(self, relation: Relation) -> Habits:
        given = self._given
        self._began = time.monotonic()
        show = self._progress(moving.label(relation))
        return Habits(given.batch, given.dry_run, self._pause, lambda: self._is_over, show)

    def _comparer(self, work: _Work, since: int | None) -> RowComparer:
        command, keys, any_prefix = self._given.command, self._need_keys(), self._any_prefix
        changes = [
            second_column_change(part, command, keys, any_prefix, self._need_tokens)
            for part in work.parts
        ]
        habits = self._habits(work.relation)
        return RowComparer(self._client, work.relation, work.parts, changes, habits, since)

    async def _looked_at(self, work: Sequence[_Work]) -> _Marks:
        """Compare tables while others use them, and return the marks of those without a difference:
        there, only what is written from the mark on can make one."""
        marks: _Marks = {}
        for one in work:
            [[since, file]] = (await self._client.ask(secondcolumns.mark(one.relation))).rows
            try:
                number = await self._comparer(one, None).look()
            finally:
                self._end_progress()
            if not number:
                marks[_key(one)] = _Mark(int(since or b""), file)
        return marks

    async def _since(self, work: _Work, mark: _Mark | None) -> int | None:
        """Return the transaction from which on the rows of a locked table are to be compared, None
        for all of them: also if its rows have moved since the mark, for example by VACUUM FULL, and
        so past the comparison."""
        if mark is None:
            return None
        [[file]] = (await self._client.ask(secondcolumns.file_of(work.relation))).rows
        return mark.since if file is not None and file == mark.file else None

    async def _switch(self, root: Relation, work: Sequence[_Work]) -> None:
        """Compare all rows; then keep everybody out, change the rows that are left, compare those
        that were written since, and give second columns their names."""
        pairs = _beside(work)
        if not pairs:
            self._tell(f"{moving.label(root)}: it has no second column to switch to")
            return
        client = self._client
        try:
            marks = await self._looked_at(pairs)
            await client.ask("BEGIN")
            await client.ask(f"SET LOCAL lock_timeout = '{self._given.lock_timeout}s'")
            await client.ask(secondcolumns.lock(root))
            # Somebody may have made a table that inherits, or a view, before the lock.
            protection = await self._protection()
            locked = protection.schema.relations.get(root.oid)
            if locked is None:
                raise MigrationError(f"table {moving.label(root)} is not the one that it was")
            lines = secondcolumns.switch(protection, locked)
            for one in _beside(self._work(protection, locked)):
                await self._settled(one, await self._since(one, marks.get(_key(one))))
            for line in lines:
                await client.ask(line)
        except BaseException as error:
            await client.ask("ROLLBACK")
            if isinstance(error, Stopped):
                raise MigrationError(
                    f"stopped; table {moving.label(root)} is as it was before the switch"
                ) from None
            raise
        await client.ask("COMMIT")
        self._tell(
            f"{moving.label(root)}: switched; the former columns are named "
            f"NAME{secondcolumns.LEFT}, and nothing is lost until you drop them"
        )

    async def _settled(self, work: _Work, since: int | None) -> None:
        """Fill second columns and compare them, while nobody else has the table."""
        number = await self._filled(work, since)
        if not number:
            return
        name = moving.label(work.relation)
        self._tell(
            f"{name}: {number} rows had other values in their second columns than in the first "
            "ones; they are filled anew"
        )
        number = await self._filled(work, since)
        if number:
            raise MigrationError(
                f"table {name}: {number} rows have other values in their second columns as soon as "
                "these are filled; a trigger may change them; the table is as it was before the "
                "switch"
            )

    async def _filled(self, work: _Work, since: int | None) -> int:
        """Fill second columns, empty those that differ, and return the number of their rows."""
        counts = await self._moved(work, 0, WITHIN)
        if counts.refused:
            raise MigrationError("\n".join(counts.told))
        try:
            return await self._comparer(work, since).run()
        finally:
            self._end_progress()

    @property
    def _any_prefix(self) -> bool:
        return getattr(self._given, "any_prefix", False)

    def _need_keys(self) -> Keys:
        if self._keys is None:
            given = self._given
            store = commandline.open_store(
                given.keys_dir, given.keys_dir_public, given, self._environment
            )
            self._keys = Keys(store, given.client_id)
        return self._keys

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


def _beside(work: Sequence[_Work]) -> Sequence[_Work]:
    """The second columns among what is to be changed."""
    found = [one._replace(parts=[part for part in one.parts if part.beside]) for one in work]
    return [one for one in found if one.parts]


def _key(work: _Work) -> tuple[int, tuple[tuple[int, int], ...]]:
    parts = tuple((part.source.number, part.target.number) for part in work.parts)
    return work.relation.oid, parts
