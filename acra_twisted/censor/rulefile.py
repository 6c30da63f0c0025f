"""Acra's YAML rule file: text to plain data that knows its lines."""

from __future__ import annotations

from typing import Any

import yaml

from acra_twisted.censor.places import Keys, Text
from acra_twisted.censor.rules import Rules, read_rules
from acra_twisted.errors import ConfigError


def parse_rules(text: str, path: str) -> Rules:
    """Rules of a YAML text.  Raises ConfigError with file and line."""

    class Loader(yaml.SafeLoader):
        """Safe, and strict: a key given twice is an error and not silently the last."""

    def place(node: Any) -> str:
        return f"{path}:{node.start_mark.line + 1}"

    def construct_text(loader: Any, node: Any) -> Any:
        return Text.at(place(node), loader.construct_scalar(node))

    def construct_keys(loader: Any, node: Any) -> Any:
        found = Keys()
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if isinstance(key, (list, dict)) or key in found:
                raise ConfigError("a key is given twice or is no text", place(key_node))
            found[key] = loader.construct_object(value_node, deep=True)
            found.places[key] = place(key_node)
        return found

    Loader.add_constructor("tag:yaml.org,2002:str", construct_text)
    Loader.add_constructor("tag:yaml.org,2002:map", construct_keys)
    try:
        data = yaml.load(text, Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else path
        raise ConfigError(f"not YAML: {error.problem or error.context}", where) from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigError("not YAML", path) from None
    return read_rules(data, path)
