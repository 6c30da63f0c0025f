"""Names of requests' spans."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.spannames import NAME_MAX, kind_of, name_of

KINDS = ("prepare", "fetch", "bulk", "reset")


class Names(SynchronousTestCase):
    def test_a_statement_that_runs_has_its_summary(self):
        for kind in ("query", "execute", "init_db"):
            self.assertEqual(name_of(kind, "SELECT t"), "SELECT t")
        self.assertEqual(kind_of("SELECT t"), "query")

    def test_others_have_their_kind_before_it(self):
        for kind in KINDS:
            name = name_of(kind, "SELECT t")
            self.assertEqual((name, kind_of(name)), (f"{kind} SELECT t", kind))

    def test_without_a_statement(self):
        for kind, name in (("startup", "startup"), ("call", "FunctionCall"), ("ping", "ping")):
            self.assertEqual(name_of(kind, None), name)

    def test_words_of_sql_are_none_of_these(self):
        for name in ("FETCH c", "PREPARE s", "fetch", "prepared SELECT", ""):
            self.assertEqual(kind_of(name), "query")

    def test_they_are_cut(self):
        for kind in ("query", "fetch"):
            self.assertEqual(len(name_of(kind, "x" * 999)), NAME_MAX)
