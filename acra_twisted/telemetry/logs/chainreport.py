"""Says of a signed log what its chains have shown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Final, TextIO

from acra_twisted import purposes
from acra_twisted.errors import AcraError, KeyStoreError
from acra_twisted.telemetry.logs.chaincheck import Run, Verified, verify

_SHOWN: Final = 20
#: Texts about lines that cannot be checked: without a value, and JSON signed by Acra.
_NOT_CHECKED: Final = (
    "not signed: written before signing began, or added; nothing is known of them",
    "JSON that Acra has signed cannot be checked",
)


class Tampered(AcraError):
    """The log is not what was written."""


class Unsigned(AcraError):
    """The signed lines are unchanged, and some lines are not signed."""

    status = 3


class Uncheckable(AcraError):
    """Nothing of the log can be checked here."""

    status = 4


def examine(store: Any, lines: Iterable[str], output: TextIO, open_ok: bool = False) -> None:
    """Replay a log with the keys of ``store``, a FilesystemKeyStore, and `report` what was found.

    Raises KeyStoreError, also if there is no key, and what `report` raises.
    """
    keys = store.keys(purposes.AUDIT_LOG)
    if not keys:
        raise KeyStoreError("there is no audit log key; run: acra-keymaker --generate_log_key")
    names = [os.path.relpath(path, store.folder) for path in store.files(purposes.AUDIT_LOG)]
    report(verify(lines, [key.value for key in keys]), names, output, open_ok)


def report(found: Verified, keys: Sequence[str], output: TextIO, open_ok: bool = False) -> None:
    """Write what was found.  ``keys`` are the names of the keys that were tried, in order.

    ``open_ok``: the log is being written, so that its last chain may be open.  Raises Tampered,
    Unsigned, Uncheckable.
    """
    chains = sum(found.chains)
    if not chains and all(run.foreign for run in found.unsigned) and found.unsigned:
        raise Uncheckable(
            f"{found.lines} lines of JSON that Acra has signed cannot be checked: the value is "
            "over values as Go prints them, and not over the line; plaintext and cef can"
        )
    for run in found.unsigned:
        output.write(f"{_place(run)}: {_NOT_CHECKED[run.foreign]}\n")
    for problem in found.problems[:_SHOWN]:
        output.write(f"line {problem.line}: {problem.text}\n")
    if len(found.problems) > _SHOWN:
        output.write(f"... and {len(found.problems) - _SHOWN} more\n")
    if len(keys) > 1:
        for name, count in zip(keys, found.chains, strict=True):
            output.write(f"{name}: {count} chains\n")
    if found.problems:
        raise Tampered(f"{len(found.problems)} problems in {found.lines} lines")
    if not chains:
        raise Tampered("no line of a signed log is here")
    signed = found.lines - sum(run.last - run.first + 1 for run in found.unsigned)
    if found.open_chain and not open_ok:
        raise Tampered(
            f"the last chain has not ended: lines at the end may be missing (or the log is still "
            f"being written: --audit_log_open_ok); {signed} lines are as they were written"
        )
    output.write(f"{signed} lines in {chains} chains are as they were written\n")
    if found.unsigned:
        raise Unsigned(f"{found.lines - signed} of {found.lines} lines are not signed")


def _place(run: Run) -> str:
    return f"line {run.first}" if run.first == run.last else f"lines {run.first} to {run.last}"
