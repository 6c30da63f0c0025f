"""Plays a program of MySQL's commands at AcraServer with protected columns, and at a twin in clear,
and tells in which way they differ.

What AcraServer refuses fails at the twin in its place: a text and a preparation are ones that no
server takes, and an execution forgets the values that were sent for it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from acra_twisted import purposes
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.mariadb import MariaDB
from tests.support.mysqldaemon import MysqlServer
from tests.support.mysqlplayer import (
    BULK,
    ENDED,
    EXECUTE,
    GUESS,
    PREPARE,
    QUERY,
    RESET,
    Player,
    Reply,
    Result,
    Step,
)
from tests.support.mysqlprograms import DIRECT, EMPTIED, FILLED, OURS, SECRET, TWINS, Program
from tests.support.shrinking import shrunk

_CLIENT = "an application"
_COLUMNS = """
schemas:
  - table: people
    schema: shop
    columns: [id, name, email, nick, note]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: nick, token_type: str, consistent_tokenization: true}
"""
_SETTINGS = (
    *("--local-infile=ON", "--lock-wait-timeout=1", "--innodb-lock-wait-timeout=1"),
    *("--innodb-flush-method=nosync", "--skip-sync-frm"),
)
#: Numbers of AcraServer's own refusals, and words of which each has some in its text.
_NUMBERS = frozenset((1047, 1105, 1143, 1235, 1264, 1292, 1366, 1406, 1615, 1835, 1977))
_WORDS = (
    *("AcraServer", "the statement was prepared for tables", "prepared with keys or tokens"),
    *("this command is unknown or not allowed", "has prepared more statements by SQL"),
    "characters that character_set_results lacks",
    *("malformed communication packet", "execute it row by row"),
)
#: Of a statement that nobody knows, in AcraServer's words.
_UNKNOWN, _OWN_WORDS = 1243, "unknown prepared statement"
#: What stored values begin with, behind the hash of a value that is searched for.
_CONTAINER, _HASH = "252525", 66
_STORED = "SELECT id, HEX(name), HEX(email), nick FROM shop.people"
#: What a server is set to, and what is there: kinds, names and definitions.
_SET = (
    "SET GLOBAL max_prepared_stmt_count = 10000, GLOBAL sql_mode = DEFAULT; "
    "CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4; "
    "CREATE DATABASE IF NOT EXISTS away CHARACTER SET utf8mb4"
)
# A server looks into each of its tables unless one schema is asked for.
_THERE = """
SELECT 'TABLE', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), GROUP_CONCAT(CONCAT_WS(
  ' ', COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, COLUMN_KEY, COLUMN_DEFAULT, IS_NULLABLE, EXTRA)
  ORDER BY ORDINAL_POSITION)
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{0}' GROUP BY 2
UNION ALL SELECT 'VIEW', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), VIEW_DEFINITION
FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '{0}'
UNION ALL SELECT 'PROCEDURE', CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME), ROUTINE_DEFINITION
FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '{0}'
"""
_IS_TABLE = """
SELECT 1 FROM information_schema.TABLES
WHERE TABLE_SCHEMA = 'shop' AND TABLE_NAME = 'people' AND TABLE_TYPE = 'BASE TABLE'
"""
_ALL = "; ".join(
    f"SELECT * FROM {table} ORDER BY id"
    for table in ("shop.people", "shop.plain", "away.people", "away.plain")
)
#: A file system in memory, and the bytes that servers may need of it.
_MEMORY, _ROOM = "/dev/shm", 2 << 30  # noqa: S108 - mkdtemp makes it
#: Fails everywhere, and leaves all as it was.
_FAILING = b"REFUSED"
_REFUSED: Reply = (Result("refused"),)


class Beside:
    """Both servers, and AcraServer before one of them.  ``refusals`` counts steps by their kind and
    what AcraServer says, ``steps`` all that were played, and ``alike`` those with the same answer
    that is no error."""

    def __init__(self) -> None:
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.steps = self.alike = 0
        self._stops: list[Callable[[], object]] = []
        self._wanted: dict[int, dict[tuple[str, str], bytes | None]] = {}
        self._asking: dict[int, Player] = {}
        self._changed = True

    def start(self) -> None:
        """Start all."""
        folder = Path(tempfile.mkdtemp())
        self._stops.append(partial(shutil.rmtree, folder))
        (folder / "keys").mkdir()
        keys = Keys(folder / "keys", _CLIENT)
        keys.writer.generate(purposes.SEARCH_HMAC, _CLIENT)
        (folder / "columns.yaml").write_text(_COLUMNS)
        place = _place()
        self.ours, self.twin = (
            MariaDB(listens=True, settings=_SETTINGS, place=place) for _ in range(2)
        )
        for one in (self.ours, self.twin):
            self._stops.append(one.stop)
            one.start()
            one.account("u", "pw")
            one.account("v", "pw")
        given: dict[str, Any] = dict(keys.ini())
        server = MysqlServer(
            self.ours.port,
            client_id=_CLIENT,
            stages=("encryptor", "decryptor"),
            encryptor_config_file=str(folder / "columns.yaml"),
            token_store=f"sqlite:{folder / 'tokens.sqlite'}",
            local_infile=True,
            **given,
        )
        server.__enter__()
        self._stops.append(server.stop)
        self._server = server

    def stop(self) -> None:
        """End all."""
        for player in self._asking.values():
            player.close()
        for stop in reversed(self._stops):
            stop()

    def problem(self, program: Program, before: Callable[[], object] = lambda: None) -> str:
        """Play a program, and tell what is wrong; nothing if all is well.  ``before`` is called
        when its tables are there."""
        self._begin(program)
        before()
        try:
            ours, refused = self._play(self._server.port, self.ours.port, program, {})
            theirs, _ = self._play(self.twin.port, self.twin.port, program, refused)
        except TimeoutError:
            return "no answer"
        if not program.is_past:
            places = [
                (at, step) for at, batch in enumerate(program.batches) for step in batch.steps
            ]
            for (at, step), mine, other in zip(places, ours, theirs, strict=True):
                self._count(step, mine, other)
                seen = _seen(other, mine)
                if other != _REFUSED and _seen(mine, other) != seen:
                    return f"batch {at}: {step}\n  answered {mine}\n  the twin {seen}"
        return self._in_clear() or ("" if program.is_past else self._kept())

    def shrunk(self, program: Program) -> Program:
        """Return a program that is wrong as well, from which nothing more can be left out."""
        return program.of(shrunk(program.parts(), lambda some: self.problem(program.of(some))))

    # -- what a program begins with ---------------------------------------------------------------

    def _begin(self, program: Program) -> None:
        """Make the tables what each program begins with."""
        if self._changed:
            self._make()
        self._changed = program.changes_tables
        for port in (self.ours.port, self.twin.port):
            self.ask(port, EMPTIED)
        for port in (self._server.port, self.twin.port):
            self.ask(port, FILLED)

    def _make(self) -> None:
        """Make what is another than it should be anew."""
        is_other = False
        for port, schema in ((self.ours.port, OURS), (self.twin.port, TWINS)):
            self.ask(port, _SET)
            before, wanted = self._there(port), self._wanted.get(port, {})
            texts = [f"DROP {kind} {name}" for kind, name in before.keys() - wanted.keys()]
            for kind, name, definition in schema:
                if (kind, name) not in wanted or before.get((kind, name)) != wanted[kind, name]:
                    texts += [f"DROP {kind} {name}"] * ((kind, name) in before)
                    texts.append(f"CREATE {kind} {name} {definition}")
            for text in texts:
                self.ask(port, text)
            is_other = is_other or bool(texts)
            self._wanted[port] = self._there(port)
        if is_other:
            # AcraServer learns of it.
            self.ask(self._server.port, "ALTER TABLE shop.people COMMENT = 'a'")

    def _there(self, port: int) -> dict[tuple[str, str], bytes | None]:
        """Definitions by kinds and names."""
        named = {}
        for schema in ("shop", "away"):
            for kind, name, definition in self.ask(port, _THERE.format(schema))[0].rows:
                assert kind is not None and name is not None
                named[kind.decode(), name.decode()] = definition
        views = {name for kind, name in named if kind == "VIEW"}
        return {key: one for key, one in named.items() if key[0] != "TABLE" or key[1] not in views}

    def ask(self, port: int, text: str) -> Reply:
        """The reply to a text that does not fail."""
        reply = self._told(port, text)
        if reply[-1].kind not in ("ok", "rows"):
            raise RuntimeError(f"{text}: {reply}")
        return reply

    def _told(self, port: int, text: str) -> Reply:
        player = self._asking.get(port)
        if player is None or player.is_over:
            player = self._asking[port] = Player(port, "u", "pw", b"mysql")
        [reply] = player.play([Step(QUERY, text.encode())])
        return reply

    # -- playing ----------------------------------------------------------------------------------

    def _play(
        self, port: int, direct: int, program: Program, refused: dict[int, Reply]
    ) -> tuple[list[Reply], dict[int, Reply]]:
        """The replies to all steps, and those that were refused, by their numbers.  Steps of
        ``refused`` fail."""
        players: dict[int, Player] = {}
        skipped: Counter[int] = Counter()
        found: list[Reply] = []
        told: dict[int, Reply] = {}
        try:
            for session, steps in program.batches:
                if session not in players:
                    to = direct if session == DIRECT else port
                    players[session] = Player(to, "u", "pw", b"shop", more=program.more)
                begin = len(found)
                said = [
                    _failing(step) if number in refused else step
                    for number, step in enumerate(steps, begin)
                ]
                prepares = [one.text == _FAILING for one in said if one.code == PREPARE]
                # A client guesses the number that the first of its preparations will have.
                more = skipped[session] + (prepares.index(False) if False in prepares else 0)
                replies = players[session].play(said, more)
                for number, reply in enumerate(replies, begin):
                    if reply and reply[0].kind == "prepared":
                        skipped[session] = 0
                    skipped[session] += said[number - begin] == Step(PREPARE, _FAILING)
                    guessed = steps[number - begin].place == GUESS
                    if is_refused(reply) or ((program.fills or guessed) and _is_unknown(reply)):
                        told[number] = reply
                    found.append(_REFUSED if number in refused else reply)
                if any(reply[-1:] == ENDED for reply in replies):
                    players[session].close()
        finally:
            for player in players.values():
                player.close()
        return found, told

    def _count(self, step: Step, mine: Reply, other: Reply) -> None:
        self.steps += 1
        if mine and _error_of(mine) and other == _REFUSED:
            self.refusals[_kind(step), _error_of(mine)] += 1
        elif mine and mine == other and mine[-1].kind != "error":
            self.alike += 1

    # -- what is stored ---------------------------------------------------------------------------

    def _in_clear(self) -> str:
        """Tell which stored values are in clear."""
        found = self._stored()
        # Perhaps a program has put a view of another table in the place of the table.
        return found if found and self.ask(self.ours.port, _IS_TABLE)[0].rows else ""

    def _stored(self) -> str:
        for number, *cells in self._told(self.ours.port, _STORED)[-1].rows:
            name, email, nick = ("" if cell is None else cell.decode() for cell in cells)
            for column, cell, ahead in (("name", name, 0), ("email", email, _HASH)):
                if cell and not cell[ahead:].startswith(_CONTAINER):
                    return f"stored in clear: {column} of {number!r} is {bytes.fromhex(cell)!r}"
            if SECRET.lower() in nick.lower():
                return f"stored in clear: nick of {number!r} is {nick}"
        return ""

    def _kept(self) -> str:
        """Tell which tables have other rows than the twin's."""
        mine, other = (self._told(one, _ALL) for one in (self._server.port, self.twin.port))
        if _seen(mine, other) != _seen(other, mine) and not is_refused(mine):
            return f"the tables have {mine}, the twin's {other}"
        return ""


