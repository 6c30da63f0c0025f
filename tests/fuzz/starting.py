"""The beginning of a fuzzer, which its command line chooses:

python -m tests.fuzz.TARGET --inputs COUNT      the first so many inputs, the same everywhere
python -m tests.fuzz.TARGET FILE...             inputs that are kept in files
python -m tests.fuzz.TARGET FOLDER FLAG...      led by coverage: inputs in a folder, which is
                                                extended; flags are libFuzzer's
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from acra_twisted.sandbox.endings import with_make
from tests.fuzz import numbered
from tests.fuzz.numbered import Inputs

#: Words of SQL, for libFuzzer and for us.
DICTIONARY = Path(__file__).with_name("sql.dict")
#: Seconds for an input, and bytes of memory, in MiB, where coverage leads.
_BOUNDS = ("-timeout=20", "-rss_limit_mb=1500")
_IS_LED = len(sys.argv) > 1 and Path(sys.argv[1]).is_dir()


def instrumented(*packages: str) -> AbstractContextManager[object]:
    """Modules of these packages that are imported inside tell what they run through, if anything
    depends on it."""
    if not _IS_LED:
        return nullcontext()
    import atheris

    return atheris.instrument_imports(include=list(packages))


def start(check: Callable[[bytes], None], inputs: Inputs) -> None:
    """Try inputs as the command line says.  Does not return."""
    with_make()
    if _IS_LED:
        _led(check, inputs)
    elif sys.argv[1:2] == ["--inputs"]:
        sys.exit(numbered.run(check, inputs, int(sys.argv[2])))
    good = [numbered.tried(check, Path(name).read_bytes(), name) for name in sys.argv[1:]]
    sys.exit(0 if good and all(good) else 1)


def _led(check: Callable[[bytes], None], inputs: Inputs) -> None:
    """Have libFuzzer choose inputs.  The first ones are handed over by a list: the order of a
    folder depends on the file system, and what is found on the order."""
    import atheris

    folder = Path(sys.argv[1])
    beside = folder.with_name(f"{folder.name}.seeds")
    beside.mkdir(exist_ok=True)
    paths = []
    for number, seed in enumerate(inputs.first()):
        path = beside / f"{number:04}"
        path.write_bytes(seed)
        paths.append(str(path))
    listed = folder.with_name(f"{folder.name}.list")
    listed.write_text(",".join(paths))
    flags, given, mutator = [f"-max_len={inputs.longest}", *_BOUNDS], {}, inputs.mutator
    if inputs.words is not None:
        flags.append(f"-dict={inputs.words}")
    if mutator is not None:
        flags.append("-len_control=0")
        given["custom_mutator"] = lambda data, longest, seed: mutator.changed(
            data, longest, random.Random(seed), lambda *part: bytes(atheris.Mutate(*part))
        )
    atheris.Setup([sys.argv[0], f"-seed_inputs=@{listed}", *flags, *sys.argv[1:]], check, **given)
    atheris.Fuzz()
