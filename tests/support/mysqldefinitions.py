"""Texts of MySQL that define something, or give it another name, as programs for migrations do."""

from __future__ import annotations

from typing import Final

from tests.support.mysqlprograms import COLUMNS_OF_BYTES, SECRET
from tests.support.mysqlwords import Words

#: The beginning of a definition that another program sends.
NEWLY: Final = b"CREATE PROCEDURE newly"


class Definitions(Words):
    """Draws them.  A column with protected values is not altered: its type is another one at the
    twin."""

    def alteration(self) -> str:
        """A text that alters a table, and may leave its rows as they are."""
        change = self.pick(
            *("CHANGE note note VARCHAR(90) AFTER id", "RENAME COLUMN note TO more"),
            *("CHANGE note more VARCHAR(90)", "ADD more INT AFTER name", "DROP COLUMN note"),
            *("ADD CONSTRAINT u UNIQUE (note)", "ALTER note SET DEFAULT 'x'", "FORCE"),
            *("ADD (a INT, b INT)", "MODIFY note VARCHAR(80) FIRST", "ROW_FORMAT = DYNAMIC"),
            *("ADD KEY k (note(3)), ADD more INT DEFAULT 3", "RENAME COLUMN name TO more"),
        )
        named = (self.target(), self.target(), "people", "away.people", "away.seen")
        return f"ALTER TABLE {self.pick(*named)} {change}"

    def renaming(self) -> str:
        """A text by which a name means another thing, in this database or another one."""
        target, other = self.target(), self.target()
        return str(
            self.pick(
                f"RENAME TABLE {target} TO away.fresh",
                f"RENAME TABLE away.people TO {target}",
                f"RENAME TABLE away.plain TO {other}, {target} TO away.plain",
                f"RENAME TABLE {target} TO zz, {other} TO {target}, zz TO {other}",
                f"ALTER TABLE away.people RENAME TO {target}",
                f"CREATE OR REPLACE TABLE {target} {COLUMNS_OF_BYTES}",
                f"CREATE OR REPLACE TABLE {target} LIKE shop.plain",
                f"DROP VIEW IF EXISTS away.seen; CREATE TABLE away.seen LIKE {other}",
            )
        )

    def elsewhere(self) -> tuple[str, ...]:
        """Texts that make a routine which has the name of another one, and call it."""
        name = self.pick("preparing", "reading", "made", "seen")
        body = self.pick(
            f"INSERT INTO {self.target()} (id, name) VALUES (8, 'n')",
            f"SELECT id, name FROM {self.table()} ORDER BY id",
            "DO 1",
        )
        where = self.pick("away", "shop")
        return f"CREATE PROCEDURE {where}.{name}() {body}", f"CALL {where}.{name}()"

    def called_anew(self) -> tuple[str, ...]:
        """Texts that make a routine which writes in clear, and run it, by its name alone, too."""
        values = f"({self.number()}, '{SECRET}')"
        made = f"{NEWLY.decode()}() INSERT INTO shop.people (id, name) VALUES {values}"
        called = self.pick(
            *("CALL newly()", "newly()", "newly", "BEGIN newly(); END", "shop.newly()"),
            *("DO 1; newly()", "EXECUTE IMMEDIATE 'newly()'", "IF 1 = 1 THEN newly(); END IF"),
        )
        mode = self.pick((), ("SET sql_mode = 'ORACLE'",), ("SET sql_mode = 'ORACLE'",))
        return (*self.pick((made, *mode), (*mode, made)), called)
