"""Tells what fuzzers try: a hash of each one's first inputs, by which machines are compared.

python -m tests.fuzz.listing COUNT
"""

from __future__ import annotations

import sys
from importlib import import_module

from tests.fuzz.numbered import digest

TARGETS = (
    *("columns", "decisions", "mycolumns", "mysql", "mysqllogin", "mysqlrequests"),
    *("mysqlsession", "pgsession", "wire"),
)

if __name__ == "__main__":
    for name in TARGETS:
        inputs = import_module(f"tests.fuzz.{name}").inputs()
        print(name, digest(inputs, int(sys.argv[1])))
