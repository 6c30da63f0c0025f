"""Plans of statements as text: each value that is encoded is marked with its column."""

from acra_twisted.encryption.plan import COMPARE, COMPARE_ANY, STORE_EACH
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Attribute, Relation, Schema
from acra_twisted.encryption.settings import (
    MASKED,
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    EncryptionSettings,
    Masking,
    TableSetting,
)
from acra_twisted.sql.languages import LANGUAGES

PATH = SearchPath(("pg_catalog", "public"))
MODE = LANGUAGES["postgresql"].mode
_MARKS = {COMPARE: "?", COMPARE_ANY: "?*", STORE_EACH: "*"}


def attributes(*names, **more):
    return tuple(Attribute(name, number, 17, 17, **more) for number, name in enumerate(names, 1))


#: name is plain, email searchable; age holds numbers; card is masked; phone a consistent token.
PEOPLE = Relation(
    1,
    "public",
    "people",
    "r",
    tuple(
        one._replace(type=25, base=25) if one.name == "phone" else one
        for one in attributes("id", "name", "email", "note", "age", "card", "phone", "flag")
    ),
)
#: Its column name is protected as that of people is.
CLONES = Relation(2, "public", "clones", "r", attributes("id", "name", "email", "title"))
#: In another order, with a column dropped, and a default in clear.
ODD = Relation(
    3,
    "public",
    "Odd Table",
    "r",
    (
        Attribute("Secret", 2, 17, 17, default_in_clear=True),
        Attribute("plain", 4, 25, 25),
        Attribute("other", 5, 17, 17),
    ),
)
VIEW = Relation(
    4,
    "public",
    "adults",
    "v",
    attributes("id", "label", "size"),
    {1: (1, 1), 2: (1, 2)},
)


def setting(table, name, **more):
    return ColumnSetting("", table, name, **more)


def table(name, *columns):
    return TableSetting("", name, (), {one.name: one for one in columns})


SETTINGS = EncryptionSettings(
    (
        table(
            "people",
            setting("people", "name", data_type="str"),
            setting("people", "email", kind=SEARCHABLE, data_type="str"),
            setting("people", "age", data_type="int32"),
            setting("people", "card", kind=MASKED, masking=Masking(b"xxxx", 4, False)),
            setting(
                *("people", "phone"),
                kind=TOKENIZED,
                token_type="str",
                data_type="str",
                consistent=True,
            ),
            setting("people", "flag", data_type="bool"),
        ),
        table(
            "clones",
            setting("clones", "name", data_type="str"),
            setting("clones", "email", kind=SEARCHABLE, data_type="str", owner="other"),
        ),
        table("Odd Table", setting("Odd Table", "Secret"), setting("Odd Table", "other")),
    )
)


def planner(relations=(PEOPLE, CLONES, ODD, VIEW), settings=SETTINGS, functions=(), **more):
    schema = Schema(7, {one.oid: one for one in relations}, frozenset(functions))
    return Planner(Protection(schema, settings), **more)


def shown(planned, text):
    """The text that is sent, ``<name 'x'>`` for a value that is encoded for the column ``name``,
    and ``[$1 name]`` for each parameter; ``!reason`` for a refusal; the text itself if it has
    nothing to do with protected columns."""
    if planned.statements is None:
        return text
    found = []
    for plan in planned.statements:
        if plan.refusal is not None:
            found.append(f"!{plan.refusal.reason}")
            continue
        literals = [*planned.literals, *plan.added]
        for one in plan.literals:
            literals[one.ordinal] = _marked(one, literals[one.ordinal])
        parameters = [
            f" [${number}={'$' if one.source else ''}{one.source}{_use(one.use)}]"
            for number, one in enumerate(plan.parameters, 1)
            if one.use or one.source != number
        ]
        found.append(plan.text(literals).decode() + "".join(parameters))
    return "".join(found)


def _marked(one, literal):
    sign = b"-" if one.negative else b""
    decoding = f" {one.decoding}" if one.decoding else ""
    use = _use(one.use).strip()
    return b"<" + use.encode() + b" " + sign + literal + decoding.encode() + b">"


def _use(use):
    if use is None:
        return ""
    cut = f"({use.cut})" if use.cut >= 0 else ""
    return f" {_MARKS.get(use.role, '')}{use.column.name}{cut}"


def outcome(text, made=None, mode=MODE, path=PATH, prepared=None):
    """See `shown`: of a text that is planned anew."""
    made = made or planner()
    return shown(made.plan(text.encode(), mode, path, prepared or {}), text)
