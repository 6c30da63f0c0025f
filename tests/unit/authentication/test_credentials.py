"""Lookups: the order of sources, freshness, a source that is away."""

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.cache import SecretCache
from acra_twisted.authentication.credentials import Credentials
from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.errors import ConfigError
from acra_twisted.wire.scram import Verifier
from tests.support.loginvectors import cases
from tests.support.profiled import profiled

#: One more each, of C: in the dict that is looked at second, and in the list of what is learned.
SEARCHES = ("get", "pop", "append")
SECRET = Verifier(4096, bytes(16), bytes(32), bytes(32)).encode()
SECRETS = [case["verifier"].encode() for case in cases("verifiers")]


class File:
    """A file of secrets."""

    def __init__(self, **secrets):
        self.secrets = {name.encode(): secret for name, secret in secrets.items()}
        self.read_at = 0.0
        self.next = None

    def read(self):
        if self.next is None:
            raise ConfigError("the file cannot be used")
        return lambda: setattr(self, "secrets", self.next)


class Query:
    """A source whose answers come when the test says so."""

    def __init__(self):
        self.asked = []
        self.given_up = []
        self.switched = 0
        self.stopped = False

    def look_up(self, user):
        answer = Deferred()
        self.asked.append((user, answer))
        return answer

    def answer(self, secret):
        self.asked.pop(0)[1].callback(secret)

    def fail(self, error):
        self.asked.pop(0)[1].errback(Failure(error))

    def read(self):
        return self.switch

    def switch(self):
        self.switched += 1
        for _, answer in self.given_up:
            answer.errback(NoAnswer("closed"))
        self.given_up = []

    def stop(self):
        self.stopped = True


class Watcher:
    """Notes what it is told."""

    def __init__(self):
        self.told = []
        self.results = []
        self.times = []

    def found(self, source, result, age):
        self.results.append((source, result, age))

    def asked(self, seconds, answered):
        self.times.append((seconds, answered))

    def away(self, reason):
        self.told.append(("away", reason))

    def back(self):
        self.told.append(("back",))

    def changed(self, user):
        self.told.append(("changed", user))

    def stale(self, user, source):
        self.told.append(("stale", user, source))


class Base(SynchronousTestCase):
    file = None
    soft, hard = 10.0, 60.0
    options = {}

    def setUp(self):
        self.now = 0.0
        self.query, self.watcher = Query(), Watcher()
        clock = self.seconds
        self.credentials = Credentials(
            clock,
            self.watcher,
            file=self.file,
            query=self.query,
            cache=SecretCache(clock, self.soft, self.hard),
            **self.options,
        )

    def seconds(self):
        return self.now

    def known(self, user, secret):
        """Let the query know a user."""
        found = self.credentials.look_up(user)
        self.query.answer(secret)
        return self.successResultOf(found)


class Freshness(Base):
    def test_a_pool_that_opens_many_connections_asks_once(self):
        waiting = [self.credentials.look_up(b"a") for _ in range(1000)]
        self.assertEqual(len(self.query.asked), 1)
        self.query.answer(b"x")
        self.assertEqual({self.successResultOf(found).secret for found in waiting}, {b"x"})
        self.now = 9.0
        found = self.credentials.look_up(b"a")
        self.assertEqual((found.secret, found.source, found.age), (b"x", "query", 9.0))
        self.assertEqual(self.credentials.waiting, 0)

    def test_an_older_answer_is_asked_anew_before_it_is_used(self):
        self.known(b"a", b"x")
        self.now = 10.0
        found = self.credentials.look_up(b"a")
        self.assertNoResult(found)
        self.query.answer(b"y")
        self.assertEqual(self.successResultOf(found).secret, b"y")

    def test_users_without_a_secret_are_kept_as_long_as_others(self):
        self.assertIsNone(self.known(b"nobody", None).secret)
        self.now = 9.0
        self.assertIsNone(self.credentials.look_up(b"nobody").secret)
        self.now = 10.0
        self.assertNoResult(self.credentials.look_up(b"nobody"))

    def test_a_role_that_was_dropped_is_gone_with_the_next_answer(self):
        self.known(b"a", b"x")
        self.now = 11.0
        self.assertIsNone(self.known(b"a", None).secret)
        self.assertIsNone(self.credentials.look_up(b"a").secret)

    def test_an_answer_is_as_old_as_its_question(self):
        found = self.credentials.look_up(b"a")
        self.now = 8.0
        self.query.answer(b"x")
        self.successResultOf(found)
        self.now = 9.0
        self.assertEqual(self.credentials.look_up(b"a").age, 9.0)
        self.assertEqual(self.watcher.times, [(8.0, True)])

    def test_who_no_longer_waits_is_not_told(self):
        first, second = self.credentials.look_up(b"a"), self.credentials.look_up(b"a")
        first.addErrback(lambda _: None)
        first.cancel()
        self.query.answer(b"x")
        self.assertEqual(self.successResultOf(second).secret, b"x")

    def test_names_that_no_role_has_are_not_asked_for(self):
        for user in (b"", b"a" * 64, b"\xff"):
            found = self.credentials.look_up(user)
            self.assertEqual((found.secret, found.away), (None, False))
        self.assertEqual(self.query.asked, [])


