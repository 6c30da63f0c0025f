"""A MariaDB that refuses plaintext, and texts with something in place of each encoded value.

The protected columns of `mysqlplanning.SETTINGS` have a CHECK that a value is encoded: what a plan
lets through in clear is refused by the server.
"""

import hashlib

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.filling import fill
from acra_twisted.encryption.mysql.plaintexts import from_literal
from acra_twisted.encryption.mysql.plan import Parameter

#: The number of the error of a value in clear.
IN_CLEAR = 4025
_MARK = "252525"
_SEALED = f"CHECK ({{0}} IS NULL OR {{0}} = '' OR LEFT({{0}}, 3) = x'{_MARK}')"
_TOKEN = "CHECK ({0} IS NULL OR {0} = '' OR {0} LIKE 'token%')"  # noqa: S105 - no password
_NUMBER = "CHECK ({0} IS NULL OR {0} < -1000000)"


def created():
    """The statements that make the tables."""
    sealed = {name: _SEALED.format(name) for name in ("email", "name", "card", "mail")}
    token = {name: _TOKEN.format(name) for name in ("phone", "code")}
    return (
        "CREATE TABLE people (id INT UNIQUE, email VARBINARY(600) {email}, "
        "name VARBINARY(600) {name}, age INT {age}, phone VARCHAR(400) {phone}, "
        "code VARCHAR(400) {code}, card BLOB {card}, note VARCHAR(400), UNIQUE KEY k (email(33)));"
        "CREATE TABLE leads (id INT, mail VARBINARY(600) {mail});"
        "CREATE TABLE orders (id INT, pid INT, x TEXT, mail TEXT, note TEXT, total INT);"
        "INSERT INTO people (id, note) VALUES (101, 'a'), (107, 'b');"
        "INSERT INTO orders (id, x) VALUES (1, 'a'), (101, 'b')"
    ).format(age=_NUMBER.format("age"), **sealed, **token)


def encoded(setting, value):
    """Something that stands for an encoded value."""
    if not value:
        return b""
    digest = hashlib.sha256(value).digest()[:30]
    if setting.token_type == "int32":  # noqa: S105 - no password
        return b"%d" % (-2_000_000 - digest[0])
    if setting.token_type:
        return b"token" + digest.hex().encode()
    return bytes.fromhex(_MARK) + digest


def filled_in(planned, text):
    """The text that is sent for one that was planned, NULL in place of each parameter; None if it
    is refused."""
    plan = planned.plan
    if plan.refusal is not None:
        return None
    if not plan.parts:
        return text
    parts = [b"NULL" if isinstance(part, Parameter) else part for part in plan.parts]

    def forms(number):
        given = plan.values[number]
        setting = given.use.column
        if given.source.parameter:
            return [encoded(setting, b"a parameter")]
        return [encoded(setting, from_literal(given, planned.literals, False))]

    try:
        return fill(plan._replace(parts=parts), planned.literals, forms).text
    except ValueRefusedError:
        return None
