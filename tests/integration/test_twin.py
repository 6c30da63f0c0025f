"""Statements about protected columns, and a twin: the same database without any protection.

Each statement is refused, or answered as the twin answers it.  Nothing else happens.  Another
client sees none of the values.
"""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.twins import Failed, TwinCase, run
from tests.support.twinstatements import Drawn, statements
from tests.support.twinvalues import SECRETS

EXAMPLES = int(os.environ.get("ACRA_TWIN_EXAMPLES", "40"))


class Twins(TwinCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.outcomes = Counter()

    def test_statements_are_answered_like_the_twin_or_refused(self):
        @given(st.lists(statements(), min_size=1, max_size=25), st.booleans())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        def same(drawn, binary):
            self.seed()
            for one in drawn:
                self.compare(one, binary)
            self.check_stored()

        same()
        # Of all kinds together: few of one kind may be drawn, and those be refused.
        mine = {key: n for key, n in self.outcomes.items() if key[0] != "strange"}
        answered = sum(number for (_, what), number in mine.items() if what == "answered")
        self.assertGreaterEqual(answered * 5, sum(mine.values()), self.outcomes)
        self.assertGreater(self.outcomes["strange", "answered"], 0, self.outcomes)
        log = (self.postgres.folder / "postgres.log").read_bytes()
        self.assertIn(b"people", log)
        for secret in SECRETS:
            self.assertNotIn(secret.encode(), log)

    def compare(self, one: Drawn, binary: bool) -> None:
        before = self.stored()
        ours = run(self.ours, one, binary)
        if isinstance(ours, Failed) and ours.is_refusal:
            self.outcomes[one.kind, "refused"] += 1
            self.assertEqual(self.stored(), before, one)
            return
        twin = run(self.twin, one, binary)
        self.assertEqual(ours, twin, one)
        self.outcomes[one.kind, "failed" if isinstance(ours, Failed) else "answered"] += 1
        if one.kind in ("select", "cursor", "copied"):
            self.see_as_stranger(one, binary)

    def see_as_stranger(self, one: Drawn, binary: bool) -> None:
        seen = run(self.stranger, one, binary)
        self.outcomes["strange", "failed" if isinstance(seen, Failed) else "answered"] += 1
        for secret in SECRETS:
            self.assertNotIn(secret, repr(seen), one)
            self.assertNotIn(secret.encode().hex(), repr(seen), one)
