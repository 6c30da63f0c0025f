"""``acra-keys``: lists, makes, reads, destroys, exports and imports keys of a key store."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO, TextIO

from acra_twisted import purposes
from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore import files
from acra_twisted.keystore.writer import KeyWriter, make_folder
from acra_twisted.purposes import CLIENT, ZONE, Purpose
from acra_twisted.themis import keys
from acra_twisted.tools import bundle, commandline
from acra_twisted.tools.commandline import Environment, Parser

PROGRAM = "acra-keys"
#: Flags of ``generate``; where none is given, the first five are made if they are missing.
KINDS: tuple[tuple[str, tuple[Purpose, ...]], ...] = (
    ("client_storage_key", (purposes.STORAGE,)),
    ("client_storage_symmetric_key", (purposes.STORAGE_SYMMETRIC,)),
    ("search_hmac_symmetric_key", (purposes.SEARCH_HMAC,)),
    ("poison_record_keys", (purposes.POISON, purposes.POISON_SYMMETRIC)),
    ("audit_log_symmetric_key", (purposes.AUDIT_LOG,)),
    ("acraconnector_transport_key", (purposes.CONNECTOR,)),
    ("acraserver_transport_key", (purposes.SERVER,)),
    ("acratranslator_transport_key", (purposes.TRANSLATOR,)),
)
_DEFAULT_KINDS = 5
_NOTHING_MADE = "No keys were updated: name the kinds to generate, see --help\n"


def _parser() -> Parser:
    parser = Parser(prog=PROGRAM, description="Manage the keys of a key store (version 1).")
    commandline.add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name: str, text: str) -> Parser:
        made: Parser = commands.add_parser(name, help=text, description=text)
        if name != "extract-client-id":
            made.key_folders("keys_dir", "keys_dir_public")
        return made

    made = command("list", "List the keys.")
    made.switch("json", help="print JSON")
    made.switch("rotated-keys", "rotated_keys", help="also show the number of earlier keys")
    made = command(
        "generate",
        "Make keys. Without a kind the tool makes missing keys. With kinds it makes these, and "
        "rotates existing keys.",
    )
    commandline.add_identity(made)
    made.add_argument(
        "--keystore", default="", choices=("", "v1"), help="version of a new folder: v1"
    )
    for flag, _ in KINDS:
        made.switch(flag, help=f"make the {flag.replace('_', ' ')}")
    made = command("read", "Write a key's bytes to standard output.")
    made.add_argument("key_id", help="name of the key, such as client/ID/storage")
    made.switch("public", help="read the public key of a pair (the default)")
    made.switch("private", help="read the private key of a pair; a symmetric key needs no flag")
    made = command("destroy", "Delete a key and its predecessors. Data sealed with them is lost.")
    made.add_argument("key_id", help="name of the key, such as client/ID/storage")
    made = command(
        "export", "Write keys to a bundle, and the secret that opens it to another file."
    )
    made.add_argument("key_ids", nargs="*", help="name of the key, such as client/ID/storage")
    made.switch("all", help="every key")
    made.switch("private_keys", help="also export private and symmetric keys")
    _bundle_files(made)
    _bundle_files(command("import", "Store the keys of a bundle, and rotate existing keys."))
    made = command("extract-client-id", "Print the client id of a certificate.")
    made.add_argument(
        "--tls_cert", required=True, metavar="FILE", help="file of the certificate (PEM)"
    )
    commandline.add_extractor(made)
    made.switch("print_json", help="print JSON")
    return parser


def _bundle_files(parser: Parser) -> None:
    parser.add_argument(
        "--key_bundle_file", required=True, metavar="FILE", help="file of the bundle"
    )
    parser.add_argument(
        "--key_bundle_secret",
        required=True,
        metavar="FILE",
        help="file for the bundle's secret, mode 0600",
    )


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises AcraError, OSError."""
    parser = _parser()
    if "migrate" in arguments[:1]:
        raise KeyStoreError(
            "migrate: there is one version of key stores here (v1), and nothing to migrate to; "
            "export and import carry keys from one folder to another"
        )
    given = parser.parse_args(arguments)
    if given.command is None:
        output.write("No command specified\n")
        output.write(parser.format_help())
        return
    if given.command == "extract-client-id":
        _extract(given, output)
        return
    if given.command == "generate" and given.keystore:
        make_folder(given.keys_dir)
    store = commandline.open_store(given.keys_dir, given.keys_dir_public, given, environment)
    _COMMANDS[given.command](store, given, output)


