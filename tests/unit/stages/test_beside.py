"""Stages that let simple queries pass at once do with them what they do one after the other."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
    TableSetting,
)
from acra_twisted.options import Settings
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.pipeline.services import Services
from acra_twisted.stages.censor import CensorFactory
from acra_twisted.stages.encryptor import Encryptor
from acra_twisted.stages.query_capture import QueryCapture
from acra_twisted.verdicts import PASS
from tests.support.containers import CLIENT, Workbench, Workers
from tests.support.encryptors import Database
from tests.support.playbook import Playbook
from tests.support.sessions import complete, error, query, ready
from tests.support.stages import Observing

NAME = ColumnSetting("", "people", "name", kind=SEARCHABLE, data_type="str")
KEY = ColumnSetting("", "people", "key", data_type="str")
SETTINGS = EncryptionSettings([TableSetting("", "people", (), {"name": NAME, "key": KEY})])
RULES = """version: 0.85.0
handlers:
  - handler: deny
    tables: [secrets]
    patterns: ["SELECT id FROM people WHERE name = 'denied' AND id < %%VALUE%%"]
"""
LIMITS = {"max_text": 1 << 20, "max_tokens": 10_000, "max_structure": 5_000}
TEXTS = (
    "SELECT id FROM people WHERE name = {} AND id < {}",
    "INSERT INTO people (id, name, key) VALUES ({1}, {0}, {0})",
    "UPDATE people SET key = {} WHERE id = {}",
    "SELECT name FROM people WHERE id = {1}",
    "SELECT note FROM others WHERE note = {} OR id = {}",
    "SELECT id FROM secrets WHERE note = {} OR id = {}",
    "SELECT id FROM people WHERE name = {} AND",
    "SELECT 'open FROM people WHERE name = {}",
    "SELECT name || {} FROM people",
)
texts = st.builds(
    lambda text, value, number: text.format(value, number),
    st.sampled_from(TEXTS),
    st.sampled_from(["'a'", "'bc'", "'denied'", "'d\\'", "'é'", "''", "NULL", "E'a'"]),
    st.integers(0, 20),
)
_digits = re.compile(rb"(?:[0-9a-f]{2}){60,}")


class World:
    """A session with stages, in ``order``, and what they and the database are asked and told.
    ``at_once``: queries may pass without a Work."""

    def __init__(self, case, order, at_once, timed):
        self.bench = Workbench()
        self.bench.keys.put(purposes.SEARCH_HMAC, b"h" * 32, CLIENT)
        self.bench.keys.follow = lambda dropped: True
        self.workers = Workers()
        self.path = case.mktemp()
        self.capture = QueryCapture(self.path, 100)
        self.censor = case.censor()
        stages = {
            "censor": self.censor,
            "encryptor": Encryptor(SETTINGS, self.bench.keys, self.workers, lambda: 1000.0),
            "capture": self.capture,
            "plain": Observing(),
        }
        self.observing = stages["plain"]
        self.pipeline = Pipeline([stages[name] for name in order])
        self.play = Playbook(
            self.judged,
            self.pipeline.inspects & {"statement"},
            judges=self.pipeline.judges if at_once else None,
        )
        self.session = self.play.session
        self.session.database = b"db"
        self.session.timed = timed
        Database(self.session)

    def judged(self, work):
        verdict = self.pipeline.run(work)
        if isinstance(verdict, Deferred):
            self.workers.turn()
            [verdict] = verdicts(verdict)
        return verdict

    def learn(self):
        """Send each query that can be known as often as it takes to know it."""
        for text in TEXTS[:5]:
            for _ in range(3):
                self.send(text.format("'a'", 1), False)

    def send(self, text, fails):
        """Send a query, and return what the database gets, and the client from us."""
        sent = self.play.client(query(text.encode()))
        got = self.play.extra
        if sent:
            self.play.database((error() if fails else complete(b"SELECT 1")) + ready())
        return _digits.sub(self.opened, sent), got

    def opened(self, found):
        """A value that is stored, as far as it is the same each time."""
        stored = bytes.fromhex(found[0].decode())
        containers = envelopes.find(stored)
        if not containers:
            return found[0]
        [container] = containers
        opener = Opener((), [b"s" * 32])
        value = opener.open(container.kind, container.data(stored), {})
        return b"<%b|%b>" % (stored[: container.start].hex().encode(), value)

    def told(self):
        """All that was told of the queries."""
        recorder = self.play.recorder
        self.capture.stop()
        self.censor.stop()
        with open(self.path) as file:
            captured = [json.loads(line) for line in file]
        return {
            "outcomes": recorder.outcomes,
            "refused": [(name, verdict.reason) for name, verdict in recorder.stages],
            "failed": recorder.failures,
            "events": recorder.events,
            "values": recorder.columns,
            "plans": [exchange.plan for exchange in recorder.closed],
            "attributes": [exchange.attributes for exchange in recorder.closed],
            "runs": [list(map(_run, kept(exchange))) for exchange in recorder.closed],
            "shown": list(map(written, recorder.closed)),
            "captured": captured,
            "hits": [(hit["where"], hit["count"]) for hit in self.censor.rule_hits()],
            "seen": [_digits.sub(self.opened, text) for text in self.observing.seen],
        }


def verdicts(deferred):
    found = []
    deferred.addBoth(found.append)
    return found


def written(exchange):
    """The text of a query as its client wrote it."""
    before = exchange.statement.written
    return exchange.statement.text if before is None else before[0]


def kept(exchange):
    """The runs of an exchange's stages, without those that one of the two ways leaves out."""
    runs = exchange.stage_runs or ()
    return [run for run in runs if run.stage != "encryptor" or run.verdict is not PASS]


def _run(run):
    assert run.started < run.ended
    return run.stage, run.kind, type(run.verdict)


class Beside(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()
        with open(self.path, "w") as file:
            file.write(RULES)

    def censor(self):
        clock = Clock()
        clock.callWhenRunning = lambda function: function()
        own = Settings({"cache_entries": 100, "cache_bytes": 100_000, **LIMITS})
        given = {"acracensor_config_file": self.path}
        services = Services(clock, None, settings=given, language="postgresql")
        return CensorFactory().make(own, services)

    @settings(max_examples=25)
    @given(
        st.permutations(["censor", "encryptor", "capture", "plain"]),
        st.integers(1, 4),
        st.booleans(),
        st.lists(st.tuples(texts, st.booleans()), max_size=12),
    )
    def test_as_one_after_the_other(self, order, count, timed, sent):
        order = order[:count]
        if "censor" in order and "encryptor" in order:
            # As both say that they must stand.
            order.remove("censor")
            order.insert(order.index("encryptor"), "censor")
        worlds = [World(self, order, at_once, timed) for at_once in (True, False)]
        for world in worlds:
            world.learn()
        for text, fails in sent:
            self.assertEqual(*(world.send(text, fails) for world in worlds), text)
        self.assertEqual(*(world.told() for world in worlds))

    def test_known_queries_are_no_work(self):
        for order in (
            ["censor"],
            ["censor", "encryptor"],
            ["capture", "censor", "encryptor"],
            ["censor", "encryptor", "capture"],
        ):
            world = World(self, order, True, False)
            world.learn()
            world.play.works.clear()
            for text in TEXTS[:5]:
                world.send(text.format("'b'", 2), False)
                self.assertEqual(world.play.works, [], (order, text))
            # A rule that depends on literals is asked about each.
            world.send(TEXTS[0].format("'denied'", 2), False)
            self.assertEqual(world.play.recorder.closed[-1].outcome, "denied")
            self.assertEqual(len(world.play.works), 1)
