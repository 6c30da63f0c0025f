"""Checks of ``--check_config --schema --sample``: some stored values of each protected column."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from twisted.internet.defer import maybeDeferred

from acra_twisted.authentication.mapfile import MapFile
from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.doctor.result import Result, ok, warn
from acra_twisted.encryption.judging import CLEAR, CLOSED, FINE, OTHER, Judge, ReaderKeys
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting
from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.keystore.opening import open_keys
from acra_twisted.options import Settings
from acra_twisted.purposes import SEARCH_HMAC, STORAGE, STORAGE_SYMMETRIC
from acra_twisted.server.pieces import Ask
from acra_twisted.server.sampledcolumns import SampledColumn

#: Bytes of the values of a column together.
_BYTES: Final = 16 << 20
_LONGEST: Final = 1 << 20
#: Clients whose keys are tried.
_CLIENTS: Final = 100
_ABOUT: Final = "columns"
#: A value that is too long to be looked at.
_LONG: Final = "long"


class Samples:
    """Looks at ``most`` values of each protected column of a database.  The settings name the
    clients that may have stored the values of columns without a ``client_id``."""

    def __init__(self, settings: Settings, most: int) -> None:
        self._settings, self._most = settings, most
        self._longest = min(_LONGEST, _BYTES // most)
        self._clients = _clients(settings)

    async def results(self, ask: Ask, columns: Iterable[SampledColumn]) -> AsyncIterator[Result]:
        """Yield a result for each column.  Raises ConfigError."""
        # A copy of the environment: the service will want to find the master key there as well.
        keys = open_keys(self._settings, dict(os.environ), lambda: 0.0)
        try:
            for column in columns:
                try:
                    judge = await self._judge(keys, column.setting)
                    counts = await self._count(ask, column, judge)
                except (NoAnswer, ConfigError, KeyStoreError) as error:
                    yield _unseen(column, error)
                else:
                    is_opened = bool(column.setting.owner or self._clients)
                    yield _result(column, counts, is_opened)
        finally:
            if keys is not None:
                keys.close()

    async def _judge(self, keys: Any, setting: ColumnSetting) -> Judge:
        owners = [setting.owner] if setting.owner else self._clients
        readers = []
        for owner in owners if keys is not None else ():
            opener = await maybeDeferred(keys.opener, STORAGE, STORAGE_SYMMETRIC, owner)
            prefixes = None
            if setting.kind == SEARCHABLE:
                found = await maybeDeferred(keys.keys, SEARCH_HMAC, owner)
                prefixes = Prefixes(setting, [key.value for key in found])
            readers.append(ReaderKeys(opener, prefixes))
        return Judge(setting, readers)

    async def _count(self, ask: Ask, column: SampledColumn, judge: Judge) -> Counter[str]:
        counts: Counter[str] = Counter()
        for value in await column.values(ask, self._most, self._longest):
            counts[judge.judge(value) if value else _LONG] += 1
        return counts


def _clients(settings: Settings) -> Sequence[str]:
    """The client ids that sessions have, as far as the settings name them: the first ones."""
    rules = settings["client_id_map_file"]
    named = [settings["client_id"]] if settings["client_id"] else []
    named += MapFile(rules).rules.constant_ids if rules else ()
    return list(dict.fromkeys(named))[:_CLIENTS]


def _unseen(column: SampledColumn, error: Exception) -> Result:
    remedy = f"{column.grant} TO the role in schema_user"
    text = f"{column.label}: its values cannot be looked at: {error}"
    return warn(_ABOUT, text, remedy if isinstance(error, NoAnswer) else "")


def _result(column: SampledColumn, counts: Counter[str], is_opened: bool) -> Result:
    total = counts.total()
    if not total:
        return ok(_ABOUT, f"{column.label}: no value was found in the rows that were looked at")
    told = [
        f"{counts[judgement]} ({counts[judgement] / total:.1%}) {words}"
        for judgement, words in (
            (FINE, "fine" if is_opened else "encrypted, but not opened: no client id is named"),
            (CLEAR, "in clear"),
            (CLOSED, "that cannot be read"),
            (OTHER, "encrypted, and not as the column is"),
            (_LONG, "too long to be looked at"),
        )
        if counts[judgement]
    ]
    text = f"{column.label}: of {total} values, {', '.join(told)}"
    if not counts[CLEAR] + counts[CLOSED] + counts[OTHER]:
        return ok(_ABOUT, text)
    name = column.table.label
    return warn(_ABOUT, text, f"acra-migrate encrypt {name}" if counts[CLEAR] else "")
