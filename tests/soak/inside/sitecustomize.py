"""Lets a daemon of a soak run tell how much memory it uses, when it gets a signal.

Python imports this by its name at its start, where its folder is in ``PYTHONPATH``.  What is kept
within bounds is forgotten first: what else has become more has no bound.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import re
import signal
import sys
import tempfile

#: The variable with the folder that answers are written to, each to a file named by the process.
FOLDER = "ACRA_SOAK_FOLDER"
SIGNAL = signal.SIGRTMIN
_USED = re.compile(rb"# bytes in allocated blocks *= *([0-9,]+)").search


class _Heap(ctypes.Structure):
    """The C library's figures of its heap."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks"),
            *("fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def _begin_anew(one: object, new: object) -> None:
    """Give an object all that a new one has; its own ``__init__`` does nothing where it is
    compiled."""
    slots = [name for name, made in vars(type(new)).items() if hasattr(made, "__set__")]
    for name in (*slots, *getattr(new, "__dict__", ())):
        if not name.startswith("__"):
            # A property cannot be set.
            with contextlib.suppress(AttributeError):
                setattr(one, name, getattr(new, name))


def _forget() -> None:
    """Empty the stores that have bounds: traces, figures, makers, and what is kept by texts."""
    from acra_twisted.cache import GenerationCache
    from acra_twisted.stages.columnkeys import ColumnKeys
    from acra_twisted.telemetry.figures.calls import _Ring
    from acra_twisted.telemetry.figures.history import FigureHistory
    from acra_twisted.telemetry.tracing.store import SpanStore

    # Stores that were there at the start are not among the objects of the collector until then.
    gc.unfreeze()
    for one in gc.get_objects():
        if type(one) is GenerationCache:
            _begin_anew(one, GenerationCache(one._entries, one._size))
        elif type(one) is SpanStore or type(one) is FigureHistory:
            _begin_anew(one, type(one)())
        elif type(one) is _Ring:
            _begin_anew(one, _Ring(one._width, one._stamp * one._width))
        elif type(one) is ColumnKeys:
            one.forget()
    gc.collect()
    gc.freeze()


def _by_python() -> int:
    """Bytes of Python's own blocks, which it tells to its standard error alone."""
    with tempfile.TemporaryFile() as told:
        kept = os.dup(2)
        os.dup2(told.fileno(), 2)
        try:
            sys._debugmallocstats()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        told.seek(0)
        found = _USED(told.read())
    return int(found[1].replace(b",", b"")) if found else 0


def _by_others() -> int:
    """Bytes that the C library has given to anybody else, and to Python for its larger blocks."""
    asked = ctypes.CDLL(None).mallinfo2
    asked.restype = _Heap
    heap = asked()
    return heap.uordblks + heap.hblkhd


def _tell() -> None:
    _forget()
    path = os.path.join(os.environ[FOLDER], str(os.getpid()))
    with open(path + ".part", "w") as answer:
        answer.write(f"{_by_python()} {_by_others()}")
    os.replace(path + ".part", path)


def _asked(*_: object) -> None:
    from twisted.internet import reactor  # noqa: TID251 - the daemon has it

    # Not while anything is under way.
    reactor.callFromThread(_tell)


if FOLDER in os.environ:
    signal.signal(SIGNAL, _asked)
