"""Judges options of Acra's that are no options of ours: takes, mentions or refuses them.

`acratable` has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from acra_twisted.config.acratable import PARTS, AcraOption, options_of
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import Line


class Judged(NamedTuple):
    """``wrong`` are refusals, ``remarks`` sentences for the operator, ``ours`` what to take under
    a name of ours, ``parts`` hosts and ports of our addresses, by Acra's name."""

    wrong: list[ConfigError]
    remarks: list[str]
    ours: dict[str, Line]
    parts: dict[str, Line]


def judge(program: str, given: Mapping[str, Line], from_file: Iterable[str] = ()) -> Judged:
    """Judge Acra's options.  Those named in ``from_file`` come from a file."""
    known, filed = options_of(program), frozenset(from_file)
    found = Judged([], [], {}, {})
    values: dict[str, str] = {}
    for name, (text, where) in given.items():
        option = known[name]
        try:
            values[name] = option.kind.render(option.kind.parse(text)) if text.strip() else ""
        except ValueError as error:
            found.wrong.append(ConfigError(f"{name}: {error}", where))
    for name, value in values.items():
        option, where = known[name], given[name].where
        if name.endswith(PARTS) and option.becomes:
            found.parts[name] = Line(value, where)
        elif option.becomes:
            found.ours[option.becomes] = Line(value, where)
        elif value and not option.accepts(value, values):
            if name in filed and value == option.default:
                found.remarks.append(f"{where}: {name} has no effect: {option.says} is not done")
            else:
                found.wrong.append(_refusal(option, where))
        elif option.told and value not in ("", option.default):
            found.remarks.append(f"{where}: {name} has no effect: {option.says}")
    return found


def _refusal(option: AcraOption, where: str) -> ConfigError:
    remedy = f"leave {option.name} out"
    if option.accepted:
        remedy += f", or set it to {option.accepted[0]}"
    return ConfigError(f"{option.name}: not supported here: {option.says}; {remedy}", where)


def address(
    program: str, judged: Judged, ours: str, own: bool, before: Address
) -> tuple[Address, str]:
    """The address ``ours`` if Acra's host and port replace parts of it, and where they were given;
    empty if they do not.

    ``own``: ours has been given, too; it holds against Acra's defaults.
    """
    known = options_of(program)
    parts = {
        name.rpartition("_")[2]: entry
        for name, entry in judged.parts.items()
        if known[name].becomes == ours
        and entry.text
        and not (own and entry.text == known[name].default)
    }
    if not parts:
        return before, ""
    port = before.port or int(known[ours.replace("_string", "_port")].default)
    found = Address(
        parts["host"].text if "host" in parts else before.host or "127.0.0.1",
        int(parts["port"].text) if "port" in parts else port,
    )
    return found, next(iter(parts.values())).where
