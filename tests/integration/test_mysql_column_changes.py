"""Protected columns of MariaDB whose tables, rights and names change, or are compared otherwise."""

import time

import mysql.connector
import pymysql
from pymysql.constants import CLIENT

from acra_twisted.encryption.mysql.keeper import LOOK
from tests.integration.base import eventually
from tests.integration.test_mysql_encryption import COLUMNS, Case

_SECRET = "Zaphodsecret"  # noqa: S105 - no password


class Roles(Case):
    """A user sees a view of the protected table by a role that it may take, and not without."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.account("low", "pw")
        cls.database.run(
            "CREATE DATABASE apart; CREATE VIEW apart.seen AS SELECT id, name FROM shop.people;"
            "CREATE PROCEDURE apart.taking() SQL SECURITY INVOKER SET ROLE viewer;"
            "CREATE PROCEDURE apart.calling() SQL SECURITY INVOKER CALL apart.taking();"
            "CREATE PROCEDURE apart.running(t TEXT) SQL SECURITY INVOKER EXECUTE IMMEDIATE t;"
            "CREATE ROLE viewer; CREATE ROLE nothing; GRANT SELECT, INSERT ON apart.* TO viewer;"
            "CREATE TABLE apart.fired (a INT);"
            "CREATE DEFINER=low@'%' TRIGGER apart.firing BEFORE INSERT ON apart.fired FOR EACH ROW "
            "SET ROLE viewer;"
            "REVOKE ALL, GRANT OPTION FROM low; GRANT ALL ON apart.fired TO low;"
            "GRANT SELECT, INSERT ON shop.people TO low;"
            "GRANT SELECT ON mysql.proc TO low; GRANT EXECUTE ON apart.* TO low;"
            "GRANT viewer TO low; GRANT nothing TO low"
        )

    def begin(self):
        more = {"charset": "utf8mb4", "autocommit": True, "client_flag": CLIENT.MULTI_STATEMENTS}
        connection = pymysql.connect(**{**self.access(), "user": "low"}, **more)
        self.addCleanup(connection.close)
        connection.cursor().execute("INSERT INTO people (name) VALUES ('known')")
        return connection

    def attempt(self, connection, *texts):
        """Send texts, whatever becomes of each; nothing is stored in clear by them."""
        cursor = connection.cursor()
        for text in texts:
            try:
                cursor.execute(text)
                while cursor.nextset():
                    pass
            except pymysql.MySQLError as error:
                self.assertIn(error.args[0], (1235, 1142, 1243, 1370), (text, error))
        for stored in self.stored("name"):
            self.assertNotIn(_SECRET.encode(), stored, texts)

    def test_every_way_to_take_it(self):
        write = f"INSERT INTO apart.seen (name) VALUES ('{_SECRET}')"
        for ways in (
            ("SET ROLE viewer",),
            ("SET @a = 1, ROLE viewer",),
            ("SET @a = 1, /* c */ ROLE viewer",),
            ("SET STATEMENT max_statement_time = 5 FOR SET ROLE viewer",),
            ("PREPARE s FROM 'SET ROLE viewer'", "EXECUTE s"),
            ("EXECUTE IMMEDIATE 'SET ROLE viewer'",),
            ("CALL apart.taking()",),
            ("CALL apart.calling()",),
            ("CALL apart.running('SET ROLE viewer')",),
            ("BEGIN NOT ATOMIC SET ROLE viewer; END",),
            ("INSERT INTO apart.fired VALUES (1)",),
        ):
            self.attempt(self.begin(), *ways, write)
            self.attempt(self.begin(), "; ".join((*ways, write)))

    def test_a_session_that_begins_anew_sees_what_its_user_sees(self):
        """The role that it had sees less than the user's own."""
        self.database.run("SET DEFAULT ROLE viewer FOR low")
        self.addCleanup(self.database.run, "SET DEFAULT ROLE NONE FOR low")
        write = f"INSERT INTO apart.seen (name) VALUES ('{_SECRET}')"
        for reset in (b"\x1f",):
            connection = self.begin()
            self.attempt(connection, "SET ROLE nothing", "SELECT id FROM people")
            connection._execute_command(reset[0], b"")
            connection._read_ok_packet()
            self.attempt(connection, write)

    def test_another_default_role(self):
        connection = self.begin()
        write = f"INSERT INTO apart.seen (name) VALUES ('{_SECRET}')"
        self.addCleanup(self.database.run, "SET DEFAULT ROLE NONE FOR low")
        self.attempt(connection, "SET DEFAULT ROLE viewer")
        self.attempt(self.begin(), write)


