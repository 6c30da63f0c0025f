"""Texts of MySQL over tables with few names, with values for protected columns in many forms."""

from __future__ import annotations

import random
from typing import Any

from tests.support.mysqlprograms import SECRET

#: Names that may take another one's place, and others.
_TARGETS = ("plain", "plain", "other", "other", "people", "away.other", "fresh", "fresh")
_NAMES = (
    *("people", "people", "plain", "plain", "other", "seen", "fresh"),
    *("shop.people", "shop.plain", "away.people", "away.seen", "`people`", "PEOPLE"),
)


class Words:
    """Draws texts, as ``seed`` says."""

    def __init__(self, seed: object) -> None:
        self.random = random.Random(str(seed))
        self._secrets = 0
        # Few names, so that they meet.
        self._targets = self.random.sample(_TARGETS, self.pick(1, 2))
        self._names = [*self._targets, *self._targets, "people", *self.random.sample(_NAMES, 2)]

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def chance(self, of: int) -> bool:
        return self.random.randrange(of) == 0

    def secret(self) -> str:
        self._secrets += 1
        return f"{SECRET}{self._secrets}"

    def table(self) -> str:
        return str(self.pick(*self._names))

    def target(self) -> str:
        """A name that may take another one's place."""
        return str(self.pick(*self._targets))

    def column(self) -> str:
        return str(self.pick("name", "name", "email", "nick", "note"))

    def number(self) -> int:
        return self.random.randint(1, 6)

    def literal(self) -> str:
        value = self.secret()
        if not self.chance(5):
            return f"'{value}'"
        return str(
            self.pick(
                *(f'"{value}"', f"'{value}\\\\'", f"'{value}\\''", f"'{value}'''", f"N'{value}'"),
                *(f"_latin1'{value}'", f"x'{value.encode().hex()}'", f"'{value}' 'b'"),
                *(f"'{value}\u00e9'", f"/*!50001 '{value}' */", "NULL", "''", f"'{value}\\'"),
            )
        )

    def write(self) -> str:
        """A text that gives a value."""
        table, column, number = self.table(), self.column(), self.number()
        return str(
            self.pick(
                f"INSERT INTO {table} (id, {column}) VALUES ({number}, {self.literal()})",
                f"INSERT INTO {table} (id, {column}) VALUES ({number}, {self.literal()})",
                f"REPLACE INTO {table} (id, {column}) VALUES ({number}, {self.literal()})",
                f"INSERT INTO {table} SET id = {number}, {column} = {self.literal()}",
                f"UPDATE {table} SET {column} = {self.literal()} WHERE id = {number}",
                f"UPDATE {table} SET {column} = {self.literal()}",
                f"INSERT INTO {table} VALUES ({number}, {self.literal()}, {self.literal()}, "
                f"{self.literal()}, 'n')",
                f"INSERT INTO {table} (id, {column}) SELECT id + 10, {column} FROM {self.table()}",
                f"DELETE FROM {table} WHERE id = {number}",
            )
        )

    def read(self) -> str:
        table = self.table()
        return str(
            self.pick(
                f"SELECT id, name FROM {table} ORDER BY id",
                f"SELECT id, name, email FROM {table} ORDER BY id",
                f"SELECT id FROM {table} WHERE email = '{SECRET}1' ORDER BY id",
                f"SELECT * FROM {table} ORDER BY id",
                f"SELECT COUNT(*) FROM {table}",
            )
        )

    def marked(self) -> str:
        """A text with two marks, for a number and a value."""
        table, column = self.table(), self.column()
        return str(
            self.pick(
                f"INSERT INTO {table} (id, {column}) VALUES (?, ?)",
                f"INSERT INTO {table} (id, {column}) VALUES (?, ?)",
                f"REPLACE INTO {table} SET id = ?, {column} = ?",
                f"UPDATE {table} SET note = ?, {column} = ?",
                f"SELECT id, {column} FROM {table} WHERE id > ? AND email <> ? ORDER BY id",
                f"DELETE FROM {table} WHERE id = ? AND email = ?",
                "SELECT ?, ?",
                "SET @i = ?, @b = ?",
            )
        )
