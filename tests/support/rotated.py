"""Rows of containers, and calls of acra-rotate and acra-rollback that read and write them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.sandbox.keys import Keys
from tests.support import preloaded

OWNER = "people application"
ROWS = 1_200


class Rotated:
    """Mixed into a test of a database, whose ``dsn`` the tools are given.

    Its keys are new with each test.  ``database_flags`` are those that name the kind of database,
    ``update`` is the statement that writes a row.
    """

    dsn: str
    database_flags: tuple[str, ...] = ()
    update: str
    #: Part of ``dsn``, where there is one: no tool may say it.
    password: str | None = None

    def make_keys(self: Any) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.keys = Keys(self.folder, OWNER)

    def sealed(self: Any, text: bytes, number: int) -> bytes:
        """An AcraBlock for odd numbers, an AcraStruct for even ones."""
        if number % 2:
            block = acrablock.create(text, self.keys.symmetric_key, b"", os.urandom)
            return envelopes.wrap("acrablock", block)
        return acrastruct.create(text, self.keys.storage_public_key, b"", os.urandom)

    def call(self: Any, tool: str, *flags: str, status: int = 0) -> str:
        """Return what a tool says.  It has to end with the status."""
        keys = (f"--keys_dir={self.keys.path}", f"--master_key_file={self.keys.master_key_file}")
        ended, said = preloaded.run(f"acra-{tool}", [*flags, *keys])
        self.assertEqual(ended, status, said)
        self.assertNotIn("Traceback", said)
        if self.password is not None:
            self.assertNotIn(self.password, said)
        return said

    def roll_back(self: Any, *flags: str, **options: int) -> str:
        return self.call(
            "rollback",
            f"--client_id={OWNER}",
            f"--connection_string={self.dsn}",
            *self.database_flags,
            "--select=SELECT data FROM people ORDER BY id",
            *flags,
            **options,
        )

    def rotate(self: Any, *flags: str, **options: int) -> str:
        return self.call(
            "rotate",
            f"--db_connection_string={self.dsn}",
            *self.database_flags,
            "--sql_select=SELECT id, region, owner, data FROM people",
            f"--sql_update={self.update}",
            *flags,
            **options,
        )

    def begin_rotation(self: Any, select: str, update: str) -> preloaded.Run:
        """Run acra-rotate beside the test, with which it ends."""
        tool = preloaded.Run(
            "acra-rotate",
            [
                f"--keys_dir={self.keys.path}",
                f"--master_key_file={self.keys.master_key_file}",
                f"--db_connection_string={self.dsn}",
                f"--sql_select={select}",
                f"--sql_update={update}",
            ],
        )
        self.addCleanup(tool.remove)
        return tool
