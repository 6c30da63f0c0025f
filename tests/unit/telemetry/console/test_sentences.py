"""The first sentence of a view."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.sentences import (
    BAD,
    GOOD,
    answer,
    link,
    sentence,
    strong,
)


class Sentences(SynchronousTestCase):
    def test_two_at_most_and_the_first_decides(self):
        one = sentence("one", BAD, "It is ", strong("bad"), ", see ", link("here", "/there"), ".")
        two, three = sentence("two", GOOD, "Two."), sentence("three", GOOD, "Three.")
        found = answer([None, one, None, two, three], three)
        self.assertEqual(found.kind, BAD)
        self.assertEqual(
            found.as_json(), {"text": "It is bad, see here. Two.", "rules": ["one", "two"]}
        )
        self.assertEqual(one.text, "It is bad, see here.")
        self.assertEqual([piece.text for piece in found.pieces if piece.strong], ["bad"])
        self.assertEqual([piece.href for piece in found.pieces if piece.href], ["/there"])

    def test_where_no_rule_has_anything_to_say(self):
        otherwise = sentence("nothing", GOOD, "Nothing stands out.")
        self.assertEqual(answer([None, None], otherwise).as_json()["rules"], ["nothing"])
