"""Configurations of protected columns: any that are valid, and the YAML that gives them."""

import base64

import yaml
from hypothesis import strategies as st

from acra_twisted.encryption.settings import (
    CIPHERTEXT,
    DEFAULT_VALUE,
    ERROR,
    MASKED,
    NULL,
    PLAIN,
    RETURN,
    SEARCHABLE,
    TOKEN_TYPES,
    TOKENIZED,
    ColumnSetting,
    EncryptionSettings,
    Masking,
    TableSetting,
)

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=15)
CLIENTS = st.from_regex(r"[A-Za-z0-9_-]{5,12}", fullmatch=True)
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
_DEFAULTS = {
    "str": _WORDS.map(str.encode),
    "bytes": st.binary(max_size=9),
    "int32": st.integers(-1 << 31, (1 << 31) - 1).map(b"%d".__mod__),
    "int64": st.integers(-1 << 63, (1 << 63) - 1).map(b"%d".__mod__),
}


@st.composite
def columns(draw, schema, table, name):
    """Give the setting of a column, as Acra's matrix admits it."""
    found = ColumnSetting(schema, table, name)
    kind = draw(st.sampled_from((PLAIN, SEARCHABLE, MASKED, TOKENIZED)))
    found = found._replace(kind=kind, owner=draw(st.just("") | CLIENTS))
    found = found._replace(readers=draw(st.none() | st.frozensets(CLIENTS, min_size=1, max_size=3)))
    if kind == TOKENIZED:
        token_type = draw(st.sampled_from(TOKEN_TYPES))
        data_type = "str" if token_type == "email" else token_type
        consistent = draw(st.booleans())
        return found._replace(token_type=token_type, data_type=data_type, consistent=consistent)
    found = found._replace(on_plaintext=draw(st.sampled_from((RETURN, NULL, ERROR))))
    types = ("", "str", "bytes") if kind == MASKED else ("", *_DEFAULTS)
    found = found._replace(data_type=draw(st.sampled_from(types)))
    if kind == MASKED:
        mask = draw(_WORDS.filter(bool)).encode()
        masking = Masking(mask, draw(st.integers(0, 1 << 31)), draw(st.booleans()))
        found = found._replace(masking=masking, mask_writes=draw(st.booleans()))
    if not (kind == MASKED and found.data_type):
        found = found._replace(envelope=draw(st.sampled_from(("acrablock", "acrastruct"))))
    if kind == PLAIN and not found.data_type:
        return found._replace(reencrypts=draw(st.booleans()))
    if kind != MASKED:
        answers = (CIPHERTEXT, ERROR, *([DEFAULT_VALUE] if found.data_type else []))
        found = found._replace(on_failure=draw(st.sampled_from(answers)))
        if found.on_failure == DEFAULT_VALUE:
            found = found._replace(default=draw(_DEFAULTS[found.data_type]))
            if draw(st.booleans()):
                found = found._replace(on_plaintext=DEFAULT_VALUE)
    if kind == SEARCHABLE:
        found = found._replace(scoped=draw(st.booleans()))
        if found.data_type == "str":
            words = draw(st.frozensets(st.sampled_from(("lower", "nfc"))))
            found = found._replace(normalize=words)
    return found


@st.composite
def configurations(draw):
    """Give settings of a few tables, without bypasses and lines."""
    with_schemas = st.tuples(NAMES, NAMES)
    tables = []
    for schema, name in draw(st.lists(with_schemas, max_size=3, unique=True)):
        names = draw(st.lists(NAMES, max_size=4, unique=True))
        listed = tuple(draw(st.permutations(names))) if draw(st.booleans()) else ()
        protected = {column: draw(columns(schema, name, column)) for column in names}
        tables.append(TableSetting(schema, name, listed, protected))
    return EncryptionSettings(tables)


def as_yaml(settings):
    """Return the text of a file that gives these settings."""
    text = yaml.safe_dump({"schemas": [_table(t) for t in settings.tables]}, sort_keys=False)
    return str(text)


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'


def _table(table):
    found = {"table": _quoted(table.name)}
    if table.schema:
        found["schema"] = _quoted(table.schema)
    if table.columns:
        found["columns"] = [_quoted(name) for name in table.columns]
    return found | {"encrypted": [_column(column) for column in table.protected.values()]}


def _column(column):
    found = {
        "column": _quoted(column.name),
        "client_id": column.owner,
        "crypto_envelope": column.envelope,
        "reencrypting_to_acrablocks": column.reencrypts,
        "on_plaintext": column.on_plaintext,
    }
    if column.readers is not None:
        found["read"] = sorted(column.readers)
    if column.kind == SEARCHABLE:
        found["searchable"] = True
        found["search_keys"] = "column" if column.scoped else "shared"
        found["normalize"] = "+".join(sorted(column.normalize)) or "none"
    if column.kind == TOKENIZED:
        found["token_type"] = column.token_type
        found["consistent_tokenization"] = column.consistent
        return found
    found["data_type"] = column.data_type
    if column.kind == MASKED:
        found["masking"] = column.masking.mask.decode()
        found["plaintext_length"] = column.masking.length
        found["plaintext_side"] = "left" if column.masking.left else "right"
        found["allow_mask_writes"] = column.mask_writes
    elif column.data_type or column.kind == SEARCHABLE:
        found["response_on_fail"] = column.on_failure
    if column.default is not None:
        is_bytes = column.data_type == "bytes"
        value = base64.b64encode(column.default) if is_bytes else column.default
        found["default_data_value"] = value.decode()
    return found
