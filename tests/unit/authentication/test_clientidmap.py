"""The map of logins to client ids: the vectors, every condition, every mistake (AU-7, AU-8)."""

import datetime
import hashlib
import io
import json
import re
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.clientidmap import (
    BOUND,
    CONDITIONS,
    NO,
    YES,
    ClientIdMap,
    LoginFacts,
)
from acra_twisted.authentication.expressions import VALUE_LIMIT
from acra_twisted.errors import ConfigError
from acra_twisted.purposes import is_client_id
from acra_twisted.tools import doctor
from acra_twisted.transport.identity import names_of
from tests.support.documents import TOP, blocks
from tests.support.issued import unreadable

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/authentication.json").read_text())[
    "client_id_map"
]
KEY = ec.generate_private_key(ec.SECP256R1())
KINDS = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME,
         "OU": NameOID.ORGANIZATIONAL_UNIT_NAME}  # fmt: skip
BEGIN = datetime.datetime(2026, 1, 1)


def certificate(subject="CN=x", names=(), ca=False, serial=0xAB12):
    """A certificate in DER; ``subject`` is of simple values but for escaped commas."""
    attributes = [
        x509.NameAttribute(KINDS[kind], value.replace("\0", ","))
        for kind, value in (part.split("=", 1) for part in subject.replace("\\,", "\0").split(","))
    ]
    name = x509.Name(attributes)
    builder = (
        x509.CertificateBuilder(name, name, KEY.public_key(), serial)
        .not_valid_before(BEGIN)
        .not_valid_after(BEGIN + datetime.timedelta(days=9))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


LOGIN = LoginFacts(
    user=b"app_pay", database=b"shop", address="10.1.2.3", tls=YES, protocol="postgresql"
)


def read(text):
    return ClientIdMap.read(text.encode(errors="surrogateescape"), "map")


class Vectors(SynchronousTestCase):
    def login(self, changes):
        """The facts of a login of the vectors, with a certificate made as it says."""
        said = {**VECTORS["base_login"], **changes}
        der = None
        if said["cert"] or said["cert_san"]:
            # Two common names cannot come out of one certificate: Go keeps the last.  One whose
            # value looks like two can.
            subject = (said["cert"] or "CN=x").replace("CN=x,CN", "CN=x\\,CN")
            der = certificate(subject, [x509.DNSName(name) for name in said["cert_san"]])
            self.assertEqual(names_of(der).subject, subject)
        return LoginFacts(
            user=said["user"].encode() if said["verified"] else None,
            database=said["database"].encode(),
            address=said["address"] or "",
            certificate=der,
            link=said["link"] or "",
            tls=said["tls"],
            protocol=said["protocol"],
        )

    def test_logins(self):
        found = read(VECTORS["file"])
        self.assertEqual(len(VECTORS["cases"]), 20)
        for case in VECTORS["cases"]:
            match = found.decide(self.login(case["changes"]))
            expected = case["client_id"] or "", case["line"]
            self.assertEqual((match.client_id, match.line), expected, case["login"])
            self.assertEqual(bool(match.why), not match.client_id)

    def test_refused_lines(self):
        self.assertEqual(len(VECTORS["refused_lines"]), 12)
        for case in VECTORS["refused_lines"]:
            error = self.assertRaises(ConfigError, read, case["line"])
            expected = case["error"].removeprefix("line 1: ")
            self.assertTrue(str(error).startswith(f"map, line 1: {expected}"), str(error))


class Conditions(SynchronousTestCase):
    """Each condition, with a rule ``payments <condition>``."""

    def check(self, condition, matches, **facts):
        match = read(f"payments {condition}").decide(LOGIN._replace(**facts))
        self.assertEqual(match.client_id, "payments" if matches else "", (condition, facts))
        self.assertEqual(match.line, int(matches))

    def test_a_user_is_a_proven_one(self):
        self.check("user=app_pay", True)
        self.check("user=app_pay", False, user=None)
        self.check("user=app", False)
        self.check("user=all", True)
        self.check("user=all", False, user=None)
        self.check("user=none", True, user=None)
        self.check("user=none", False)
        self.check("user=/.*", False, user=None)

    def test_names_are_compared_as_bytes(self):
        self.check("user=caf\udce9", True, user=b"caf\xe9")
        self.check("user=caf\udce9", False, user="caf\u00e9".encode())
        self.check("user=caf\u00e9", True, user="caf\u00e9".encode())
        # Another way to write the same letter is another name.
        self.check("user=caf\u00e9", False, user="cafe\u0301".encode())
        self.check("user=app_pay", False, user=b"APP_PAY")
        self.check("user=app_pay", False, user=b"app_pay ")

    def test_quotes_take_the_special_meaning(self):
        self.check('user="all"', False)
        self.check('user="all"', True, user=b"all")
        self.check('user="none"', False, user=None)
        self.check('user="/.*"', False)
        self.check('user="/.*"', True, user=b"/.*")
        self.check('user="a,b"', True, user=b"a,b")
        self.check('user="a,b"', False, user=b"a")
        self.check('user=/"app_pay|a b"', True, user=b"a b")

    def test_a_list_is_a_choice(self):
        self.check("user=a,app_pay,b", True)
        self.check("user=a,b", False)
        self.check("user=none,a", True, user=None)

    def test_a_database(self):
        self.check("database=shop", True)
        self.check("database=shop", False, database=b"shops")
        self.check("database=none", True, database=b"")
        self.check("database=all", False, database=b"")

    def test_an_address(self):
        self.check("address=10.1.0.0/16", True)
        self.check("address=10.1.2.3", True)
        self.check("address=10.1.2.4", False)
        self.check("address=10.1.0.0/16", True, address="::ffff:10.1.2.3")
        self.check("address=10.1.0.0/16", False, address="::1")
        self.check("address=2001:db8::/32", True, address="2001:db8::7")
        self.check("address=2001:db8::/32", False)
        self.check("address=fe80::/10", True, address="fe80::1%eth0")
        self.check("address=0.0.0.0/0,::/0", True)
        self.check("address=0.0.0.0/0,::/0", False, address="")
        self.check("address=all", True)
        self.check("address=all", False, address="")

    def test_a_unix_socket_is_local(self):
        for word in ("local", "none"):
            self.check(f"address={word}", True, address="")
            self.check(f"address={word}", False)
        self.check("address=local,127.0.0.1", True, address="127.0.0.1")

    def test_a_link(self):
        self.check("link=conn_1", True, link="conn_1")
        self.check("link=conn_1", False)
        self.check("link=/conn_.", True, link="conn_1")
        self.check("link=none", True)

    def test_tls(self):
        for tls, expected in ((NO, "no"), (YES, "yes"), (BOUND, "yes,bound")):
            for word in (NO, YES, BOUND):
                self.check(f"tls={word}", word in expected.split(","), tls=tls)

    def test_a_protocol(self):
        self.check("protocol=postgresql", True)
        self.check("protocol=mysql", False)
        self.check("protocol=mysql,postgresql", True)

    def test_all_must_hold(self):
        self.check("user=app_pay database=shop tls=yes", True)
        self.check("user=app_pay database=other tls=yes", False)


class Certificates(SynchronousTestCase):
    def check(self, condition, matches, der):
        match = read(f"payments {condition}").decide(LOGIN._replace(certificate=der))
        self.assertEqual(match.client_id, "payments" if matches else "", condition)

    def test_its_subject_is_one_text(self):
        """TL-4: the text is the one that client ids of certificates are made of."""
        der = certificate("O=Acme,CN=reports")
        self.check('cert="CN=reports,O=Acme"', True, der)
        self.check('cert="O=Acme,CN=reports"', False, der)
        self.check('cert="CN=reports"', False, der)
        self.check("cert=/CN=reports,O=.*", True, der)
        self.check("cert=all", True, der)
        self.check("cert=all", False, None)
        self.check("cert=none", True, None)
        self.check('cert="CN=a\\,O=Acme"', True, certificate("CN=a\\,O=Acme"))
        self.check('cert="CN=a,O=Acme"', False, certificate("CN=a\\,O=Acme"))

    def test_its_alternative_names(self):
        der = certificate(
            names=[
                x509.DNSName("edge.example.com"),
                x509.IPAddress(ip_address("192.0.2.1")),
                x509.UniformResourceIdentifier("spiffe://acme/edge"),
                x509.RFC822Name("edge@example.com"),
                x509.RegisteredID(NameOID.COMMON_NAME),
            ]
        )
        for word in ("edge.example.com", "192.0.2.1", "spiffe://acme/edge", "edge@example.com"):
            self.check(f"cert_san={word}", True, der)
        for word in ("example.com", "EDGE.example.com", "none", "2.5.4.3"):
            self.check(f"cert_san={word}", False, der)
        self.check("cert_san=/spiffe://.*", True, der)
        self.check("cert_san=none", True, certificate())
        self.check("cert_san=all", False, certificate())

    def test_its_serial_number(self):
        der = certificate(serial=0xAB12)
        for word in ("ab12", "AB:12", "00AB12"):
            self.check(f"cert_serial={word}", True, der)
        self.check("cert_serial=ab1", False, der)

    def test_its_digest(self):
        der = certificate()
        digest = hashlib.sha256(der).hexdigest()
        self.check(f"cert_sha256={digest}", True, der)
        self.check(f"cert_sha256={digest.upper()}", True, der)
        self.check(f"cert_sha256={'0' * 64}", False, der)

    def test_one_that_cannot_be_read_ends_the_search(self):
        """A later rule was not written for it."""
        text = "- cert=CN=bad\npayments user=all"
        for der in (b"nonsense", unreadable().public_bytes(Encoding.DER), certificate(ca=True)):
            match = read(text).decide(LOGIN._replace(certificate=der))
            self.assertEqual((match.client_id, match.line), ("", 1))
            self.assertIn("certificate", match.why)
            # Where no rule looks at it there is nothing to read.
            match = read("payments user=all").decide(LOGIN._replace(certificate=der))
            self.assertEqual(match.client_id, "payments")


class Decisions(SynchronousTestCase):
    def test_the_first_line_decides(self):
        text = "first_id user=all\nsecond_id user=all\n"
        self.assertEqual(read(text).decide(LOGIN)[:2], ("first_id", 1))

    def test_an_empty_map_refuses(self):
        for text in ("", "# payments user=all\n\n"):
            match = read(text).decide(LOGIN)
            self.assertEqual((match.client_id, match.line, match.why), ("", 0, "no line matches"))

    def test_minus_refuses(self):
        match = read("\n- user=app_pay\npayments user=all").decide(LOGIN)
        self.assertEqual((match.client_id, match.line, match.why), ("", 2, "line 2 refuses it"))

    def test_an_id_made_of_groups(self):
        text = "\\2_of_\\1 user=/(.*)_(.*)"
        self.assertEqual(read(text).decide(LOGIN).client_id, "pay_of_app")
        self.assertEqual(read("\\1\\1\\1\\1\\1 user=/(a).*").decide(LOGIN).client_id, "aaaaa")

    def test_what_is_made_must_be_an_id(self):
        for user in (
            b"x/y",
            b"",
            b"../../x",
            "\u00e9t\u00e9".encode(),
            b"\xe9",
            b"a\nb",
            b"x" * 60,
        ):
            match = read("\\1\\1\\1\\1\\1 user=/(.*)\npayments user=all").decide(
                LOGIN._replace(user=user)
            )
            self.assertEqual((match.client_id, match.line), ("", 1), user)
            self.assertIn("no client id", match.why)

    def test_names_that_the_database_cuts_off_are_refused_where_a_rule_looks_at_them(self):
        for condition in ("user", "database"):
            text = f"- {condition}=/admin.*\npayments {condition}=all"
            for size, line in ((63, 2), (64, 1)):
                name = {condition: b"other".ljust(size, b"x")}
                match = read(text).decide(LOGIN._replace(**name))
                self.assertEqual((match.client_id, match.line), ("payments" * (line - 1), line))
            # Other rules do not look at it.
            found = read("payments protocol=all").decide(LOGIN._replace(**name))
            self.assertEqual(found.client_id, "payments")

    def test_a_value_that_is_too_long_for_an_expression_ends_the_search(self):
        text = "- user=/admin.*\npayments user=all"
        match = read(text).decide(LOGIN._replace(user=b"admin" + b"x" * VALUE_LIMIT))
        self.assertEqual((match.client_id, match.line), ("", 1))
        self.assertIn("too long", match.why)

    def test_an_address_that_is_none_ends_the_search(self):
        match = read("- address=10.0.0.0/8\npayments user=all").decide(
            LOGIN._replace(address="somewhere")
        )
        self.assertEqual((match.client_id, match.line), ("", 1))

    def test_constant_ids_are_known_for_checks(self):
        found = read(
            "- user=a\npayments user=b\n\\1\\1\\1 user=/(..)\nreports user=c\npayments user=d"
        )
        self.assertEqual(found.constant_ids, {"payments": 2, "reports": 4})


class Mistakes(SynchronousTestCase):
    def check(self, line, *texts):
        error = self.assertRaises(ConfigError, read, line)
        for text in texts:
            self.assertIn(text, str(error))

    def test_the_nearest_word_is_named(self):
        self.check("payments usr=x", "unknown condition usr; did you mean user?")
        self.check("payments tls=yess", "unknown tls yess; did you mean yes?")
        self.check("payments protocol=postgres", "did you mean postgresql?")
        self.check('payments "user"=x', "unknown condition user")

    def test_values(self):
        for line, text in (
            ("payments user=a,,b", "empty value"),
            ('payments user=""', "empty value"),
            ("payments user=/", "empty value"),
            ("payments address=10.0.0.0/33", "10.0.0.0/33 is no network"),
            ("payments address=host.example.com", "is no network"),
            ("payments address=::ffff:10.0.0.0/112", "write it as IPv4"),
            ("payments address=/10.*", "address takes no expression"),
            ("payments tls=/y.*", "tls takes no expression"),
            ('payments address="local"', "local is no network"),
            ("payments cert_serial=xyz", "cert_serial is not in hex digits"),
            ("payments cert_sha256=abcd", "cert_sha256 needs 64 hex digits"),
            ("payments user=/" + "a" * 201, "more than 200 characters"),
            ("payments user=/a(?=b)", "bad expression"),
        ):
            self.check(line, text)

    def test_ids(self):
        for line in ('"-" user=a', "abcd user=a", "a" * 257 + " user=a", "../../etc user=a",
                     "x/\\1 user=/(.*)", "\\1" + "a" * 257 + " user=/(.*)"):  # fmt: skip
            self.check(line, "not a client id")
        self.check("tenant_\\2 user=/(.*)", "\\2 needs a group of the expression")

    def test_all_of_them_are_found_at_once(self):
        self.check(
            'payments usr=x\npayments user=a\n\npayments\nx user=a\n"',
            "map, line 1:", "map, line 4:", "map, line 5:", "map, line 6: unterminated quote",
        )  # fmt: skip

    def test_there_is_a_limit(self):
        read("payments user=a\n" * 5000)
        self.check("payments user=a\n" * 5001, "more than 5000 rules")


WORDS = st.one_of(
    st.sampled_from((*CONDITIONS, "=", ",", "all", "none", '"', "/", "\\1", "-", "payments", "#")),
    st.text(max_size=3),
)
NAMES = st.one_of(st.none(), st.binary(max_size=12), st.sampled_from((b"app", b"all", b"none")))


class Anything(SynchronousTestCase):
    @given(st.lists(st.lists(WORDS, max_size=5).map("".join), max_size=4).map(" ".join), NAMES)
    def test_any_line_is_read_or_refused_and_any_login_decided(self, line, user):
        data = line.encode(errors="replace")
        try:
            found = ClientIdMap.read(data, "map")
        except ConfigError as error:
            self.assertIn("map", str(error))
            return
        match = found.decide(LOGIN._replace(user=user))
        self.assertEqual(is_client_id(match.client_id), not match.why)

    @given(NAMES, st.binary(max_size=8), st.sampled_from((NO, YES, BOUND)), st.text(max_size=9))
    def test_a_decision_is_an_id_or_none(self, user, database, tls, link):
        found = read(
            "- user=app link=all\ntenant_\\1 user=/([a-z]*).* database=all\n"
            "\\1\\1\\1\\1\\1 link=/(.*)\nfallback tls=bound,no\n"
        )
        match = found.decide(LoginFacts(user, database, "", None, link, tls, "postgresql"))
        self.assertEqual(is_client_id(match.client_id), not match.why)
        if user is None and not link:
            self.assertEqual(match.line, 0 if tls == YES else 4)


class Page(SynchronousTestCase):
    """docs/client-ids.rst shows rules that can be read, and what they decide."""

    def setUp(self):
        path = TOP / "docs/client-ids.rst"
        self.page = path.read_text()
        self.blocks = [block.text for block in blocks(path)]

    def test_its_rules_are_read_and_decide(self):
        (rules,) = (text for text in self.blocks if text.startswith("# client id"))
        found = read(rules)
        for facts, expected in (
            (LOGIN, "payments"),
            (LOGIN._replace(user=b"acra service"), ""),
            (LOGIN._replace(user=None, link="conn_payments"), "payments"),
            (LOGIN._replace(certificate=certificate("CN=reports,O=Acme"), user=b"x"), "reports ro"),
            (LOGIN._replace(certificate=certificate("CN=t0042,OU=tenants")), "payments"),
            (LOGIN._replace(user=b"batch", address=""), "batch"),
            (LOGIN._replace(user=None, database=b"scratch"), "no_password"),
            (LOGIN._replace(user=b"ann", database=b"scratch"), ""),
        ):
            self.assertEqual(found.decide(facts).client_id, expected, facts)

    def test_its_table_has_every_condition(self):
        rows = set(re.findall(r"(?m)^``(\w+)`` ", self.page))
        self.assertEqual(rows, set(CONDITIONS))

    def test_its_login_is_explained_as_it_says(self):
        (rules,) = (text for text in self.blocks if text.startswith("# client id"))
        (shown,) = (text for text in self.blocks if text.startswith("$ acra-doctor"))
        command, *said = shown.splitlines()
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "map").write_text(rules)
        ini = folder / "acra-server.ini"
        ini.write_text(f"[authentication]\nclient_id_map_file = {folder / 'map'}\n")
        output = io.StringIO()
        words = command.replace("acra-server.ini", str(ini)).split()[2:]
        self.assertEqual(doctor.main(words, {}, output), 0)
        self.assertEqual(output.getvalue().splitlines(), said)
