"""The client id of a login that somebody describes."""

import ssl
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.clientidmap import BOUND, NO, LoginFacts
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.doctor.login import KEYS, explain, facts_of
from acra_twisted.errors import ConfigError
from acra_twisted.options import defaults
from acra_twisted.sandbox.authority import Authority


class Facts(SynchronousTestCase):
    def test_none(self):
        self.assertEqual(facts_of((), "postgresql"), LoginFacts(protocol="postgresql", tls=NO))

    def test_all(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        path, _ = Authority(folder).issue("x")
        words = ("user=ann", "database=shop", "address=10.0.0.1", f"cert={path}", "link=conn_1")
        found = facts_of((*words, "tls=bound", "protocol=mysql"), "postgresql")
        der = ssl.PEM_cert_to_DER_cert(path.read_text())
        self.assertEqual(
            found, LoginFacts(b"ann", b"shop", "10.0.0.1", der, "conn_1", BOUND, "mysql")
        )
        self.assertEqual(len(KEYS), len(found))

    def test_the_default_database_and_a_unix_socket(self):
        found = facts_of(("user=ann", "address=local"), "postgresql")
        self.assertEqual((found.database, found.address), (b"ann", ""))

    def test_mistakes(self):
        empty = Path(self.mktemp())
        empty.write_text("no certificate")
        for word in ("user", "usr=x", "tls=perhaps", f"cert={empty}", "cert=/nowhere"):
            self.assertRaises(ConfigError, facts_of, (word,), "postgresql")


class Explaining(SynchronousTestCase):
    def explained(self, rules, *words):
        path = Path(self.mktemp())
        path.write_text(rules)
        settings = defaults(SERVER_SECTIONS).but(client_id_map_file=str(path))
        return [(r.state, r.text) for r in explain(settings, facts_of(words, "postgresql"))]

    def test_the_line_that_decides_and_those_before(self):
        rules = "- user=root\n\nother_id database=shop tls=yes\npayments user=all\nmore_ids tls=no"
        self.assertEqual(
            self.explained(rules, "user=ann", "database=shop"),
            [
                ("ok", "line 1 does not match: user"),
                ("ok", "line 3 does not match: tls"),
                ("ok", "line 4 gives payments"),
            ],
        )

    def test_a_refusal(self):
        self.assertEqual(
            self.explained("- user=root", "user=root"), [("FAIL", "none: line 1 refuses it")]
        )
        self.assertEqual(
            self.explained("payments user=ann"),
            [("ok", "line 1 does not match: user"), ("FAIL", "none: no line matches")],
        )

    def test_no_rules_and_unusable_ones(self):
        (found,) = explain(defaults(SERVER_SECTIONS), LoginFacts())
        self.assertEqual(found.state, "warn")
        ((state, text),) = self.explained("payments usr=x")
        self.assertEqual(state, "FAIL")
        self.assertIn("unknown condition usr", text)
