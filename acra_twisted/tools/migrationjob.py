"""The work of acra-migrate on some tables, whichever their database."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TextIO

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.settings import TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant
from acra_twisted.server.tokenstore import redis_tls
from acra_twisted.tokens.opening import open_store
from acra_twisted.tokens.tokenizer import Tokenizer
from acra_twisted.tools import commandline, tokenstoreflags
from acra_twisted.tools.columnchanges import (
    Forms,
    Keys,
    Part,
    SecondColumnChange,
    column_change,
    second_column_change,
)
from acra_twisted.tools.commandline import Environment
from acra_twisted.tools.rowmoving import RowMover
from acra_twisted.tools.rowwork import Counts, Habits, MigrationError, MovedTable, Words, due_now

#: Where progress is shown; replaced by tests.
ERRORS: TextIO = commandline.standard("stderr")
#: Seconds for which rows that somebody holds are left alone.
_HELD: Final = 1.0


class Site(Protocol):
    """The database of a job.  A root is a table that the configuration names, with the tables that
    hold its rows.  Methods raise ConfigError, DatabaseError."""

    @property
    def words(self) -> Words:
        """Return the words for a transaction for each batch."""

    @property
    def forms(self) -> Forms:
        """Return the forms in which values are shown."""

    async def read(self) -> None:
        """Read the schema; it comes first."""

    def roots(self, table: TableSetting) -> Sequence[Any]:
        """Return the roots of a table's settings, one at least."""

    def definitions(self, root: Any) -> Sequence[str]:
        """Return the statements that make room for changed values, with nothing to run if there
        is."""

    async def work(self, root: Any) -> Sequence[MovedTable]:
        """Return the tables with the rows of a root."""

    async def switch(self, root: Any, job: MigrationJob) -> None:
        """Give second columns the names of the first ones."""


class MigrationJob:
    """One command.  ``given`` are its flags."""

    def __init__(
        self,
        given: Any,
        environment: Environment,
        site: Site,
        reactor: Any,
        output: TextIO,
    ) -> None:
        self.given, self._environment, self._site = given, environment, site
        self._reactor, self._output = reactor, output
        self._tokenizer: Tokenizer | None = None
        self._keys: Keys | None = None
        self._is_over = False
        self._began = time.monotonic()
        self._shown = ""

    async def run(self, tables: Sequence[TableSetting], resume: tuple[str, int]) -> None:
        """Do what the command says.  Raises AcraError."""
        site = self._site
        await site.read()
        roots = [root for table in tables for root in site.roots(table)]
        if getattr(self.given, "ddl", False):
            for root in roots:
                for line in site.definitions(root):
                    self.tell(line)
            return
        work = self._due_now([await site.work(root) for root in roots])
        name, page = resume
        names = [one.label for some in work for one in some]
        if name and name not in names:
            raise ConfigError(f"--resume: there is no table {name!r}{meant(name, names)}")
        before = signal.signal(signal.SIGTERM, self._stop)
        interrupt = signal.signal(signal.SIGINT, self._stop)
        refused: list[str] = []
        number = 0
        try:
            for root, some in zip(roots, work, strict=True):
                for one in some:
                    if name and one.label != name:
                        continue
                    counts = await self.moved(one, page, site.words)
                    name, page = "", 0
                    refused += counts.told
                    number += counts.refused
                if getattr(self.given, "switch", False) and not (number or self.given.dry_run):
                    await site.switch(root, self)
        finally:
            signal.signal(signal.SIGTERM, before)
            signal.signal(signal.SIGINT, interrupt)
            if self._tokenizer is not None:
                await self._tokenizer.stop()
        if number:
            raise MigrationError("\n".join([*refused, f"{number} values stay as they are"]))

    def _due_now(self, work: Sequence[Sequence[MovedTable]]) -> Sequence[Sequence[MovedTable]]:
        """Return what is to be changed now, and tell what is left."""
        now, left = due_now(work, self.given.command)
        if left:
            self.tell(
                f"left as they are: {', '.join(left)}; run this once more when the second columns "
                "are switched, and AcraServer has the configuration"
            )
        return now

    async def moved(self, table: MovedTable, page: int, words: Words) -> Counts:
        """Change the rows of one table, and tell the counts."""
        given = self.given
        if not table.parts:
            return Counts()
        changes = [column_change(part, *self._means()) for part in table.parts]
        mover = RowMover(table, changes, self.habits(table.label), words)
        try:
            counts = await mover.run(page, given.passes)
        finally:
            self.end_progress()
        done = "to change" if given.dry_run else "changed"
        self.tell(f"{table.label}: {counts.changed} values {done}, {counts.refused} refused")
        return counts

    def second_change(self, part: Part) -> SecondColumnChange:
        """The change of a column that has a second one.  Raises ConfigError, KeyStoreError."""
        return second_column_change(part, *self._means())

    def _means(self) -> tuple[str, Keys, bool, Callable[[], Tokenizer], Forms]:
        """The parameters of changes of columns."""
        any_prefix = getattr(self.given, "any_prefix", False)
        keys = self._need_keys()
        return self.given.command, keys, any_prefix, self._need_tokens, self._site.forms

    def habits(self, label: str) -> Habits:
        """The habits of the work on a table, which begins."""
        given = self.given
        self._began = time.monotonic()
        show = self._progress(label)
        return Habits(given.batch, given.dry_run, self._pause, lambda: self._is_over, show)

    def _need_keys(self) -> Keys:
        if self._keys is None:
            given = self.given
            store = commandline.open_store(
                given.keys_dir, given.keys_dir_public, given, self._environment
            )
            self._keys = Keys(store, given.client_id)
        return self._keys

    def _need_tokens(self) -> Tokenizer:
        if self._tokenizer is None:
            given = self.given
            settings = tokenstoreflags.settings_of(given)
            store = open_store(
                tokenstoreflags.store_of(given),
                settings,
                self._reactor,
                redis_tls(settings),
                create=given.command == ENCRYPT,
            )
            assert self._keys is not None  # noqa: S101 - opened before
            keyed = tokenstoreflags.are_keyed(given)
            self._tokenizer = Tokenizer(store, self._keys.store, time.time_ns, keyed=keyed)
        return self._tokenizer

    def _stop(self, *_: object) -> None:
        self._is_over = True

    def _pause(self, rows: int) -> Deferred[None]:
        """Wait as long as the rate says."""
        rate = self.given.rate
        seconds = _HELD if not rows else rows / rate if rate > 0 else 0
        return deferLater(self._reactor, seconds)

    def tell(self, text: str) -> None:
        """Write a line of the answer."""
        self._output.write(f"{text}\n")
        self._output.flush()

    def _progress(self, name: str) -> Callable[[int, int, Counts], None]:
        def show(page: int, pages: int, counts: Counts) -> None:
            if not ERRORS.isatty():
                return
            passed = max(time.monotonic() - self._began, 0.001)
            part = page / max(pages, 1)
            rest = f", {passed / part - passed:,.0f} s left" if 0 < part < 1 else ""
            text = (
                f"{name}: {part:4.0%}, {counts.changed:,} changed, "
                f"{counts.rows / passed:,.0f} rows/s{rest}"
            )
            ERRORS.write(f"\r{text:<{len(self._shown)}}")
            ERRORS.flush()
            self._shown = text

        return show

    def end_progress(self) -> None:
        """End the line of progress."""
        if self._shown:
            ERRORS.write("\n")
            self._shown = ""
