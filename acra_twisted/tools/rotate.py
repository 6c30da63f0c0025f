"""``acra-rotate``: makes new keys, and encrypts containers in files or in rows anew."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TextIO

from acra_twisted import purposes
from acra_twisted.config.ownreactor import Run, in_own_reactor
from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.crypto.envelopes import ACRABLOCK, ACRASTRUCT, Envelope
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import bytea
from acra_twisted.errors import AcraError, ConfigError, KeyStoreError
from acra_twisted.keystore import files
from acra_twisted.keystore.openers import make_opener
from acra_twisted.keystore.writer import KeyWriter
from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC, Purpose
from acra_twisted.themis.keys import encode_public
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.operatorconnection import MYSQL_ENABLE, OperatorConnection
from acra_twisted.tools.selection import Prepared, Row, Statements, commit, ended

PROGRAM = "acra-rotate"
_KEYS: Final[Mapping[str, Purpose]] = {ACRASTRUCT: STORAGE, ACRABLOCK: STORAGE_SYMMETRIC}
#: Bytes of the map, and of a file with an AcraStruct.
_LARGEST: Final = 1 << 30


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Make new storage keys of clients, and encrypt their AcraStructs and "
        "AcraBlocks anew: those in files, or those of the rows of a SELECT, all in one "
        "transaction. The new key is stored before the first of them is written, and the former "
        "one is kept as a rotated key. For the columns of a configuration, and for large tables, "
        "use acra-keymaker and acra-migrate.",
        epilog="The answer is JSON with the new public key of each client. The master key comes "
        "from ACRA_MASTER_KEY (base64), --master_key_file or --master_key_command.",
    )
    commandline.add_common(parser)
    parser.key_folders("keys_dir", "keys_dir_public")
    parser.add_argument(
        "--file_map_config",
        default="",
        metavar="FILE",
        help='JSON, {"CLIENT ID": ["FILE", ...]}: each file has one AcraStruct or AcraBlock',
    )
    parser.add_argument(
        "--sql_select",
        default="",
        help="SELECT whose last two columns are a client id and the data",
    )
    parser.add_argument(
        "--sql_update",
        default="",
        help="UPDATE with $1 for the new data, and $2 and so on for the SELECT's other columns; of "
        "MySQL with ? for each in this order",
    )
    parser.add_argument(
        "--db_connection_string",
        default="",
        type=commandline.raw,
        help="the database itself, in libpq's form, or mysql://USER@HOST:PORT/DATABASE as for "
        "acra-migrate",
    )
    parser.switch("mysql_enable", help=MYSQL_ENABLE)
    parser.switch("dry-run", help="open everything, and write nothing: neither data nor keys")
    return parser


class RotationError(AcraError):
    """Something cannot be rotated."""


def main(
    arguments: Sequence[str], environment: Environment, output: TextIO, run: Run | None = None
) -> None:
    """Raises AcraError, OSError.  ``run`` takes the place of a reactor of its own."""
    given = _parser().parse_args(arguments)
    in_rows = bool(given.sql_select or given.sql_update)
    if in_rows == bool(given.file_map_config):
        raise ConfigError("give --file_map_config, or --sql_select and --sql_update")
    if in_rows and not (given.sql_select and given.sql_update):
        raise ConfigError("--sql_select and --sql_update: give both")
    store = commandline.open_store(given.keys_dir, given.keys_dir_public, given, environment)
    rotation = _Rotation(store, given.dry_run)
    if not in_rows:
        _in_files(rotation, _map(given.file_map_config), output)
        return

    connection = OperatorConnection(
        given.db_connection_string, PROGRAM, environment, given.mysql_enable
    )

    async def asked(reactor: Any) -> None:
        try:
            await _in_rows(rotation, await connection.statements(reactor), given)
        finally:
            connection.close()

    (run or in_own_reactor)(asked)
    _print({owner: rotation.public(owner) for owner in rotation.owners}, output)


class _Rotation:
    """Opens data with the keys that there are, and encrypts them with new ones, which are made when
    the first data of their kind come."""

    def __init__(self, store: Any, dry: bool) -> None:
        self._store, self._writer, self.dry = store, KeyWriter(store), dry
        self._openers: dict[str, Opener] = {}
        self._made: set[tuple[str, str]] = set()
        self._seals: dict[tuple[str, str], Callable[[bytes], bytes]] = {}

    @property
    def owners(self) -> Sequence[str]:
        """Return the clients whose data came."""
        return list(self._openers)

    def public(self, owner: str) -> str:
        """Return a client's new public key in base64; empty if none was made."""
        if (ACRASTRUCT, owner) not in self._made:
            return ""
        return base64.b64encode(encode_public(self._store.public_key(STORAGE, owner))).decode()

    def open(self, owner: str, data: bytes) -> tuple[Envelope, bytes]:
        """Return the container that is all of ``data``, and its contents.  Raises Closed."""
        opener = self._openers.get(owner)
        if opener is None:
            if not purposes.is_client_id(owner):
                raise RotationError("a client id has 5 to 256 characters of A-Z a-z 0-9 - _ blank")
            opener = make_opener(self._store, STORAGE, STORAGE_SYMMETRIC, owner)
            self._openers[owner] = opener
        found = envelopes.outermost(data)
        if len(found) != 1 or found[0].start or found[0].end != len(data):
            raise Closed("it is no AcraStruct and no AcraBlock")
        return found[0], opener.open(found[0].kind, found[0].data(data), {})

    def seal(self, owner: str, found: Envelope, content: bytes) -> bytes:
        """Return contents in a container of the same form, for the client's new key."""
        made = self._seal(found.kind, owner)(content)
        return made if found.start == found.inner else envelopes.wrap(found.kind, made)

    def _seal(self, kind: str, owner: str) -> Callable[[bytes], bytes]:
        known = self._seals.get((kind, owner))
        if known is not None:
            return known
        purpose = _KEYS[kind]
        self._writer.generate(purpose, owner)
        self._made.add((kind, owner))
        if kind == ACRABLOCK:
            # Held until the cipher is made: a Secret overwrites its buffer when nobody holds it.
            secrets = self._store.keys(purpose, owner)
            newest = acrablock.Sealer(secrets[0].value)

            def seal(content: bytes) -> bytes:
                return newest.create(content, os.urandom)
        else:
            public = self._store.public_key(purpose, owner)
            if public is None:
                raise KeyStoreError(f"{purpose.text}: the new public key of {owner} is gone")

            def seal(content: bytes) -> bytes:
                return acrastruct.create(content, public, b"", os.urandom)

        self._seals[kind, owner] = seal
        return seal