class Expired(Case):
    """A user with an expired password sets it, and works on."""

    def test_the_password_is_set(self):
        self.database.account("old", "pw")
        self.database.run("ALTER USER old PASSWORD EXPIRE")
        access = {**self.access(), "user": "old", "database": None}
        cursor = pymysql.connect(**access, autocommit=True, charset="utf8mb4").cursor()
        self.addCleanup(cursor.connection.close)
        for refused in ("SELECT id FROM shop.people", "DO 0"):
            with self.assertRaises(pymysql.MySQLError) as caught:
                cursor.execute(refused)
            self.assertEqual(caught.exception.args[0], 1820)
        cursor.execute("SET PASSWORD = PASSWORD('new')")
        cursor.execute("INSERT INTO shop.people (name) VALUES (%s)", (_SECRET,))
        self.assertNotIn(_SECRET.encode(), self.stored("name")[0])


class Temporary(Case):
    def questions(self):
        """The number of looks at what a table is."""
        [count] = self.database.run(
            "SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE '%information_schema.TABLES"
            " WHERE TABLE_SCHEMA = _utf8 x%' AND argument NOT LIKE '%general_log%'"
        ).split()
        return int(count)

    def test_a_table_of_the_session_is_not_asked_for(self):
        self.database.run("SET GLOBAL log_output = 'TABLE'")
        self.addCleanup(self.database.run, "SET GLOBAL log_output = 'FILE'")
        cursor = self.connected()
        cursor.execute("CREATE TEMPORARY TABLE own (id INT, name VARCHAR(50))")
        cursor.execute("SELECT id FROM people")
        before = self.questions()
        for number in range(5):
            cursor.execute("INSERT INTO own VALUES (%s, 'n')", (number,))
            cursor.execute("UPDATE shop.own SET id = id + 1")
        self.assertEqual(self.questions(), before)
        cursor.execute("DROP TABLE own")
        cursor.execute("CREATE VIEW own AS SELECT id, name FROM people")
        self.addCleanup(self.database.run, "DROP VIEW shop.own")
        cursor.execute("INSERT INTO own VALUES (1, %s)", (_SECRET,))
        self.assertNotIn(_SECRET.encode(), self.stored("name")[0])
        self.assertGreater(self.questions(), before)

    def test_a_table_of_another_session_is_not_taken_for_its_own(self):
        """The server knows temporary tables by their session's number, which may be set."""
        settings = ("SET pseudo_thread_id = 77", "SET @@session.server_id = 77")
        for number, setting in enumerate(settings, 901):
            name = f"mine{number}"
            cursor = self.connected()
            cursor.execute(f"CREATE TEMPORARY TABLE {name} (id INT, name VARCHAR(50))")
            cursor.execute("SELECT id FROM people")
            self.addCleanup(self.database.run, f"DROP VIEW shop.{name}")
            self.database.run(f"CREATE VIEW shop.{name} AS SELECT id, name FROM shop.people")
            cursor.execute(setting)
            cursor.execute(f"INSERT INTO {name} VALUES ({number}, %s)", (_SECRET,))
            stored = self.stored("name")
            self.assertTrue(stored)
            self.assertNotIn(_SECRET.encode(), b"".join(stored), setting)


