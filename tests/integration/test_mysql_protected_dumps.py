"""A dump through AcraServer has the values of protected columns; loading it encrypts them again."""

from acra_twisted.sandbox.mariadb import program
from tests.integration.test_mysql_dumps import dump, run
from tests.integration.test_mysql_encryption import Case
from tests.support.mysqlclients import Login

_INSERT = (
    "INSERT INTO people (name, email, age, score, born, raw, card, ident, nick, note) VALUES"
    " (%s, %s, %s, %s, '2026-11-29', %s, %s, %s, %s, %s)"
)
_ROWS = (
    ("Żółć", "z@example.com", 42, -(1 << 40), b"\xff\\'", "4111111111111234", 7, "ford", 'a "b"'),
    ("it's", "y@example.com", None, 0, b"raw", "4929123412341234", 8, "trillian", None),
)
_READ = "SELECT name, email, age, score, born, raw, card, ident, nick, note FROM people"
#: Encrypted columns, with the bytes ahead of what each stored value has.
_AHEAD = {"name": 0, "email": 33, "score": 0, "born": 0, "raw": 0, "card": 0}
_CONTAINER = b"%%%"


class Dumps(Case):
    stages = ("censor", "encryptor", "decryptor")

    @classmethod
    def more(cls):
        rules = cls.folder / "rules.yaml"
        rules.write_text("version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [secrets]\n")
        return {"acracensor_config_file": str(rules)}

    def test_a_dump_and_its_loading(self):
        for row in _ROWS:
            self.run_(_INSERT, *row)
        before = self.run_(_READ)
        self.assertEqual([row[:4] for row in before], [row[:4] for row in _ROWS])
        login = Login(self.server.port)
        for way in ((), ("--skip-extended-insert", "--complete-insert"), ("--skip-quote-names",)):
            text, said = dump(login, *way, "shop", "people")
            self.assertEqual(said, "")
            for value in ("z@example.com", "Żółć", "4111111111111234", "trillian"):
                self.assertIn(value.encode(), text)
            self.database.run("DROP TABLE shop.people")
            self.assertEqual(run(program("mariadb"), login, "shop", said=text), (b"", ""))
            self.assertEqual(self.run_(_READ), before, way)
            for column, ahead in _AHEAD.items():
                cells = self.stored(column)
                self.assertEqual(len(cells), 2, column)
                for cell in cells:
                    # A few bytes of a value may be among encrypted ones by chance.
                    self.assertTrue(cell[ahead:].startswith(_CONTAINER), (column, cell))
            tokens = self.stored("nick")
            self.assertEqual(len({*tokens} - {row[7].encode() for row in _ROWS}), 2)
