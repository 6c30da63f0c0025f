"""The beginning of a fuzzer: inputs in the same order everywhere, and libFuzzer's flags."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris

from acra_twisted.sandbox.endings import with_make

#: Words of SQL, for libFuzzer.
DICTIONARY = Path(__file__).with_name("sql.dict")
#: Bytes of memory, in MiB, and seconds for an input, for targets that do not say otherwise.
BOUNDS = ("-timeout=10", "-rss_limit_mb=1500")


def start(
    check: Callable[[bytes], None],
    seeds: Iterable[bytes],
    *flags: str,
    mutator: Callable[[bytes, int, int], bytes] | None = None,
) -> None:
    """Run ``check`` on one input after the other, as the command line says: a folder of inputs,
    which is extended, and flags of libFuzzer's, behind ``flags``.  Does not return.

    ``seeds`` are inputs to begin with.  They are handed over by a list: the order of a folder
    depends on the file system, and what is found on the order.
    """
    folder = Path(sys.argv[1])
    beside = folder.with_name(f"{folder.name}.seeds")
    beside.mkdir(exist_ok=True)
    paths = []
    for number, seed in enumerate(dict.fromkeys(seeds)):
        path = beside / f"{number:04}"
        path.write_bytes(seed)
        paths.append(str(path))
    listed = folder.with_name(f"{folder.name}.list")
    listed.write_text(",".join(paths))
    with_make()
    given = {"custom_mutator": mutator} if mutator is not None else {}
    atheris.Setup([sys.argv[0], f"-seed_inputs=@{listed}", *flags, *sys.argv[1:]], check, **given)
    atheris.Fuzz()
