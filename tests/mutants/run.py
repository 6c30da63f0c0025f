"""``make mutants``: small changes to the code, one at a time, each of which a test must notice.

mutmut changes functions in a copy, ``build/mutants``, and runs the tests that reach each of them.
This program gives it the modules that were asked for and the tests of their packages, draws a
sample if there is to be one, and writes what survived, as differences, to
``build/mutants/survivors.diff``.  Its settings are in ``setup.cfg``, section ``mutmut``.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from configparser import ConfigParser
from pathlib import Path

TOP = Path(__file__).parents[2]
WORK = TOP / "build" / "mutants"
COPIED = ("acra_twisted", "docs", "tests", "twisted", "etc", "setup.cfg", "setup.py")
#: Folders below tests/unit by package: what holds it to its word.
TESTS = {
    "censor": ("censor", "stages/test_censor.py"),
    "crypto": ("crypto", "stages"),
    "dialects": ("dialects", "proxy"),
    "encryption": ("encryption", "stages"),
    "pipeline": ("pipeline", "proxy", "stages"),
    "proxy": ("proxy",),
    "stages": ("stages",),
    "themis": ("themis", "crypto", "transport/test_securesession.py"),
}
#: mutmut's exit codes of a mutant's tests: https://mutmut.readthedocs.io.
OUTCOMES = {0: "survived", 33: "untested", 34: "skipped", 36: "timeout", None: "unchecked"}


def chosen(names):
    """The modules below the packages and files that were named; of all packages if none was.

    Raises ValueError for what is not there, or in no package with tests.
    """
    found = []
    for name in names or [f"acra_twisted/{package}" for package in TESTS]:
        path = TOP / name
        files = [path] if path.is_file() else sorted(path.rglob("*.py"))
        if not files or path.relative_to(TOP).parts[1:2] not in [(package,) for package in TESTS]:
            raise ValueError(f"{name}: no module in one of {', '.join(TESTS)}")
        found += [file.relative_to(TOP) for file in files]
    return found


def prepare(modules):
    """Copy the checkout and narrow the settings to ``modules`` and their packages' tests."""
    # What mutmut keeps of a run with other modules says that no test reaches these.
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in COPIED:
        source, target = TOP / name, WORK / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    settings = ConfigParser(interpolation=None)
    settings.read(TOP / "setup.cfg")
    packages = sorted({module.parts[1] for module in modules})
    tests = {f"tests/unit/{test}" for package in packages for test in TESTS[package]}
    lists = {
        "only_mutate": [str(module) for module in modules],
        "pytest_add_cli_args_test_selection": sorted(tests),
    }
    for name, items in lists.items():
        settings["mutmut"][name] = "".join(f"\n{item}" for item in items)
    with open(WORK / "setup.cfg", "w") as file:
        settings.write(file)


def mutmut(*args, check=True, **options):
    """Run mutmut in the copy."""
    command = [sys.executable, "-m", "mutmut", *args]
    return subprocess.run(command, cwd=WORK, check=check, text=True, **options)


def outcomes(modules):
    """Return the outcome of each mutant, by name."""
    found = {}
    for module in modules:
        path = WORK / "mutants" / f"{module}.meta"
        if path.exists():
            codes = json.loads(path.read_text())["exit_code_by_key"]
            for name, code in codes.items():
                found[name] = OUTCOMES.get(code, "killed")
    return found


def report(found):
    """Print the scores and write the survivors down; tell whether there are none."""
    by_module = {}
    for name, outcome in found.items():
        by_module.setdefault(name.rpartition(".")[0], Counter())[outcome] += 1
    for module, counts in [*sorted(by_module.items()), ("all", Counter(found.values()))]:
        noticed = counts["killed"] + counts["timeout"]
        tried = noticed + counts["survived"] + counts["untested"]
        score = f"{100 * noticed / tried:.0f} %" if tried else "-"
        print(f"{module:60} {noticed:5} of {tried:5} noticed  {score}")
    left = [name for name, outcome in found.items() if outcome in ("survived", "untested")]
    path = WORK / "survivors.diff"
    with open(path, "w") as file:
        for name in left:
            file.write(mutmut("show", name, stdout=subprocess.PIPE).stdout + "\n")
    print(f"{len(left)} survived: {path.relative_to(TOP)}")
    return not left


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="modules or packages; else all that have tests")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--children", type=int, default=2, help="processes at a time")
    given = parser.parse_args()
    try:
        modules = chosen(given.names)
    except ValueError as error:
        parser.error(str(error))
    prepare(modules)
    drawn = []
    if given.sample:
        # It makes all mutants, and only then finds that there is none of this name.
        mutmut("run", "none", check=False, stderr=subprocess.DEVNULL)
        names = sorted(outcomes(modules))
        drawn = random.Random(given.seed).sample(names, min(given.sample, len(names)))
    mutmut("run", "--max-children", str(given.children), *drawn)
    found = outcomes(modules)
    return 0 if report({name: found[name] for name in drawn or found}) else 1


if __name__ == "__main__":
    sys.exit(main())
