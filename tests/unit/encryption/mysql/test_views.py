"""Views of protected tables."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.schema import VIEW, Code
from tests.support.mysqlplanning import PEOPLE, SCHEMA, plan, planner, sent


def view(name, text, database="shop"):
    return Code(VIEW, database, name, text)


_SHOWN = (
    "select `shop`.`people`.`id` AS `id`,`shop`.`people`.`email` AS `mail` from `shop`.`people`"
)
_VIEWS = SCHEMA._replace(
    code=[
        view("v", _SHOWN),
        view("of_v", "select `v`.`mail` AS `m`,1 AS `one` from `shop`.`v`"),
        view("v", "select `shop`.`orders`.`id` AS `id` from `shop`.`orders`", "other"),
        view("plain", "select `shop`.`people`.`note` AS `note` from `shop`.`people`"),
        view("chosen", _SHOWN + " where `shop`.`people`.`email` = 'a'"),
        view("made", "select upper(`shop`.`people`.`name`) AS `n` from `shop`.`people`"),
        view("hidden", None),
        view("joined", _SHOWN + " join `shop`.`orders`"),
        view("of_joined", "select `joined`.`mail` AS `mail` from `shop`.`joined`"),
        view("grouped", "select `shop`.`people`.`age` AS `age` from `shop`.`people` group by 1"),
        view("united", f"{_SHOWN} union all {_SHOWN}"),
        view("few", f"{_SHOWN} limit 2"),
        view("derived", f"select `d`.`mail` AS `mail` from ({_SHOWN}) `d`"),
        view("circle", "select `circle`.`x` AS `x` from `shop`.`circle` join `shop`.`people`"),
        view("open", "select * from `shop`.`people`,`shop`.`orders`"),
        view("twice", "select 1 from `shop`.`people`; select 2"),
    ]
)


def shown(text, database="shop"):
    found = plan(text, database=database, by=planner(_VIEWS))
    refusal = found.plan.refusal
    return f"refused: {refusal.reason}" if refusal else sent(found) or "as it is"


def read(text):
    columns = plan(text, by=planner(_VIEWS)).plan.results[0] or ()
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

    def test_values_are_written_through_a_part_of_one_table(self):
        for text, wanted in (
            ("INSERT INTO v (mail) VALUES ('a')", "INSERT INTO v (mail) VALUES (x'e1')"),
            ("INSERT INTO v VALUES (1, 'a')", "INSERT INTO v (`id`, `mail`) VALUES (1, x'e1')"),
            ("REPLACE v SET mail = 'a'", "REPLACE v SET mail = x'e1'"),
            ("INSERT INTO of_v (m) VALUES (NULL)", "as it is"),
            ("INSERT INTO of_v (m) VALUES ('a')", "INSERT INTO of_v (m) VALUES (x'e1')"),
            ("UPDATE v SET mail = 'a'", "UPDATE v SET mail = x'e1'"),
            ("UPDATE v x SET x.mail = 'a'", "UPDATE v x SET x.mail = x'e1'"),
            (
                "UPDATE v JOIN orders o ON o.pid = v.id SET mail = 'a', o.item = 'b'",
                "UPDATE v JOIN orders o ON o.pid = v.id SET mail = x'e1', o.item = 'b'",
            ),
            (
                "UPDATE v SET id = 3 WHERE mail = 'a'",
                "UPDATE v SET id = 3 WHERE (mail >= x'f1' AND mail < x'f2')",
            ),
            (
                "INSERT INTO v (id, mail) VALUES (1, 'a') ON DUPLICATE KEY UPDATE mail = 'b'",
                "INSERT INTO v (id, mail) VALUES (1, x'e1') ON DUPLICATE KEY UPDATE mail = x'e2'",
            ),
            (
                "INSERT INTO v (mail) VALUES ('a') ON DUPLICATE KEY UPDATE mail = VALUES(mail)",
                "INSERT INTO v (mail) VALUES (x'e1') ON DUPLICATE KEY UPDATE mail = VALUES(mail)",
            ),
            ("INSERT INTO v (mail) SELECT email FROM people", "as it is"),
            ("INSERT INTO plain (note) VALUES ('a')", "as it is"),
            ("UPDATE plain SET note = 'a'", "as it is"),
            ("INSERT INTO people (email) SELECT mail FROM v", "as it is"),
        ):
            self.assertEqual(shown(text), wanted, text)

    def test_nothing_else_is_written_through_one(self):
        for text in (
            "INSERT INTO v (mail) VALUES (UPPER('a'))",
            "INSERT INTO v (email) VALUES ('a')",
            "INSERT INTO v VALUES ('a')",
            "INSERT INTO v (mail) SELECT name FROM people",
            "INSERT INTO v (id) SELECT email FROM people",
            "UPDATE v SET id = mail",
            "UPDATE v, of_v SET m = id",
            "UPDATE v SET nothing = 'a'",
            "INSERT INTO plain (email) VALUES ('a')",
            "INSERT INTO joined (mail) VALUES ('a')",
            "UPDATE joined SET mail = 'a'",
            "INSERT INTO grouped (age) VALUES (1)",
            "UPDATE united SET mail = 'a'",
            "INSERT INTO few (mail) VALUES ('a')",
            "UPDATE of_joined SET mail = 'a'",
            "UPDATE chosen SET mail = 'a'",
            "UPDATE derived SET mail = 'a'",
            "LOAD DATA INFILE 'f' INTO TABLE v",
        ):
            self.assertIn("refused", shown(text), text)

    def test_columns_that_it_does_not_show_take_their_defaults(self):
        clear = PEOPLE._replace(
            columns=[one._replace(default_in_clear=one.name == "name") for one in PEOPLE.columns]
        )
        code = [view("v", _SHOWN), view("of_v", "select `v`.`mail` AS `m` from `shop`.`v`")]
        by = planner(SCHEMA._replace(tables=[clear], code=code))
        for text, reason in (
            ("INSERT INTO v (mail) VALUES ('a')", "default_in_clear"),
            ("INSERT INTO of_v (m) VALUES ('a')", "default_in_clear"),
            ("INSERT INTO people (name) VALUES ('a')", ""),
            ("UPDATE v SET mail = 'a'", ""),
        ):
            refusal = plan(text, by=by).plan.refusal
            self.assertEqual(refusal.reason if refusal else "", reason, text)

    def test_columns_that_cannot_hold_a_value_are_not_written(self):
        narrow = PEOPLE._replace(
            columns=[
                one._replace(length=50) if one.name == "email" else one for one in PEOPLE.columns
            ]
        )
        by = planner(SCHEMA._replace(tables=[narrow], code=[view("v", _SHOWN)]))
        refusal = plan("UPDATE v SET mail = 'a'", by=by).plan.refusal
        self.assertEqual(refusal.reason, "schema_mismatch")

    def test_one_of_a_name_in_another_database_is_another(self):
        self.assertEqual(shown("SELECT * FROM other.v"), "as it is")
        self.assertEqual(shown("SELECT * FROM v", "other"), "as it is")
        self.assertEqual(shown("SELECT * FROM v", None), "refused: schema_unknown")
