"""The sentences about all sessions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.sentences import PLAIN, sentence
from acra_twisted.telemetry.console.views.waitingsentences import elsewhere, said


def row(took, **changes):
    return {
        "session_id": 7,
        "client_id": "billing",
        "certificate": "",
        "peer": "",
        "state_ms": took,
        "last_statement": "",
        "server": "",
        "href": "",
        **changes,
    }


class Said(SynchronousTestCase):
    def test_a_session_is_a_link_to_its_server(self):
        told = said({"database": 1}, {"database": row(900.0)})
        (piece,) = [one for one in told.pieces if one.href]
        self.assertEqual((piece.text, piece.href), ("session 7", "/console/session?id=7"))
        there = row(900.0, server="b:1", href="http://b:1/console")
        told = said({"database": 2}, {"database": there})
        (piece,) = [one for one in told.pieces if one.href]
        self.assertEqual(
            (piece.text, piece.href), ("session 7 at b:1", "http://b:1/console/session?id=7")
        )
        self.assertEqual(elsewhere("/console/trace?id=1", ""), "/console/trace?id=1")

    def test_who_is_away_is_told_last(self):
        away = sentence("away", PLAIN, "One is away.")
        rules = said({}, {}, away).as_json()["rules"]
        self.assertEqual(rules, ["away"])
        told = said({"idle": 1}, {"in_transaction": row(20_000.0)}, away)
        self.assertEqual(told.as_json()["rules"], ["transaction", "away"])
