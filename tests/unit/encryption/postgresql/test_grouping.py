"""Groups of equal values of searchable columns."""

import re

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.comparisons import Comparisons
from tests.support.planning import MODE, PATH, outcome, planner
from tests.support.profiled import profiled

S = "pg_catalog.substr({}, 1, 33)"
EMAIL = S.format("email")
#: The text of a query, with ``<c>`` for what stands for a column where it is shown, and ``[c]``
#: where rows are grouped by it.
GROUPED = (
    "select <email>, count(*) from people group by [email]",
    "select <p.email>, max(p.id) from people p group by id, [p.email] order by 2",
    'select <"email">, 1 from people group by ["email"]',
    "select <email> from people p group by [p.email]",
    "select <people.email> from people join orders o on o.id = people.id group by [email]",
    "select count(email), count(*) from people group by [email]",
    "select count(distinct [email]) from people group by [email]",
    "select id from people group by id, [email] having count(*) > 1",
    "select <email>, count(*) from people group by [email], rollup (id)",
    "with q as (select <email> from people group by [email]) select email from q",
    "insert into people (email) select <email> from people group by [email]",
    "select <email>, rank() over (partition by [email]) from people group by [email]",
    "select distinct on ([email]) id, email from people",
    "select distinct on (id, [p.email]) p.email from people p",
)
REFUSED = (
    "select * from people group by email",
    "select p.*, 1 from people p group by p.email",
    "select coalesce(email, null) from people group by email",
    "select email::text from people group by email",
    "select email from people group by email having email is null",
    "select 1 from people group by email having bool_or(email is null)",
    "select a.email, b.email from people a, people b group by a.email",
    "select email from people a, people b group by a.email",
    "select email as e from people p, orders o group by e",
    "select email as e, phone as e from people group by e",
    "select *, email as e from people group by e",
    "select *, email from people group by 3",
    "select email from people group by rollup (email)",
    "select email from people group by (email, id)",
    "select email from people group by 2",
    "select name from people group by name",
    "select email from people group by email::text",
    "select distinct email, count(*) from people group by email",
    "select distinct name, email from people",
    "select distinct *, email from people",
    "select distinct email::text from people",
    "select distinct coalesce(email, null), email from people",
    "select distinct (select p.email from people p) from people",
    "select distinct on (name) email from people",
    "select distinct on (lower(email)) email from people",
)


def shown(text):
    """Return the text that is sent for one of GROUPED."""
    text = re.sub(r"\[([^]]+)\]", lambda found: S.format(found[1]), text)
    return re.sub(r'<((?:\w+\.)?([\w"]+))>', r"(pg_catalog.array_agg(\1))[1] AS \2", text)


class Groups(SynchronousTestCase):
    def setUp(self):
        self.planner = planner(claims=Comparisons())

    def sent(self, text):
        return outcome(text, self.planner)

    def test_rows_are_grouped_by_the_prefix_and_show_the_first_value(self):
        for text in GROUPED:
            client = re.sub(r'[<[]([\w."]+)[]>]', r"\1", text)
            self.assertEqual(self.sent(client), shown(text))

    def test_a_name_or_number_of_an_output_column(self):
        first = "(pg_catalog.array_agg(email))[1]"
        for text, expected in (
            (
                "select id, email from people group by 1, 2",
                f"select id, {first} AS email from people group by 1, {EMAIL}",
            ),
            (
                "select email as e from people group by e",
                f"select {first} as e from people group by {EMAIL}",
            ),
            (
                "select distinct on (2) id, email from people",
                f"select distinct on ({EMAIL}) id, email from people",
            ),
            (
                "select distinct on (e) email as e from people, orders",
                f"select distinct on ({EMAIL}) email as e from people, orders",
            ),
        ):
            self.assertEqual(self.sent(text), expected)
        # Another number is another plan.
        self.assertEqual(self.sent("select id, email from people group by 1, 1")[:1], "s")

    def test_conditions_on_groups(self):
        self.assertEqual(
            self.sent("select count(*) from people group by email having email <> 'a'"),
            f"select count(*) from people group by {EMAIL} "
            f"having ({EMAIL} <> ALL (<?email 'a'>::bytea[]))",
        )
        self.assertEqual(
            self.sent("select case email when 'a' then 1 end from people group by email"),
            f"select case  when {EMAIL} = ANY (<?email 'a'>::bytea[]) then 1 end from people "
            f"group by {EMAIL}",
        )
        found = self.sent("select 'a' = email from people group by email")
        self.assertEqual(
            found,
            f"select ({EMAIL} = ANY (<?email 'a'>::bytea[])) from people group by {EMAIL}",
        )

    def test_distinct_rows(self):
        for text, keys in (
            ("select distinct email from people", EMAIL),
            ("select distinct (email) as e from people limit 5", EMAIL),
            ("select distinct id, p.email, phone from people p order by id", "1, {}, 3"),
            ("select distinct note || 'x', email from people", f"1, {EMAIL}"),
            ("select 1 from (select distinct email from people) q", EMAIL),
        ):
            keys = keys.format(S.format("p.email"))
            self.assertEqual(
                self.sent(text), text.replace("distinct", f"distinct ON ({keys})"), text
            )

    def test_they_need_a_single_search_key(self):
        for text in (
            "select email from people group by email",
            "select distinct email from people",
            "select distinct on (email) id from people",
            "select count(distinct email) from people",
        ):
            [plan] = self.planner.plan(text.encode(), MODE, PATH).statements
            self.assertEqual([one.name for one in plan.matched], ["email"])

    def test_the_columns_of_results_stay_what_they_are(self):
        for text in (
            "select email, 1 from people group by 1",
            "select distinct email, 1 from people",
        ):
            [plan] = self.planner.plan(text.encode(), MODE, PATH).statements
            names = [one.setting and one.setting.name for one in plan.results]
            self.assertEqual(names, ["email", None])

    def test_the_first_value_of_a_group_has_no_table(self):
        for query, named in (
            ("select email from people group by email", False),
            ("select distinct email from people", True),
        ):
            text = f"declare c cursor for {query}".encode()
            [plan] = self.planner.plan(text, MODE, PATH).statements
            self.assertEqual([one.named for one in plan.declares], [named])

    def test_what_groups_cannot_show_is_refused(self):
        for text in REFUSED:
            self.assertIn(self.sent(text), ("!group", "!expression"), text)

    def test_many_columns_take_as_many_times_the_work(self):
        work = []
        for number in (100, 200):
            listed = ", ".join(["p.email", "q.email"] * number)
            text = f"select {listed} from people p, people q group by {listed}"
            calls = [0]
            found = profiled(
                lambda *_, calls=calls: calls.__setitem__(0, calls[0] + 1),
                lambda text=text: planner(claims=Comparisons()).plan(text.encode(), MODE, PATH),
            )
            self.assertIsNone(found.statements[0].refusal)
            work.append(calls[0])
        self.assertLess(work[1], 2.5 * work[0])


class Sets(SynchronousTestCase):
    def test_the_refusal_of_equal_rows_says_why(self):
        made = planner()
        for sign in ("union", "intersect", "except", "except all"):
            text = f"select email from people {sign} select email from people"
            (plan,) = made.plan(text.encode(), MODE, PATH).statements
            self.assertIn("stored differently", plan.refusal.text, text)
