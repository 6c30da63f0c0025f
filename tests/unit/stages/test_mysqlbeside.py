"""Stages that let queries of MySQL pass at once do with them what they do one after the other."""

import json
import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.dialects.mysql.response import MysqlReplies
from acra_twisted.options import Settings
from acra_twisted.outstanding import SKIP
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.pipeline.services import Services
from acra_twisted.stages.censor import CensorFactory
from acra_twisted.stages.mysqlencryptor import MysqlEncryptor
from acra_twisted.stages.query_capture import QueryCapture
from acra_twisted.verdicts import PASS
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import packets
from tests.support.containers import CLIENT, Workers
from tests.support.mysqlplanning import SETTINGS
from tests.support.mysqlrequests import Desk, query, said
from tests.support.mysqlsessions import MysqlBench
from tests.support.profiled import profiled
from tests.support.stages import Observing

RULES = """version: 0.85.0
handlers:
  - handler: deny
    tables: [secrets]
    patterns: ["SELECT note FROM others WHERE note = 'denied' OR id = %%VALUE%%"]
"""
LIMITS = {"max_text": 1 << 20, "max_tokens": 10_000, "max_structure": 5_000}
#: The first two concern no protected column.
TEXTS = (
    "SELECT note FROM others WHERE note = {} OR id = {}",
    "SELECT k FROM sbtest1 WHERE id = {1}",
    "INSERT INTO others (note) VALUES ({})",
    "SELECT id FROM people WHERE email = {} AND id < {}",
    "INSERT INTO people (id, name, email) VALUES ({1}, {0}, {0})",
    "SELECT id FROM secrets WHERE note = {} OR id = {}",
    "SELECT UPPER(name) FROM people WHERE id = {1}",
    "SELECT id FROM others WHERE name = {} AND",
    "SELECT 'open FROM people WHERE name = {}",
    "CREATE TEMPORARY TABLE others (note TEXT)",
    "DROP TABLE others",
    "CREATE TABLE t (id INT)",
    "USE shop",
    "SHOW WARNINGS",
    "SET ROLE r",
    "GRANT r TO u",
    "PREPARE s FROM {}",
    "EXECUTE s",
)
texts = st.builds(
    lambda text, value, number: text.format(value, number),
    st.sampled_from(TEXTS),
    st.sampled_from(
        ["'a'", "'denied'", "'d\\\\'", "'\u00e9'", "NULL", "'SELECT name FROM people'"]
    ),
    st.integers(0, 20),
)
#: What is sent before any of it is answered, and whether the database fails at it.
bursts = st.lists(st.tuples(texts, st.booleans()), min_size=1, max_size=3)
OK = b"\0\0\0\2\0\0\0"
ERROR = b"\xff\x7a\x04#42S02no such table"
_stored = re.compile(rb"x'([0-9a-f]{120,})'")


