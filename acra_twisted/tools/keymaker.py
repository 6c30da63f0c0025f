"""``acra-keymaker``: makes a master key, or keys of a client.

A key that is there is rotated only by the flag of its kind: who adds a client changes nothing for
anybody else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TextIO

from acra_twisted import purposes
from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore import files
from acra_twisted.keystore.writer import KeyWriter, make_folder, new_master_key
from acra_twisted.purposes import Purpose
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
        description="Make the keys of a client. Without a --generate_... flag the tool makes "
        "every missing kind. With one it makes that kind, and rotates an existing "
        "key: the old one still opens old data.",
        epilog="The master key comes from ACRA_MASTER_KEY (base64), --master_key_file or "
        "--master_key_command.",
    )
    commandline.add_common(parser)
    commandline.add_identity(parser)
    parser.add_argument(
        "--keystore",
        default="",
        choices=("", "v1", "v2"),
        help="version of a new folder, required: v1",
    )
    parser.key_folders("keys_output_dir", "keys_public_output_dir")
    parser.add_argument(
        "--generate_master_key", default="", metavar="FILE", help="only make a master key"
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
    named = [kind for kind in KINDS if getattr(given, kind[0])]
    chosen = named or list(KINDS)
    owner = _owner(given, chosen)
    make_folder(folder)
    if given.keys_public_output_dir:
        make_folder(given.keys_public_output_dir)
    store = commandline.open_store(folder, given.keys_public_output_dir, given, environment)
    writer = KeyWriter(store)
    for flag, made, text in chosen:
        owned = [(purpose, owner if purpose.owner else "") for purpose in made]
        if named:
            rotated = [writer.generate(*key) for key in owned]
            output.write(f"{'Rotated' if any(rotated) else 'Generated'} {text}\n")
            continue
        made_anew = [writer.generate_missing(*key) for key in owned]
        if any(made_anew):
            output.write(f"Generated {text}\n")
        else:
            output.write(f"Kept {text}: there already; to rotate: --{flag}\n")


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