class Others(Case):
    """Another program changes the tables."""

    def test_the_order_of_columns(self):
        self.run_("SELECT id FROM people")
        self.database.run("ALTER TABLE shop.people MODIFY note TEXT AFTER id")
        self.addCleanup(
            self.database.run, "ALTER TABLE shop.people MODIFY note TEXT CHARACTER SET utf8mb4"
        )
        values = f"1, '{_SECRET}', 'e', 3, 4, NULL, '', '', 5, 'k', 'a note'"
        self.run_(f"INSERT INTO people VALUES ({values})")
        self.assertEqual(self.run_("SELECT note, name FROM people"), [("a note", _SECRET)])
        self.assertNotIn(_SECRET.encode(), self.stored("name")[0])

    def test_a_new_column(self):
        cursor = self.connected()
        cursor.execute("SELECT id FROM people")
        time.sleep(1)
        self.database.run("ALTER TABLE shop.people ADD COLUMN more INT")
        self.addCleanup(self.database.run, "ALTER TABLE shop.people DROP COLUMN more")
        # It does not fit what was known, and is judged by the new table.
        cursor.execute("INSERT INTO people (name, more) VALUES ('a', 1)")
        cursor.execute("SELECT name, more FROM people")
        self.assertEqual(cursor.fetchall(), (("a", 1),))

    def test_new_views_and_routines_are_seen(self):
        cursor = self.connected()
        cursor.execute("SELECT id FROM people")
        self.database.run(
            "CREATE VIEW shop.fresh AS SELECT id, UPPER(name) AS name FROM shop.people;"
            "CREATE PROCEDURE shop.writing(v TEXT) INSERT INTO people (note) VALUES (v)"
        )
        self.addCleanup(self.database.run, "DROP VIEW shop.fresh; DROP PROCEDURE shop.writing")

        def refused(text):
            try:
                cursor.execute(text)
            except pymysql.MySQLError as error:
                return error.args[0] == 1235
            return False

        for text in ("INSERT INTO fresh (id) VALUES (NULL)", "CALL writing('v')"):
            eventually(lambda text=text: refused(text), "a refusal", seconds=20 * LOOK)

    def test_nothing_is_written_in_clear_through_a_view_that_is_new(self):
        """It is looked up before the first statement that names it."""
        cursor = self.connected(client_flag=CLIENT.MULTI_STATEMENTS)
        cursor.execute("SELECT id FROM people")
        self.database.run("CREATE TABLE shop.plain (id INT, other TEXT)")
        self.addCleanup(self.database.run, "DROP TABLE shop.plain")
        cursor.execute("INSERT INTO plain VALUES (1, 'a'), (2, 'b')")
        for number, text in enumerate(
            (
                f"INSERT INTO {{}} (name) VALUES ('{_SECRET}')",
                f"REPLACE shop.{{}} SET name = '{_SECRET}'",
                f"UPDATE plain JOIN {{}} SET name = '{_SECRET}'",
                f"UPDATE plain SET other = 'a'; INSERT `{{}}` (name) VALUES ('{_SECRET}')",
                f"SELECT 1; UPDATE {{}} AS f SET f.name = '{_SECRET}'",
                f"USE shop; UPDATE {{}} SET name = '{_SECRET}'",
                f"SET STATEMENT max_statement_time = 1 FOR INSERT {{}} (name) VALUES ('{_SECRET}')",
                f"EXECUTE IMMEDIATE 'INSERT INTO {{}} (name) VALUES (''{_SECRET}'')'",
            )
        ):
            self.run_("INSERT INTO people (name) VALUES ('known')")
            # What was known of the schema is young.
            cursor.execute("UPDATE plain SET other = 'c'")
            name = f"fresh{number}"
            self.database.run(f"CREATE VIEW shop.{name} AS SELECT id, name FROM shop.people")
            self.addCleanup(self.database.run, f"DROP VIEW shop.{name}")
            try:
                cursor.execute(text.format(name))
                while cursor.nextset():
                    pass
                is_written = True
            except pymysql.MySQLError as error:
                self.assertEqual(error.args[0], 1235, (text, error))
                is_written = False
            # AcraServer reads no statements inside others, and none behind USE.
            self.assertEqual(is_written, number < 5, text)
            stored = self.stored("name")
            self.assertTrue(stored)
            for one in stored:
                self.assertNotIn(_SECRET.encode(), one, text)
        self.database.run(
            "CREATE PROCEDURE shop.fresh(v TEXT) INSERT INTO people (name) VALUES (v)"
        )
        self.addCleanup(self.database.run, "DROP PROCEDURE shop.fresh")
        with self.assertRaises(pymysql.MySQLError) as caught:
            cursor.execute(f"CALL fresh('{_SECRET}')")
        self.assertEqual(caught.exception.args[0], 1235)

    def test_what_nobody_can_read(self):
        self.refused("BINLOG 'AAAAAA=='")