class WrongProofs(Base):
    def test_the_answer_is_renewed_behind_it(self):
        self.known(b"a", b"x")
        self.now = 2.0
        self.credentials.wrong(b"a")
        self.credentials.wrong(b"a")
        self.assertEqual(len(self.query.asked), 1)
        self.query.answer(b"y")
        self.assertEqual(self.watcher.told, [("changed", b"a")])
        self.assertEqual(self.credentials.look_up(b"a").secret, b"y")

    def test_a_login_meanwhile_waits_for_the_same_answer(self):
        self.known(b"a", b"x")
        self.now = 9.5
        self.credentials.wrong(b"a")
        self.now = 10.0
        found = self.credentials.look_up(b"a")
        self.assertEqual(len(self.query.asked), 1)
        self.query.answer(b"x")
        self.assertEqual(self.successResultOf(found).secret, b"x")
        self.assertEqual(self.watcher.told, [])

    def test_it_is_not_renewed_while_it_is_young_or_too_often(self):
        self.known(b"a", b"x")
        self.now = 1.0
        self.credentials.wrong(b"a")
        self.assertEqual(self.query.asked, [])
        for _ in range(5):
            self.now += 2.0
            self.credentials.wrong(b"a")
            while self.query.asked:
                self.query.answer(b"x")
        self.assertEqual(len(self.watcher.times), 1 + 3)

    def test_a_user_whom_nobody_has_looked_up(self):
        self.credentials.wrong(b"b")
        self.assertEqual(self.query.asked, [])

    def test_the_database_does_not_accept_it(self):
        self.known(b"a", b"x")
        self.credentials.stale(b"a")
        self.assertEqual(self.watcher.told, [("stale", b"a", "query")])
        self.assertNoResult(self.credentials.look_up(b"a"))


