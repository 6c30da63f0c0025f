"""Long sessions on protected columns and on their unprotected twin: statements that live by a name,
transactions, savepoints, and columns that come and go.

asyncpg prepares every statement, keeps it, and sends and reads all values in binary.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from itertools import count

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.twins import Failed, TwinCase
from tests.support.twinstatements import PLAIN, Drawn, statements

EXAMPLES = int(os.environ.get("ACRA_TWIN_EXAMPLES", "25"))
CONTROLS = (
    *("BEGIN", "BEGIN", "SAVEPOINT s", "ROLLBACK TO s", "COMMIT", "ROLLBACK"),
    "ALTER TABLE people ADD COLUMN extra int DEFAULT 7",
    "ALTER TABLE people DROP COLUMN IF EXISTS extra",
    *("DISCARD PLANS", "SET search_path = public", "RESET search_path"),
)
#: Statements that a session asks again and again.
REPEATED = (
    Drawn("repeated", "SELECT * FROM people", ()),
    Drawn("repeated", "SELECT email, age FROM people WHERE id < %s", (9,)),
    Drawn("repeated", "UPDATE people SET note = 'seen' WHERE id = %s RETURNING *", (1,)),
    Drawn("repeated", "SELECT id, tok FROM people WHERE email = %s", ("SECRET",)),
    *(
        Drawn("repeated", text, ())
        for text in (
            "DECLARE c CURSOR FOR SELECT id, email FROM people ORDER BY id",
            "DECLARE c CURSOR WITH HOLD FOR SELECT id, email FROM people ORDER BY id",
            "DECLARE c CURSOR FOR SELECT id, email FROM people WHERE id < 3 UNION ALL"
            " SELECT id, name FROM people WHERE id > 2 ORDER BY 1",
            *("FETCH 2 FROM c", "FETCH ALL FROM c", "CLOSE c"),
        )
    ),
)
PLACE = re.compile(r"%[sbt]|%%")


def numbered(text: str) -> str:
    """Return a text with PostgreSQL's placeholders for psycopg's."""
    number = count(1)
    return PLACE.sub(lambda found: "%" if found[0] == "%%" else f"${next(number)}", text)


class Sessions(TwinCase):
    def test_sessions_go_on_like_the_twin(self):
        outcomes = Counter()
        lone = st.sampled_from(CONTROLS).map(lambda text: Drawn("control", text, None))
        asked = statements().filter(lambda one: one.kind in PLAIN)
        asked = asked.map(lambda one: one._replace(parameters=one.parameters or ()))
        steps = st.lists(
            st.one_of(asked, asked, lone, st.sampled_from(REPEATED)), min_size=1, max_size=25
        )

        @given(steps)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        def same(drawn):
            self.seed()
            asyncio.run(self.compare(drawn, outcomes))
            self.check_stored()

        same()
        # Of all kinds together: few of one kind may be drawn, and those be refused.
        answered = sum(number for (_, what), number in outcomes.items() if what == "answered")
        self.assertGreaterEqual(answered * 4, outcomes.total(), outcomes)

    async def compare(self, drawn, outcomes):
        ours, twin = [
            await asyncpg.connect(
                host="127.0.0.1", port=port, user=SUPERUSER, database=name, ssl=False, timeout=60
            )
            for port, name in ((self.served.port, "protected"), (self.postgres.port, "twin"))
        ]
        try:
            for one in drawn:
                mine = await ask(ours, one)
                if isinstance(mine, Failed) and mine.is_refusal:
                    outcomes[one.kind, "refused"] += 1
                    if ours.is_in_transaction():
                        await ask(twin, Drawn("abort", "SELECT 1 / 0", None))
                else:
                    self.assertEqual(mine, await ask(twin, one), (one, drawn))
                    failed = isinstance(mine, Failed)
                    outcomes[one.kind, "failed" if failed else "answered"] += 1
                if isinstance(mine, Failed) and ours.is_in_transaction():
                    back = Drawn("control", "ROLLBACK TO s", None)
                    if isinstance(await ask(ours, back), Failed):
                        back = Drawn("control", "ROLLBACK", None)
                        await ask(ours, back)
                    elif not twin.is_in_transaction():
                        self.fail("the twin has no transaction")
                    await ask(twin, back)
                self.assertEqual(ours.is_in_transaction(), twin.is_in_transaction(), drawn)
            for db in (ours, twin):
                await db.execute("ROLLBACK; ALTER TABLE people DROP COLUMN IF EXISTS extra")
        finally:
            for db in (ours, twin):
                await db.close(timeout=60)


async def ask(db, one: Drawn):
    """Return the columns and rows of an answer, in no order, or the SQLSTATE of an error."""
    try:
        if one.parameters is None:
            return await db.execute(one.text)
        statement = await db.prepare(numbered(one.text))
        columns = [(each.name, each.type.oid) for each in statement.get_attributes()]
        rows = await db.fetch(numbered(one.text), *one.parameters)
        return columns, sorted((tuple(row.values()) for row in rows), key=repr)
    except asyncpg.PostgresError as error:
        return Failed(str(error.sqlstate), str(error))
    except (asyncpg.InterfaceError, OverflowError, ValueError) as error:
        return Failed(type(error).__name__, str(error))
