"""Decide if a pattern matches a query, as a handler does."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.denials import Bared
from acra_twisted.censor.matching import Matcher
from acra_twisted.censor.patterns import read_pattern, read_query


class Matching(SynchronousTestCase):
    def matches(self, language, pattern, query, guards=True):
        read = read_pattern(language, pattern, "here")
        matcher = Matcher(language, read.query, guards=guards)
        asked = read_query(language, query, "there")
        if guards and not matcher.covers(asked.parsed):
            return False
        conditions = matcher.match(Bared(language, asked.parsed.tree))
        return conditions is not None and all(
            asked.values[c.ordinal] == c.value for c in conditions
        )