class Away(Base):
    def test_a_kept_answer_is_used_up_to_its_hard_age(self):
        self.known(b"a", b"x")
        for self.now, secret in ((10.0, b"x"), (59.0, b"x"), (60.0, None)):
            found = self.credentials.look_up(b"a")
            self.query.fail(NoAnswer("it is down"))
            found = self.successResultOf(found)
            self.assertEqual((found.secret, found.away), (secret, True))
        self.assertEqual(self.watcher.told, [("away", "it is down")])
        self.assertTrue(self.credentials.is_away)
        self.known(b"a", b"x")
        self.assertEqual(self.watcher.told[1:], [("back",)])
        self.assertEqual(
            [result for _, result, _ in self.watcher.results],
            ["secret", "kept", "kept", "away", "secret"],
        )

    def test_users_of_whom_nothing_is_known_and_users_without_a_secret_look_alike(self):
        self.known(b"nobody", None)
        self.now = 20.0
        shown = []
        for user in (b"nobody", b"unasked"):
            found = self.credentials.look_up(user)
            self.query.fail(NoAnswer("it is down"))
            shown.append(self.successResultOf(found))
        self.assertEqual([found.secret for found in shown], [None, None])
        self.assertEqual([found.away for found in shown], [True, True])
        # Of the one something is kept, at which others may guess.
        self.assertEqual([found.source for found in shown], ["query", ""])

    def test_answers_at_hand_are_those_of_a_source_that_is_away(self):
        self.file = File(filed=SECRET)
        self.setUp()
        self.known(b"kept", b"x")
        self.assertFalse(self.credentials.look_up(b"filed").away)
        found = self.credentials.look_up(b"unasked")
        self.query.fail(NoAnswer("it is down"))
        self.assertTrue(self.successResultOf(found).away)
        self.watcher.results.clear()
        for user, secret in ((b"filed", SECRET), (b"kept", b"x"), (b"a" * 64, None)):
            found = self.credentials.look_up(user)
            self.assertEqual((found.secret, found.away), (secret, True))
        self.assertEqual(
            [result for _, result, _ in self.watcher.results], ["kept", "kept", "away"]
        )
        self.known(b"unasked", None)
        self.assertFalse(self.credentials.look_up(b"filed").away)

    def test_a_question_without_answer_does_not_make_the_source_away(self):
        found = self.credentials.look_up(b"a")
        self.query.fail(NoAnswer("too many wait", is_away=False))
        self.assertTrue(self.successResultOf(found).away)
        self.assertEqual(self.watcher.told, [])

    def test_a_mistake_of_ours_refuses_the_login(self):
        found = self.credentials.look_up(b"a")
        self.query.fail(ZeroDivisionError())
        self.assertTrue(self.successResultOf(found).away)

    def test_the_end(self):
        self.credentials.stop()
        self.assertTrue(self.query.stopped)


class Reload(Base):
    def setUp(self):
        self.file = File(filed=b"f")
        super().setUp()

    def test_all_or_nothing(self):
        self.known(b"a", b"x")
        self.assertRaises(ConfigError, self.credentials.reload)
        self.assertEqual(self.query.switched, 0)
        self.assertEqual(self.credentials.look_up(b"a").secret, b"x")
        self.assertEqual(self.credentials.look_up(b"filed").secret, b"f")
        self.file.next = {b"filed": b"g"}
        self.credentials.reload()
        self.assertEqual(self.query.switched, 1)
        self.assertEqual(self.credentials.look_up(b"filed").secret, b"g")
        self.assertNoResult(self.credentials.look_up(b"a"))

    def test_answers_to_earlier_questions_are_thrown_away(self):
        found = self.credentials.look_up(b"a")
        self.file.next = {}
        self.credentials.reload()
        self.query.answer(b"before")
        self.assertNoResult(found)
        self.query.answer(b"behind")
        self.assertEqual(self.successResultOf(found).secret, b"behind")
        found = self.credentials.look_up(b"b")
        self.credentials.reload()
        self.query.fail(NoAnswer("closed"))
        self.query.answer(b"y")
        self.assertEqual(self.successResultOf(found).secret, b"y")
        self.assertEqual(self.watcher.told, [])

    def test_questions_that_the_source_gives_up_are_asked_again(self):
        found = self.credentials.look_up(b"a")
        self.query.given_up, self.query.asked = self.query.asked, []
        self.file.next = {}
        self.credentials.reload()
        self.query.answer(b"x")
        self.assertEqual(self.successResultOf(found).secret, b"x")
        self.assertEqual(self.watcher.told, [])


class Order(Base):
    def setUp(self):
        self.file = File(filed=SECRETS[0], acra_service=SECRETS[0])
        self.options = {"refused": frozenset([b"acra_service"])}
        super().setUp()

    def test_the_file_comes_first(self):
        self.now = 3.0
        found = self.credentials.look_up(b"filed")
        self.assertEqual((found.secret, found.source, found.age), (SECRETS[0], "file", 3.0))
        self.assertNoResult(self.credentials.look_up(b"other"))
        self.credentials.wrong(b"filed")
        self.assertEqual(len(self.query.asked), 1)
        self.credentials.stale(b"filed")
        self.assertEqual(self.watcher.told, [("stale", b"filed", "file")])
        self.assertEqual(self.credentials.look_up(b"filed").secret, SECRETS[0])

    def test_the_role_that_asks_is_barred(self):
        self.assertFalse(self.credentials.look_up(b"filed").barred)
        found = self.credentials.look_up(b"acra_service")
        self.assertEqual((found.secret, found.barred), (None, True))

    def test_nobody_may_be_the_role_that_asks(self):
        self.assertIsNone(self.credentials.look_up(b"acra_service").secret)
        self.file.secrets = {}
        self.assertIsNone(self.known(b"acra_service", SECRETS[0]).secret)
        self.assertIsNone(self.credentials.look_up(b"acra_service").secret)


