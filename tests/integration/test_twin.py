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
#: Each kind of statement is answered at least once in so many times.
ANSWERED = {
    **{"insert": 3, "update": 3, "delete": 2, "merge": 4, "select": 3, "cursor": 3},
    **{"copied": 2, "loaded": 2},
}


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
        for kind, least in ANSWERED.items():
            answered = self.outcomes[kind, "answered"]
            tried = sum(count for (one, _), count in self.outcomes.items() if one == kind)
            self.assertGreaterEqual(answered * least, tried, (kind, self.outcomes))
        self.assertGreater(self.outcomes["strange", "answered"], 10, self.outcomes)
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
