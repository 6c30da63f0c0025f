"""Views of protected tables."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.schema import VIEW, Code
from tests.support.mysqlplanning import SCHEMA, plan, planner, sent


def view(name, text, database="shop"):
    return Code(VIEW, database, name, text)


_SHOWN = (
    "select `shop`.`people`.`id` AS `id`,`shop`.`people`.`email` AS `mail` from `shop`.`people`"
)
_VIEWS = planner(
    SCHEMA._replace(
        code=[
            view("v", _SHOWN),
            view("of_v", "select `v`.`mail` AS `m`,1 AS `one` from `shop`.`v`"),
            view("v", "select `shop`.`orders`.`id` AS `id` from `shop`.`orders`", "other"),
            view("plain", "select `shop`.`people`.`note` AS `note` from `shop`.`people`"),
            view("chosen", _SHOWN + " where `shop`.`people`.`email` = 'a'"),
            view("made", "select upper(`shop`.`people`.`name`) AS `n` from `shop`.`people`"),
            view("hidden", None),
            view("circle", "select `circle`.`x` AS `x` from `shop`.`circle` join `shop`.`people`"),
            view("open", "select * from `shop`.`people`,`shop`.`orders`"),
            view("twice", "select 1 from `shop`.`people`; select 2"),
        ]
    )
)


def shown(text, database="shop"):
    found = plan(text, database=database, by=_VIEWS)
    refusal = found.plan.refusal
    return f"refused: {refusal.reason}" if refusal else sent(found) or "as it is"


def read(text):
    columns = plan(text, by=_VIEWS).plan.results[0] or ()
    return [at for at, one in enumerate(columns) if one.setting is not None]


class Views(SynchronousTestCase):
    def test_columns_are_those_of_its_query(self):
        for text, wanted in (
            ("SELECT * FROM v", [1]),
            ("SELECT mail AS x, id FROM shop.v", [0]),
            ("SELECT v.mail FROM orders JOIN v ON v.id = orders.pid", [0]),
            ("SELECT * FROM of_v", [0]),
            ("SELECT * FROM plain", []),
        ):
            self.assertEqual(read(text), wanted, text)

    def test_values_are_searched_for(self):
        found = shown("SELECT id FROM v WHERE mail = 'a'")
        self.assertEqual(found, "SELECT id FROM v WHERE (mail >= x'f1' AND mail < x'f2')")
        self.assertIn("x'f1'", shown("DELETE FROM v WHERE mail = 'a'"))

    def test_views_that_do_more_are_refused(self):
        for name in ("chosen", "made", "hidden", "circle", "open", "twice"):
            self.assertEqual(shown(f"SELECT 1 FROM {name}"), "refused: schema_mismatch", name)

    def test_views_of_views_are_read_up_to_a_depth(self):
        """Each is deep itself: the planner is in all of them at once."""
        code = [view("w0", _SHOWN)]
        for at in range(1, 200):
            code.append(view(f"w{at}", f"select `x`.`mail` AS `mail` from `shop`.`w{at - 1}` `x`"))
        for depth, expected in ((8, "as it is"), (9, "refused"), (199, "refused")):
            by = planner(SCHEMA._replace(code=code))
            found = plan(f"SELECT mail FROM w{depth}", by=by).plan
            self.assertEqual("refused" if found.refusal else "as it is", expected, depth)

    def test_nothing_is_written_through_one(self):
        for text in (
            "INSERT INTO v (mail) VALUES ('a')",
            "INSERT INTO plain (note) VALUES ('a')",
            "REPLACE INTO of_v VALUES ('a', 1)",
            "UPDATE v SET mail = 'a'",
            "UPDATE v x SET x.mail = 'a'",
            "LOAD DATA INFILE 'f' INTO TABLE v",
        ):
            self.assertIn("refused", shown(text), text)

    def test_one_of_a_name_in_another_database_is_another(self):
        self.assertEqual(shown("SELECT * FROM other.v"), "as it is")
        self.assertEqual(shown("SELECT * FROM v", "other"), "as it is")
        self.assertEqual(shown("SELECT * FROM v", None), "refused: schema_unknown")
