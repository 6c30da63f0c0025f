"""Keys, containers and batches of rows for the stages that read containers."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred, execute

from acra_twisted import purposes
from acra_twisted.crypto import acrablock, acrastruct, envelopes, poison
from acra_twisted.dialects.postgresql.rows import CopyRows, DataRows
from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.exchange import Exchange
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.pipeline.steps import Steps
from acra_twisted.results import LINES, Columns
from acra_twisted.stages import containers
from acra_twisted.themis import keys
from acra_twisted.wire.postgres.frames import message
from tests.support.sessions import make_session, row

CLIENT = "client"
BYTEA, TEXT, INT4 = 17, 25, 23


class Workbench:
    """A key store with a client's keys and poison keys, and an exchange to try stages on."""

    def __init__(self):
        self.keys = MemoryKeyStore()
        self.private = keys.generate()
        self.poison = keys.generate()
        self.keys.put(purposes.STORAGE, self.private, CLIENT)
        self.keys.put(purposes.STORAGE_SYMMETRIC, b"s" * 32, CLIENT)
        self.keys.put(purposes.POISON, self.poison)
        self.keys.put(purposes.POISON_SYMMETRIC, b"p" * 32)
        self.session = make_session()
        self.exchange = Exchange(self.session, "query", None, 1)

    def struct(self, text=b"text", wrapped=True):
        made = acrastruct.create(text, self.private.public_key(), b"", os.urandom)
        return envelopes.wrap(envelopes.ACRASTRUCT, made) if wrapped else made

    def block(self, text=b"text", key=b"s" * 32):
        made = acrablock.create(text, key, b"", os.urandom)
        return envelopes.wrap(envelopes.ACRABLOCK, made)

    def records(self):
        return (
            poison.make_acrastruct(self.poison.public_key(), -1, os.urandom),
            poison.make_acrablock(b"p" * 32, -1, os.urandom),
        )


def hexed(data):
    return b"\\x" + data.hex().encode()


def columns(*types, formats=None):
    count = len(types)
    nothing = [0] * count
    return Columns([b""] * count, nothing, types, formats or nothing, values=VALUES)


def batch(*rows, types=None, formats=None):
    """Rows of cells as a DataRows."""
    described = columns(*(types or [BYTEA] * len(rows[0])), formats=formats)
    return DataRows(b"".join(row(*cells) for cells in rows), described)


def copy_batch(*lines, layout=LINES):
    """Messages of COPY data as a CopyRows."""
    described = Columns([b""], [0], [0], [0], layout, values=VALUES)
    return CopyRows(b"".join(message(b"d", line) for line in lines), described)


class Workers:
    """Keeps work until it is told to do it: ``waiting`` is that of threads, ``turns`` are turns of
    the reactor that are asked for."""

    def __init__(self):
        self.waiting = []
        self.turns = []
        self._steps = Steps(self)

    def callFromThread(self, turn):
        self.turns.append(turn)

    def in_steps(self, work):
        return self._steps.run(work)

    def run(self, function, *args):
        answer = Deferred()
        self.waiting.append((answer, function, args))
        return answer

    def step(self):
        """Take a turn of the reactor."""
        self.turns.pop(0)()

    def turn(self):
        """Do everything that waits."""
        while self.waiting or self.turns:
            waiting, self.waiting = self.waiting, []
            for answer, function, args in waiting:
                execute(function, *args).chainDeferred(answer)
            while self.turns:
                self.step()


def look(rows):
    """Return the findings of a run in which all has been looked for."""
    for _ in containers.looking(rows):
        pass
    return rows.findings