class Elsewhere(Case):
    """Names that mean another table than they seem to: a view that another program has just made
    gets another name, or what is prepared for a table is executed for a view."""

    FRESH = "CREATE VIEW shop.fresh AS SELECT id, name FROM shop.people"
    VALUES = f"(id, name) VALUES (1, '{_SECRET}')"
    TABLES = (
        *("VIEW fresh", "VIEW x", "VIEW seen", "TABLE z", "VIEW plain", "TABLE plain"),
        *("TABLE fresh", "PROCEDURE pp", "TRIGGER tt"),
    )

    def attempt(self, *texts):
        """Send texts, whatever becomes of each; nothing is stored in clear by them."""
        gone = "".join(f"DROP {one.replace(' ', ' IF EXISTS ')};" for one in self.TABLES)
        self.database.run(
            f"USE shop; {gone} TRUNCATE people; CREATE TABLE plain (id INT, name VARBINARY(400));"
            "CREATE VIEW seen AS SELECT id, name FROM plain"
        )
        cursor = self.connected(client_flag=CLIENT.MULTI_STATEMENTS)
        cursor.execute("ALTER TABLE people COMMENT = 'a'")
        cursor.execute("INSERT INTO plain (id) VALUES (3)")
        cursor.execute(f"SET @a = 1, @b = '{_SECRET}'")
        for text in texts:
            if text == self.FRESH:
                if not self.database.run("SHOW TABLES IN shop LIKE 'fresh'"):
                    self.database.run(text)
                continue
            try:
                cursor.execute(text)
                while cursor.nextset():
                    pass
            except pymysql.MySQLError as error:
                self.assertIn(error.args[0], (1235, 1146, 1347, 1243, 1305), (text, error))
        for stored in self.stored("name"):
            self.assertNotIn(_SECRET.encode(), stored, texts)

    def test_new_views_that_get_another_name(self):
        for texts in (
            (f"CREATE VIEW x AS SELECT * FROM fresh; INSERT INTO x {self.VALUES}",),
            (f"RENAME TABLE fresh TO x; INSERT INTO x {self.VALUES}",),
            ("RENAME TABLE plain TO z, fresh TO plain", f"INSERT INTO plain {self.VALUES}"),
            ("ALTER VIEW seen AS SELECT * FROM fresh", f"INSERT INTO seen {self.VALUES}"),
            ("DROP TABLE plain; CREATE VIEW plain AS SELECT * FROM fresh",),
            (f"BEGIN NOT ATOMIC CREATE VIEW x AS TABLE fresh; INSERT INTO x {self.VALUES}; END",),
            ("EXECUTE IMMEDIATE 'CREATE VIEW x AS SELECT * FROM fresh'",),
            ("PREPARE r FROM 'RENAME TABLE fresh TO x'", f"EXECUTE r; INSERT INTO x {self.VALUES}"),
            (f"SET STATEMENT max_statement_time = 9 FOR UPDATE fresh SET name = '{_SECRET}'",),
            ("CREATE PROCEDURE pp(v TEXT) INSERT INTO fresh VALUES (1, v)", "CALL pp(@b)"),
        ):
            self.attempt(self.FRESH, *texts, f"INSERT INTO plain {self.VALUES}")

    def test_new_views_that_have_the_names_of_former_tables(self):
        """The text that gave the name away has passed here."""
        known = f"INSERT INTO fresh {self.VALUES}"
        made = "CREATE TABLE fresh LIKE plain"
        for gone in (
            "RENAME TABLE fresh TO z",
            "ALTER TABLE fresh RENAME z",
            "DROP TABLE fresh",
            "DO 1; DROP TABLE IF EXISTS fresh, x",
        ):
            self.attempt(made, known, gone, self.FRESH, known)
            self.attempt(made, known, gone, self.FRESH, f"DO 1; {known}")

    def test_new_views_in_the_place_of_what_unseen_texts_end(self):
        known = f"INSERT INTO fresh {self.VALUES}"
        made = "CREATE TABLE fresh LIKE plain"
        for prepare, gone in (
            ("PREPARE d FROM 'DROP TABLE fresh'", "EXECUTE d"),
            ("DO 1", "EXECUTE IMMEDIATE 'DR' 'OP TABLE fresh'"),
            ("DO 1", "EXECUTE IMMEDIATE CONCAT('REN', 'AME TABLE fresh TO z')"),
            ("CREATE PROCEDURE pp() DROP TABLE fresh", "CALL pp()"),
            ("CREATE PROCEDURE pp() DROP TABLE fresh", "CALL pp"),
        ):
            self.attempt(made, prepare, known, gone, self.FRESH, known)

    def test_a_statement_that_a_driver_prepared_for_a_former_table(self):
        """The server prepares it anew for what has the table's name now."""
        self.attempt()
        connection = mysql.connector.connect(**self.access(), autocommit=True, use_pure=True)
        self.addCleanup(connection.close)
        cursor = connection.cursor(prepared=True)
        text = "INSERT INTO plain (id, name) VALUES (?, ?)"
        cursor.execute(text, (1, "a"))
        self.run_("DROP TABLE plain")
        self.database.run("CREATE VIEW shop.plain AS SELECT id, name FROM shop.people")
        with self.assertRaises(mysql.connector.Error) as caught:
            cursor.execute(text, (2, _SECRET))
        self.assertEqual(caught.exception.errno, 1615)
        self.assertEqual(self.stored("name"), [])

    def test_a_statement_that_sql_prepared_for_a_table(self):
        prepare = "PREPARE s FROM 'INSERT INTO plain (id, name) VALUES (?, ?)'"
        rename = "RENAME TABLE plain TO z"
        view = "CREATE VIEW plain AS SELECT id, name FROM people"
        execute = "EXECUTE s USING @a, @b"
        self.attempt(prepare, rename, view, execute)
        self.attempt(prepare, rename, f"{view}; {execute}")
        self.attempt("; ".join((prepare, rename, view, execute)))
        self.attempt(f"SELECT 1; {prepare}", rename, view, f"SELECT 1; {execute}")


