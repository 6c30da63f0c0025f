"""Statements that SQL's PREPARE makes and EXECUTE runs, as one session knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from acra_twisted.encryption.making import Kept
from acra_twisted.encryption.plan import StatementPlan
from acra_twisted.encryption.postgresql import planner, writing
from acra_twisted.sql.languages import Mode
from acra_twisted.stages.columnbindings import is_same
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.columnverdicts import first_refusal
from acra_twisted.stages.opencursors import NAME_SIZE
from acra_twisted.stages.sessionknown import Known, PreparedText

#: Stands for a text that is not kept: it may change where bare names are looked up.
_ANYTHING: Final = b"set_config"
#: The cost of a plan, microseconds.
_PLANNED: Final = 200
_EXECUTE: Final = re.compile(rb'\bexecute\s+("(?:[^"]|"")+"|[a-z_][\w$]*)', re.I)


def made(
    plans: Sequence[StatementPlan], text: bytes, mode: Mode, uses: Sequence[Kept], mark: bytes
) -> list[PreparedText]:
    """Return the statements that a text prepares; ``uses`` and ``mark`` as in PreparedText."""
    alone = text if len(plans) == 1 else b""
    return [PreparedText(alone, mode, plan, uses, mark) for plan in plans if plan.prepares]


def executed(plans: Sequence[StatementPlan], known: Known) -> list[PreparedText]:
    """Return the statements of the session that a text executes."""
    texts = known.prepared_texts
    return [texts[plan.executes] for plan in plans if plan.executes in texts]


def whole(text: bytes, plans: Sequence[StatementPlan] | None, known: Known) -> bytes:
    """Return a text together with those of the session's statements that it executes: it does what
    they do."""
    parts = [text]
    for one in executed(plans or (), known):
        # One of several statements may do what any of them does.
        parts.append(one.text or _ANYTHING)
    return b" ".join(parts)


def told(known: Known, name: bytes, kinds: Sequence[int]) -> Sequence[int]:
    """Return the types that the client is told of the parameters of a statement by its name, which
    the protocol has given to none; ``kinds`` are those that the database tells."""
    cut = name[:NAME_SIZE]
    if not cut.isascii():
        return kinds
    prepared = known.prepared.get(cut.decode()) or known.doubted.get(cut.decode())
    return kinds if prepared is None else writing.told_by_sql(prepared, kinds)


def renewing(text: bytes, client: str, known: Known, snapshot: Snapshot) -> Iterator[int]:
    """Plan anew, in pieces that yield their costs (see `pipeline.steps`), what a text of a client
    may execute, if tables or the search path are others than when it was prepared.  The database
    does the same at each execution.  A statement that would be sent in another form stays as it is
    known, and its EXECUTE is refused."""
    for name in dict.fromkeys(map(_identifier, _EXECUTE.findall(text))):
        before, made = known.prepared.get(name), known.prepared_texts.get(name)
        if before is None or made is None or not made.text or len(made.text) > planner.LONG:
            continue
        path = known.schema.path
        if (before.schema, before.path) == (snapshot.protection.schema.number, path.meaning):
            continue
        plans = snapshot.planner.plan(made.text, made.mode, path, known.prepared).statements
        readers = snapshot.protection.readers
        if plans and is_same([made.plan], plans) and not first_refusal(plans, client, readers):
            known.renew_prepared(made._replace(plan=plans[0]))
        yield _PLANNED


def _identifier(text: bytes) -> str:
    name = text[1:-1].replace(b'""', b'"') if text.startswith(b'"') else text.lower()
    return name.decode("utf-8", "replace")
