"""``acra-tokens``: counts, disables, removes, seals anew, imports and exports tokens of a store."""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TextIO

from twisted.internet.task import deferLater

from acra_twisted.config.ownreactor import Run, in_own_reactor
from acra_twisted.encryption.tokenrecords import Record
from acra_twisted.encryption.tokens import KINDS, bucket_of, scope_of
from acra_twisted.errors import AcraError, ConfigError, KeyStoreError
from acra_twisted.keystore.cache import RECHECK, TRUST
from acra_twisted.options import Settings
from acra_twisted.purposes import STORAGE_SYMMETRIC
from acra_twisted.server.tokenstore import redis_tls
from acra_twisted.tokenentry import Entry
from acra_twisted.tokens.exportfile import ExportWriter
from acra_twisted.tokens.opening import FORMS, open_source, open_store
from acra_twisted.tools import commandline, tokengc, tokenrewrap, tokenstoreflags, tokenwork
from acra_twisted.tools.commandline import Ask, Environment, Parser
from acra_twisted.tools.tokentimes import human, unix_seconds
from acra_twisted.tools.tokenwork import Limits, Totals

PROGRAM = "acra-tokens"
#: Where progress is shown; replaced by tests.
ERRORS: TextIO = commandline.standard("stderr")
#: Seconds after which a token without a value's record is nobody's: its writer is done.
_SETTLED: Final = 24 * 3600


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Manage the store of tokens that stand in the place of values. Records stay "
        "sealed: no key is needed, but for gc and rewrap.",
        epilog="A record is a token's, which leads to its value, or a value's, which leads to its "
        "consistent token. Dates are RFC 3339 or shorter, such as 2024-01-31, 'Jan 2024' or 2024, "
        "in local time where no zone is given; limits include the moment that they name.",
    )
    commandline.add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name: str, text: str) -> Parser:
        made: Parser = commands.add_parser(name, help=text, description=text)
        tokenstoreflags.add(made)
        return made

    _add_limits(command("status", "Count the records and the bytes that they have sealed."))
    _add_limits(command("disable", "Disable tokens: they are neither read nor written."))
    _add_limits(command("enable", "Enable tokens that were disabled."))
    made = command("remove", "Remove tokens. The values behind them are lost.")
    _add_limits(made)
    made.switch("all", help="remove tokens whether they are disabled or not")
    made.switch("only_disabled", help="remove tokens that are disabled")
    made.switch("dry_run", help="count the tokens to be removed, and remove none")
    made.switch("yes", help="do not ask")
    made = command(
        "gc",
        "Remove tokens that no value leads to. Only for a client and a type whose columns all have "
        "consistent tokens: others never have a record of their value.",
    )
    made.key_folders("keys_dir", "keys_dir_public")
    made.add_argument("--client_id", required=True, help="owner of the tokens")
    made.add_argument(
        "--token_type", required=True, choices=sorted(KINDS), help="type of the tokens"
    )
    made.switch("dry_run", help="count the tokens to be removed, and remove none")
    made.switch("yes", help="do not ask")
    made = command(
        "rewrap",
        "Seal every record anew with the current storage key of its owner, while servers use the "
        "store. A run that was interrupted is run again. Exit status 1 if a record does not open.",
    )
    made.key_folders("keys_dir", "keys_dir_public")
    made.add_argument(
        "--client_id",
        action="append",
        default=[],
        help="owner of the records, several times for several; without it all that the key store "
        "has storage keys of",
    )
    made.add_argument(
        "--rate",
        default=0,
        type=commandline.number,
        help="records to seal a second; 0: as fast as it goes",
    )
    made.switch("dry_run", help="count the records to be sealed anew, and write none")
    made = command(
        "import", "Copy the records of another store into this one. Nothing is overwritten."
    )
    made.add_argument(
        "source", type=commandline.raw, metavar="SOURCE", help=f"one of {', '.join(FORMS.values())}"
    )
    made = command("export", "Copy all records to a new file, which import reads.")
    made.add_argument("file", metavar="FILE", help="file to write, mode 0600")
    return parser


def _add_limits(parser: Parser) -> None:
    for event in ("created", "accessed"):
        for side in ("after", "before"):
            parser.add_argument(
                f"--{event}_{side}",
                type=_time,
                metavar="DATE",
                help=f"tokens {event} then or {side}",
            )


