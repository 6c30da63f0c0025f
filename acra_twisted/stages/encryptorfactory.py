"""Makes the stage ``encryptor`` of its configuration, or says why it cannot protect what is
configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.encryption.settings import TOKENIZED, EncryptionSettings
from acra_twisted.encryption.statementpattern import LANGUAGE, MYSQL, pattern_of
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IDatabaseStageFactory
from acra_twisted.optionkinds import FILE
from acra_twisted.options import Block, Option, Settings
from acra_twisted.pipeline.services import Services
from acra_twisted.stages.columnsource import read_columns

# The parser takes time to import and every start reads this module: it is imported where a stage is
# made.
if TYPE_CHECKING:
    from acra_twisted.stages.columnstage import ColumnStage
    from acra_twisted.stages.encryptor import Encryptor
    from acra_twisted.stages.mysqlencryptor import MysqlEncryptor

_NAME: Final = "encryptor"
_DECRYPTOR: Final = "decryptor"


@implementer(IPlugin, IDatabaseStageFactory)
class EncryptorFactory:
    """Makes the stage ``encryptor``."""

    name = _NAME
    options = (Option("config_file", FILE, "", "The same as encryptor_config_file."),)
    after = ("query_capture", "censor")
    before = (_DECRYPTOR, "poison")
    advisory = False
    languages = (LANGUAGE, MYSQL)

    def make(self, settings: Settings, services: Services) -> ColumnStage:
        """Raises ConfigError for a configuration that is wrong, or that asks for what the stage
        cannot do."""
        keys = services.need_keys(self.name)

        def now() -> float:
            return services.clock() / 1e9

        def read() -> EncryptionSettings:
            return check_columns(
                *(
                    services.settings,
                    settings,
                    services.blocks(),
                    now(),
                    services.language or LANGUAGE,
                )
            )

        def tokenizer(found: EncryptionSettings) -> Any:
            """Open the store of tokens once a column has tokens."""
            if not any(column.kind == TOKENIZED for column in found.columns):
                return None
            return services.tokenizer()

        configured = read()
        from acra_twisted.stages.columnstage import tell

        tell(configured)
        stage = _stage(services.language)(
            configured,
            keys,
            services.workers,
            services.reactor.seconds,
            tokenizer,
            read=read,
            now=now,
        )
        stage.start(services.reactor)
        return stage


def _stage(language: str) -> type[Encryptor] | type[MysqlEncryptor]:
    """The stage for a database, by the SQL that it speaks."""
    if language == MYSQL:
        from acra_twisted.stages.mysqlencryptor import MysqlEncryptor

        return MysqlEncryptor
    from acra_twisted.stages.encryptor import Encryptor

    return Encryptor


def check_columns(
    settings: Mapping[str, Any],
    own: Mapping[str, Any],
    blocks: Sequence[Block],
    now: float,
    language: str = LANGUAGE,
) -> EncryptionSettings:
    """Return the configuration of the columns; arguments are as in `read_columns`.  Raises
    ConfigError if it is wrong, or the stage would not protect what it names."""
    if _DECRYPTOR not in settings["stages"]:
        raise ConfigError(
            "stages: the stage 'encryptor' needs the stage 'decryptor' behind it, which opens what "
            "it has encrypted; name both"
        )
    if language == LANGUAGE and settings["function_call_enable"]:
        raise ConfigError(
            "function_call_enable: the stage 'encryptor' does not see the values of FunctionCall "
            "messages, and they would be stored in clear; set it to false"
        )
    configured = read_columns(settings, own, blocks, now, language)
    for bypass in configured.bypasses:
        # It must be possible to compare its statement with those of clients.
        pattern_of(bypass, language)
    return configured
