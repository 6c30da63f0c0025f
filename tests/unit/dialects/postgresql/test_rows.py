"""Rows of a result (whole flows are in test_response.py): nothing is made per row."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.verdicts import PASS
from tests.support.playbook import Playbook
from tests.support.sessions import columns, complete, query, ready, row


class Walking(SynchronousTestCase):
    def test_a_run_of_rows_is_one_work(self):
        def judge(work):
            if work.kind == "columns":
                work.exchange.plan = (("test", None, False),)
            return PASS

        play = Playbook(judge, ["rows"])
        play.client(query(b"select"))
        data = columns(b"a") + row(b"x") * 1000 + complete(b"SELECT 1000") + ready()
        self.assertIs(play.database(data), data)
        self.assertEqual([kind for kind, _ in play.works], ["columns", "rows"])
        self.assertEqual(len(play.works[1][1]), 1000)

    def test_rows_no_stage_wants_make_no_work(self):
        play = Playbook(inspects=["rows"])
        play.client(query(b"select"))
        data = columns(b"a") + row(b"x") * 1000 + complete(b"SELECT 1000") + ready()
        self.assertIs(play.database(data), data)
        self.assertEqual([kind for kind, _ in play.works], ["columns"])