def _list(store: Any, given: Any, output: TextIO) -> None:
    found = store.present()
    if given.json:
        entries = [
            {
                "ID": purpose.key_id.format(owner),
                "Purpose": purpose.text,
                "ClientID": _base64(owner) if purpose.owner == CLIENT else None,
                "ZoneID": _base64(owner) if purpose.owner == ZONE else None,
                **({"Rotated": _rotated(store, purpose, owner)} if given.rotated_keys else {}),
            }
            for purpose, owner in found
        ]
        output.write(json.dumps(entries) + "\n")
        return
    rows = [("Key purpose", "Client/Zone ID", "Key ID")]
    rows += [(purpose.text, owner, purpose.key_id.format(owner)) for purpose, owner in found]
    if given.rotated_keys:
        counts = ["Rotated", *(str(_rotated(store, *key)) for key in found)]
        rows = [(*row, count) for row, count in zip(rows, counts, strict=True)]  # type: ignore[misc]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        output.write(" | ".join(cells).rstrip() + "\n")
        if not number:
            output.write("-+-".join("-" * width for width in widths) + "\n")


def _rotated(store: Any, purpose: Purpose, owner: str) -> int:
    return max(len(store.keys(purpose, owner)) - 1, 0)


def _base64(owner: str) -> str:
    return base64.b64encode(owner.encode()).decode()


def _generate(store: Any, given: Any, output: TextIO) -> None:
    named = [kind for kind in KINDS if getattr(given, kind[0])]
    identified = given.client_id or given.tls_cert
    if not named and not identified and store.present():
        output.write(_NOTHING_MADE)
        return
    made = [purpose for _, group in named or KINDS[:_DEFAULT_KINDS] for purpose in group]
    owner = ""
    if any(purpose.owner for purpose in made):
        if not identified:
            raise KeyStoreError("--client_id or --tls_cert is required to generate keys")
        owner = commandline.client_id(given)
    writer = KeyWriter(store)
    written = False
    for purpose in made:
        key = (purpose, owner if purpose.owner else "")
        if named:
            rotated = writer.generate(*key)
            output.write(f"{'Rotated' if rotated else 'Generated'} {purpose.text}\n")
        elif writer.generate_missing(*key):
            output.write(f"Generated {purpose.text}\n")
        else:
            continue
        written = True
    if not written:
        output.write(_NOTHING_MADE)


def _read(store: Any, given: Any, output: TextIO) -> None:
    purpose, owner = purposes.parse_key_id(given.key_id)
    if given.public and given.private:
        raise KeyStoreError("--public and --private: give one of them")
    path = os.path.join(store.folder, purposes.file_of(purpose, owner))
    if purpose.is_pair and not given.private:
        path = os.path.join(store.public, purposes.public_file_of(purpose, owner))
        public = store.public_key(purpose, owner)
        data = bytearray(keys.encode_public(public)) if public is not None else None
    elif given.public:
        raise KeyStoreError(f"{given.key_id} is a symmetric key: it has no public part")
    else:
        found = store.keys(purpose, owner)
        data = bundle.plain(purpose, found[0]) if found else None
    if data is None:
        # The end is Go's; scripts look for it.
        raise KeyStoreError(
            f"there is no {purpose.text} of this id: open {path}: no such file or directory"
        )
    stream: BinaryIO = getattr(output, "buffer", sys.stdout.buffer)
    stream.write(data)
    stream.flush()


def _destroy(store: Any, given: Any, output: TextIO) -> None:
    purpose, owner = purposes.parse_key_id(given.key_id)
    KeyWriter(store).destroy(purpose, owner)
    output.write(f"Destroyed {given.key_id}\n")


def _export(store: Any, given: Any, output: TextIO) -> None:
    if bool(given.key_ids) == given.all:
        raise KeyStoreError("name the keys to export, or --all")
    chosen = store.present() if given.all else [purposes.parse_key_id(i) for i in given.key_ids]
    for path in (given.key_bundle_file, given.key_bundle_secret):
        if os.path.lexists(path):
            raise KeyStoreError(f"{path} is there already; it is not overwritten")
    content, secret = bundle.pack(store, chosen, given.private_keys)
    files.write(given.key_bundle_file, content)
    files.write(given.key_bundle_secret, secret)
    output.write(
        f"Exported to {given.key_bundle_file}; whoever has {given.key_bundle_secret} can open it\n"
    )


def _import(store: Any, given: Any, output: TextIO) -> None:
    try:
        content = files.read_secret(given.key_bundle_file, "key_bundle_file", 64 << 20)
        secret = files.read_secret(given.key_bundle_secret, "key_bundle_secret")
    except FileNotFoundError as error:
        raise KeyStoreError(f"there is no {error.filename}") from None
    for key_id in bundle.unpack(KeyWriter(store), content, secret):
        output.write(f"Imported {key_id}\n")


def _extract(given: Any, output: TextIO) -> None:
    found = commandline.from_certificate(given.tls_cert, given.tls_identifier_extractor_type)
    output.write((json.dumps({"client_id": found}) if given.print_json else found) + "\n")


_COMMANDS = {
    "list": _list,
    "generate": _generate,
    "read": _read,
    "destroy": _destroy,
    "export": _export,
    "import": _import,
}


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
