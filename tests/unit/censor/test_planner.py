"""Plans of new texts: what may be kept of them, and what is left to be told."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.censor.planner import NOT_PARSED, Planner
from acra_twisted.censor.rules import read_rules
from acra_twisted.errors import LexError
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.tree import Table, UnparsableError

DENY = {"handler": "deny", "tables": ["secrets"]}
ALLOW_ALL = {"handler": "allowall"}
LANGUAGE = LANGUAGES["postgresql"]


def captured(path, text):
    raise AssertionError("told by whoever asked for the plan")


unparsable = captured


def planner(*handlers, **more):
    rules = read_rules({"handlers": handlers, **more}, need_version=False)
    return Planner(LANGUAGE, rules, captured, unparsable)


def tokens(text):
    return LANGUAGE.tokens(text, LANGUAGE.mode)


class Plans(SynchronousTestCase):
    def outcome(self, text, prepared=None, told=None, made=None):
        made = made or planner(DENY, ALLOW_ALL)
        told = [] if told is None else told
        return made.plan(text, tokens(text), LANGUAGE.mode, prepared, True, told)

    def test_of_every_statement(self):
        found = self.outcome(b"SELECT 1; SELECT * FROM secrets")
        self.assertEqual(len(found.plan.statements), 2)
        self.assertEqual(found.plan.decide(b"", list).by, "deny.table")
        self.assertEqual(found.plan.tables, {Table("", "secrets")})
        self.assertTrue(found.cacheable)

    def test_one_that_depends_on_the_session_is_not_kept(self):
        prepared = {"p": frozenset((Table("", "secrets"),))}
        found = self.outcome(b"EXECUTE p", prepared)
        self.assertFalse(found.cacheable)
        self.assertEqual(found.plan.decide(b"", list).by, "deny.table")

    def test_what_a_text_prepares_is_told_and_remembered_by_nobody_here(self):
        prepared = {}
        found = self.outcome(b"PREPARE p AS SELECT * FROM t", prepared)
        self.assertEqual(found.made, {"p": {Table("", "t")}})
        self.assertEqual((found.stateful, prepared), (True, {}))

    def test_what_is_captured_is_told_later_and_without_its_literals(self):
        told = []
        made = planner({"handler": "query_capture", "filepath": "log"}, ALLOW_ALL)
        self.outcome(b"SELECT 'secret'", told=told, made=made)
        self.assertEqual(told, [(captured, "log", "SELECT ?")])

    def test_what_is_refused_whatever_rules_say(self):
        with self.assertRaises(LexError):
            self.outcome(b"SET client_encoding = 'SJIS'", made=planner(ALLOW_ALL))

    def test_what_cannot_be_parsed_has_none(self):
        with self.assertRaises(UnparsableError):
            self.outcome(b"SELEC 1")


class Unparsable(SynchronousTestCase):
    TEXT = b"SELEC 'secret' FROM t"

    def undecided(self, made, text=TEXT):
        told = []
        return made.undecided(text, text, tokens(text), LANGUAGE.mode, told), told

    def test_refused_and_told_without_its_literals(self):
        found, told = self.undecided(planner(ALLOW_ALL, parse_errors_log="log"))
        self.assertEqual((found, told), (NOT_PARSED, [(unparsable, "log", "SELEC ? FROM t")]))

    def test_where_it_may_pass_it_is_an_event(self):
        made = planner(DENY, ALLOW_ALL, ignore_parse_error=True)
        found, told = self.undecided(made)
        self.assertEqual((found.allowed, found.code), (True, events.QUERY_PARSE_ERROR))
        self.assertEqual(told, [])
        self.assertEqual(self.undecided(made, b"SELEC 1 FROM secrets")[0].by, "deny.table")

    def test_without_a_tree_rules_by_text_decide(self):
        self.assertIs(planner(ALLOW_ALL).without_tree(self.TEXT), NOT_PARSED)
        listed = {"handler": "allow", "queries": [self.TEXT.decode()]}
        made = planner(listed, {"handler": "denyall"}, ignore_parse_error=True)
        self.assertEqual(made.without_tree(self.TEXT).by, "allow.query")
        self.assertEqual(made.without_tree(b"SELEC 2").by, "denyall")


class Names(SynchronousTestCase):
    def test_they_must_stay_what_they_are_where_a_rule_depends_on_it(self):
        allow = {"handler": "allow", "tables": ["t"]}
        deny_all = {"handler": "denyall"}
        self.assertTrue(planner(allow, deny_all).keeps_names)
        self.assertFalse(planner(DENY, ALLOW_ALL).keeps_names)