def _place() -> str:
    """A place where a definition takes a third of the time, for it writes files; "" without."""
    try:
        return _MEMORY if shutil.disk_usage(_MEMORY).free > _ROOM else ""
    except OSError:
        return ""


def is_refused(reply: Reply) -> bool:
    """Tell whether AcraServer has refused a step, and nothing of it was done."""
    return len(reply) == 1 and _is_ours(reply[0])


def _is_unknown(reply: Reply) -> bool:
    """Tell whether AcraServer knows no statement with a number.  A server that had no room for the
    last one still takes the one before it for that, and has numbers for those of SQL's PREPARE."""
    return [(one.number, one.text) for one in reply] == [(_UNKNOWN, _OWN_WORDS)]


def _is_ours(result: Result) -> bool:
    if result.kind != "error" or result.number not in _NUMBERS:
        return False
    return any(word in result.text for word in _WORDS)


def _seen(reply: Reply, other: Reply) -> Reply:
    """A reply as it is compared with another one: without texts of errors, and without what is
    behind a refusal in one of them."""
    for one in (reply, other):
        for at, result in enumerate(one):
            if at and _is_ours(result):
                return tuple(_plain(part) for part in reply[:at])
    return tuple(_plain(part) for part in reply)


def _plain(result: Result) -> Result:
    return result._replace(text="") if result.kind == "error" else result


def _error_of(reply: Reply) -> str:
    return reply[-1].text if reply[-1].kind == "error" else ""


def _kind(step: Step) -> str:
    return step.text[:60].decode("utf-8", "replace") or f"command {step.code:#x}"


def _failing(step: Step) -> Step:
    """A step that is answered by an error and does nothing, in place of one."""
    if step.code == PREPARE:
        return Step(PREPARE, _FAILING)
    if step.code in (EXECUTE, BULK):
        return Step(RESET, place=step.place)
    return Step(QUERY, _FAILING)
