"""Stages that let queries of MySQL pass at once do with them what they do one after the other."""

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from acra_twisted.dialects.mysql.response import MysqlReplies
from acra_twisted.outstanding import SKIP
from acra_twisted.stages.mysqlencryptor import MysqlEncryptor
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import packets
from tests.support.atonce import NAMES, Case, Stages, opened
from tests.support.containers import CLIENT
from tests.support.mysqlplanning import SETTINGS
from tests.support.mysqlrequests import Desk, query, said
from tests.support.mysqlsessions import MysqlBench
from tests.support.profiled import profiled

RULES = """version: 0.85.0
handlers:
  - handler: deny
    tables: [secrets]
    patterns: ["SELECT note FROM others WHERE note = 'denied' OR id = %%VALUE%%"]
"""
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
    "SELECT 1; INSERT INTO elsewhere (note) VALUES ({})",
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
_stored = re.compile(rb"x'[0-9a-f]{120,}'")


class World:
    """A session with stages, in ``order``, and what they and the database are asked and told.
    ``at_once``: queries may pass without a Work."""

    def __init__(self, case, order, at_once, timed):
        bench = self.bench = MysqlBench()
        self.stages = Stages(
            bench,
            lambda workers: MysqlEncryptor(SETTINGS, bench.keys, workers, bench.seconds),
            case.censor(),
            case.mktemp(),
            order,
        )
        self.judges = self.stages.pipeline.judges if at_once else None
        self.timed = timed
        self.begin()

    def begin(self):
        """Begin another session."""
        inspects = self.stages.pipeline.inspects & {"statement"}
        self.desk = Desk(self.stages.judged, inspects, judges=self.judges)
        self.session = self.bench.furnish(self.desk.session)
        self.session.identity.client_id = CLIENT
        self.session.timed = self.timed
        self.replies = MysqlReplies(self.session, self.desk.state, InForce(0, 0, True), None)

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
        return unsealed(b"".join(sent)), b"".join(got)

    def told(self):
        """All that was told of the queries."""
        closed = self.desk.recorder.closed
        told = self.stages.told(self.desk.recorder)
        return told | {
            "seen": list(map(unsealed, self.stages.observing.seen)),
            "meanings": [list(map(_meaning, one.statement.meanings or ())) for one in closed],
            "asked": self.bench.asked,
            "watches": [exchange.watch is None for exchange in closed],
            "meaning": _meaning(self.session.meaning),
        }


def unsealed(sent):
    """Return what is sent, with its values; all that look like stored ones are."""
    found = opened(sent)
    assert _stored.search(found) is None, found
    return found


def _meaning(meaning):
    return None if meaning is None else (meaning.results, meaning.character_set)


class Beside(Case):
    rules = RULES
    language = "mysql"
    world = World

    @settings(max_examples=60)
    @given(
        st.permutations(NAMES),
        st.integers(1, 4),
        st.booleans(),
        st.lists(bursts, min_size=1, max_size=8),
    )
    def test_as_one_after_the_other(self, order, count, timed, sent):
        self.compare(order, count, timed, [(burst,) for burst in sent])

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
