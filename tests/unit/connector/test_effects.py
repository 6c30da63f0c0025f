"""AcraConnector's settings beside others that take their effect away."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.connector import tap
from acra_twisted.connector.effects import RULES, verified_legs
from acra_twisted.errors import ConfigError
from tests.support.programs import names_in, settings_of

STRING = "--acraserver_connection_string=tcp://127.0.0.1:1"
PLAIN = "--acraserver_transport_encryption_disable"
TLS = "--acraserver_tls_transport_enable"
#: What does something whatever else is set.
ALWAYS = set(
    """acraserver_connect_timeout acraserver_connection_host acraserver_tls_transport_enable
    allowed_users application_tls native_transports client_id core_dump_enable handshake_timeout
    http_api_enable incoming_connection_api_string incoming_connection_close_timeout
    incoming_connection_prometheus_metrics_string incoming_connection_string
    incoming_connection_zpages_string log_to_console log_to_file log_to_journald log_to_syslog
    max_connections mysql_enable postgresql_enable
    security_log_file trace_store_file tracing_log_enable tracing_sampler tracing_scope
    tracing_slow_threshold tracing_to_server tracing_trust_remote write_timeout datadog_endpoint
    lightstep_endpoint otlp_endpoint zipkin_endpoint tracing_exporters
    tracing_jaeger_enable""".split()  # noqa: SIM905
)


def settings(*flags):
    return settings_of(tap.Options.program, *flags)


class Effects(SynchronousTestCase):
    def test_each_option_is_decided(self):
        """Every option says where it takes effect: by a rule, or here."""
        ruled = {name for rule in RULES for name in rule.names}
        options = {option.name for section in CONNECTOR_SECTIONS for option in section.options}
        undecided = options - ruled - ALWAYS
        # TCP's own settings hold for every connection.
        self.assertEqual({name for name in undecided if not name.startswith("tcp_")}, set())
        self.assertEqual(ruled & ALWAYS, set())
        self.assertEqual((ruled | ALWAYS) - options, set())

    def test_remarks(self):
        for flags, expected in (
            ([STRING], []),
            ([TLS, PLAIN], ["acraserver_transport_encryption_disable"]),
            ([TLS, "--acraserver_securesession_id=x"], ["acraserver_securesession_id"]),
            (["--acraserver_securesession_id=x"], []),
            (["--acraserver_connection_host=x", STRING], ["acraserver_connection_string"]),
            ([STRING, "--acraserver_connection_port=1"], ["acraserver_connection_port"]),
            (["--acraserver_connection_host=x", "--acraserver_connection_port=1"], []),
            (
                ["--acraserver_api_connection_string=tcp://x:1"],
                ["acraserver_api_connection_string"],
            ),
            (["--acraserver_api_connection_string=tcp://x:1", "--http_api_enable"], []),
            (["--tls_acraserver_sni=x"], ["tls_acraserver_sni"]),
            (["--tls_acraserver_sni=x", TLS], []),
            (["--tls_ca=x", "--tls_cert=x"], ["tls_ca", "tls_cert"]),
            (
                [
                    *("--tls_ca=x", "--zpages_tls_enable"),
                    "--incoming_connection_zpages_string=tcp://127.0.0.1:1",
                ],
                [],
            ),
            (["--application_tls_cert=x"], []),
            (
                ["--application_tls_cert=x", "--application_tls=refuse"],
                ["application_tls_cert"],
            ),
            ([TLS, "--tls_ocsp_url=http://x", "--tls_ocsp_max_age=9"], []),
            ([TLS, "--tls_ocsp_max_age=9"], ["tls_ocsp_max_age"]),
            ([TLS, "--tls_ocsp_staple"], []),
            (["--tls_ocsp_staple"], ["tls_ocsp_staple"]),
            (["--tls_revoked_sessions=keep"], ["tls_revoked_sessions"]),
            (["--busy_poll=100", "--native_transports=off"], ["busy_poll"]),
            (["--busy_poll=100"], []),
            (["--unix_socket_mode=0660"], ["unix_socket_mode"]),
            (["--unix_socket_mode=0660", "--incoming_connection_string=unix:///x"], []),
            (
                ["--message_size_limit=1000000", "--tracing_scope=connection"],
                ["message_size_limit"],
            ),
            (["--keys_dir=x", TLS], ["keys_dir"]),
            (["--keys_dir=x"], []),
        ):
            self.assertEqual(names_in(settings(*flags).remarks), expected, flags)

    def test_legs_whose_peers_are_verified(self):
        applications = ("--application_tls_ca=x", "--application_tls_cert=x")
        for flags, expected in (
            ([], []),
            ([TLS], ["acraserver"]),
            ([TLS, "--tls_auth=0"], []),
            (applications, ["application"]),
            ([TLS, *applications], ["acraserver", "application"]),
        ):
            self.assertEqual(verified_legs(settings(*flags)), expected, flags)

    def test_revocation_of_peers_that_are_not_verified(self):
        for flags in (
            ["--tls_ocsp_url=http://x"],
            [TLS, "--tls_auth=0", "--tls_crl_url=http://x"],
            [TLS, "--application_tls_crl_url=http://x"],
            ["--tls_crl_from_cert=use"],
        ):
            error = self.assertRaises(ConfigError, settings, *flags)
            name = flags[-1].strip("-").partition("=")[0]
            self.assertIn(f"{name} has no effect", str(error))
        settings(TLS, "--tls_ocsp_url=http://x", "--tls_crl_from_cert=use")

    def test_protections(self):
        for flags in (
            ["--application_tls_ca=x"],
            ["--application_tls_ca=x", "--application_tls_cert=x", "--application_tls=pass"],
        ):
            error = self.assertRaises(ConfigError, settings, *flags)
            self.assertIn("application_tls_ca has no effect", str(error))
        settings("--application_tls_ca=x", "--application_tls_cert=x")
