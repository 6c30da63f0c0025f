"""``acra-log-verifier``: whether a tamper-evident log is what was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from acra_twisted.errors import AcraError, KeyStoreError
from acra_twisted.keystore import purposes
from acra_twisted.telemetry.logchain import verify
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser

PROGRAM = "acra-log-verifier"
_SHOWN = 20


class Tampered(AcraError):
    """The log is not what was written."""


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Check log files that audit_log_enable has signed, the oldest first. Exit "
        "status 1 if a line is missing, added or changed.",
    )
    commandline.add_version(parser)
    parser.key_folders("keys_dir", "keys_dir_public")
    parser.add_argument(
        "--audit_log_file", action="append", default=[], metavar="FILE", help="a log file"
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="more of them, in order")
    parser.switch("audit_log_open_ok", help="the log is being written: its last chain may be open")
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises AcraError, OSError."""
    given = _parser().parse_args(arguments)
    files = [*given.audit_log_file, *given.files]
    if not files:
        raise KeyStoreError("which log? name its files, the oldest first")
    store = commandline.open_store(given.keys_dir, given.keys_dir_public, given, environment)
    keys = store.keys(purposes.AUDIT_LOG)
    if not keys:
        raise KeyStoreError("there is no audit log key; run: acra-keymaker --generate_log_key")
    found = verify(_lines(files), keys[0].value)
    for problem in found.problems[:_SHOWN]:
        output.write(f"line {problem.line}: {problem.text}\n")
    if len(found.problems) > _SHOWN:
        output.write(f"... and {len(found.problems) - _SHOWN} more\n")
    if found.problems:
        raise Tampered(f"{len(found.problems)} problems in {found.lines} lines")
    if found.open_chain and not given.audit_log_open_ok:
        raise Tampered(
            f"the last chain has not ended: lines at the end may be missing (or the log is still "
            f"being written: --audit_log_open_ok); {found.lines} lines are as they were written"
        )
    if not found.chains:
        raise Tampered("no line of a signed log is here")
    output.write(f"{found.lines} lines in {found.chains} chains are as they were written\n")


def _lines(files: Sequence[str]) -> Iterator[str]:
    for path in files:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            yield from file


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
