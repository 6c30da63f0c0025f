"""Runs console scripts in processes that have imported them already.

A program of ours takes a second to import what it needs, which a test that runs it twenty times
need not pay twenty times: one process imports it, and forks for each run.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.commands import scripts

#: Scripts that tests run often.
_OFTEN = ("acra-migrate", "acra-rollback", "acra-rotate", "acra-explain", "acra-tokens")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, *(scripts()[name].partition(":")[0] for name in _OFTEN)])


class Run:
    """A run of a console script, which begins at once; ``said`` is all that it has written."""

    def __init__(self, program: str, arguments: Sequence[str]) -> None:
        descriptor, name = tempfile.mkstemp(prefix="acra-run-")
        os.close(descriptor)
        self._output = Path(name)
        self._process = _CONTEXT.Process(
            target=_run, args=(program, list(arguments), str(self._output))
        )
        self._process.start()

    @property
    def said(self) -> str:
        return self._output.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def wait(self, seconds: float = 120) -> int:
        """Return its exit status, or the negative number of the signal that has ended it."""
        self._process.join(seconds)
        status = self._process.exitcode
        assert status is not None, f"it does not end: {self.said}"
        return status

    def remove(self) -> None:
        """End it if it still runs, and delete what it has written."""
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self._output.unlink()


def run(program: str, arguments: Sequence[str], seconds: float = 120) -> tuple[int, str]:
    """Run a console script to its end; return its exit status and what it has written."""
    one = Run(program, arguments)
    try:
        return one.wait(seconds), one.said
    finally:
        one.remove()


def _run(program: str, arguments: list[str], output: str) -> None:
    descriptor = os.open(output, os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    # Whoever runs the tests may ignore interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module, _, function = scripts()[program].partition(":")
    sys.argv = [program, *arguments]
    sys.exit(getattr(importlib.import_module(module), function)())
