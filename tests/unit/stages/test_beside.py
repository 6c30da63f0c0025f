"""Stages that let simple queries pass at once do with them what they do one after the other."""

from hypothesis import given, settings
from hypothesis import strategies as st

from acra_twisted.encryption.settings import (
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
    TableSetting,
)
from acra_twisted.stages.encryptor import Encryptor
from tests.support.atonce import NAMES, Case, Stages, opened
from tests.support.containers import Workbench
from tests.support.encryptors import Database
from tests.support.playbook import Playbook
from tests.support.sessions import complete, error, query, ready

NAME = ColumnSetting("", "people", "name", kind=SEARCHABLE, data_type="str")
KEY = ColumnSetting("", "people", "key", data_type="str")
SETTINGS = EncryptionSettings([TableSetting("", "people", (), {"name": NAME, "key": KEY})])
RULES = """version: 0.85.0
handlers:
  - handler: deny
    tables: [secrets]
    patterns: ["SELECT id FROM people WHERE name = 'denied' AND id < %%VALUE%%"]
"""
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


class World:
    """A session with stages, in ``order``, and what they and the database are asked and told.
    ``at_once``: queries may pass without a Work."""

    def __init__(self, case, order, at_once, timed):
        bench = Workbench()
        bench.keys.follow = lambda dropped: True
        self.stages = Stages(
            bench,
            lambda workers: Encryptor(SETTINGS, bench.keys, workers, lambda: 1000.0),
            case.censor(),
            case.mktemp(),
            order,
        )
        pipeline = self.stages.pipeline
        self.play = Playbook(
            self.stages.judged,
            pipeline.inspects & {"statement"},
            judges=pipeline.judges if at_once else None,
        )
        session = self.play.session
        session.database = b"db"
        session.timed = timed
        Database(session)

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
        return opened(sent), got

    def told(self):
        """All that was told of the queries."""
        return self.stages.told(self.play.recorder)


class Beside(Case):
    rules = RULES
    language = "postgresql"
    world = World

    @settings(max_examples=25)
    @given(
        st.permutations(NAMES),
        st.integers(1, 4),
        st.booleans(),
        st.lists(st.tuples(texts, st.booleans()), max_size=12),
    )
    def test_as_one_after_the_other(self, order, count, timed, sent):
        self.compare(order, count, timed, sent)

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
