"""Draws programs of MySQL's commands: many ways to make a later command mean something else than
it seems to."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.mysqldefinitions import NEWLY, Definitions
from tests.support.mysqlplayer import (
    BULK,
    CHANGE_USER,
    CLOSE,
    DEPRECATE_EOF,
    EXECUTE,
    FETCH,
    FIELD_LIST,
    GUESS,
    INIT_DB,
    LAST,
    LONG_DATA,
    PING,
    PREPARE,
    QUERY,
    RESET,
    RESET_CONNECTION,
    SET_OPTION,
    Step,
)
from tests.support.mysqlprograms import COLUMNS_OF_BYTES, DIRECT, Batch, Program

_TRACK = 0x800000
_USERS = (b"u", b"v")
_MOST = 7


class Drawing(Definitions):
    """Draws one program."""

    def __init__(self, seed: object) -> None:
        super().__init__(seed)
        # Some of the phrases that a program may be made of, so that they meet.
        themes: list[list[Callable[[], list[Step]]]] = [
            [self._sql_prepared, self._sql_prepared, self._calls],
            [self._prepared, self._prepared, self._cursors],
            [self._in_a_row, self._prepared],
            [self._temporary, self._temporary, self._by_another],
            [self._tables, self._temporary],
            [self._definitions, self._tables],
            [self._definitions, self._prepared],
            [self._definitions, self._taken],
            [self._views, self._tables],
            [self._by_another, self._views, self._sql_prepared],
            [self._taken, self._taken, self._sql_prepared],
            [self._taken, self._prepared],
            [self._taken, self._temporary, self._writes],
            [self._databases],
            [self._reading, self._quoted, self._renamed, self._reread],
            [self._reread, self._renamed],
            [self._renamed, self._prepared],
            [self._sessions],
            [self._transactions],
            [self._loads, self._bulks],
            [self._several],
            [self._calls],
            [self._nonsense],
        ]
        chosen = self.random.sample(themes, self.random.randint(1, 3))
        self._phrases = [phrase for theme in chosen for phrase in theme]
        self._phrases += [self._writes, self._selects] * (1 + len(self._phrases) // 6)

    def program(self) -> Program:
        """Draw it."""
        steps: list[tuple[int, bool, Step]] = []
        at_once = self.pick(0, 2, 2, 5)
        others = self.chance(5)
        for _ in range(self.random.randint(2, _MOST)):
            session = int(others and self.chance(3))
            for number, step in enumerate(self.pick(*self._phrases)()):
                likely = at_once + 2 * (number > 0)
                joins = bool(at_once) and self.random.randrange(6) < likely
                steps.append((DIRECT if _is_another(step) else session, joins, step))
        steps.append((0, False, Step(QUERY, self.pick(*self._all()))))
        batches: list[Batch] = []
        for session, joins, step in steps:
            before = batches[-1] if batches else None
            if joins and before and before.session == session and not _takes(before.steps[-1]):
                batches[-1] = Batch(session, (*before.steps, step))
            else:
                batches.append(Batch(session, (step,)))
        return Program(
            self.pick(0, 0, DEPRECATE_EOF, _TRACK, DEPRECATE_EOF | _TRACK), tuple(batches)
        )

    def _all(self) -> tuple[bytes, ...]:
        return (
            b"SELECT id, name, email, nick, note FROM shop.people ORDER BY id",
            b"SELECT id, name FROM plain ORDER BY id",
        )

    # -- phrases ----------------------------------------------------------------------------------

    def _query(self, *texts: str) -> list[Step]:
        return [Step(QUERY, text.encode()) for text in texts]

    def _writes(self) -> list[Step]:
        left = "; SELECT 1 FROM DUAL WHERE ROW_COUNT() > 99" if self.chance(6) else ""
        return self._query(self.write() + left)

    def _selects(self) -> list[Step]:
        return self._query(self.read())

    def _nonsense(self) -> list[Step]:
        return [
            self.pick(
                Step(QUERY, b"SELEC"),
                Step(QUERY, b"SELECT nope"),
                Step(QUERY, b""),
                Step(QUERY, b"SELECT 'a"),
                Step(QUERY, b"DO 1; SELEC"),
                Step(QUERY, b"KILL CONNECTION_ID()") if self.chance(5) else Step(PING),
                Step(PREPARE, b"SELEC ?"),
                Step(PING),
                Step(FIELD_LIST, b"plain\0"),
                Step(0x55, b"?"),
            )
        ]

    def _bound(self, rows: int = 1) -> tuple[bytes | None, ...]:
        found: list[bytes | None] = []
        for _ in range(rows):
            value = self.secret().encode() + self.pick(b"", b"", b"", b"", b"\xc3\xa9", b"\xe9")
            found += [b"%d" % self.number(), None if self.chance(12) else value]
        return tuple(found)

    def _place(self) -> int:
        return int(self.pick(LAST, LAST, LAST, GUESS, GUESS, 1, 1, 2, 3))

    def _text(self) -> str:
        """A text that is prepared."""
        if not self.chance(4):
            return self.marked()
        return str(
            self.pick(
                *(self.write(), self.read(), self._table(), "SET NAMES latin1", "CALL preparing()"),
                *("SET sql_mode = 'ANSI_QUOTES'", "DROP TABLE plain", "ROLLBACK", "SELEC ?"),
                *("CREATE TEMPORARY TABLE plain LIKE shop.people", "CALL executing()", "DO 1"),
            )
        )

    def _prepared(self) -> list[Step]:
        prepare = Step(PREPARE, self._text().encode())
        execute = Step(EXECUTE, place=self._place(), values=self._bound())
        ahead = Step(LONG_DATA, self.secret().encode(), self._place(), flag=1)
        number = b"%d" % self.number()
        return list(
            self.pick(
                *([prepare], [prepare, execute], [prepare, execute], [execute]),
                [prepare, execute._replace(place=LAST)],
                [Step(CLOSE, place=self._place())],
                [Step(RESET, place=self._place())],
                [prepare, ahead, ahead._replace(code=EXECUTE, text=b"", values=(number,), flag=0)],
                [ahead],
            )
        )

    def _in_a_row(self) -> list[Step]:
        """Preparations of which some are refused, and what the one prepared last is."""
        steps = [Step(PREPARE, self._text().encode()) for _ in range(self.pick(1, 2, 3))]
        if self.chance(8):
            steps.insert(-1, Step(QUERY, b"SET GLOBAL max_prepared_stmt_count = 0"))
        return [*steps, Step(EXECUTE, place=self.pick(LAST, GUESS), values=self._bound())]

    def _cursors(self) -> list[Step]:
        place = self._place()
        query = f"SELECT id, name FROM {self.table()} WHERE id > ? AND id < ? ORDER BY id"
        return [
            Step(PREPARE, query.encode()),
            Step(EXECUTE, place=place, values=(b"0", b"99"), flag=1),
            Step(FETCH, place=place),
        ]

    def _bulks(self) -> list[Step]:
        return [
            Step(PREPARE, f"INSERT INTO {self.table()} (id, name) VALUES (?, ?)".encode()),
            Step(BULK, place=self._place(), values=self._bound(self.pick(1, 2))),
        ]

    def _sql_prepared(self) -> list[Step]:
        name = self.pick("s", "s", "r")
        made = self.marked() if not self.chance(4) else self._text()
        quoted = made.replace("\\", "\\\\").replace("'", "''")
        prepare = self.pick(
            *(f"PREPARE {name} FROM '{quoted}'",) * 4,
            *(f"PREPARE `{name}` FROM '{quoted}'", f"PREPARE {name} FROM @t"),
            f"SELECT 1; PREPARE {name} FROM '{quoted}'",
        )
        execute = self.pick(f"EXECUTE {name} USING @i, @b", f"EXECUTE {name} USING @i, @b")
        values = f"SET @i = {self.number()}, @b = '{self.secret()}'"
        return self._query(
            *self.pick(
                *((prepare,), (values, execute), (values, prepare, execute), (execute,)),
                *((f"DEALLOCATE PREPARE {name}",), (f"DROP PREPARE {name}",)),
                (f"SET @t = '{quoted}'",),
                (f"EXECUTE IMMEDIATE '{quoted}' USING @i, @b",),
                ("EXECUTE IMMEDIATE @t USING @i, @b",),
            )
        )

    def _calls(self) -> list[Step]:
        called = self.pick(
            *("preparing", "releasing", "executing", "executing", "reading"),
            *("shadowing", "quoting", "naming", "made"),
        )
        made = self.pick(
            "DROP TEMPORARY TABLE plain",
            "INSERT INTO plain (id, name) VALUES (7, @b)",
            "EXECUTE s USING @i, @b",
        )
        if self.chance(8):
            return self._query(f"CREATE PROCEDURE made() {made}", "CALL made()")
        return self._query(f"CALL {called}()")

    def _table(self) -> str:
        target, other = self.target(), self.target()
        defined = COLUMNS_OF_BYTES
        return str(
            self.pick(
                f"DROP TABLE {target}",
                f"DROP TABLE IF EXISTS {target}, {other}",
                f"RENAME TABLE {target} TO {other}",
                f"RENAME TABLE plain TO other, {target} TO {other}",
                f"ALTER TABLE {target} RENAME TO {other}",
                f"CREATE TABLE {target} {defined}",
                f"CREATE TABLE IF NOT EXISTS {target} LIKE shop.people",
                f"TRUNCATE TABLE {target}",
                f"ALTER TABLE {target} COMMENT = 'c'",
            )
        )

    def _definitions(self) -> list[Step]:
        return self._query(
            *self.pick(
                (self.alteration(),), (self.renaming(),), self.elsewhere()[: self.pick(1, 2)]
            )
        )

    def _tables(self) -> list[Step]:
        return self._query(self._table())

    def _temporary(self) -> list[Step]:
        target = self.target()
        defined = COLUMNS_OF_BYTES
        return self._query(
            self.pick(
                f"CREATE TEMPORARY TABLE {target} {defined}",
                f"CREATE TEMPORARY TABLE {target} {defined}",
                f"CREATE TEMPORARY TABLE IF NOT EXISTS {target} LIKE shop.plain",
                f"CREATE TEMPORARY TABLE {target} LIKE shop.people",
                f"CREATE OR REPLACE TEMPORARY TABLE {target} {defined}",
                f"DROP TEMPORARY TABLE {target}",
                f"DROP TABLE {target}",
                "CALL shadowing()",
            )
        )

    def _views(self) -> list[Step]:
        target = self.target()
        source = self.pick("people", "people", "shop.people", "seen", "plain", "away.people")
        query = f"SELECT id, name, email, nick, note FROM {source}"
        return self._query(
            self.pick(
                f"CREATE VIEW {target} AS {query}",
                f"CREATE OR REPLACE VIEW {target} AS {query}",
                f"ALTER VIEW {target} AS {query}",
                f"DROP VIEW IF EXISTS {target}",
                f"DROP TABLE {target}; CREATE VIEW {target} AS {query}",
                f"DROP VIEW IF EXISTS {target}; CREATE TABLE {target} LIKE plain",
            )
        )

    def _databases(self) -> list[Step]:
        """Another database, in which a name means another table."""
        moved = self.pick(
            *(Step(QUERY, b"USE shop"), Step(QUERY, b"USE away"), Step(QUERY, b"USE nowhere")),
            *(Step(INIT_DB, b"shop"), Step(INIT_DB, b"away"), Step(INIT_DB, b"nowhere")),
            *(Step(QUERY, b"use `away`"), Step(QUERY, b"DO 1; USE away")),
            *(Step(QUERY, b"/*!50001 USE away */"), Step(QUERY, b"USE away; USE shop")),
            *(Step(QUERY, b"USE away -- shop"), Step(QUERY, b"DROP DATABASE away")),
        )
        values = f"{self.number()}, '{self.secret()}'"
        written = self._query(f"INSERT INTO people (id, name) VALUES ({values})")
        prepared = [
            Step(PREPARE, b"INSERT INTO people (id, name) VALUES (?, ?)"),
            Step(EXECUTE, place=LAST, values=self._bound()),
        ]
        return [moved, *self.pick([], written, prepared)]

    def _reading(self) -> list[Step]:
        return self._query(
            self.pick(
                *("SET NAMES latin1", "SET NAMES utf8mb4", "SET NAMES gbk", "SET NAMES utf8mb3"),
                *("SET sql_mode = 'ANSI_QUOTES'", "SET sql_mode = ''", "SET sql_mode = DEFAULT"),
                *("SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET SESSION sql_mode = 'ANSI'"),
                "SET sql_mode = 'ORACLE'",
                *("SET character_set_client = latin1", "SET CHARACTER SET latin1"),
                *("SET character_set_results = NULL", "SET character_set_connection = latin1"),
                *("SET @m = 'ANSI_QUOTES', sql_mode = @m", "SET GLOBAL sql_mode = ''"),
                *("SET collation_connection = latin1_bin", "SET NAMES nowhere"),
                "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT \"a\"",
                *("CALL quoting()", "CALL naming()", "SET @a = 1; SET sql_mode = 'ANSI_QUOTES'"),
            )
        )

    def _renamed(self) -> list[Step]:
        """A character set, and letters that are others in another one."""
        steps = self._query(self.pick("SET NAMES latin1", "SET NAMES utf8mb4", "SET NAMES gbk"))
        letters = self.pick(b"\xc3\xa9", b"\xe9", b"\xc3\xa9", b"\xb0\xa1")
        table, number, secret = self.pick("people", "plain"), self.number(), self.secret().encode()
        text = b"INSERT INTO %s (id, name) VALUES (%d, '%s%s')"
        written = Step(QUERY, text % (table.encode(), number, secret, letters))
        bound = (b"%d" % number, secret + letters)
        executed = Step(EXECUTE, place=self._place(), values=bound)
        prepared = Step(PREPARE, f"INSERT INTO {table} (id, name) VALUES (?, ?)".encode())
        shown = Step(QUERY, f"SELECT id, name FROM {table} ORDER BY id".encode())
        return list(
            self.pick(
                *([prepared, *steps, executed], [*steps, executed], [*steps, written]),
                *([written, *steps, shown], [written, *steps, written._replace(text=shown.text)]),
                [*steps, prepared, executed],
            )
        )

    def _taken(self) -> list[Step]:
        """A statement for a name, which then becomes another one's."""
        name = self.target()
        write = f"INSERT INTO {name} (id, name) VALUES (?, ?)"
        source = self.pick("shop.people", "shop.people", "shop.seen", "away.people")
        view = f"CREATE VIEW {name} AS SELECT id, name, email FROM {source}"
        temporary = f"CREATE TEMPORARY TABLE {name} {COLUMNS_OF_BYTES}"
        values = f"SET @i = {self.number()}, @b = '{self.secret()}'"
        begun, ended = self.pick(
            (
                self._query(values, f"PREPARE s FROM '{write}'"),
                self._query("EXECUTE s USING @i, @b"),
            ),
            (
                [Step(PREPARE, write.encode())],
                [Step(EXECUTE, place=self.pick(LAST, 1), values=self._bound())],
            ),
            ([], self._query(write.replace("?, ?", f"{self.number()}, '{self.secret()}'"))),
        )
        taken = self.pick(
            *((f"DROP TABLE {name}", view), (f"RENAME TABLE {name} TO other", view)),
            *((temporary,), (temporary, view, f"DROP TEMPORARY TABLE {name}")),
            *((temporary, view, f"DROP TABLE {name}"), (temporary, view, "CALL made()")),
            (f"CREATE TABLE {name} LIKE plain", temporary, view, f"ALTER TABLE {name} RENAME zz"),
            ("USE away", "USE shop"),
        )
        first = self.pick((), (f"CREATE TABLE {name} LIKE shop.plain",))
        made = "CREATE PROCEDURE shop.made() DROP TEMPORARY TABLE shop.fresh"
        first += (made,) if "CALL made()" in taken else ()
        steps = [*self._query(*first), *begun, *self._query(*taken), *ended]
        return [step for step in steps if not self.chance(8)]

    def _by_another(self) -> list[Step]:
        """Another program makes a view, or a routine, that nobody knows."""
        source = self.pick("shop.people", "shop.people", "away.people")
        name = self.pick("fresh", "fresh", "away.fresh")
        view = f"CREATE VIEW {name} AS SELECT id, name, email, nick, note FROM {source}"
        return self._query(*self.pick((view,), (view,), self.called_anew()))

    def _quoted(self) -> list[Step]:
        """A value that ends in another place in another mode or character set."""
        table, secret = self.pick("people", "plain"), self.secret().encode()
        text = f"INSERT INTO {table} (id, note, name) VALUES ({self.number()}, ".encode()
        ends = (
            *(b"'a\\', name), (7, 'b', '%s')", b"'a\\', '%s') -- ', 'b')", b"'a\xbf\\', '%s')"),
            *(b'"a", "%s")', b"\"note\", '%s')", b"'a\\'', '%s')", b"'\xe9', '%s')"),
            *(b"'a\xbf\\', '%s') -- ', 'c')", b"'\\\"', '%s')", b"'a', '\xc3\xa9%s')"),
        )
        return [Step(QUERY, text + self.pick(*ends) % secret)]

    def _reread(self) -> list[Step]:
        """A mode or a character set, and a text that has a string and a comment in one of them, and
        three strings in another."""
        modes = ("NO_BACKSLASH_ESCAPES", "", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES")
        changes = [f"SET sql_mode = '{mode}'" for mode in modes]
        changes += ["SET NAMES gbk", "SET NAMES utf8mb4", "CALL quoting()", "EXECUTE s"]
        head = f"INSERT INTO people (id, note, nick, name) VALUES ({self.number()}, ".encode()
        sign, secret = self.pick(b"\\", b"\\", b"\xbf\\"), self.secret().encode()
        step = Step(QUERY, head + b"'a%s', ' /* ', '%s') -- */, 'b', 'c')" % (sign, secret))
        return [*self._query(self.pick(*changes)), step]

    def _sessions(self) -> list[Step]:
        return [
            self.pick(
                *(Step(RESET_CONNECTION), Step(RESET_CONNECTION), Step(PING)),
                *(Step(CHANGE_USER, _USERS[0]), Step(CHANGE_USER, _USERS[1])),
                *(Step(SET_OPTION, flag=1), Step(SET_OPTION, flag=0)),
            )
        ]

    def _transactions(self) -> list[Step]:
        return self._query(
            self.pick(
                *("BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "SET autocommit = 0"),
                *("SAVEPOINT a", "ROLLBACK TO a", "LOCK TABLES people WRITE", "UNLOCK TABLES"),
                *("LOCK TABLES plain READ, people WRITE", "SET autocommit = 1", "XA START 'a'"),
                *("XA END 'a'", "XA COMMIT 'a' ONE PHASE", "LOCK TABLES seen READ, plain WRITE"),
            )
        )

    def _loads(self) -> list[Step]:
        table, rows = self.table(), self.pick(1, 2)
        file = "".join(f"{self.number()}\t{self.secret()}\n" for _ in range(rows))
        text = f"LOAD DATA LOCAL INFILE 'f' INTO TABLE {table} (id, {self.column()})"
        if self.chance(6):
            text = f"EXECUTE IMMEDIATE '{text.replace(chr(39), chr(39) * 2)}'"
        return [Step(QUERY, text.encode(), file=file.encode())]

    def _several(self) -> list[Step]:
        texts = []
        for _ in range(self.pick(2, 2, 3)):
            phrase = self.pick(
                *(self._writes, self._writes, self._selects, self._sql_prepared, self._databases),
                *(self._views, self._temporary, self._reading, self._calls, self._transactions),
                *(self._definitions, self._nonsense),
            )
            texts += [step.text for step in phrase() if step.code == QUERY][:2]
        return [Step(QUERY, b"; ".join(texts))]


def _is_another(step: Step) -> bool:
    """Tell whether a step makes a view, or a routine, that another program makes."""
    begins = step.text.startswith((b"CREATE VIEW fresh", b"CREATE VIEW away.fresh", NEWLY))
    return begins and b";" not in step.text


def _takes(step: Step) -> bool:
    """Tell whether the server may take what is said behind a step for something else than a
    command."""
    return step.code == CHANGE_USER or b"infile" in step.text.lower()
