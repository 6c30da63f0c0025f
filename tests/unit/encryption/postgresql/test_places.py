"""Places of statements in which a protected column may stand: none is overlooked."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.settings import SEARCHABLE, EncryptionSettings
from tests.support.planning import MODE, PATH, PEOPLE, outcome, planner, setting, table

S = "(pg_catalog.substr(email, 1, 33) = ANY (<?email 'a'>::bytea[]))"
RECURSIVE = "with recursive r as ({} union all select r.id + 1 from r {}) table r"
#: Texts with a comparison in a place that is easily forgotten.
COMPARING = (
    RECURSIVE.format("with x as (select id from people where {}) select id from x", ""),
    RECURSIVE.format("select id from people", "offset (select 1 from people where {})"),
    RECURSIVE.format("select id from people", "limit (select 1 from people where {})"),
    RECURSIVE.format("select id from people", "order by (select 1 from people where {})"),
    "with x as (select 1) select id from people where {} offset 1",
    "select 1 offset (select id from people where {})",
    "select 1 limit (select id from people where {})",
    "select id from orders order by (select id from people where {})",
    "select sum(id) over (order by (select id from people where {})) from orders",
    "select sum(id) filter (where exists (select 1 from people where {})) from orders",
    "select case (select id from people where {}) when 1 then 2 end",
    "values ((select id from people where {}))",
    "delete from orders o using people where {} returning *",
    "delete from orders returning (select id from people where {})",
    "insert into orders (id) select 1 returning (select id from people where {})",
    "update orders set id = 1 returning (select id from people where {})",
    "merge into orders o using people p on true when matched and exists"
    " (select 1 from people where {}) then delete",
    "merge into orders o using books b on true when matched then delete"
    " returning (select id from people where {})",
)
REFUSED = (
    ("select count(*) from people group by row(email)", "group"),
    ("select count(*) from people group by row(email, id)", "group"),
    ("select email from people group by row(email)", "group"),
    ("select id from people where 'x' = any(array[email])", "comparison"),
    ("select id from people where email = all (select email from people)", "comparison"),
    ("select id from people where array(select email from people) = '{a}'", "expression"),
    ("select id from people where lower(email) = any('{a}')", "expression"),
    ("insert into people (id, name) select * from nowhere", "source_not_protected_alike"),
    ("insert into people select * from nowhere", "source_not_protected_alike"),
)
PASSED = (
    "select id from people where 1 = any(array[1, 2]) and id <> all($1)",
    "select id from people where 'x' = any(array[note])",
)
#: Texts, and the protected columns of their results; Ellipsis stands for any number of others.
PEOPLES = [None, "name", "email", None, "age", "card", "phone", "flag"]
RETURNING = (
    ("delete from people using orders o where o.id = people.id returning *", [*PEOPLES, ...]),
    ("delete from orders o using people returning *", [..., *PEOPLES]),
    (
        "merge into people p using orders o on true when matched then do nothing returning *",
        [..., *PEOPLES],
    ),
    (
        "merge into people p using orders o on true when matched then delete"
        " returning p.name, o.id",
        ["name", None],
    ),
)


class Places(SynchronousTestCase):
    def setUp(self):
        self.planner = planner(claims=Comparisons())

    def test_a_comparison_is_seen_in_each(self):
        for text in COMPARING:
            with self.subTest(text):
                sent = outcome(text.format("email = 'a'"), self.planner)
                self.assertEqual(sent, text.format(S))
                refused = outcome(text.format("name = 'a'"), self.planner)
                self.assertEqual(refused, "!comparison")

    def test_what_is_not_understood_is_refused(self):
        for text, reason in REFUSED:
            self.assertEqual(outcome(text, self.planner), f"!{reason}", text)

    def test_what_concerns_no_protected_column_passes(self):
        for text in PASSED:
            self.assertEqual(outcome(text, self.planner), text)

    def test_results_of_changes_are_known(self):
        for text, expected in RETURNING:
            with self.subTest(text):
                [plan] = self.planner.plan(text.encode(), MODE, PATH).statements
                self.assertIsNone(plan.refusal)
                names = [
                    ... if one.rest else one.setting and one.setting.name
                    for one in plan.results or ()
                ]
                self.assertEqual(names, expected)

    def test_a_normalized_column_under_a_function_is_not_compared_with_arrays(self):
        lower = setting("people", "email", kind=SEARCHABLE, normalize=frozenset({"lower"}))
        settings = EncryptionSettings((table("people", lower._replace(data_type="str")),))
        made = planner((PEOPLE,), settings, claims=Comparisons())
        for condition in ("lower(email) = any('{A}')", "lower(email) <> all($1)"):
            text = f"select id from people where {condition}"
            self.assertEqual(outcome(text, made)[:1], "!", text)
