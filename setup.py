"""Everything is in setup.cfg, but for the modules that may be compiled and the files beside them.

They are those that every request and reply passes through.  The same sources run interpreted and
compiled (by mypyc, which comes with mypy); with ``ACRA_TWISTED_COMPILE=1`` in the environment
building makes extension modules of them, and of eight in C: one takes the place of calls into
Python's socket, select and time modules, one of calls into OpenSSL by cffi, one seals by OpenSSL,
one takes a square root for points of P-256, three pass over bytes of statements and results, one
counts durations; else nothing is compiled.  Needs a C compiler and Python's headers.
``make compiled`` does it beside the checkout; docs/performance.rst says what it brings.
"""

import os
from configparser import ConfigParser
from pathlib import Path

from setuptools import Extension, setup

#: By package below acra_twisted.
_MODULES = {
    "": "outstanding stagerun session exchange verdicts errors cache results ratelimit "
    "loginactions lookup",
    "fast.": "bigendian compiled finding hmacsha256 littleendian record",
    "wire.": "framing scram",
    "wire.formats.": "protobuf",
    "wire.link.": "lengthprefix tracecontext",
    "wire.postgres.": "frames datarows frontend backend nested copyformat copylines copytuples",
    "wire.mysql.": "bulk capabilities columndefinitions commands errors frames lenenc okpackets "
    "parameters resultrows types",
    "dialects.": "flow propagation",
    "dialects.mysql.": "bulkexecutions contexts descriptions executions opening prepared querying "
    "replies request response results resultsets rows state texts uploading uploads userchanges "
    "values wholereplies",
    "dialects.postgresql.": "held replies prepared propagation descriptions rows results unloads "
    "values refusal opening extended loads request response answers "
    "extendedreplies wholerequests wholereplies untilready challenge keylogin authentication "
    "passwordmessages passwordchallenge hashchallenge certificatelogin login servedlogin "
    "followedlogin",
    "themis.": "cell container kdf message session",
    "crypto.": "acrablock acrastruct cells envelopes openers",
    "pipeline.": "driver hooks plans observers steps",
    "stages.": "containeropening containers censor censorsessions cellreading columnbindings "
    "columnencoding columnkeys columnmakers columnmeanings columnparameters columnseen columnstage "
    "columnstatements columnverdicts cursors "
    "encryptor opencursors rowloads sessioncolumns sessionknown shortcuts sqlprepared",
    "encryption.": "beginnings canonical facts fates finding loading making masks plan randomness "
    "reading sealing searching settings",
    "keystore.": "cache",
    "encryption.postgresql.": "arrays binary bulk bytea cellreader concerns copying encodings "
    "filling forms givenvalues inputs keeper namechanges plaintexts planmemory planner "
    "sessionschema statementwords targets templates types unconcerned writing",
    "censor.": "engine fullkey hits plan planner values",
    "sql.": "comments literals mysqlcomments oddstrings readers skeleton redact",
    "authentication.": "limits",
    "server.": "authentication loginattempt",
    "transport.": "sessionstream",
    "transport.native.": "hub sockets tlssockets",
    "proxy.": "limits relay pump valve handshake",
    "telemetry.tracing.": "clock columnvalues spans sampling backpressure exchanges pace records "
    "store samples kept latencies received processor recorded",
    "telemetry.export.": "otlp otlpforms",
    "telemetry.figures.": "alike buckets calls counted counting rows runs tallies",
    "telemetry.history.": "intake",
    "telemetry.metrics.": "columncounts exchanges histogram sessions",
    "telemetry.pages.": "sessions",
}
COMPILED = tuple(
    f"acra_twisted.{package}{name}" for package, names in _MODULES.items() for name in names.split()
)
#: What the compiler is told of code that mypyc writes.
_COLD = "acra_twisted/fast/cold.h"
#: What several of these have.
_LITERALS = "acra_twisted/fast/literals.h"
_IN_C = (
    "_counts",
    "_syscalls",
    "_p256",
    "_records",
    "_scan",
    "_sealing",
    "_templates",
    "_words",
)


def extensions():
    """Extension modules, if they are asked for."""
    if os.environ.get("ACRA_TWISTED_COMPILE", "0") in ("", "0"):
        return []
    from mypyc.build import mypycify

    paths = [name.replace(".", "/") + ".py" for name in COMPILED]
    in_c = [
        Extension(
            f"acra_twisted.fast.{name}",
            [f"acra_twisted/fast/{name}.c"],
            depends=[_LITERALS],
            # No debug information: it would name the folder that it is built in.
            extra_compile_args=["-O3", "-Wall", "-Wextra", "-g0"],
        )
        for name in _IN_C
    ]
    compiled = mypycify(paths, opt_level="3", debug_level="0")
    for extension in compiled:
        extension.extra_compile_args += ["-include", _COLD]
        extension.depends.append(_COLD)
    return [*compiled, *in_c]


def requirements(compiled):
    """What is needed where it runs."""
    declared = ConfigParser()
    declared.read("setup.cfg")
    needed = declared["options"]["install_requires"]
    if compiled:
        needed += declared["options.extras_require"]["compiled"]
    return needed.split("\n")[1:]


def data_files():
    """Samples, units, man pages and documentation, by their folders below the prefix.

    Man pages are there where a release is built: ``make dist``.
    """
    places = {
        "share/acra-twisted/etc": Path("etc"),
        "share/doc/acra-twisted": Path("docs"),
        "share/man/man1": Path("man"),
        "share/man/man8": Path("man"),
    }
    found = {}
    for place, folder in places.items():
        suffix = {"share/man/man1": ".1", "share/man/man8": ".8"}.get(place, "")
        for path in sorted(folder.rglob(f"*{suffix}")):
            if path.is_file() and path.suffix != ".py":
                target = Path(place, *path.relative_to(folder).parts[:-1])
                found.setdefault(str(target), []).append(str(path))
    for path in sorted(Path("examples").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = Path("share/acra-twisted", *path.parts[1:-1])
            found.setdefault(str(target), []).append(str(path))
    found.setdefault("share/doc/acra-twisted", []).extend(("README.rst", "CHANGELOG.rst"))
    return sorted(found.items())


modules = extensions()
setup(
    ext_modules=modules,
    install_requires=requirements(compiled=bool(modules)),
    data_files=data_files(),
)
