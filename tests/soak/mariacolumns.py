"""Clients of a soak run that use protected columns of MariaDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.soak import columns, mariamix
from tests.support import loads

#: By this MariaDB, and AcraServer with it, says that something is not supported.
NOT_SUPPORTED = 1235
#: The statement that loads a file.
LOAD = "LOAD DATA LOCAL INFILE {} INTO TABLE people CHARACTER SET utf8mb4 (id, name, email, nick)"
_LOADED = 40


class _Columns(columns.Talk):
    AUTOCOMMIT = True

    def _talk(self, db: Any) -> None:
        self._columns(db)

    def _data(self, value: bytes) -> str:
        return f"x'{value.hex()}'"

    def _is_refusal(self, error: Exception) -> bool:
        return bool(error.args) and error.args[0] == NOT_SUPPORTED


class PymysqlColumns(_Columns, mariamix.Pymysql):
    """Rows in text form, and files that it loads."""

    #: Where it may write.
    FOLDER: Path

    def _talk(self, db: Any) -> None:
        self._random.choice((self._columns, self._columns, self._columns, self._loaded))(db)

    def _loaded(self, db: Any) -> None:
        """Rows of a file of the client."""
        numbers = [self._unique() for _ in range(_LOADED)]
        path = self.FOLDER / f"rows-{self._number}"
        chosen = [columns.row(number) for number in numbers]
        path.write_text("".join(f"{one[0]}\t{one[1]}\t{one[2]}\t{one[8]}\n" for one in chosen))
        self._rows_of(db, LOAD.format(f"'{path}'"))
        between = (numbers[0], numbers[-1])
        found = self._rows_of(
            db, "SELECT id, name, email, nick FROM people WHERE id BETWEEN %s AND %s", between
        )
        expected = [(one[0], one[1], one[2], one[8]) for one in chosen]
        self._expect(sorted(tuple(one) for one in found), expected)
        self._rows_of(db, "DELETE FROM people WHERE id BETWEEN %s AND %s", between)


class ConnectorColumns(_Columns, mariamix.Connector):
    """Prepared statements: rows in binary form."""


def kinds(folder: Path) -> tuple[type[loads.Client], ...]:
    """Each kind of client; ``folder`` is for their files."""
    PymysqlColumns.FOLDER = folder
    return PymysqlColumns, ConnectorColumns
