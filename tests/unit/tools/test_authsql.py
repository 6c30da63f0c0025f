"""The SQL of acra-auth; databases run it in tests/integration/test_auth_sources.py."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools.authsql import quoted, set_up


class SetUp(SynchronousTestCase):
    def test_names_are_quoted_and_statements_are_one_transaction(self):
        self.assertEqual(quoted('a"b'), '"a""b"')
        text = set_up("my service")
        self.assertIn('create role "my service" login;', text)
        self.assertIn('to "my service";', text)
        self.assertIn("auth_query_user = my service\n", text)
        statements = [line for line in text.splitlines() if not line.startswith("--")]
        self.assertEqual((statements[0], statements[-1]), ("begin;", "commit;"))
