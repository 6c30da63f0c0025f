"""AcraConnector's settings before a start."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.connector import checks
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.keys import Keys


def settings(**changes):
    base = {
        "acraserver_connection_string": Address("server", 9393),
        "acraserver_transport_encryption_disable": True,
    }
    return defaults(CONNECTOR_SECTIONS).but(**{**base, **changes})


class Kind(SynchronousTestCase):
    def test_there_is_one(self):
        checks.check(settings(mysql_enable=True))
        checks.check(settings(postgresql_enable=True))
        both = settings(mysql_enable=True, postgresql_enable=True)
        error = self.assertRaises(ConfigError, checks.check, both)
        self.assertIn("take one of the two out", str(error))


class Certificates(SynchronousTestCase):
    """Before the start: this side's certificates can be used, and will be for a while."""

    def said(self, prefix="", hosts=(), **options):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("connector", hosts=hosts, **options)
        names = {
            "tls_ca": str(authority.path),
            f"{prefix}tls_cert": str(certificate),
            f"{prefix}tls_key": str(key),
        }
        made = {"acraserver_transport_encryption_disable": bool(prefix)}
        return checks.check_whole(
            settings(acraserver_tls_transport_enable=not prefix, **made, **names)
        )

    def test_nothing_is_wrong(self):
        self.assertEqual(self.said(days=29), [])
        self.assertEqual(self.said("application_", hosts=("localhost",)), [])

    def test_what_connections_fail_by(self):
        for prefix, options, part in (
            ("", {"days": -1}, "tls_cert: the certificate in "),
            ("", {"hosts": ("x",), "server_only": True}, "clientAuth"),
            ("application_", {"hosts": ("x",), "begins_in": 3}, "application_tls_cert: the cert"),
            ("application_", {}, "serverAuth"),
        ):
            error = self.assertRaises(ConfigError, self.said, prefix, **options)
            self.assertIn(part, str(error))

    def test_remarks(self):
        [remark] = self.said(begins_in=-200, days=10)
        self.assertIn("in 9 days", remark)
        self.assertIn("SIGHUP", remark)


class Checks(SynchronousTestCase):
    def refused(self, expected, **changes):
        error = self.assertRaises(ConfigError, checks.check, settings(**changes))
        self.assertIn(expected, str(error))

    def test_fine(self):
        checks.check(settings())

    def test_spans_go_where_the_link_proves_who_sends_them(self):
        self.refused(
            "AcraServer takes spans over TLS and Secure Session only", tracing_to_server=True
        )
        self.refused("set acraserver_tls_transport_enable = true", tracing_to_server=True)
        # With both of them set the link is TLS.
        checks.check(settings(tracing_to_server=True, acraserver_tls_transport_enable=True))

    def test_it_does_not_connect_to_itself(self):
        for listens, to in (
            (Address("127.0.0.1", 9393), Address("127.0.0.1", 9393)),
            (Address("0.0.0.0", 9393), Address("localhost", 9393)),  # noqa: S104
            (Address(path="/run/link"), Address(path="/run/link")),
        ):
            self.refused(
                "the connector's own address",
                incoming_connection_string=listens,
                acraserver_connection_string=to,
            )

    def test_the_port_of_grpc_is_warned_of(self):
        for url, expected in (("http://jaeger:4317", True), ("http://jaeger:4318", False)):
            remarks = checks.check_whole(settings(otlp_endpoint=url))
            self.assertEqual(any("gRPC" in remark for remark in remarks), expected)

    def test_mistakes(self):
        self.refused("name the server", acraserver_connection_string=None)
        self.refused("Secure Session needs one", acraserver_transport_encryption_disable=False)
        secure = {"acraserver_transport_encryption_disable": False, "client_id": "a client"}
        self.refused("Secure Session needs a key store", **secure)
        folder = os.path.abspath(self.mktemp())
        os.mkdir(folder)
        keys = Keys(Path(folder), "a client")
        secure.update(keys.ini())
        checks.check(settings(**secure))
        other = {**secure, "client_id": "another"}
        self.refused("own private key", **other)
        os.unlink(keys.path / "a client_server.pub")
        self.refused("public key", **secure)
        self.refused("--client_id='a client' ", **secure)
        self.refused("octal", unix_socket_mode="999")
        self.refused("octal", unix_socket_mode="7777")
        self.refused("application_tls = require", application_tls="require")
        unix = {"acraserver_connection_string": Address(path="/x")}
        self.refused("tls_acraserver_sni", acraserver_tls_transport_enable=True, **unix)
