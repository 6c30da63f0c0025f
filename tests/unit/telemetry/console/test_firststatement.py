"""How a first statement comes, where there is none."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.firststatement import explained
from acra_twisted.telemetry.console.sentences import GOOD, PLAIN, answer, sentence
from acra_twisted.telemetry.console.views import overview, statements, topology, traces
from tests.support.hours import ACCOUNT, Hour
from tests.support.stepping import returned
from tests.support.vitals import facts, setting

EMPTY = answer([], sentence("empty", PLAIN, "Nothing."))
AT = "127.0.0.1:9393"


def known(at=AT, is_open=True, plain="true", mysql="false"):
    """Facts of a daemon."""
    listener = {"option": "incoming_connection_string", "at": at, "open": is_open}
    settings = [
        *(setting(f"other_{number}", "1", "default", "") for number in range(80)),
        setting("acraconnector_transport_encryption_disable", plain, "file", ""),
        setting("mysql_enable", mysql, "default", ""),
    ]
    return facts(listeners=[{**listener, "option": "another"}, listener], settings=settings)


def told(said=EMPTY, **given):
    return returned(explained(said, known(**given).get))


class Explained(SynchronousTestCase):
    def test_the_command(self):
        for given, command in (
            ({}, "psql -h 127.0.0.1 -p 9393"),
            ({"mysql": "true"}, "mysql -h 127.0.0.1 -P 9393"),
            ({"at": "0.0.0.0:5432"}, "psql -h 127.0.0.1 -p 5432"),
            ({"at": "[::]:5432"}, "psql -h ::1 -p 5432"),
            ({"at": "unix:/run/acra"}, "connect there"),
        ):
            said = told(**given)
            self.assertIn(f"listens at {given.get('at', AT)}. ", said.as_json()["text"])
            self.assertEqual([one.text for one in said.pieces if one.strong], [command])
            self.assertEqual(said.as_json()["rules"], ["empty"])

    def test_connectors_come_where_the_link_is_encrypted(self):
        text = told(plain="false").as_json()["text"]
        self.assertIn("AcraConnector", text)
        self.assertNotIn("psql", text)

    def test_what_is_not_known_is_not_said(self):
        self.assertEqual(told(is_open=False), EMPTY)
        self.assertEqual(returned(explained(EMPTY, {}.get)), EMPTY)

    def test_other_answers_stay_as_they_are(self):
        other = answer([], sentence("nothing", GOOD, "Nothing stands out."))
        self.assertEqual(told(other), other)

    def test_each_view_of_requests_tells_it(self):
        for view in (overview, statements, traces, topology):
            empty = Hour(1)
            empty.sources = empty.sources._replace(fact=known().get)
            wanted = view.asked({}, empty.sources.clock())
            text = view.as_json(returned(view.gather(empty.sources, wanted)))["answer"]["text"]
            self.assertIn("psql -h 127.0.0.1 -p 9393", text, view)

    def test_a_filter_that_nothing_fits_is_no_first_step(self):
        hour = Hour(1)
        hour.ask(1, ACCOUNT)
        hour.sources = hour.sources._replace(fact=known().get)
        wanted = statements.asked({"q": "nowhere"}, hour.sources.clock())
        gathered = returned(statements.gather(hour.sources, wanted))
        self.assertEqual(
            statements.as_json(gathered)["answer"]["text"], "None of 1 statement fits."
        )
