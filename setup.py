"""Everything is in setup.cfg, but for the modules that may be compiled.

They are those that every request and reply passes through.  The same sources run interpreted and
compiled (by mypyc, which comes with mypy); with ``ACRA_TWISTED_COMPILE=1`` in the environment
building makes extension modules of them, else nothing is compiled.  Needs a C compiler and
Python's headers.  ``make compiled`` does it beside the checkout; docs/performance.rst says what it
brings.
"""

import os

from setuptools import setup

COMPILED = (
    *("acra_twisted." + name for name in ("model", "verdicts", "errors", "cache", "batches")),
    *(
        "acra_twisted.wire." + name
        for name in ("framing", "lengthprefix", "protobuf", "tracecontext")
    ),
    *("acra_twisted.wire.postgres." + name for name in ("frames", "frontend", "backend")),
    *(
        "acra_twisted.dialects.postgresql." + name
        for name in (
            *("chunks", "batch", "replies", "prepared", "disclosure", "descriptions", "rows"),
            *("request", "response", "wholerequests", "wholereplies"),
        )
    ),
    "acra_twisted.themis.session",
    *("acra_twisted.pipeline." + name for name in ("driver",)),
    *("acra_twisted.stages." + name for name in ("containers",)),
    *("acra_twisted.censor." + name for name in ("engine",)),
    *("acra_twisted.sql." + name for name in ("comments", "skeleton", "redact")),
    *(
        "acra_twisted.transport." + name
        for name in ("hub", "sockets", "tlssockets", "relay", "pump", "valve")
    ),
    *(
        "acra_twisted.telemetry." + name
        for name in (
            *("observers", "clock", "spans", "sampling", "tracing"),
            *("exchangemetrics", "durations", "rpcz", "zstore", "intake", "otlp"),
        )
    ),
)


def extensions():
    """Extension modules, if they are asked for."""
    if os.environ.get("ACRA_TWISTED_COMPILE", "0") in ("", "0"):
        return []
    from mypyc.build import mypycify

    paths = [name.replace(".", "/") + ".py" for name in COMPILED]
    return mypycify(paths, opt_level="3", debug_level="0")


setup(ext_modules=extensions())
