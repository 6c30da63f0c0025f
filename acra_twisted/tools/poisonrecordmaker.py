"""``acra-poisonrecordmaker``: prints a poison record, to be put where only an intruder reads."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from typing import TextIO

from acra_twisted import purposes
from acra_twisted.crypto import poison
from acra_twisted.errors import KeyStoreError
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser

PROGRAM = "acra-poisonrecordmaker"
#: More would not look like anything a table holds.
_MAX_LENGTH = 1 << 20
_HINT = "run: acra-keymaker --generate_poisonrecord_keys"


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM, description="Print a poison record in base64: store its bytes, not the text."
    )
    commandline.add_common(parser)
    parser.key_folders("keys_dir", "keys_dir_public")
    parser.add_argument(
        "--type",
        default="acrastruct",
        choices=("acrastruct", "acrablock"),
        help="kind of container",
    )
    parser.add_argument(
        "--data_length",
        type=commandline.whole_number,
        default=-1,
        help="bytes of content; -1 chooses 1 to 99 at random",
    )
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises AcraError, OSError."""
    given = _parser().parse_args(arguments)
    if given.data_length != -1 and not 1 <= given.data_length <= _MAX_LENGTH:
        raise KeyStoreError(f"--data_length: expected -1 or 1 to {_MAX_LENGTH}")
    store = commandline.open_store(given.keys_dir, given.keys_dir_public, given, environment)
    if given.type == "acrastruct":
        public = store.public_key(purposes.POISON)
        if public is None:
            raise KeyStoreError(f"there is no poison record keypair; {_HINT}")
        record = poison.make_acrastruct(public, given.data_length, os.urandom)
    else:
        found = store.keys(purposes.POISON_SYMMETRIC)
        if not found:
            raise KeyStoreError(f"there is no poison record symmetric key; {_HINT}")
        record = poison.make_acrablock(found[0].value, given.data_length, os.urandom)
    output.write(base64.b64encode(record).decode() + "\n")


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
