"""Find the firewall's false positives in PostgreSQL's own regression suite.

    python bench/regression_suite.py FOLDER    (FOLDER: src/test/regress/sql of PostgreSQL's source)

The statements are those of the files, without psql's own commands and the data of COPY.  The only
rule denies a table that none of them names, so that whatever is refused is refused for its form.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pgparse

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rules import read_rules
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.tree import Table

_META = re.compile(rb"\\[a-z!?].*$", re.M)
_DATA = re.compile(rb"(?<=from stdin)([^;]*;)\n.*?^\\\.$", re.M | re.S | re.I)


def statements(text: bytes) -> Iterator[bytes]:
    """Split at semicolons; what only parses together with what follows is one statement."""
    text = _META.sub(b";", _DATA.sub(rb"\1", text))
    begin = position = 0
    while position < len(text):
        end = text.find(b";", position)
        end = len(text) if end < 0 else end
        position = end + 1
        one = text[begin:end].strip()
        if _is_whole(one) or end - begin > 20_000:
            yield one
            begin = position


def _is_whole(text: bytes) -> bool:
    try:
        lexer.tokens(text)
    except LexError:
        return False
    # The body of a function in standard SQL has semicolons of its own.
    words = text.upper()
    return b"BEGIN ATOMIC" not in words or words.endswith(b"END")


def main() -> int:
    deny = {"handler": "deny", "tables": ["untouched"]}
    rules = read_rules({"handlers": [deny]}, need_version=False)
    censor = Censor(LANGUAGES["postgresql"], rules)
    refused: Counter[str] = Counter()
    total = unparsable = 0
    for path in sorted(Path(sys.argv[1]).glob("*.sql")):
        prepared: dict[str, frozenset[Table]] = {}
        for text in statements(path.read_bytes()):
            if not text:
                continue
            try:
                pgparse.parse(text.decode())
            except (pgparse.PGQueryError, UnicodeDecodeError, RecursionError):
                # Tests of errors, psql's variables, and grammar that is newer than the parser.
                unparsable += 1
                continue
            total += 1
            decision = censor.decide(text, None, prepared)
            if not decision.allowed:
                refused[f"{decision.by}: {decision.why.partition(': ')[2] or decision.why}"] += 1
    print(f"{total} statements that parse ({unparsable} do not), {refused.total()} refused")
    for why, count in refused.most_common():
        print(f"{count:6} {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
