"""``acra-log-verifier``: whether a tamper-evident log is what was written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from acra_twisted.errors import KeyStoreError
from acra_twisted.telemetry.logs.chainreport import examine
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser

PROGRAM = "acra-log-verifier"


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Check log files that audit_log_enable has signed, the oldest first. The "
        "tool also tries rotated keys.",
        epilog="Exit status: 0, each line is as it was written; 1, a line is missing, added or "
        "changed, or the command line cannot be used; 3, what is signed is as it was written, and "
        "there are lines that were written before signing began; 4, nothing can be checked: JSON "
        "that Acra has signed.",
    )
    commandline.add_common(parser)
    parser.key_folders("keys_dir", "keys_dir_public")
    parser.add_argument(
        "--audit_log_file", action="append", default=[], metavar="FILE", help="a log file"
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="log files, in order")
    parser.add_argument(
        "--audit_log_file_list",
        default="",
        metavar="FILE",
        help="file with the names of log files, one a line",
    )
    parser.add_argument(
        "--audit_log_file_format",
        default="",
        choices=("", "plaintext", "cef", "json"),
        help="has no effect: each line shows its format",
    )
    parser.switch("audit_log_missing_ok", help="ignore missing log files")
    parser.switch(
        "audit_log_open_ok", help="accept an open last chain: a daemon is writing the log"
    )
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises AcraError, OSError."""
    given = _parser().parse_args(arguments)
    files = _files(given)
    store = commandline.open_store(given.keys_dir, given.keys_dir_public, given, environment)
    examine(store, _lines(files), output, given.audit_log_open_ok)


def _files(given: Any) -> list[str]:
    """The log's files in order.  Raises KeyStoreError, OSError."""
    files = [*given.audit_log_file, *given.files]
    if given.audit_log_file_list:
        with open(given.audit_log_file_list, encoding="utf-8", errors="surrogateescape") as file:
            files += [line.strip() for line in file if line.strip()]
        if any("\0" in path for path in files):
            raise KeyStoreError(f"{given.audit_log_file_list}: expected the names of files")
    if given.audit_log_missing_ok:
        files = [path for path in files if os.path.lexists(path)]
    if not files:
        raise KeyStoreError("which log? name its files, the oldest first")
    return files


def _lines(files: Sequence[str]) -> Iterator[str]:
    for path in files:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            yield from file


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
