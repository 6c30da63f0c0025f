"""What is said of certificates that were read anew, and of those that could not be."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.daemon.reload import renew
from acra_twisted.errors import ConfigError


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

    def info(self, text, **fields):
        self.lines.append(("info", fields["code"], fields.get("error", "")))

    def error(self, text, **fields):
        self.lines.append(("error", fields["code"], fields["error"]))


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