class Shapes(Base):
    def setUp(self):
        self.file = File(a=_verifier(16, 10_000), b=_verifier(16, 10_000), c=_verifier(32, 4096))
        super().setUp()

    def test_unknown_users_are_shown_what_most_others_have(self):
        found = self.credentials.look_up(b"c")
        self.assertEqual((found.salt_size, found.iterations), (16, 10_000))
        for number in range(60):
            self.known(b"user %d" % number, _verifier(24, 20_000))
        found = self.known(b"nobody", None)
        self.assertEqual((found.salt_size, found.iterations), (24, 20_000))
        self.known(b"md5", b"md5" + b"0" * 32)
        self.assertEqual(self.credentials.look_up(b"nobody").iterations, 20_000)

    def test_a_user_who_is_looked_up_often_counts_once(self):
        for number in range(4):
            self.known(b"user %d" % number, _verifier(16, 10_000))
        for _ in range(60):
            self.now += 20.0
            self.known(b"busy", _verifier(24, 20_000))
        found = self.known(b"nobody", None)
        self.assertEqual((found.salt_size, found.iterations), (16, 10_000))

    def test_iterations_may_be_given(self):
        self.options = {"iterations": 5000}
        Base.setUp(self)
        found = self.credentials.look_up(b"a")
        self.assertEqual((found.salt_size, found.iterations), (16, 5000))


def _verifier(salt, iterations):
    """A verifier with a salt of so many bytes."""
    import base64

    key = base64.b64encode(bytes(32))
    return b"SCRAM-SHA-256$%d:%b$%b:%b" % (iterations, base64.b64encode(bytes(salt)), key, key)


class Likeness(Base):
    """AU-1: users with a secret and users without take the same steps."""

    def steps(self, work):
        """The calls that a piece of work makes, without those of the test."""
        calls = []

        def note(frame, event, function):
            if event == "call":
                calls.append(frame.f_code.co_name)
            elif event == "c_call":
                calls.append(function.__name__)

        profiled(note, work)
        return calls

    def test_au1_a_file_alone_takes_the_same_steps_for_all_users(self):
        file = File(known=SECRET)
        cache = SecretCache(self.seconds, 10.0, 60.0)
        self.credentials = Credentials(self.seconds, self.watcher, file=file, cache=cache)
        known, unknown = [
            self.steps(lambda: self.credentials.look_up(user))  # noqa: B023
            for user in (b"known", b"unknown")
        ]
        self.assertGreater(len(known), 5)
        self.assertEqual(known, unknown)
        found = self.credentials.look_up(b"unknown")
        self.assertEqual((found.secret, found.source), (None, "file"))

    def test_au1_lookups_of_all_users_take_the_same_steps(self):
        self.known(b"usual", SECRET)
        found = {}
        for user, secret in ((b"known", SECRET), (b"nobody", None)):
            steps = [self.steps(lambda: self.credentials.look_up(user))]  # noqa: B023
            steps.append(self.steps(lambda: self.query.answer(secret)))  # noqa: B023
            steps.append(self.steps(lambda: self.credentials.look_up(user)))  # noqa: B023
            self.now += 5.0
            steps.append(self.steps(lambda: self.credentials.wrong(user)))  # noqa: B023
            steps.append(self.steps(lambda: self.query.answer(secret)))  # noqa: B023
            found[user] = steps
        for known, unknown in zip(*found.values(), strict=True):
            self.assertGreater(len(known), 5)
            self.assertEqual(
                [step for step in known if step not in SEARCHES],
                [step for step in unknown if step not in SEARCHES],
            )
