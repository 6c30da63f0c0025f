"""The part of the stage ``encryptor`` that is the same whatever the database: its keys, tokens and
bypasses, and its configuration, which can be read anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from acra_twisted import events
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.fast.compiled import mypyc_attr
from acra_twisted.pipeline.workers import Workers
from acra_twisted.stages.bypassing import Bypasses
from acra_twisted.stages.bypassreminder import BypassReminder
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.columnverdicts import STAGE
from acra_twisted.tokens.tokenizer import Tokenizer

_log: Final = Logger()

#: Gives the tokenizer that settings need.
NeedTokens = Callable[[EncryptionSettings], Tokenizer | None]


def no_tokens(_: EncryptionSettings) -> Tokenizer | None:
    """Gives none, for settings without tokens."""
    return None


class Columns(Protocol):
    """The protected columns of the databases of a stage's sessions."""

    settings: EncryptionSettings

    def use(self, settings: EncryptionSettings) -> None:
        """Decide by other settings from now on."""


def tell(settings: EncryptionSettings) -> None:
    """Tell the operator what is remarkable about a configuration."""
    for remark in settings.remarks:
        _log.warn("{event_text}", event_text=remark, code=events.INSECURE_SETTING)


@mypyc_attr(allow_interpreted_subclasses=True)
class ColumnStage:
    """``keys`` is an IKeys; ``seconds`` a monotonic clock; ``tokenizer`` gives the one that some
    settings need, None if no column has tokens, or raises ConfigError.  ``read`` gives the settings
    anew, or raises ConfigError.  ``now`` is the time as seconds since the epoch: bypasses end.
    ``language`` is the one of their statements, of `sql.languages`.
    """

    name = STAGE

    def __init__(
        self,
        settings: EncryptionSettings,
        columns: Columns,
        keys: Any,
        workers: Workers,
        seconds: Callable[[], float],
        tokenizer: NeedTokens,
        read: Callable[[], EncryptionSettings],
        now: Callable[[], float],
        language: str,
    ) -> None:
        self._read = read
        self._configured = columns
        self._keys = ColumnKeys(keys, seconds, settings)
        self._workers = workers
        self._tokenizer = tokenizer
        self._tokens = ColumnTokens(tokenizer(settings))
        self._bypasses = Bypasses(now, language)
        self._bypasses.put_in_force(settings.bypasses)
        self._reminder = BypassReminder(self._bypasses)

    @property
    def summary(self) -> str:
        """The number of protected columns, for people."""
        count = len(self._configured.settings.columns)
        return f"{count} column{'' if count == 1 else 's'}"

    def start(self, reactor: Any) -> None:
        """Remind the operator of bypasses that are in force, each hour."""
        self._reminder.start(reactor)

    def stop(self) -> Any:
        """Close the store of tokens, when all is written."""
        self._reminder.stop()
        return self._tokens.stop()

    def reload(self) -> Deferred[None]:
        """See IReloadable.  Statements that were prepared by other settings are planned anew, or
        refused, when values are bound to them."""
        reading: Deferred[EncryptionSettings] = self._workers.run(self._read)
        return reading.addCallback(self._use)

    def _use(self, settings: EncryptionSettings) -> None:
        # It raises before anything is in force.
        self._tokens.use(self._tokenizer(settings))
        self._bypasses.put_in_force(settings.bypasses)
        tell(settings)
        self._configured.use(settings)
        self._keys.use(settings)
        self._tokens.forget()