def _time(text: str) -> int | None:
    """argparse: a date; an empty one is no limit."""
    try:
        return unix_seconds(text) if text else None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a date, such as 2024-01-31, not {text!r}"
        ) from None


def main(
    arguments: Sequence[str],
    environment: Environment,
    output: TextIO,
    run: Run | None = None,
    ask: Ask | None = None,
) -> None:
    """Raises AcraError, OSError.  ``run`` takes the place of a reactor of its own, ``ask`` that of
    the terminal."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        output.write(parser.format_help())
        return
    _check(given)
    work = _COMMANDS[given.command]

    async def asked(reactor: Any) -> None:
        writes = given.command not in ("status", "export") and not getattr(given, "dry_run", False)
        open_ = open_store if writes else open_source
        settings = tokenstoreflags.settings_of(given)
        # A mistyped name makes no empty store.
        create = given.command == "import"
        store = open_(
            tokenstoreflags.store_of(given),
            settings,
            reactor,
            redis_tls(settings),
            create=create,
        )
        try:
            await work(
                _Job(given, environment, store, reactor, settings, output, ask or commandline.ask)
            )
        finally:
            await store.close()

    (run or in_own_reactor)(asked)


def _check(given: Any) -> None:
    """Refuse what says too little.  Raises ConfigError."""
    if given.command == "remove":
        if not given.all and not given.only_disabled:
            # Acra's words; scripts look for them.
            raise ConfigError("underspecified removal conditions: --all or --only_disabled?")
        if given.all and given.only_disabled:
            raise ConfigError("--all and --only_disabled: give one of them")


class NotConfirmed(AcraError):
    """Nobody has said yes."""


class _Job:
    """One command, with what it works on."""

    def __init__(
        self,
        given: Any,
        environment: Environment,
        store: Any,
        reactor: Any,
        settings: Settings,
        output: TextIO,
        ask: Ask,
    ) -> None:
        self.given, self.environment, self.store = given, environment, store
        self.reactor, self.settings, self.output, self._ask = reactor, settings, output, ask

    def tell(self, text: str) -> None:
        self.output.write(f"{text}\n")

    def progress(self, seen: int) -> None:
        """Show how many records have been looked at, on a terminal."""
        if ERRORS.isatty():
            ERRORS.write(f"\r{seen:,} records")
            ERRORS.flush()

    def pass_progress(self, number: int, counts: tokenrewrap.Counts) -> None:
        """Show how far a pass is, on a terminal."""
        if ERRORS.isatty():
            ERRORS.write(
                f"\rpass {number}: {counts.records:,} records, {counts.sealed:,} sealed anew"
            )
            ERRORS.flush()

    async def pause(self, records: int) -> None:
        """Wait as long as the rate says."""
        if self.given.rate > 0:
            await deferLater(self.reactor, records / self.given.rate)

    def meant(self, entry: Entry, record: Record) -> bool:
        given = self.given
        limits = Limits(
            given.created_after,
            given.created_before,
            given.accessed_after,
            given.accessed_before,
        )
        only_disabled = getattr(given, "only_disabled", False)
        return limits.admit(record) and (record.disabled or not only_disabled)

    async def count(self) -> Totals:
        """Count the records that are meant, and end the line of the progress."""
        found = await tokenwork.count(self.store, self.meant, self.progress)
        self.ended()
        return found

    async def remove(self, number: int, meant: tokenwork.Meant) -> None:
        """Remove a number of records that has been told, if somebody says yes.  Raises
        NotConfirmed."""
        if self.given.dry_run or not number:
            return
        if not self.given.yes:
            self.output.flush()
            answer = self._ask("Remove them? The values behind them are lost. [yes/no] ")
            if answer.strip() != "yes":
                raise NotConfirmed("nothing was removed: answer yes, or give --yes")
        removed = await tokenwork.remove(self.store, meant, self.progress)
        self.ended()
        self.tell(f"Removed: {removed}")

    def ended(self) -> None:
        """End the line of the progress."""
        if ERRORS.isatty():
            ERRORS.write("\n")


async def _status(job: _Job) -> None:
    totals = await job.count()
    job.tell(f"TokenCount: {totals.records}")
    job.tell(f"StorageSize: {totals.size} ({human(totals.size)})")
    job.tell(f"DisabledTokenCount: {totals.disabled_records}")
    job.tell(f"DisabledStorageSize: {totals.disabled_size} ({human(totals.disabled_size)})")


def _switch(disabled: bool) -> Callable[[_Job], Awaitable[None]]:
    async def switch(job: _Job) -> None:
        number = await tokenwork.set_disabled(job.store, job.meant, disabled, job.progress)
        job.ended()
        job.tell(f"{'Disabled' if disabled else 'Enabled'}: {number}")

    return switch


async def _remove(job: _Job) -> None:
    totals = await job.count()
    job.tell(f"TokenCount: {totals.records}")
    job.tell(f"DisabledTokenCount: {totals.disabled_records}")
    await job.remove(totals.records, job.meant)


async def _gc(job: _Job) -> None:
    given = job.given
    keys = commandline.open_store(
        given.keys_dir, given.keys_dir_public, given, job.environment
    ).keys(STORAGE_SYMMETRIC, given.client_id)
    before = int(time.time()) - _SETTLED
    orphans = await tokengc.orphans(
        job.store, keys, given.client_id, given.token_type, before, job.progress
    )
    job.ended()
    job.tell(f"TokenCount: {len(orphans)}")
    bucket = bucket_of(scope_of(given.client_id))
    await job.remove(
        len(orphans), lambda entry, record: entry.bucket == bucket and entry.key in orphans
    )


async def _rewrap(job: _Job) -> None:
    given = job.given
    store = commandline.open_store(given.keys_dir, given.keys_dir_public, given, job.environment)
    owners = {owner: store.keys(STORAGE_SYMMETRIC, owner) for owner in _owners(given, store)}
    habits = tokenrewrap.Habits(given.dry_run, job.pause, job.pass_progress)
    work = tokenrewrap.Rewrap(job.store, owners, habits, is_whole=not given.client_id)
    if not given.dry_run:
        # Until then a server may go on with a former key.
        await deferLater(job.reactor, RECHECK + TRUST)
    counts = await work.run()
    job.ended()
    job.tell(f"TokenCount: {counts.records}")
    job.tell(f"{'ToRewrap' if given.dry_run else 'Rewrapped'}: {counts.sealed}")
    if given.client_id:
        job.tell(f"OfOtherClients: {counts.passed_over}")
    if counts.closed:
        raise KeyStoreError("\n".join(tokenrewrap.told(counts)))


def _owners(given: Any, store: Any) -> Sequence[str]:
    """Return the client ids whose records are meant.  Raises KeyStoreError, ConfigError."""
    known = [owner for purpose, owner in store.present() if purpose == STORAGE_SYMMETRIC]
    if not known:
        raise KeyStoreError(f"there is no {STORAGE_SYMMETRIC.text} of any client in {store.folder}")
    for owner in given.client_id:
        if owner not in known:
            raise KeyStoreError(f"there is no {STORAGE_SYMMETRIC.text} of {owner}")
    return given.client_id or known


async def _import(job: _Job) -> None:
    if job.given.source == tokenstoreflags.store_of(job.given):
        raise ConfigError("import: the source is the store itself")
    source = open_source(
        job.given.source,
        job.settings,
        job.reactor,
        redis_tls(job.settings),
        create=False,
    )
    try:
        copied = await tokenwork.copy(source, job.store, job.progress)
    finally:
        await source.close()
    job.ended()
    job.tell(f"Imported: {copied.added}")
    job.tell(f"AlreadyThere: {copied.same}")
    if copied.named:
        job.tell(
            f"{copied.named} of them are records of consistent tokens whose names Acra has made, "
            "without a key: AcraServer finds them with token_ids = acra"
        )
    if copied.keyed and tokenstoreflags.store_of(job.given) == "redis":
        job.tell(
            f"{copied.keyed} of them are records of consistent tokens whose names are made with a "
            "key: AcraServer finds them in Redis with token_ids = keyed"
        )
    if copied.different:
        raise ConfigError(
            f"{copied.different} records are there already with other contents, and stay as they "
            "are: times of access may differ, or the two stores give a token to two values"
        )


async def _export(job: _Job) -> None:
    writer = ExportWriter(job.given.file)
    try:
        number = await tokenwork.export(job.store, writer, job.progress)
        writer.close()
    except BaseException:
        writer.discard()
        raise
    job.ended()
    job.tell(f"Exported: {number}")


_COMMANDS: Final[dict[str, Callable[[_Job], Awaitable[None]]]] = {
    "status": _status,
    "disable": _switch(True),
    "enable": _switch(False),
    "remove": _remove,
    "gc": _gc,
    "rewrap": _rewrap,
    "import": _import,
    "export": _export,
}


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
