"""Stages that let queries pass at once, beside the same ones that are asked one after the other."""

import json
import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.options import Settings
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.pipeline.services import Services
from acra_twisted.stages.censor import CensorFactory
from acra_twisted.stages.query_capture import QueryCapture
from acra_twisted.verdicts import PASS
from tests.support.containers import CLIENT, Workers
from tests.support.stages import Observing

NAMES = ("censor", "encryptor", "capture", "plain")
_LIMITS = {"max_text": 1 << 20, "max_tokens": 10_000, "max_structure": 5_000}
_digits = re.compile(rb"(?:[0-9a-f]{2}){60,}")


class Stages:
    """Stages in ``order``, and what they are asked and told.  ``bench`` has the keys, and
    ``make_encryptor`` makes the stage for protected columns of workers; ``file`` is one to make."""

    def __init__(self, bench, make_encryptor, censor, file, order):
        bench.keys.put(purposes.SEARCH_HMAC, b"h" * 32, CLIENT)
        self.workers = Workers()
        self.path = file
        self.capture = QueryCapture(file, 100)
        self.censor = censor
        self.observing = Observing()
        made = (censor, make_encryptor(self.workers), self.capture, self.observing)
        stages = dict(zip(NAMES, made, strict=True))
        self.pipeline = Pipeline([stages[name] for name in order])

    def judged(self, work):
        """The verdict about a work."""
        verdict = self.pipeline.run(work)
        if isinstance(verdict, Deferred):
            found = []
            verdict.addBoth(found.append)
            self.workers.turn()
            [verdict] = found
        return verdict

    def told(self, recorder):
        """All that these and an observer were told of queries."""
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
            "runs": [list(map(_run, _kept(exchange))) for exchange in closed],
            "shown": list(map(_written, closed)),
            "captured": captured,
            "hits": [(hit["where"], hit["count"]) for hit in self.censor.rule_hits()],
            "seen": list(map(opened, self.observing.seen)),
        }


def make_censor(rules, language):
    """AcraCensor by a file of rules."""
    clock = Clock()
    clock.callWhenRunning = lambda function: function()
    own = Settings({"cache_entries": 100, "cache_bytes": 100_000, **_LIMITS})
    given = {"acracensor_config_file": rules}
    return CensorFactory().make(own, Services(clock, None, settings=given, language=language))


def ordered(order, count):
    """So many of some stages; the censor stands before the encryptor, as both say that it must."""
    order = order[:count]
    if "censor" in order and "encryptor" in order:
        order.remove("censor")
        order.insert(order.index("encryptor"), "censor")
    return order


def opened(sent):
    """Return what is sent, with each stored value in it as far as that is the same each time."""
    return _digits.sub(_opened, sent)


def _opened(found):
    stored = bytes.fromhex(found[0].decode())
    containers = envelopes.find(stored)
    if not containers:
        return found[0]
    [container] = containers
    value = Opener((), [b"s" * 32]).open(container.kind, container.data(stored), {})
    return b"<%b|%b>" % (stored[: container.start].hex().encode(), value)


def _written(exchange):
    """The text of a query as its client wrote it."""
    before = exchange.statement.written
    return exchange.statement.text if before is None else before[0]


def _kept(exchange):
    """The runs of an exchange's stages, without those that one of the two ways leaves out."""
    runs = exchange.stage_runs or ()
    return [run for run in runs if run.stage != "encryptor" or run.verdict is not PASS]


def _run(run):
    assert run.started < run.ended
    return run.stage, run.kind, type(run.verdict)


class Case(SynchronousTestCase):
    """``rules`` are AcraCensor's for ``language``; ``world`` makes a session with stages: of this,
    their order, whether queries may pass at once, and whether stages are timed.  It has ``learn``,
    ``send`` and ``told``."""

    rules: str
    language: str
    world: Any

    def setUp(self):
        self.path = self.mktemp()
        with open(self.path, "w") as file:
            file.write(self.rules)

    def censor(self):
        return make_censor(self.path, self.language)

    def compare(self, order, count, timed, sent):
        """Send all that is drawn in both ways."""
        worlds = [self.world(self, ordered(order, count), way, timed) for way in (True, False)]
        for world in worlds:
            world.learn()
        for one in sent:
            self.assertEqual(*(world.send(*one) for world in worlds), one)
        self.assertEqual(*(world.told() for world in worlds))
