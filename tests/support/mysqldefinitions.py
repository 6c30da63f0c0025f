"""Texts of MySQL that define something, or give it another name, as programs for migrations do."""

from __future__ import annotations

from typing import Final

from tests.support.mysqlprograms import COLUMNS_OF_BYTES, SECRET
from tests.support.mysqlwords import Words

#: The beginning of a definition that another program sends.
NEWLY: Final = b"CREATE PROCEDURE newly"

#: Texts of a migration, as Django, Rails, Flyway, Liquibase and phpMyAdmin write them.
MIGRATION: Final = (
    "CREATE TABLE `orders` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, "
    "`person_id` integer NOT NULL, CONSTRAINT `c` CHECK (`person_id` >= 0))",
    "ALTER TABLE `orders` ADD CONSTRAINT `orders_person` FOREIGN KEY (`person_id`) "
    "REFERENCES `people` (`id`) ON DELETE CASCADE",
    "ALTER TABLE `people` ADD COLUMN `born` date DEFAULT '2000-01-01' NOT NULL AFTER `email`",
    "ALTER TABLE `people` ALTER COLUMN `born` DROP DEFAULT",
    "ALTER TABLE `people` ADD `created_at` datetime(6) NOT NULL, ADD `more` varchar(255) NOT NULL",
    "ALTER TABLE `people` ADD CONSTRAINT `people_more` UNIQUE (`more`)",
    "CREATE INDEX `i` USING btree ON `people` (`born`, `more`(5)) ALGORITHM=INPLACE LOCK=NONE",
    "ALTER TABLE `people` RENAME INDEX `i` TO `j`, RENAME COLUMN `more` TO `less`",
    "ALTER TABLE `people` CHANGE `less` `more` varchar(100) DEFAULT 'x' NOT NULL COMMENT 'c'",
    "ALTER TABLE shop.people MODIFY COLUMN note varchar(200) NULL, ROW_FORMAT = DYNAMIC, FORCE",
    "ALTER TABLE shop.people ADD CONSTRAINT positive CHECK (id > 0), ADD FULLTEXT KEY ft (note)",
    "INSERT INTO people (id, name, born, created_at, more) "
    "VALUES (7, 'seven', '2001-02-03', NOW(), 'm')",
    "INSERT INTO orders (person_id) VALUES (7)",
    "SELECT people.id, name, born, more, person_id FROM people "
    "JOIN orders ON person_id = people.id",
    "DROP INDEX `j` ON `people`",
    "ALTER TABLE `people` DROP COLUMN `born`, DROP COLUMN `created_at`, DROP INDEX `ft`",
    "ALTER TABLE shop.people DROP CONSTRAINT positive",
    "RENAME TABLE away.people TO away.persons, away.persons TO away.people",
    "CREATE USER IF NOT EXISTS 'people'@'localhost' IDENTIFIED BY 'people'",
    "DROP USER 'people'@'localhost'",
    "ALTER TABLE `orders` DROP FOREIGN KEY `orders_person`",
    "DROP TABLE `orders` CASCADE",
)


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
            *("CALL newly()", "BEGIN newly(); END", "IF 1 = 1 THEN newly(); END IF", "newly()"),
            *("DO 1; BEGIN newly(); END", "EXECUTE IMMEDIATE 'BEGIN newly(); END'"),
            "SET STATEMENT max_statement_time = 9 FOR BEGIN NOT ATOMIC newly(); END",
            "SET sql_mode = 'ORACLE'; BEGIN newly(); END",
        )
        mode = self.pick((), ("SET sql_mode = 'ORACLE'",), ("SET sql_mode = 'ORACLE'",))
        return (*self.pick((made, *mode), (*mode, made)), called)
