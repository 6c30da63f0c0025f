"""``acra-keymaker``: makes a master key, or keys of a client; existing keys are rotated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TextIO

from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore import files, purposes
from acra_twisted.keystore.purposes import Purpose
from acra_twisted.keystore.writer import KeyWriter, make_folder, new_master_key
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser

PROGRAM = "acra-keymaker"
#: Flag, what it makes, and how that is called in the output.
KINDS: tuple[tuple[str, tuple[Purpose, ...], str], ...] = (
    ("generate_acraconnector_keys", (purposes.CONNECTOR,), "acra-connector keypair"),
    ("generate_acraserver_keys", (purposes.SERVER,), "acra-server keypair"),
    ("generate_acratranslator_keys", (purposes.TRANSLATOR,), "acra-translator keypair"),
    ("generate_acrawriter_keys", (purposes.STORAGE,), "storage keypair"),
    ("generate_symmetric_storage_key", (purposes.STORAGE_SYMMETRIC,), "storage symmetric key"),
    ("generate_hmac_key", (purposes.SEARCH_HMAC,), "search HMAC key"),
    ("generate_log_key", (purposes.AUDIT_LOG,), "audit log key"),
    (
        "generate_poisonrecord_keys",
        (purposes.POISON, purposes.POISON_SYMMETRIC),
        "poison record keys",
    ),
)


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Make the keys of a client. Without a --generate_... flag: all of them. A key "
        "that is there already is rotated: the old one still opens old data.",
        epilog="The master key comes from ACRA_MASTER_KEY (base64), --master_key_file or "
        "--master_key_command.",
    )
    commandline.add_version(parser)
    commandline.add_identity(parser)
    parser.add_argument(
        "--keystore", default="", choices=("", "v1", "v2"), help="needed for a new folder: v1"
    )
    parser.key_folders("keys_output_dir", "keys_public_output_dir")
    parser.add_argument(
        "--generate_master_key", default="", metavar="FILE", help="make a master key, no more"
    )
    for flag, _, text in KINDS:
        parser.switch(flag, help=f"make the {text}")
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises AcraError, OSError."""
    given = _parser().parse_args(arguments)
    if given.keystore == "v2":
        raise KeyStoreError("--keystore=v2 is not supported, only v1")
    if given.generate_master_key:
        _make_master_key(given.generate_master_key, output)
        return
    folder = given.keys_output_dir
    if not given.keystore and not os.path.isdir(folder):
        raise KeyStoreError(f"there is no key store in {folder}; to make one, add --keystore=v1")
    chosen = [kind for kind in KINDS if getattr(given, kind[0])] or list(KINDS)
    owner = _owner(given, chosen)
    make_folder(folder)
    if given.keys_public_output_dir:
        make_folder(given.keys_public_output_dir)
    store = commandline.open_store(folder, given.keys_public_output_dir, given, environment)
    writer = KeyWriter(store)
    for _, made, text in chosen:
        rotated = [writer.generate(p, owner if p.owner else "") for p in made]
        output.write(f"{'Rotated' if any(rotated) else 'Generated'} {text}\n")


def _owner(given: Any, chosen: Sequence[tuple[str, tuple[Purpose, ...], str]]) -> str:
    if not any(purpose.owner for _, made, _ in chosen for purpose in made):
        return ""
    if not given.client_id and not given.tls_cert:
        # Acra's default.
        given.client_id = "client"
    return commandline.client_id(given)


def _make_master_key(path: str, output: TextIO) -> None:
    if os.path.lexists(path):
        raise KeyStoreError(f"{path} is there already; a master key is never overwritten")
    key = new_master_key()
    files.write(path, key.value)
    output.write(
        f"Generated master key in {path}; use it as --master_key_file, or as "
        f"ACRA_MASTER_KEY=$(base64 -w0 {path})\n"
    )


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