class SecondColumns(Case):
    """Tokens for rows that are there, by the steps of the documentation."""

    columns = f"""{COLUMNS}
  - table: clients
    columns: [id, phone, phone_token]
    encrypted:
      - {{column: phone_token, token_type: str, consistent_tokenization: true}}
"""

    def test_tokens_for_rows_that_are_there(self):
        rows = 300
        self.database.run(
            "USE shop; CREATE TABLE clients (id INT PRIMARY KEY, phone VARCHAR(80) CHARACTER SET"
            f" utf8mb4); INSERT INTO clients SELECT seq, CONCAT('phone ', seq % 40)"
            f" FROM seq_1_to_{rows}"
        )
        self.addCleanup(self.database.run, "DROP TABLE shop.clients")
        cursor = self.connected()
        cursor.execute("ALTER TABLE clients ADD phone_token VARCHAR(255)")
        cursor.execute("INSERT INTO clients VALUES (1000, 'phone new', 'phone new')")
        due = "SELECT id, phone FROM clients WHERE phone_token IS NULL ORDER BY id LIMIT 100"
        passes = 0
        while cursor.execute(due):
            passes += 1
            found = cursor.fetchall()
            cursor.execute("START TRANSACTION")
            if passes == 1:
                # An application writes a row meanwhile: it is left to the next pass.
                self.run_("UPDATE clients SET phone = 'phone moved' WHERE id = 100")
            for number, phone in found:
                cursor.execute(
                    "UPDATE clients SET phone_token = %s WHERE id = %s AND phone = %s",
                    (phone, number, phone),
                )
            cursor.execute("COMMIT")
        self.assertEqual(passes, 4)
        asked = "SELECT id, phone_token FROM clients ORDER BY id"
        cursor.execute("SELECT id, phone FROM clients ORDER BY id")
        before = cursor.fetchall()
        cursor.execute("ALTER TABLE clients DROP COLUMN phone")
        cursor.execute(asked)
        self.assertEqual(cursor.fetchall(), before)
        self.assertIn((100, "phone moved"), before)
        stored = self.database.run("SELECT phone_token FROM shop.clients").splitlines()
        self.assertEqual((len(stored), len(set(stored))), (rows + 1, 42))
        # Shorter values would have tokens that are values of other rows, now and then.
        self.assertFalse([one for one in stored if "phone" in one])
        self.assertEqual(
            self.run_("SELECT COUNT(*) FROM clients WHERE phone_token = 'phone 7'"), [(8,)]
        )


