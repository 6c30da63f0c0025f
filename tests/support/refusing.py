"""A PostgreSQL that refuses plaintext, and texts with something in place of each encoded value.

The protected columns of `planning.SETTINGS` have a CHECK that a value is encoded: what a plan lets
through in clear is refused by the server.
"""

import hashlib

from acra_twisted.encryption.plan import STORE_EACH
from acra_twisted.encryption.postgresql.arrays import to_array_text
from acra_twisted.sql.literals import postgresql_value

_MARK = "252525"
_SEALED = rf"check (%s is null or octet_length(%s) = 0 or substr(%s, 1, 3) = '\x{_MARK}')"
_TOKEN = "check (%s is null or %s = '' or %s like 'token%%')"
#: SQLSTATE of a value in clear.
IN_CLEAR = "23514"
CREATED = """
create table people (id int unique, name bytea {name}, email bytea {email}, note text,
    age bytea {age}, card bytea {card}, phone text {phone}, flag bytea {flag});
create table clones (id int, name bytea {name}, email bytea {email}, title text);
create table orders (id int, note text, total int, title text, a text);
create table books (id int, title text);
create table "Odd Table" (a int, "Secret" bytea default 'x', b int, plain text,
    other bytea {other});
alter table "Odd Table" drop a, drop b;
create function f(int) returns books language sql as $$ select $1, 'title' $$;
create view adults as select id, name as label, '1' as size from people;
insert into people values (101), (107); insert into orders values (1), (2);
"""


def checks():
    names = ("name", "email", "age", "card", "flag", "other")
    sealed = {name: _SEALED % ((name,) * 3) for name in names}
    return {**sealed, "phone": _TOKEN % (("phone",) * 3)}


def sealed(column, value):
    """Something that stands for an encoded value."""
    if not value:
        return ""
    digest = hashlib.sha256(value).hexdigest()[:16]
    return f"token{digest}" if column.name == "phone" else rf"\x{_MARK}{digest}"


def filled(use, value):
    """Return what stands for a value, or for each element of an array."""
    if use.role != STORE_EACH:
        return sealed(use.column, value)
    elements = [sealed(use.column, one).encode() for one in value.strip(b"{}").split(b",")]
    return to_array_text(elements).decode()


def filled_in(planned, text):
    """The text that is sent for one that was planned, and its parameters; None if it is
    refused."""
    if planned.statements is None:
        return text, []
    pieces, uses = [], {}
    for plan in planned.statements:
        if plan.refusal is not None:
            return None
        literals = [*planned.literals, *plan.added]
        for one in plan.literals:
            literals[one.ordinal] = _encoded(one, literals[one.ordinal])
        pieces.append(plan.text(literals))
        uses.update((number, known.use) for number, known in enumerate(plan.parameters, 1))
    sent = b"".join(pieces)
    used = max([0, *(number for number in range(1, 10) if b"$%d" % number in sent)])
    parameters = [
        filled(uses[number], str(number).encode()) if uses.get(number) else str(number)
        for number in range(1, used + 1)
    ]
    return sent, parameters


def _encoded(use, literal):
    kind = "n" if literal[:1].isdigit() else "s"
    for prefix, named in ((b"E'", "e"), (b"$", "d"), (b"U&", "u")):
        kind = named if literal.startswith(prefix) else kind
    value = postgresql_value(kind, literal)[1]
    return f"'{filled(use.use, value)}'".encode()