# -- files ----------------------------------------------------------------------------------------


def _map(path: str) -> dict[str, list[str]]:
    """The files of each client.  Raises ConfigError, OSError."""
    try:
        found = json.loads(_contents(path))
    except (ValueError, RecursionError):
        raise ConfigError("--file_map_config: the file is not JSON", path) from None
    wrong = ConfigError('expected {"CLIENT ID": ["FILE", ...]}', path)
    if not isinstance(found, dict):
        raise wrong
    named: dict[str, list[str]] = {}
    for owner, paths in found.items():
        listed = [paths] if isinstance(paths, str) else paths
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise wrong
        named[owner] = listed
    return named


def _in_files(rotation: _Rotation, named: Mapping[str, Sequence[str]], output: TextIO) -> None:
    """Rotate the data of files.  All are opened before the first is written."""
    found: list[tuple[str, str, Envelope, bytes]] = []
    for owner, paths in named.items():
        for path in paths:
            try:
                found.append((owner, path, *rotation.open(owner, _contents(path))))
            except Closed as error:
                raise RotationError(f"{path}: {error}; nothing was written") from None
    if not rotation.dry:
        for owner, path, envelope, content in found:
            mode = stat.S_IMODE(os.stat(path).st_mode)
            files.write(path, rotation.seal(owner, envelope, content), mode)
    _print(
        {
            owner: {"new_public_key": rotation.public(owner), "file_paths": paths}
            for owner, paths in named.items()
        },
        output,
    )


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ConfigError(f"the file has more than {_LARGEST} bytes", path)
    return data


# -- rows -----------------------------------------------------------------------------------------


async def _in_rows(rotation: _Rotation, statements: Statements, given: Any) -> None:
    """Rotate the data of rows.  Raises DatabaseError, RotationError, ConfigError, whose text says
    what has become of the rows."""
    await statements.begin(written_back=not rotation.dry)
    update = await statements.prepare(given.sql_update)
    if not update.number:
        raise ConfigError("--sql_update has no placeholder $1 for the data, ? of MySQL")
    work = _Rows(rotation, statements, update)
    number = 0
    try:
        async for row in statements.rows(given.sql_select):
            number += 1
            if len(row.cells) != update.number + 1:
                raise ConfigError(
                    f"--sql_select gives {len(row.cells)} columns; expected a client id and the "
                    f"data behind {update.number - 1} others, which are $2 and so on of "
                    "--sql_update"
                )
            if row.cells[-1] is not None:
                await work.rotate(row, number)
    except (RotationError, DatabaseError, ConfigError) as error:
        raise RotationError(await ended(statements, error, work.written)) from None
    await commit(statements, work.written)


class _Rows:
    """Rotates rows, of which ``written`` were written."""

    def __init__(self, rotation: _Rotation, statements: Statements, update: Prepared) -> None:
        self._rotation, self._statements, self._update = rotation, statements, update
        self.written = 0

    async def rotate(self, row: Row, number: int) -> None:
        """Rotate one row.  Raises DatabaseError, RotationError."""
        rotation = self._rotation
        owner = (row.cells[-2] or b"").decode("utf-8", "replace")
        try:
            found, content = rotation.open(owner, row.data)
        except (Closed, ValueRefusedError, RotationError) as error:
            raise RotationError(f"row {number}: {error}") from None
        if rotation.dry:
            return

        async def write() -> None:
            data = rotation.seal(owner, found, content)
            await self._write(data, row, number)

        if not self.written and not await self._statements.can_undo(write):
            self.written = 1
            raise RotationError(
                f"row {number}: its table has no transactions, in which nobody else would write "
                "into its rows meanwhile; make it InnoDB"
            )
        await write()
        self.written += 1

    async def _write(self, data: bytes, row: Row, number: int) -> None:
        update = self._update
        if not update.takes_bytes:
            # Characters hold the digits of bytes.
            data = bytea.encode(data)
        try:
            changed = await update.run(data, row.cells[:-2])
        except DatabaseError as error:
            if not error.is_passing:
                raise
            raise RotationError(
                f"row {number}: somebody else has changed it, or holds it; run it again"
            ) from None
        if changed == 0:
            raise RotationError(f"row {number}: --sql_update changes no row")
        if changed is not None and changed > 1:
            # Others would lose their own data, and not be told of when their turn comes.
            raise RotationError(f"row {number}: --sql_update changes {changed} rows in place of it")


def _print(found: object, output: TextIO) -> None:
    output.write(json.dumps(found) + "\n")


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
