"""The text of a YAML file as nodes that know their lines."""

from __future__ import annotations

from typing import Any

import yaml

from acra_twisted.errors import ConfigError

NULL = "tag:yaml.org,2002:null"
TEXT = "tag:yaml.org,2002:str"


def compose(path: str, text: str, largest: int) -> Any:
    """Return the root node of the only document, None if there is nothing in it.

    ``largest`` is the number of characters that are read at most.  Nothing is constructed from the
    nodes, so a tag makes no object.  Raises ConfigError with file and line.
    """
    if len(text) > largest:
        raise ConfigError(f"the file has more than {largest} characters", path)
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = place(path, mark.line) if mark is not None else path
        raise ConfigError(f"this is no YAML: {error.problem}", where) from None
    except yaml.reader.ReaderError as error:
        where = place(path, text.count("\n", 0, error.position))
        raise ConfigError("this is no YAML: a character that YAML does not have", where) from None
    except RecursionError:
        raise ConfigError("this is no YAML: too many levels", path) from None
    except (yaml.YAMLError, ValueError):
        raise ConfigError("this is no YAML", path) from None


def place(path: str, line: int) -> str:
    """Return ``file:line`` of a line that is counted from 0."""
    return f"{path}:{line + 1}"
