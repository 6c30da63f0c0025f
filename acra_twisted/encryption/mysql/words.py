"""Words of MySQL's and MariaDB's grammar."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that are no names without quotes, in MySQL or in MariaDB, and those that begin a part of a
#: statement in one of them.
RESERVED: Final = _words(
    """
    accessible add all alter analyze and as asc asensitive before between bigint binary blob both by
    call cascade case change char character check collate column condition constraint continue
    convert create cross cube current_date current_time current_timestamp current_user cursor
    database databases day_hour day_microsecond day_minute day_second dec decimal declare default
    delayed delete desc describe deterministic distinct distinctrow div double drop dual each else
    elseif empty enclosed escaped except exists exit explain false fetch float float4 float8 for
    force foreign from fulltext generated get grant group grouping groups having high_priority
    hour_microsecond hour_minute hour_second if ignore in index infile inner inout insensitive
    insert int int1 int2 int3 int4 int8 integer intersect interval into is iterate join json_table
    key keys kill lateral leading leave left like limit linear lines load localtime localtimestamp
    lock long longblob longtext loop low_priority match mediumblob mediumint mediumtext middleint
    minus minute_microsecond minute_second mod modifies natural not null numeric of on optimize
    option optionally or order out outer outfile over partition precision primary procedure
    purge range read reads read_write real references regexp release rename repeat replace require
    resignal restrict return returning revoke right rlike row rows schema schemas second_microsecond
    select sensitive separator set show signal smallint spatial specific sql sqlexception sqlstate
    sqlwarning sql_big_result sql_calc_found_rows sql_small_result ssl starting straight_join table
    tablesample terminated then tinyblob tinyint tinytext to trailing trigger true undo union unique
    unlock unsigned update usage use using utc_date utc_time utc_timestamp values varbinary varchar
    varcharacter varying when where while window with write xor year_month zerofill offset
    """
)
#: Functions that are reserved words.
FUNCTIONS: Final = _words(
    """
    char charset convert database date_add date_sub default if insert interval left mod repeat
    replace right schema values row utc_date utc_time utc_timestamp current_date current_time
    current_timestamp current_user localtime localtimestamp format truncate match
    """
)
#: Functions that need no brackets.
BARE: Final = _words(
    """
    utc_date utc_time utc_timestamp current_date current_time current_timestamp current_user
    localtime localtimestamp
    """
)
#: Words of types to which CAST and CONVERT go.
TYPES: Final = _words(
    """
    binary char character varchar varbinary signed unsigned integer int decimal date datetime time
    year double float real json nchar set utf8mb4 utf8 utf8mb3 ascii unicode precision charset
    """
)
