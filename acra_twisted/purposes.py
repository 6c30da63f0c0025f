"""The purposes of keys, and their places in Acra's key store (version 1).

Source: acra-wire reference, section 16.  A pair is two files, the private key's and ``.pub``.
Private and symmetric keys are sealed with the master key, bound to their owner (or to their own
file name where there is none): a file put in another's place does not open.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from acra_twisted.errors import KeyStoreError
from acra_twisted.optionkinds import CLIENT_ID_PATTERN

CLIENT, ZONE, NOBODY = "client", "zone", ""
_ZONE_ID = re.compile(r"D{8}[A-Za-z]{16}")


class Purpose(NamedTuple):
    """``key_id`` is Acra's name of the key (``{}`` is the owner), ``path`` its file."""

    key_id: str
    path: str
    owner: str
    is_pair: bool
    text: str


STORAGE = Purpose("client/{}/storage", "{}_storage", CLIENT, True, "storage keypair")
STORAGE_SYMMETRIC = Purpose(
    "client/{}/symmetric", "{}_storage_sym", CLIENT, False, "storage symmetric key"
)
SEARCH_HMAC = Purpose("client/{}/searchable", "{}_hmac", CLIENT, False, "search HMAC key")
CONNECTOR = Purpose(
    "client/{}/transport/connector", "{}", CLIENT, True, "AcraConnector transport keypair"
)
SERVER = Purpose(
    "client/{}/transport/server", "{}_server", CLIENT, True, "AcraServer transport keypair"
)
TRANSLATOR = Purpose(
    "client/{}/transport/translator",
    "{}_translator",
    CLIENT,
    True,
    "AcraTranslator transport keypair",
)
ZONE_STORAGE = Purpose("zone/{}/storage", "{}_zone", ZONE, True, "zone storage keypair")
ZONE_SYMMETRIC = Purpose("zone/{}/symmetric", "{}_zone_sym", ZONE, False, "zone symmetric key")
POISON = Purpose("poison-record", ".poison_key/poison_key", NOBODY, True, "poison record keypair")
POISON_SYMMETRIC = Purpose(
    "poison-record-symmetric",
    ".poison_key/poison_key_sym",
    NOBODY,
    False,
    "poison record symmetric key",
)
AUDIT_LOG = Purpose("audit-log", "secure_log_key", NOBODY, False, "audit log key")

#: Longest suffix first: so a file name has one reading.
ALL = (
    ZONE_SYMMETRIC,
    ZONE_STORAGE,
    STORAGE_SYMMETRIC,
    STORAGE,
    SEARCH_HMAC,
    SERVER,
    TRANSLATOR,
    POISON_SYMMETRIC,
    POISON,
    AUDIT_LOG,
    CONNECTOR,
)


def is_client_id(text: str) -> bool:
    """Acra's rule: 5 to 256 of letters, digits, ``-``, ``_`` and space."""
    return CLIENT_ID_PATTERN.fullmatch(text) is not None


def check_owner(purpose: Purpose, owner: str) -> None:
    """An owner becomes part of a path: not before this.  Raises KeyStoreError."""
    fits = {CLIENT: CLIENT_ID_PATTERN, ZONE: _ZONE_ID}
    if purpose.owner == NOBODY:
        valid = not owner
    else:
        valid = fits[purpose.owner].fullmatch(owner) is not None
    if not valid:
        raise KeyStoreError(
            f"invalid {purpose.owner or 'key'} id: a client id is 5 to 256 characters of A-Z a-z "
            f"0-9 - _ and space, a zone id 8 times D and 16 letters"
        )


def file_of(purpose: Purpose, owner: str) -> str:
    """The secret part's path in the folder.  Raises KeyStoreError."""
    check_owner(purpose, owner)
    return purpose.path.format(owner)


def public_file_of(purpose: Purpose, owner: str) -> str:
    """The public key's path in the folder of public keys.  Raises KeyStoreError."""
    return file_of(purpose, owner) + ".pub"


def context_of(purpose: Purpose, owner: str) -> bytes:
    """Return the context to which the sealed file is bound."""
    return owner.encode() if purpose.owner else purpose.path.encode()


def purpose_of(path: str) -> tuple[Purpose, str] | None:
    """Purpose and owner of a secret key's file, by its path in the folder."""
    for purpose in ALL:
        head, _, tail = purpose.path.partition("{}")
        if not purpose.owner:
            if path == purpose.path:
                return purpose, ""
            continue
        if path.startswith(head) and path.endswith(tail):
            owner = path[: len(path) - len(tail)]
            try:
                check_owner(purpose, owner)
            except KeyStoreError:
                continue
            return purpose, owner
    return None


def parse_key_id(text: str) -> tuple[Purpose, str]:
    """Purpose and owner of a key id such as ``client/ID/storage``.  Raises KeyStoreError."""
    for purpose in ALL:
        head, _, tail = purpose.key_id.partition("{}")
        if not purpose.owner:
            if text == purpose.key_id:
                return purpose, ""
        elif text.startswith(head) and text.endswith(tail) and len(text) > len(head) + len(tail):
            owner = text[len(head) : len(text) - len(tail)]
            check_owner(purpose, owner)
            return purpose, owner
    known = ", ".join(purpose.key_id.format("ID") for purpose in ALL)
    raise KeyStoreError(f"no such key id; there are: {known}")
