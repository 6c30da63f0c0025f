"""acra-migrate's part that is MySQL's: the tables of a server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.encryption.mysql import moving
from acra_twisted.encryption.mysql.protection import ProtectedTable, Protection
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.server.liveschema import read_mysql_schema
from acra_twisted.tools.mysqlclient import MysqlClient
from acra_twisted.tools.mysqlrows import WORDS, MysqlRows
from acra_twisted.wire.mysql.handshake import POSING

_VERSION: Final = re.compile(rb"(\d+)\.(\d+)\.(\d+)")
_SKIP: Final = "SKIP LOCKED"
#: The first versions that know it.
_SKIPS: Final = {True: (10, 6, 0), False: (8, 0, 1)}


class MysqlSite:
    """See `migrationjob.Site`.  ``client`` is connected, with `moving.SETTINGS`."""

    words = WORDS
    forms = moving

    def __init__(self, client: MysqlClient, settings: EncryptionSettings, change: str) -> None:
        self._client, self._settings, self._change = client, settings, change
        self._protection: Protection | None = None
        self._skip = ""

    async def read(self) -> None:
        """See Site."""
        client = self._client
        [[version]] = await client.ask("SELECT VERSION()")
        self._skip = _SKIP if skips_locked(version or b"") else ""
        schema = await read_mysql_schema(lambda text, _: client.ask(text), self._settings)
        self._protection = Protection(schema, self._settings)

    def roots(self, table: TableSetting) -> Sequence[ProtectedTable]:
        """See Site."""
        protection = self._protection
        assert protection is not None  # noqa: S101 - it was read first
        found = [one for one in protection.tables if protection.setting_of(one.table) is table]
        if not found:
            raise ConfigError(
                f"the server has no table {table.name} with a protected column, or shows the user "
                "none"
            )
        return found

    def definitions(self, root: ProtectedTable) -> Sequence[str]:
        """See Site."""
        return moving.definitions(root)

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

    async def switch(self, root: ProtectedTable, job: Any) -> None:
        """See Site: columns are changed in place."""


def skips_locked(version: bytes) -> bool:
    """Tell whether a server can pass over rows that somebody holds, by its version."""
    found = _VERSION.search(version.removeprefix(POSING))
    return found is not None and tuple(map(int, found.groups())) >= _SKIPS[b"MariaDB" in version]
