"""Token stores under test: a model of them, scripts of what is asked, and a Redis in memory."""

from __future__ import annotations

import sqlite3

from twisted.internet.defer import fail, succeed

from acra_twisted.tokenentry import Entry
from acra_twisted.tokens import redisstore, sqlitestore

BUCKETS = [bytes([n]) * 32 for n in (1, 2)]
KEYS = [b"t." + bytes([n]) * 3 for n in range(4)] + [b"h." + bytes([n]) for n in range(3)]
RECORDS = [b"", b"\0", b"one", b"two"]


class Model:
    """A token store as its contract has it, in a few lines."""

    def __init__(self):
        self.kept = {}

    def add(self, bucket, groups):
        answers = []
        for group in groups:
            free = not any((bucket, key) in self.kept for key, _ in group)
            if free:
                self.kept |= {(bucket, key): record for key, record in group}
            answers.append(free)
        return answers

    def get(self, bucket, keys):
        return [self.kept.get((bucket, key)) for key in keys]

    def replace(self, changes):
        answers = []
        for (bucket, key, old), new in changes:
            answers.append(self.kept.get((bucket, key)) == old)
            if answers[-1]:
                self.kept[bucket, key] = new
        return answers

    def remove(self, entries):
        answers = []
        for bucket, key, old in entries:
            answers.append(self.kept.get((bucket, key)) == old)
            if answers[-1]:
                del self.kept[bucket, key]
        return answers

    def entries(self):
        return {Entry(*place, record) for place, record in self.kept.items()}


def some(random, most=3):
    """A few groups, keys, entries or changes: whatever makes one asks for it."""
    return range(random.randint(1, most))


def question(random):
    """The name of a method, and what it is given."""
    bucket = random.choice(BUCKETS)
    name = random.choice(("add", "add", "get", "replace", "remove"))

    def entry():
        return Entry(random.choice(BUCKETS), random.choice(KEYS), random.choice(RECORDS))

    if name == "add":
        groups = [
            [(key, random.choice(RECORDS)) for key in random.sample(KEYS, random.randint(1, 2))]
            for _ in some(random)
        ]
        return name, (bucket, groups)
    if name == "get":
        return name, (bucket, [random.choice(KEYS) for _ in some(random)])
    if name == "replace":
        return name, ([(entry(), random.choice(RECORDS)) for _ in some(random)],)
    return name, ([entry() for _ in some(random)],)


async def everything(store):
    """Every entry of a store, as its pages give them."""
    found, after = [], None
    while True:
        entries, after = await store.page(after)
        found += entries
        if after is None:
            return found


async def compare(case, store, random, questions=30):
    """Ask a store and the model the same, and find the same in both at the end."""
    model = Model()
    for _ in range(questions):
        name, given = question(random)
        case.assertEqual(list(await getattr(store, name)(*given)), getattr(model, name)(*given))
    found = await everything(store)
    case.assertEqual(len(found), len(model.kept))
    case.assertEqual(set(found), model.entries())


class InlinePool:
    """Takes the place of adbapi's pool: the same transactions, at once."""

    def __init__(self, path=":memory:"):
        self.connection = sqlite3.connect(path, **sqlitestore.CONNECTION)
        sqlitestore.prepare(self.connection)

    def runInteraction(self, function, *given):  # noqa: N802 - adbapi's name
        try:
            result = function(self.connection.cursor(), *given)
            self.connection.commit()
        except Exception as error:
            self.connection.rollback()
            return fail(error)
        return succeed(result)

    def close(self):
        self.connection.close()


class MemoryRedis:
    """Answers the commands of a RedisStore as Redis does, and keeps texts."""

    def __init__(self):
        self.texts = {}
        self.asked = []

    def ask(self, commands):
        self.asked.append(commands)
        return succeed([self.answer(*command) for command in commands])

    def close(self):
        return succeed(None)

    def answer(self, name, *words):
        if name == b"MGET":
            return [self.texts.get(word) for word in words]
        if name == b"SCAN":
            # Two at a time: many pages.
            names, start = sorted(self.texts), int(words[0])
            following = start + 2 if start + 2 < len(names) else 0
            return [b"%d" % following, names[start : start + 2]]
        script, count, *rest = words
        keys, given = rest[: int(count)], rest[int(count) :]
        if script == redisstore._ADD:
            return self.add(keys, given)
        return [self.change(key, *old_new) for key, old_new in self.changes(script, keys, given)]

    def add(self, keys, given):
        count, answers = int(given[0]), []
        sizes, texts = map(int, given[1 : 1 + count]), given[1 + count :]
        for size in sizes:
            group = dict(zip(keys[:size], texts[:size], strict=True))
            keys, texts = keys[size:], texts[size:]
            answers.append(int(not self.texts.keys() & group.keys()))
            if answers[-1]:
                self.texts |= group
        return answers

    def changes(self, script, keys, given):
        if script == redisstore._REMOVE:
            return [(key, (old, None)) for key, old in zip(keys, given, strict=True)]
        olds, news = given[: len(keys)], given[len(keys) :]
        return [(k, (old, new)) for k, old, new in zip(keys, olds, news, strict=True)]

    def change(self, key, old, new):
        if self.texts.get(key) != old:
            return 0
        if new is None:
            del self.texts[key]
        else:
            self.texts[key] = new
        return 1
