"""The source of AcraCensor's rules: Acra's YAML file, or sections of the ini file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acra_twisted.blocks import CENSOR_BLOCKS, blocks_of
from acra_twisted.censor.rules import Rules
from acra_twisted.errors import ConfigError
from acra_twisted.options import Block

#: Keys of [censor] that go with handlers in sections.
_COMMON = (
    *("ignore_parse_error", "parse_errors_log", "value_matches_functions"),
    *("unknown_functions", "statistics"),
)


def read_rule_source(settings: Mapping[str, Any], blocks: Sequence[Block]) -> Rules:
    """Return the rules as they are written now.  ``blocks`` may hold other sections, too.  Raises
    ConfigError."""
    path = settings.get("acracensor_config_file", "")
    own = blocks_of(blocks, CENSOR_BLOCKS)
    common = {key: settings[key] for key in _COMMON if settings.get(key)}
    if not path and not own:
        raise ConfigError(
            "the stage 'censor' needs rules: name a file in acracensor_config_file, or give "
            "handlers in sections [censor:NAME]"
        )
    if not path:
        from acra_twisted.censor.rulesections import rules_of_blocks

        return rules_of_blocks(own, common, getattr(settings, "file", "") or "[censor]")
    if own:
        raise ConfigError(
            f"[{own[0].name}]: acracensor_config_file is set, too; keep the rules in one place",
            own[0].where,
        )
    if common:
        raise ConfigError(f"{next(iter(common))}: with acracensor_config_file it belongs in {path}")
    return read_rule_file("acracensor_config_file", path)


def read_rule_file(option: str, path: str) -> Rules:
    """Rules of Acra's YAML; ``option`` named the path.  Raises ConfigError."""
    # YAML takes time to import, and every start comes by here.
    from acra_twisted.censor.rulefile import parse_rules

    try:
        with open(path, encoding="utf-8") as file:
            return parse_rules(file.read(), path)
    except OSError as error:
        raise ConfigError(f"{option}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError("the file is not UTF-8 text", path) from None
