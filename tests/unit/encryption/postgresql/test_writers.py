"""The part of the question about a schema that finds what the database writes by itself.

Its answers are in tests/integration/test_written_by_themselves.py.
"""

import re

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.question import schema_question
from acra_twisted.encryption.postgresql.writers import WRITERS

KINDS = {"trigger", "rewrite", "constraint", "attrdef", "policy", "class"}


class Writers(SynchronousTestCase):
    def test_foreign_keys_that_write_are_looked_for(self):
        self.assertIn("k.confdeltype = 'd'", WRITERS)
        self.assertIn("k.confupdtype = ANY (ARRAY['c', 'd']", WRITERS)

    def test_every_kind_of_what_runs_a_function_is_looked_for(self):
        found = re.findall(r"n\.class = 'pg_catalog\.pg_(\w+)'", WRITERS)
        self.assertEqual(set(found), KINDS)

    def test_it_is_a_part_of_the_question(self):
        text = schema_question(["people"]).decode()
        names = re.findall(r"(\w+) \([\w, ]+\) AS \(", WRITERS)
        self.assertEqual(names, ["ran", "own", "above", "writers"])
        places = [text.index(f"{name} (") for name in ("said", *names, "attached")]
        self.assertEqual(places, sorted(places))
