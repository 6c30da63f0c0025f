"""Statements and commands of MySQL's clients that fuzzers begin with: those that the protocol
depends on, and those that servers read in different ways."""

from __future__ import annotations

from collections.abc import Iterator

from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqlconversations import PREPARED, bulk, execute, long_data
from tests.support.mysqlconversations import TEXTS as SAID

_SETTINGS = (
    b"SET sql_mode = 'ANSI_QUOTES'",
    b"SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')",
    b"set @@session.sql_mode := '', names utf8mb4",
    b"SET @@sql_mode=DEFAULT, @a = 'sql_mode', character_set_client = gbk",
    b"SET NAMES gbk COLLATE gbk_bin",
    b"SET CHARACTER SET DEFAULT",
    b"SET GLOBAL sql_mode = '', PERSIST x = 1",
    b"SET STATEMENT sql_mode = '' FOR SELECT 1",
    b"SET ``=1, `a``b`=2, @`c`=3, @'d'=4",
    b"SET \"sql_mode\" = ''",
    b"SET PASSWORD = 'x'",
    b"SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    b"SET x = (SELECT 'a')",
    b"SET @x = _utf8'a' 'b', @y = N'c', @z = x'64', @w = 0x65, @v = b'1'",
)
_COMMENTS = (
    b"SELECT 1 /*! , 2 */",
    b"/*!50000 SET */ sql_mode = ''",
    b"/*M!100100 SET sql_mode = '' */",
    b"SELECT /*!99999 x */ 1 # end",
    b"SELECT '/*!' -- */\n, \"*/\"",
    b"/*! SET NAMES */ /* nested /* */ gbk",
    b"SELECT 1 --\n",
    b"/*traceparent='00-abababababababababababababababab-cdcdcdcdcdcdcdcd-01'*/ SELECT 1",
)
_OTHERS = (
    b"USE `d``b`",
    b"use d;",
    b"USE\t\xc3\xa9",
    b"PREPARE p FROM 'SELECT ?'",
    b"PREPARE p FROM @sql",
    b"EXECUTE p USING @a, @b",
    b"EXECUTE IMMEDIATE 'SET NAMES gbk'",
    b"DEALLOCATE PREPARE p",
    b"DROP PREPARE p",
    b"SELECT 'a\\' ; SET sql_mode = ''",
    b"SELECT \"a'b\", `c'd`, 'e\"f'",
    b"LOAD DATA LOCAL INFILE 'f' INTO TABLE t",
    b"LOAD DATA LOCAL INFILE 'f' INTO TABLE taken FIELDS TERMINATED BY ','",
    b"LOAD XML LOCAL INFILE 'f' INTO TABLE t",
    b"SELECT secret",
    b"SELECT altered",
    b"INSERT INTO altered VALUES ('secret')",
    b"CALL p(); SELECT 1",
    b"BEGIN NOT ATOMIC SET NAMES gbk; END",
    b"HANDLER t OPEN",
    b"XA START 'x'",
    b"DELIMITER //",
)
#: Texts of queries.
TEXTS = (*SAID, *PREPARED, *_SETTINGS, *_COMMENTS, *_OTHERS)


def _packet(*payloads: bytes) -> bytes:
    return b"".join(packets(payload, 0) for payload in payloads)


def _about(number: int) -> Iterator[bytes]:
    """Commands about a prepared statement with one parameter."""
    last = number.to_bytes(4, "little")
    yield _packet(execute(number, b"altered", False))
    yield _packet(execute(number, None, True), b"\x1c" + last + b"\2\0\0\0")
    yield _packet(*long_data(number))
    yield _packet(bulk(number, [b"x", 1, b"altered", 2, 3]), b"\x1a" + last)
    yield _packet(b"\x18" + last + b"\0\0secret", execute(number, 7, False), b"\x19" + last)


def asked() -> Iterator[bytes]:
    """Packets of a client: each text as a query, with attributes and without, and as a preparation;
    commands about statements; all other commands."""
    for text in TEXTS:
        yield _packet(b"\x03" + text)
        # No attributes; one set of them, which is a string with a name.
        yield _packet(b"\x03\0\1" + text, b"\x03\1\1\0\1\xfd\0\4name\5value" + text)
        yield _packet(b"\x16" + text)
    for number in (3, 0xFFFF_FFFF):
        for said in _about(number):
            yield _packet(b"\x16SELECT ?") + said
            yield said
    yield _packet(b"\x0e", b"\x09", b"\x1f", b"\x02d", b"\x1b\0\0", b"\x04t\0%", b"\x0c\1\0\0\0")
    yield _packet(b"\x11u\0\0d\0\x2d\0mysql_native_password\0") + packets(b"proof", 1)
    yield _packet(b"\x03LOAD DATA LOCAL INFILE 'f' INTO TABLE taken") + (
        packets(b"1,altered\n", 2) + packets(b"secret\n", 3) + packets(b"", 4)
    )
    yield _packet(b"", b"\x99", b"\x01")
