"""acra-migrate's part that is PostgreSQL's: the tables of a database, and the switch to second
columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from acra_twisted.encryption.postgresql import catalog, moving, secondcolumns
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.question import schema_question
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.migrationjob import MigrationJob
from acra_twisted.tools.postgresqlpairs import PostgresqlPairs
from acra_twisted.tools.postgresqlrows import ALONE, PostgresqlRows
from acra_twisted.tools.rowwork import MigrationError, beside
from acra_twisted.tools.settling import comparer, settle, switch


class _Mark(NamedTuple):
    """When a table was compared: see `secondcolumns.mark`."""

    since: int
    file: bytes | None


#: Marks of tables that were compared, by each table and the numbers of its columns.
_Marks = dict[tuple[int, tuple[tuple[int, int], ...]], _Mark]


class PostgresqlSite:
    """See `migrationjob.Site`.  ``client`` is connected."""

    words = ALONE
    forms = moving

    def __init__(self, client: DatabaseClient, settings: EncryptionSettings, change: str) -> None:
        self._client, self._settings, self._change = client, settings, change
        self._protection: Protection | None = None

    async def read(self) -> None:
        """See Site."""
        self._protection = await self.read_now()

    async def read_now(self) -> Protection:
        """Return the protected columns as they are."""
        question = schema_question(table.name for table in self._settings.tables)
        rows = (await self._client.ask(question)).rows
        schema = catalog.read([cell for [cell] in rows if cell is not None], 1)
        return Protection(schema, self._settings)

    @property
    def _known(self) -> Protection:
        assert self._protection is not None  # noqa: S101 - it was read first
        return self._protection

    def roots(self, table: TableSetting) -> Sequence[Relation]:
        """See Site."""
        found = moving.roots(self._known, table)
        if not found:
            raise ConfigError(f"the database has no table {table.name}")
        return found

    def definitions(self, root: Relation) -> Sequence[str]:
        """See Site."""
        columns = self._known.columns(root.oid)
        return secondcolumns.preparation(self._known, root, columns, self._change)

    async def work(self, root: Relation) -> Sequence[PostgresqlRows]:
        """See Site."""
        return self.work_of(self._known, root)

    def work_of(self, protection: Protection, root: Relation) -> Sequence[PostgresqlRows]:
        """The tables with the rows of a root, and what to change in them."""
        found = []
        for relation in moving.holders(protection, root):
            parts = moving.parts(relation, protection.columns(relation.oid), self._change)
            found.append(PostgresqlRows(self._client, relation, parts))
        return found

    async def switch(self, root: Relation, job: MigrationJob) -> None:
        """See Site."""
        await _Switch(self._client, self, job).run(root)


class _Switch:
    """The switch of one table."""

    def __init__(self, client: DatabaseClient, site: PostgresqlSite, job: MigrationJob) -> None:
        self._client, self._site, self._job = client, site, job

    async def run(self, root: Relation) -> None:
        """Compare all rows; then keep everybody out, change the rows that are left, compare those
        that were written since, and give second columns their names."""
        name = moving.label(root)
        pairs = beside(await self._site.work(root))
        if not pairs:
            self._job.tell(f"{name}: it has no second column to switch to")
            return
        carry_out = partial(self._carry_out, root, pairs)
        keep, undo = partial(self._end, "COMMIT"), partial(self._end, "ROLLBACK")
        await switch(self._job, name, carry_out, keep, undo)

    async def _end(self, word: str) -> None:
        await self._client.ask(word)

    async def _carry_out(self, root: Relation, pairs: Sequence[PostgresqlRows]) -> None:
        client = self._client
        marks = await self._looked_at(pairs)
        await client.ask("BEGIN")
        await client.ask(f"SET LOCAL lock_timeout = '{self._job.given.lock_timeout}s'")
        await client.ask(secondcolumns.lock(root))
        # Somebody may have made a table that inherits, or a view, before the lock.
        protection = await self._site.read_now()
        locked = protection.schema.relations.get(root.oid)
        if locked is None:
            raise MigrationError(f"table {moving.label(root)} is not the one that it was")
        lines = secondcolumns.switch(protection, locked, self._job.given.command)
        for one in beside(self._site.work_of(protection, locked)):
            paired = self._paired(one, await self._since(one, marks.get(_key(one))))
            await settle(self._job, one, paired)
        for line in lines:
            await client.ask(line)

    async def _looked_at(self, work: Sequence[PostgresqlRows]) -> _Marks:
        """Compare tables while others use them, and return the marks of those without a difference:
        there, only what is written from the mark on can make one."""
        marks: _Marks = {}
        for one in work:
            [[since, file]] = (await self._client.ask(secondcolumns.mark(one.relation))).rows
            try:
                number = await comparer(self._job, one, self._paired(one, None)).look()
            finally:
                self._job.end_progress()
            if not number:
                marks[_key(one)] = _Mark(int(since or b""), file)
        return marks

    async def _since(self, work: PostgresqlRows, mark: _Mark | None) -> int | None:
        """Return the transaction from which on the rows of a locked table are to be compared, None
        for all of them: also if its rows have moved since the mark, for example by VACUUM FULL, and
        so past the comparison."""
        if mark is None:
            return None
        [[file]] = (await self._client.ask(secondcolumns.file_of(work.relation))).rows
        return mark.since if file is not None and file == mark.file else None

    def _paired(self, work: PostgresqlRows, since: int | None) -> PostgresqlPairs:
        return PostgresqlPairs(self._client, work.relation, work.parts, since)


def _key(work: PostgresqlRows) -> tuple[int, tuple[tuple[int, int], ...]]:
    parts = tuple((part.source.number, part.target.number) for part in work.parts)
    return work.relation.oid, parts
