"""Plans of MySQL's texts for tests: a shop with protected columns."""

from __future__ import annotations

from typing import Any

from acra_twisted.encryption.mysql.filling import fill
from acra_twisted.encryption.mysql.plan import Planned
from acra_twisted.encryption.mysql.planner import Planner
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import ROUTINE, VIEW, Code, Column, Schema, Table
from acra_twisted.encryption.plan import STORE
from acra_twisted.encryption.settings import (
    MASKED,
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    EncryptionSettings,
    Masking,
    TableSetting,
)
from acra_twisted.sql.languages import LANGUAGES, Mode

MODE: Mode = LANGUAGES["mysql"].mode


def column(name: str, table: str = "people", **rest: Any) -> ColumnSetting:
    """A protected column."""
    return ColumnSetting("", table, name, **{"data_type": "str", **rest})


EMAIL = column("email", kind=SEARCHABLE)
NAME = column("name")
AGE = column("age", kind=TOKENIZED, token_type="int32", data_type="int32", consistent=True)
PHONE = column("phone", kind=TOKENIZED, token_type="str", consistent=True)
CODE = column("code", kind=TOKENIZED, token_type="str")
CARD = column("card", kind=MASKED, masking=Masking(b"***", 4, False))
MAIL = column("mail", "leads", kind=SEARCHABLE)

SETTINGS = EncryptionSettings(
    [
        TableSetting(
            "", "people", (), {one.name: one for one in (EMAIL, NAME, AGE, PHONE, CODE, CARD)}
        ),
        TableSetting("", "leads", (), {"mail": MAIL}),
    ]
)
PEOPLE = Table(
    "shop",
    "people",
    [
        Column("id", "int"),
        Column("email", "varbinary", 600),
        Column("name", "varbinary", 600),
        Column("age", "int"),
        Column("phone", "varchar", 400, "utf8mb4"),
        Column("code", "varchar", 400, "utf8mb4"),
        Column("card", "blob", 65_535),
        Column("note", "varchar", 400, "utf8mb4"),
    ],
)
LEADS = Table("shop", "leads", [Column("id", "int"), Column("mail", "varbinary", 600)])
SCHEMA = Schema(
    1,
    [PEOPLE, LEADS],
    code=[
        Code(VIEW, "shop", "vip", "select `shop`.`people`.`id` from `shop`.`people`"),
        Code(VIEW, "shop", "cheap", "select 1 from `shop`.`orders`"),
        Code(ROUTINE, "shop", "add_person", "BEGIN INSERT INTO people (email) VALUES (e); END"),
    ],
)


def planner(schema: Schema = SCHEMA, settings: EncryptionSettings = SETTINGS) -> Planner:
    """A planner for the shop."""
    return Planner(Protection(schema, settings))


def plan(
    text: str | bytes,
    mode: Mode = MODE,
    database: str | None = "shop",
    by: Planner | None = None,
) -> Planned:
    """The plan of a text, of a planner that knows none yet: else a change to the planner would not
    be noticed by a process that has inherited what was planned before."""
    return (by or planner()).plan(
        text if isinstance(text, bytes) else text.encode(), mode, database
    )


def sent(planned: Planned) -> str:
    """The text that is sent, with one form of each value: ``x'e1'`` for the first that is stored,
    ``x'f2'`` for the second if it is compared, tokens alike."""
    if not planned.plan.parts:
        return ""

    def forms(number: int) -> list[bytes] | int:
        given = planned.plan.values[number]
        if given.source.parameter:
            return 1
        if given.use.column.token_type == "int32":
            return [b"%d" % (number + 1)]
        if given.use.column.kind == TOKENIZED:
            return [b"t%d" % (number + 1)]
        first = 0xE1 if given.use.role == STORE else 0xF1
        return [bytes(((first + number) % 256,))]

    text = fill(planned.plan, planned.literals, forms).text.decode()
    return " ".join(text.split())


def shown(text: str, mode: Mode = MODE, database: str | None = "shop") -> str:
    """Tell what becomes of a text: the one that is sent, ``refused: reason column``, or ``as it
    is``."""
    planned = plan(text, mode, database)
    refusal = planned.plan.refusal
    if refusal is not None:
        return f"refused: {refusal.reason} {refusal.column}".rstrip()
    return sent(planned) or "as it is"


def results(text: str) -> list[str]:
    """The protected columns of the first result of a text: ``3 email``, with ``by name`` where the
    server tells them."""
    found = []
    for number, one in enumerate(plan(text).plan.results[0] or ()):
        if one.setting is not None or one.rest:
            name = "*" if one.setting is None else one.setting.name
            found.append(f"{number} {name}" + (" by name" if one.named else ""))
    return found
