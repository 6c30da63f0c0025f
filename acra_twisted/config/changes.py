"""Compare a configuration with the one that a running daemon was started with."""

from __future__ import annotations

from acra_twisted.blocks import LISTENER
from acra_twisted.options import Settings


def changes(before: Settings, after: Settings) -> list[str]:
    """The names of settings with other values, in order.

    Sections that may be repeated, such as [censor:NAME], are left out: whoever uses them reads
    them anew.
    """
    found = [name for name in before if before[name] != after.get(name)]
    for stage in dict.fromkeys((*before.stages, *after.stages)):
        old, new = before.stages.get(stage), after.stages.get(stage)
        # The setting `stages` decides if it runs at all.
        if old is not None and new is not None:
            found += [f"[stage:{stage}] {name}" for name in old if old[name] != new.get(name)]
    for name, was in before.listeners.items():
        now = after.listeners.get(name)
        if now is not None:
            own = (key for key in was if key in was.given or key in now.given)
            found += [f"[{LISTENER}{name}] {key}" for key in own if was[key] != now.get(key)]
    gone = before.listeners.keys() ^ after.listeners.keys()
    return [*found, *(f"[{LISTENER}{name}]" for name in sorted(gone))]
