"""FROM clauses, and the columns of ``*``."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.planning import MODE, PATH, planner

FIRM = [None, "name", "email", None]
#: FROM clauses, and the protected columns among those of ``*``; Ellipsis stands for any number of
#: others.
STARS = (
    ("clones", FIRM),
    ("clones c", FIRM),
    ("clones c, clones d", FIRM + FIRM),
    ("clones c join clones d using (id)", [None, "name", "email", None, "name", "email", None]),
    ("clones c natural join (select id, 5 as n from people) d", [*FIRM, None]),
    ("(clones c join clones d on true) as j", FIRM + FIRM),
    ("(select id, name from people) q", [None, "name"]),
    ("(select id, name from people) q(a, b)", [None, "name"]),
    ("(values (1, 2)) v, clones", [None, None, *FIRM]),
    ("clones cross join lateral (select clones.name) l", [*FIRM, "name"]),
    ("clones tablesample bernoulli (1)", FIRM),
    ("only clones", FIRM),
    ("clones, orders", [*FIRM, ...]),
    ("orders o, clones, orders p", [..., *FIRM, ...]),
    ("clones, generate_series(1, 2) g", [*FIRM, ...]),
    ("clones left join unnest(array[1]) with ordinality u on true", [*FIRM, ...]),
    ("rows from (generate_series(1, 2), unnest(array[1])) r, clones", [..., *FIRM]),
    ("clones, xmltable('/a' passing '<a/>' columns b text) x", [*FIRM, ...]),
    ("clones, json_table('1'::jsonb, '$' columns (a int path '$')) x", [*FIRM, ...]),
)


class Stars(SynchronousTestCase):
    def test_the_columns_of_a_star_are_told(self):
        made = planner()
        for clause, expected in STARS:
            planned = made.plan(f"select * from {clause}".encode(), MODE, PATH)
            (plan,) = planned.statements
            self.assertIsNone(plan.refusal, (clause, plan.refusal))
            found = [... if one.rest else one.setting and one.setting.name for one in plan.results]
            self.assertEqual(found, expected, clause)
