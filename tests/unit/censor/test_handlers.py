"""Compiled handlers: literals leave steps, everything else is decided at once."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.handlers import CompiledHandler
from acra_twisted.censor.rules import Handler
from acra_twisted.options import Line
from acra_twisted.sql import lexer, tree
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.words import Words

PG = LANGUAGES["postgresql"]


def compiled(kind, **lists):
    entries = {key: tuple(Line(text, "here") for text in texts) for key, texts in lists.items()}
    return CompiledHandler(PG, Handler(kind, **entries), 1, False)


def steps(handler, text):
    raw = text.encode()
    [parsed] = PG.parse(raw, lexer.tokens(raw), PG.mode)
    return handler.steps(parsed, tree.shape(parsed.tree))


class Steps(SynchronousTestCase):
    def test_queries_of_one_shape_are_one_step(self):
        handler = compiled("allow", queries=[f"SELECT {n}" for n in range(1000)])
        [step] = steps(handler, "SELECT 5")
        self.assertEqual(step.ordinals, (0,))
        self.assertEqual(len(step.decisions), 1000)
        self.assertIsNone(step.final)

    def test_signs_are_part_of_a_query(self):
        handler = compiled("allow", queries=["SELECT -5"])
        self.assertEqual(steps(handler, "SELECT 5"), [])
        self.assertEqual(len(steps(handler, "SELECT -5")), 1)

    def test_patterns_without_literals_decide_at_once(self):
        handler = compiled("deny", patterns=["SELECT a FROM t WHERE b = %%VALUE%%"])
        [step] = steps(handler, "SELECT a FROM t WHERE b = 5")
        self.assertEqual(step.final.by, "deny.pattern")

    def test_patterns_with_literals_share_a_step(self):
        handler = compiled("deny", patterns=[f"SELECT a FROM t WHERE b = {n}" for n in range(50)])
        [step] = steps(handler, "SELECT a FROM t WHERE b = 5")
        self.assertEqual(len(step.decisions), 50)

    def test_names_in_what_cannot_be_parsed(self):
        handler = compiled("deny", tables=["Users"])

        def by(*names, is_unseen=False):
            denied = handler.words_denied(Words(frozenset(names), is_unseen), "")
            return denied and denied.by

        self.assertEqual(by("users"), "deny.table")
        self.assertEqual(by("ts_stat"), "deny.opaque")
        self.assertEqual(by("x", is_unseen=True), "deny.opaque")
        self.assertIsNone(by("x", "Users"))
        for other in (compiled("allow", tables=["users"]), compiled("deny", queries=["SELECT 1"])):
            self.assertIsNone(other.words_denied(Words(frozenset(("users",)), True), ""))
