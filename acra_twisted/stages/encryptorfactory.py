"""Makes the stage ``encryptor`` of its configuration, or says why it cannot protect what is
configured."""

from __future__ import annotations

from typing import Final

from twisted.logger import Logger
from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.encryption.settings import TOKENIZED, EncryptionSettings
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IStageFactory
from acra_twisted.options import FILE, Option, Settings
from acra_twisted.pipeline.services import Services
from acra_twisted.stages.columnsource import read_column_source
from acra_twisted.stages.encryptor import Encryptor

_log: Final = Logger()

_DECRYPTOR: Final = "decryptor"


@implementer(IPlugin, IStageFactory)
class EncryptorFactory:
    """Makes the stage ``encryptor``."""

    name = "encryptor"
    options = (
        Option(
            "config_file",
            FILE,
            "",
            "Acra's encryptor_config file, with the columns to protect. Required.",
        ),
    )
    after = ("query_capture", "censor")
    before = (_DECRYPTOR, "poison")
    advisory = False

    def make(self, settings: Settings, services: Services) -> Encryptor:
        """Raises ConfigError for a configuration that is wrong, or that asks for what the stage
        cannot do."""
        keys = services.need_keys(self.name)
        if _DECRYPTOR not in services.settings["stages"]:
            raise ConfigError("the stage 'encryptor' needs the stage 'decryptor' behind it")
        if services.settings["function_call_enable"]:
            raise ConfigError(
                "function_call_enable: values of function calls are not seen by the stage "
                "'encryptor'; set it to false"
            )
        path = settings["config_file"]
        if not path:
            raise ConfigError("[stage:encryptor] config_file: name the file with the columns")
        configured = read_column_source(path, (), services.clock() / 1e9)
        _refuse_unbuilt(path, configured)
        for remark in configured.remarks:
            _log.warn("{event_text}", event_text=remark, code=events.INSECURE_SETTING)
        return Encryptor(configured, keys, services.workers, services.reactor.seconds)


def _refuse_unbuilt(path: str, configured: EncryptionSettings) -> None:
    """Raises ConfigError for a kind of protection that the stage does not have."""
    for setting in configured.columns:
        if setting.kind == TOKENIZED:
            raise ConfigError(
                f"column {setting.label}: token_type: the stage 'encryptor' does not tokenize",
                f"{path}:{setting.line}",
            )
    for bypass in configured.bypasses:
        raise ConfigError(
            "bypass: the stage 'encryptor' lets no statement pass by it", f"{path}:{bypass.line}"
        )
