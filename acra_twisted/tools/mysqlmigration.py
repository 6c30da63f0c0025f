"""acra-migrate's part that is MySQL's: the tables of a server, and the switch to second columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from acra_twisted.encryption.mysql import moving, secondcolumns
from acra_twisted.encryption.mysql.protection import ProtectedTable, Protection
from acra_twisted.encryption.mysql.schema import TRIGGER
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.server.liveschema import read_mysql_schema
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.migrationjob import MigrationJob
from acra_twisted.tools.mysqlclient import MysqlClient
from acra_twisted.tools.mysqlrows import WORDS, MysqlRows
from acra_twisted.tools.rowwork import MigrationError, beside
from acra_twisted.tools.settling import settle, switch
from acra_twisted.wire.mysql.handshake import POSING

_VERSION: Final = re.compile(rb"(\d+)\.(\d+)\.(\d+)")
_SKIP: Final = "SKIP LOCKED"
#: The first versions that know it.
_SKIPS: Final = {True: (10, 6, 0), False: (8, 0, 1)}


class MysqlSite:
    """See `migrationjob.Site`.  ``client`` is connected, with `moving.SETTINGS`.  ``in_place``:
    definitions change types where one holds both forms, instead of adding second columns."""

    words = WORDS
    forms = moving

    def __init__(
        self,
        client: MysqlClient,
        settings: EncryptionSettings,
        change: str,
        in_place: bool = False,
    ) -> None:
        self._client, self._settings, self._change = client, settings, change
        self._in_place = in_place
        self._protection: Protection | None = None
        self._skip = ""

    async def read(self) -> None:
        """See Site."""
        [[version]] = await self._client.ask("SELECT VERSION()")
        self._skip = _SKIP if skips_locked(version or b"") else ""
        await self.read_now()

    async def read_now(self) -> None:
        """Read the protected columns as they are."""
        client = self._client
        schema = await read_mysql_schema(lambda text, _: client.ask(text), self._settings)
        self._protection = Protection(schema, self._settings)

    @property
    def _known(self) -> Protection:
        assert self._protection is not None  # noqa: S101 - it was read first
        return self._protection

    def roots(self, table: TableSetting) -> Sequence[ProtectedTable]:
        """See Site."""
        protection = self._known
        found = [one for one in protection.tables if protection.setting_of(one.table) is table]
        if not found:
            raise ConfigError(
                f"the server has no table {table.name} with a protected column, or shows the user "
                "none"
            )
        return found

    def definitions(self, root: ProtectedTable) -> Sequence[str]:
        """See Site."""
        has_trigger = self.has_trigger(root)
        return secondcolumns.preparation(root, self._change, has_trigger, self._in_place)

    def has_trigger(self, root: ProtectedTable) -> bool:
        """Tell whether a table has the trigger of its second columns."""
        wanted = root.table.database, secondcolumns.trigger_name(root.table)
        return any(
            one.kind == TRIGGER and (one.database, one.name) == wanted
            for one in self._known.schema.code
        )

    def known_now(self, before: ProtectedTable) -> ProtectedTable:
        """Return a table as it is.  Raises MigrationError if there is no such one any more."""
        table = before.table
        found = [
            one
            for one in self._known.tables
            if (one.table.database, one.table.name) == (table.database, table.name)
        ]
        if not found:
            raise MigrationError(f"table {moving.label(table)} is not the one that it was")
        return found[0]

    async def work(self, root: ProtectedTable) -> Sequence[MysqlRows]:
        """See Site."""
        parts = moving.parts(root, self._change)
        if not parts:
            return []
        found_by = moving.key(root)
        facts = moving.read_facts(await self._client.ask(moving.facts_question(root.table)))
        if facts.trouble:
            raise ConfigError(f"table {moving.label(root.table)}: {facts.trouble}")
        return [MysqlRows(self._client, root.table, parts, found_by, facts, self._skip)]

    async def switch(self, root: ProtectedTable, job: MigrationJob) -> None:
        """See Site."""
        await _Switch(self._client, self, job).run(root)


class _Switch:
    """The switch of one table."""

    def __init__(self, client: MysqlClient, site: MysqlSite, job: MigrationJob) -> None:
        self._client, self._site, self._job = client, site, job

    async def run(self, root: ProtectedTable) -> None:
        """Keep everybody out, change the rows that are left, compare all of them, and give second
        columns their names."""
        name = moving.label(root.table)
        if not beside(await self._site.work(root)):
            self._job.tell(f"{name}: it has no second column to switch to")
            return
        undo = partial(self._unlock, quietly=True)
        await switch(self._job, name, partial(self._locked, root), self._unlock, undo)

    async def _locked(self, before: ProtectedTable) -> None:
        client, site = self._client, self._site
        table = before.table
        for line in secondcolumns.lock(table, self._job.given.lock_timeout):
            await client.ask_long(line)
        # Somebody may have changed the table before the lock.
        await site.read_now()
        root = site.known_now(before)
        rows = await client.ask(secondcolumns.definitions_question(table))
        line = secondcolumns.switch(
            root, secondcolumns.read_definitions(rows), self._job.given.command
        )
        for work in beside(await site.work(root)):
            await settle(self._job, work, work)
        if await client.ask_long(secondcolumns.unfilled(root)):
            raise MigrationError(
                f"table {moving.label(table)}: a value has not come to its second column; it may "
                "be longer than max_allowed_packet; the table is as it was before the switch"
            )
        await client.ask(secondcolumns.drop_trigger(table))
        try:
            await client.ask_long(line)
        except DatabaseError as error:
            if not error.is_gone and site.has_trigger(root):
                await client.ask(secondcolumns.trigger(root))
            raise

    async def _unlock(self, quietly: bool = False) -> None:
        """Undo what is not committed, and let others in.  ``quietly``: the connection may be
        gone."""
        try:
            for line in secondcolumns.UNLOCK:
                await self._client.ask(line)
        except DatabaseError:
            if not quietly:
                raise


def skips_locked(version: bytes) -> bool:
    """Tell whether a server can pass over rows that somebody holds, by its version."""
    found = _VERSION.search(version.removeprefix(POSING))
    return found is not None and tuple(map(int, found.groups())) >= _SKIPS[b"MariaDB" in version]
