"""Trees of statements."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import nodes
from acra_twisted.encryption.mysql.nodes import Insert, Node, Query, TableName


class Trees(SynchronousTestCase):
    def test_nothing_is_shared_between_two(self):
        Query().branches.append(Query())
        self.assertEqual(Query().branches, [])
        one = Insert(TableName("", "t", 0, 1))
        one.rows.append([Node(nodes.NULL, 0, 4)])
        self.assertEqual(Insert(one.table).rows, [])