class Unchecked(Case):
    def test_a_server_that_heeds_no_checks_is_named(self):
        self.database.run("SET GLOBAL check_constraint_checks = OFF")
        self.run_("SELECT id FROM people")
        eventually(lambda: "check_constraint_checks" in self.server.output, "the finding")


class Folded(Case):
    """A server that stores names of tables in small letters, and compares them so."""

    settings = ("--lower-case-table-names=1",)
    columns = COLUMNS.replace("table: people", "table: shop.People")

    def setUp(self):
        super().setUp()
        for name in ("Zaphod", "Ford"):
            self.run_("INSERT INTO PEOPLE (name, email) VALUES (%s, %s)", name, f"{name}@x.org")

    def test_tables_aliases_and_databases(self):
        for text in (
            "SELECT NAME FROM People WHERE Email = 'Ford@x.org'",
            "SELECT p.name FROM SHOP.pEOPLE P WHERE P.email = 'Ford@x.org'",
            "SELECT People.name FROM people WHERE PEOPLE.email = 'Ford@x.org'",
            "SELECT shop.People.name FROM SHOP.PEOPLE WHERE people.email = 'Ford@x.org'",
            "SELECT D.name FROM (SELECT * FROM People) d WHERE d.email = 'Ford@x.org'",
            "WITH C AS (SELECT * FROM PEOPLE) SELECT name FROM c WHERE email = 'Ford@x.org'",
            "SELECT PEOPLE.* FROM (SELECT name FROM people WHERE email = 'Ford@x.org') People",
        ):
            self.assertEqual(self.run_(text), [("Ford",)], text)

    def test_values_that_are_written(self):
        for text in (
            "INSERT INTO `PEOPLE` (name) VALUES ('clear1')",
            "UPDATE Shop.People P SET p.name = 'clear2' WHERE PEOPLE.id = 1",
            "UPDATE Shop.People P SET p.name = 'clear3' WHERE P.id = 1",
            "REPLACE People SET NAME = 'clear4'",
            "INSERT pEople (email) VALUES ('clear5') ON DUPLICATE KEY UPDATE People.name = 'x'",
        ):
            try:
                self.run_(text)
            except pymysql.MySQLError as error:
                self.assertEqual(error.args[0], 1235, text)
        stored = [one for column in ("name", "email") for one in self.stored(column) if one]
        self.assertGreater(len(stored), 5)
        for one in stored:
            self.assertNotIn(b"clear", one)
        self.assertEqual(self.run_("SELECT name FROM people WHERE id = 1"), [("clear3",)])

    def test_views(self):
        self.database.run("CREATE VIEW Shop.Seen AS SELECT id, Name, Email FROM Shop.People")
        self.addCleanup(self.database.run, "DROP VIEW shop.seen")
        self.run_("ALTER TABLE PEOPLE ADD COLUMN more INT")
        self.addCleanup(self.database.run, "ALTER TABLE shop.people DROP COLUMN more")
        found = self.run_("SELECT S.name FROM SEEN s WHERE s.email = 'Ford@x.org'")
        self.assertEqual(found, [("Ford",)])
        self.run_("INSERT INTO SEEN (Name) VALUES ('Marvin')")
        self.assertEqual(self.run_("SELECT name FROM people WHERE email IS NULL"), [("Marvin",)])
        self.assertNotIn(b"Marvin", self.stored("name"))


class Named(Case):
    """Databases that differ from the server's own by the case of letters alone."""

    def test_they_are_protected_where_case_counts(self):
        self.database.run(
            "CREATE DATABASE Sys; CREATE TABLE Sys.people LIKE shop.people;"
            "GRANT ALL ON Sys.* TO u@'%'"
        )
        self.addCleanup(self.database.run, "DROP DATABASE Sys")
        self.run_(f"INSERT INTO Sys.people (name) VALUES ('{_SECRET}')")
        stored = self.database.run("SELECT HEX(name) FROM Sys.people")
        self.assertNotIn(_SECRET.encode().hex().upper(), stored)
        self.assertEqual(self.run_("SELECT name FROM Sys.people"), [(_SECRET,)])
