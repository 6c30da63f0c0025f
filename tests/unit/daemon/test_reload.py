"""Reading anew: certificates and stages, one time after the other, and what is said of it."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.daemon.reload import Reloader, renew
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IReloadable


class Contexts:
    def __init__(self, answer):
        self.answer = answer

    def renew(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Log:
    def __init__(self):
        self.lines = []

    def info(self, text, *, always, **fields):
        # An operator who has sent the signal looks for it, whatever the level of the log.
        assert always
        self.lines.append(("info", fields["code"], fields.get("error", "")))

    def error(self, text, **fields):
        self.lines.append(("error", fields["code"], fields["error"]))

    def failure(self, text, failure, stage):
        self.lines.append(("failure", stage))


class Renewals(SynchronousTestCase):
    def test_what_is_said(self):
        for answer, expected in (
            (2, [("info", events.GENERAL, "")]),
            (0, []),
            (ConfigError("bad"), [("error", events.WRONG_CONFIGURATION, "bad")]),
        ):
            log = Log()
            renew(Contexts(answer), log)
            self.assertEqual(log.lines, expected)


@implementer(IReloadable)
class Stage:
    """Answers as it is told to."""

    name = "stage"

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def reload(self):
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


class Reading(SynchronousTestCase):
    def make(self, *parts):
        self.log, self.at_once = Log(), []
        self.done = []
        self.changes = []
        return Reloader(
            self.log,
            lambda: self.at_once.append(1),
            lambda: parts,
            lambda: self.done.append(1),
            lambda kind, text: self.changes.append((kind, text)),
        )

    def test_it_is_told_when_all_have_been_read(self):
        late, refused = Deferred(), Stage(ConfigError("bad"))
        reload = self.make(Stage(late), refused)
        reload()
        reload()
        self.assertEqual((self.done, refused.asked), ([], 1))
        late.callback(None)
        self.assertEqual((self.done, refused.asked), ([1, 1], 2))

    def test_everything_is_read_and_told(self):
        stage = Stage()
        self.make(stage, object())()
        self.assertEqual((len(self.at_once), stage.asked), (1, 1))
        self.assertEqual(self.log.lines, [("info", events.GENERAL, "")])

    def test_however_often_it_is_asked_it_reads_once_more(self):
        first, second = Deferred(), Deferred()
        stage = Stage(first, second)
        read = self.make(stage)
        for _ in range(5):
            read()
        self.assertEqual((len(self.at_once), stage.asked), (1, 1))
        first.callback(None)
        self.assertEqual((len(self.at_once), stage.asked), (2, 2))
        second.callback(None)
        self.assertEqual((len(self.at_once), stage.asked), (2, 2))
        read()
        self.assertEqual((len(self.at_once), stage.asked), (3, 3))

    def test_one_that_cannot_be_read_leaves_the_others(self):
        late = Deferred()
        failing, other = Stage(ConfigError("bad"), late), Stage()
        read = self.make(failing, other)
        read()
        self.assertIn(("error", events.WRONG_CONFIGURATION, "bad"), self.log.lines)
        self.assertEqual(other.asked, 1)
        kinds = [kind for kind, _ in self.changes]
        self.assertEqual(kinds, ["reload failed", "reload"])
        self.assertNotIn("bad", str(self.changes))
        read()
        late.errback(ValueError("unexpected"))
        self.assertEqual(self.log.lines[-1], ("failure", "stage"))
        read()
        self.assertEqual(failing.asked, 3)