class World:
    """A session with stages, in ``order``, and what they and the database are asked and told.
    ``at_once``: queries may pass without a Work."""

    def __init__(self, case, order, at_once, timed):
        self.bench = MysqlBench()
        self.bench.keys.put(purposes.SEARCH_HMAC, b"h" * 32, CLIENT)
        self.workers = Workers()
        self.path = case.mktemp()
        self.capture = QueryCapture(self.path, 100)
        self.censor = case.censor()
        seconds = self.bench.seconds
        stages = {
            "censor": self.censor,
            "encryptor": MysqlEncryptor(SETTINGS, self.bench.keys, self.workers, seconds),
            "capture": self.capture,
            "plain": Observing(),
        }
        self.observing = stages["plain"]
        self.pipeline = Pipeline([stages[name] for name in order])
        self.judges = self.pipeline.judges if at_once else None
        self.timed = timed
        self.begin()

    def begin(self):
        """Begin another session."""
        self.desk = Desk(self.judged, self.pipeline.inspects & {"statement"}, judges=self.judges)
        self.session = self.bench.furnish(self.desk.session)
        self.session.identity.client_id = CLIENT
        self.session.timed = self.timed
        self.replies = MysqlReplies(self.session, self.desk.state, InForce(0, 0, True), None)

    def judged(self, work):
        verdict = self.pipeline.run(work)
        if isinstance(verdict, Deferred):
            found = []
            verdict.addBoth(found.append)
            self.workers.turn()
            [verdict] = found
        return verdict

    def learn(self):
        """Send each query as often as it takes to know it, in sessions of before."""
        for text in TEXTS:
            for _ in range(3):
                self.send([(text.format("'a'", 1), False)])
            self.begin()
        self.send([(TEXTS[0].format("'a'", 1), False)])

    def send(self, burst):
        """Send queries, and return what the database gets, and the client from it and us."""
        sent = [self.desk.says(said(*(query(text.encode()) for text, _ in burst)))]
        got, fates = [], [fails for _, fails in burst]
        outstanding = self.session.outstanding
        while True:
            self.replies.release_answers()
            got.append(self.replies.take_output())
            if not outstanding and self.desk.flow.awaits_load:
                # Behind a text that was refused, the next one waits for a question of its own.
                sent.append(self.desk.goes_on())
            if not outstanding:
                break
            # How its sessions read texts, the database does not tell.
            fails = outstanding[0][0] == SKIP or fates.pop(0)
            self.replies.begin(packets(ERROR if fails else OK, 1))
            got.append(self.replies.take_output())
            sent.append(self.desk.goes_on() if self.desk.flow.awaits_load else b"")
        return _stored.sub(self.opened, b"".join(sent)), b"".join(got)

    def opened(self, found):
        """A value that is stored, as far as it is the same each time."""
        stored = bytes.fromhex(found[1].decode())
        [container] = envelopes.find(stored)
        value = Opener((), [b"s" * 32]).open(container.kind, container.data(stored), {})
        return b"<%b|%b>" % (stored[: container.start].hex().encode(), value)

    def told(self):
        """All that was told of the queries."""
        recorder = self.desk.recorder
        self.capture.stop()
        self.censor.stop()
        with open(self.path) as file:
            captured = [json.loads(line) for line in file]
        closed = recorder.closed
        return {
            "outcomes": recorder.outcomes,
            "refused": [(name, verdict.reason) for name, verdict in recorder.stages],
            "failed": recorder.failures,
            "events": recorder.events,
            "values": recorder.columns,
            "plans": [exchange.plan for exchange in closed],
            "attributes": [exchange.attributes for exchange in closed],
            "runs": [list(map(_run, kept(exchange))) for exchange in closed],
            "shown": [shown(exchange.statement) for exchange in closed],
            "captured": captured,
            "hits": [(hit["where"], hit["count"]) for hit in self.censor.rule_hits()],
            "seen": [_stored.sub(self.opened, text) for text in self.observing.seen],
            "asked": self.bench.asked,
            "watches": [exchange.watch is None for exchange in closed],
            "meaning": _meaning(self.session.meaning),
        }


def shown(statement):
    """The text of a query as its client wrote it, and whether its results have a meaning."""
    before = statement.written
    meanings = [_meaning(one) for one in statement.meanings or ()]
    return (statement.text if before is None else before[0]), meanings


def _meaning(meaning):
    return None if meaning is None else (meaning.results, meaning.character_set)


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
        services = Services(
            clock, None, settings={"acracensor_config_file": self.path}, language="mysql"
        )
        return CensorFactory().make(own, services)

    @settings(max_examples=60)
    @given(
        st.permutations(["censor", "encryptor", "capture", "plain"]),
        st.integers(1, 4),
        st.booleans(),
        st.lists(bursts, min_size=1, max_size=8),
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
        for burst in sent:
            self.assertEqual(*(world.send(burst) for world in worlds), burst)
        self.assertEqual(*(world.told() for world in worlds))

    def test_known_queries_are_no_work(self):
        for order in (
            ["censor"],
            ["encryptor"],
            ["censor", "encryptor"],
            ["capture", "censor", "encryptor"],
            ["censor", "encryptor", "capture"],
        ):
            world = World(self, order, True, False)
            world.learn()
            world.desk.works.clear()
            for text in TEXTS[:2]:
                world.send([(text.format("'b'", 2), False)])
                self.assertEqual(world.desk.works, [], (order, text))
            if "censor" in order:
                # A rule that depends on literals is asked about each.
                world.send([(TEXTS[0].format("'denied'", 2), False)])
                self.assertEqual(world.desk.recorder.closed[-1].outcome, "denied")
                self.assertEqual(len(world.desk.works), 1)

    def test_texts_that_must_be_judged_are_hardly_looked_at_before(self):
        """All of that is done again: what is asked first tells most."""
        for text, most in ((TEXTS[2], 10), (TEXTS[3], 40), (TEXTS[4], 10)):
            at_once, one_by_one = (self.calls(text, way) for way in (True, False))
            self.assertLessEqual(at_once - one_by_one, most, text)
        self.assertLess(self.calls(TEXTS[1], True), self.calls(TEXTS[1], False))

    def calls(self, text, at_once):
        """Count the calls of a query that is known."""
        world = World(self, ["encryptor"], at_once, False)
        world.learn()
        sent = text.format("'b'", 3), False
        world.send([sent])
        calls = Counter()
        profiled(lambda frame, event, of: calls.update((event,)), lambda: world.send([sent]))
        return calls["call"] + calls["c_call"]
