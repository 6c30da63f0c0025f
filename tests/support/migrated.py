"""Calls of acra-migrate, and tables of a database whose rows it changes in place."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.sandbox.keys import Keys
from tests.support import preloaded

PROGRAM = "acra-migrate"
OWNER = "people application"
ROWS = 2_000


class Migrated:
    """Mixed into a test of a database.

    It has the ``folder`` of the test's class, the columns' ``config``, and the connection string
    ``where``.  ``rows`` gives those of a query.
    """

    folder: Path
    config: Path
    where: str
    #: Of ``where``, if there is one: the tool does not say it.
    password: str | None = None

    def make_keys(self: Any) -> Path:
        """Make new keys.  Return a folder that ends with the test."""
        folder = tempfile.TemporaryDirectory(dir=self.folder)
        self.addCleanup(folder.cleanup)
        self.keys = Keys(Path(folder.name), OWNER)
        self.keys.writer.generate(purposes.SEARCH_HMAC, OWNER)
        return Path(folder.name)

    def command(self: Any, *arguments: str) -> list[str]:
        change, *rest = arguments
        return [
            *(change, f"--encryptor_config_file={self.config}"),
            *(f"--connection_string={self.where}", f"--client_id={OWNER}"),
            *(f"--keys_dir={self.keys.path}", f"--master_key_file={self.keys.master_key_file}"),
            *rest,
        ]

    def migrate(self: Any, *arguments: str, status: int = 0) -> str:
        """Return what the tool says.  It has to end with the status."""
        ended, said = preloaded.run(PROGRAM, self.command(*arguments))
        self.assertEqual(ended, status, said)
        self.assertNotIn("Traceback", said)
        if self.password is not None:
            self.assertNotIn(self.password, said)
        return said

    def newest(self: Any) -> Opener:
        """An opener of the newest keys alone."""
        private, *_ = self.keys.store.keys(purposes.STORAGE, OWNER)
        secret, *_ = self.keys.store.keys(purposes.STORAGE_SYMMETRIC, OWNER)
        return Opener([private], [secret.value])

    def opened(self: Any, stored: bytes, opener: Opener | None = None) -> tuple[bytes, bytes]:
        """The bytes before a stored value's container, and the plaintext."""
        [found] = envelopes.outermost(stored)
        content = (opener or self.newest()).open(found.kind, found.data(stored), {})
        return stored[: found.start], content + stored[found.end :]


class People(Migrated):
    """Mixed into a test of a table ``people`` of `ROWS` rows, which is ``named`` so for the tool.

    ``whole_name`` is how the tool names it.  A writer's ``connect_writer`` gives a connection,
    whose transactions end with `commit`; ``write`` runs a statement by it.  ``encrypted`` counts
    the rows that are.
    """

    named: str
    whole_name: str

    def assert_encrypted(self: Any) -> None:
        opener = self.newest()
        found = self.rows("SELECT id, name, email, card FROM people ORDER BY id")
        self.assertEqual(len(found), ROWS)
        for number, name, email, card in found:
            if number % 100:
                self.assertEqual(self.opened(name, opener), (b"", b"Name %d" % number))
            else:
                self.assertIsNone(name)
            before, value = self.opened(email, opener)
            self.assertEqual((len(before), value), (33, b"%d@example.com" % number))
            self.assertEqual(self.opened(card, opener)[1], b"%d" % (4000000000000000 + number))

    def test_a_table_that_others_write(self: Any) -> None:
        """The writer changes every row, and holds some of them for a while."""
        done = threading.Event()
        written = []

        def write() -> None:
            db = self.connect_writer()
            number = 0
            while not done.is_set():
                number = number % ROWS + 7
                self.write(db, f"UPDATE people SET n = n + 1 WHERE id = {number % ROWS + 1}")
                if not number % 5:
                    db.commit()
                written.append(number)
            db.commit()
            db.close()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            self.migrate("encrypt", self.named, "--batch=100")
        finally:
            done.set()
            writer.join()
        self.assertTrue(written)
        self.assert_encrypted()
        [(total,)] = self.rows("SELECT sum(n) FROM people")
        self.assertEqual(total, len(written))

    def test_killed_in_the_middle_and_run_again(self: Any) -> None:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            process = preloaded.Run(
                PROGRAM, self.command("encrypt", self.named, "--batch=50", "--rate=800")
            )
            self.addCleanup(process.remove)
            deadline = time.monotonic() + 120
            begun = self.encrypted()
            while self.encrypted() < begun + 200 and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send(sent)
            ended, said = process.wait(), process.said
            if sent == signal.SIGTERM:
                self.assertEqual(ended, 1)
                self.assertIn(f"--resume='{self.whole_name} ", said)
                resume = said[said.index("--resume=") :].split("'")[1]
        self.assertLess(self.encrypted(), ROWS)
        self.migrate("encrypt", self.named, f"--resume={resume}")
        self.assert_encrypted()
