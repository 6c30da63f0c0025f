"""Open sessions of users who may not log in any more."""

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.endreason import EndReason
from acra_twisted.lookup import Found
from acra_twisted.server.recheck import Recheck

SECRET, NONE, AWAY = Found(b"a secret", "file"), Found(None, "query"), Found(None, away=True)


class Connection:
    """An open connection of a user whose secret was looked up."""

    def __init__(self, user=b"", listener=""):
        self.secret_of, self.listener = user, listener
        self.ended = []
        self.turn_away = self.ended.append


class Credentials:
    """Answers as ``answers`` say, and keeps the questions."""

    def __init__(self, **answers):
        self.answers = {user.encode(): answer for user, answer in answers.items()}
        self.asked = []

    def look_up(self, user):
        self.asked.append(user)
        return self.answers[user]


class Rechecking(SynchronousTestCase):
    def start(self, connections, *listener, **answers):
        self.clock, self.credentials = Clock(), Credentials(**answers)
        self.recheck = Recheck(self.clock, 60, self.credentials, connections, *listener)
        self.recheck.startService()
        self.addCleanup(self.recheck.stopService)
        self.credentials.asked.clear()
        return self.recheck

    def test_sessions_of_who_is_gone_end(self):
        ann, again, bob = Connection(b"ann"), Connection(b"ann"), Connection(b"bob")
        connections = [ann, again, bob]
        self.start(connections, ann=SECRET, bob=SECRET)
        self.credentials.answers[b"ann"] = NONE
        self.clock.advance(59)
        self.assertEqual((self.credentials.asked, ann.ended), ([], []))
        self.clock.advance(1)
        self.assertEqual(self.credentials.asked, [b"ann", b"bob"])
        for connection in (ann, again):
            (refused,) = connection.ended
            self.assertEqual(refused.code, events.USER_LOST)
            self.assertEqual(refused.reason, EndReason.NO_RIGHT)
        self.assertEqual(bob.ended, [])

    def test_only_sessions_of_its_listener_are_looked_at(self):
        ann, other = Connection(b"ann", "second"), Connection(b"ann")
        self.start([ann, other], "second", ann=NONE)
        self.clock.advance(60)
        self.assertEqual((bool(ann.ended), other.ended), (True, []))

    def test_a_source_that_cannot_be_asked_ends_none(self):
        ann = Connection(b"ann")
        self.start([ann], ann=AWAY)
        self.clock.advance(60)
        self.assertEqual((self.credentials.asked, ann.ended), ([b"ann"], []))

    def test_whom_the_database_has_let_in_nobody_looks_up(self):
        other = Connection()
        self.start([other])
        self.clock.advance(60)
        self.assertEqual((self.credentials.asked, other.ended), ([], []))

    def test_users_are_asked_for_one_after_the_other(self):
        ann, bob = Connection(b"ann"), Connection(b"bob")
        self.start([ann, bob], ann=SECRET, bob=NONE)
        later = self.credentials.answers[b"ann"] = Deferred()
        bob.ended.clear()
        self.clock.advance(600)
        self.assertEqual(self.credentials.asked, [b"ann"])
        later.callback(NONE)
        self.assertEqual(self.credentials.asked, [b"ann", b"bob"])
        self.assertEqual((len(ann.ended), len(bob.ended)), (1, 1))

    def test_a_user_that_cannot_be_looked_up_hinders_no_other_and_no_later_round(self):
        ann, bob = Connection(b"ann"), Connection(b"bob")
        self.start([ann, bob], ann=SECRET, bob=SECRET)
        for answer in (fail(ZeroDivisionError()), "no answer that is known"):
            self.credentials.answers.update({b"ann": answer, b"bob": NONE})
            self.clock.advance(60)
        self.assertEqual(self.credentials.asked, [b"ann", b"bob"] * 2)
        self.assertEqual((len(ann.ended), len(bob.ended)), (0, 2))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError, AttributeError)), 2)

    def test_a_daemon_that_stops_waits_for_the_last_answer(self):
        ann = Connection(b"ann")
        self.start([ann], ann=SECRET)
        later = self.credentials.answers[b"ann"] = Deferred()
        self.clock.advance(60)
        stopped = self.recheck.stopService()
        self.assertNoResult(stopped)
        later.callback(AWAY)
        self.successResultOf(stopped)
        self.assertEqual((ann.ended, self.clock.getDelayedCalls()), ([], []))
