"""acra-doctor's check of the store of tokens."""

import os
from pathlib import Path

from twisted.internet import reactor  # noqa: TID251 - its threads
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from acra_twisted.config.tokens import TOKENS
from acra_twisted.doctor.result import FAIL, OK, WARN
from acra_twisted.errors import TokenStoreError
from acra_twisted.options import Settings
from acra_twisted.server import tokenexamination
from acra_twisted.tokens.memorystore import MemoryStore
from tests.unit.server.test_service import settings

DEFAULTS = {option.name: option.default for option in TOKENS.options}


class Silent:
    """A store that never answers."""

    def __init__(self):
        self.closed = False

    def page(self):
        return Deferred()

    async def close(self):
        self.closed = True


class Stores(TestCase):
    def settings(self, column="token_type: str", **changes):
        file = Path(self.mktemp())
        file.write_text(f"schemas: [{{table: people, encrypted: [{{column: a, {column}}}]}}]")
        made = settings(
            **{
                **DEFAULTS,
                "stages": ("encryptor", "decryptor"),
                "encryptor_config_file": str(file),
                **changes,
            }
        )
        return Settings(made, {"encryptor": {"config_file": ""}})

    async def found(self, clock=reactor, **changes):
        asked = tokenexamination.token_store(clock, self.settings(**changes))
        return [(result.state, result.text) async for result in asked]

    async def test_nobody_needs_one(self):
        self.assertEqual(await self.found(column="data_type: str", token_store="nothing"), [])

    async def test_what_settings_say_is_told_there(self):
        self.assertEqual(await self.found(token_store="nothing"), [])
        self.assertEqual(await self.found(column="token_type: nothing"), [])

    async def test_one_that_answers(self):
        self.assertEqual(await self.found(token_store="memory"), [(OK, "memory answers")])

    async def test_a_file_that_is_made_later(self):
        name = f"sqlite:{self.mktemp()}"
        self.assertEqual(await self.found(token_store=name), [(OK, f"{name} is made at the start")])
        self.assertRaises(OSError, os.stat, name.partition(":")[2])

    def file(self, content):
        path = self.mktemp()
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
        return path

    async def test_a_file_that_is_something_else(self):
        path = self.file(b"no database" * 100)
        ((state, text),) = await self.found(token_store=f"sqlite:{path}")
        self.assertEqual(state, FAIL)
        self.assertIn(f"the token store {path} cannot be used", text)

    async def test_records_that_are_named_otherwise(self):
        store = MemoryStore()
        await store.add(b"bucket", [[(b"h.name", b"record")]])
        self.patch(tokenexamination, "open_store", lambda *given, **more: store)
        for names, state in (("keyed", WARN), ("acra", OK)):
            ((found, _),) = await self.found(token_store="memory", token_ids=names)
            self.assertEqual(found, state)

    def test_one_that_does_not_answer(self):
        store, clock = Silent(), Clock()
        self.patch(tokenexamination, "open_store", lambda *given, **more: store)
        redis = {"redis_host_port": "cache:6379", "redis_db_tokens": 0}
        asked = ensureDeferred(self.found(clock, **redis))
        clock.advance(tokenexamination.TIMEOUT + 1)
        ((state, text),) = self.successResultOf(asked)
        self.assertEqual((state, text), (FAIL, "Redis at cache:6379 does not answer"))
        self.assertTrue(store.closed)

    async def test_one_that_cannot_be_asked(self):
        class Away(Silent):
            async def page(self):
                raise TokenStoreError("it is away")

        away = Away()
        away.page = lambda page=away.page: ensureDeferred(page())
        self.patch(tokenexamination, "open_store", lambda *given, **more: away)
        self.assertEqual(await self.found(token_store="memory"), [(FAIL, "it is away")])
