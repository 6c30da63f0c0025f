"""Logs, spans and pages: settings that do nothing where there is none of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector import tap
from tests.support.programs import names_in, settings_of

FLAGS = ("--acraserver_connection_string=tcp://127.0.0.1:1", "--client_id=an application")
COLLECTOR = "--otlp_endpoint=http://127.0.0.1:4318/v1/traces"
PAGES = "--incoming_connection_zpages_string=tcp://127.0.0.1:1"


class Effects(SynchronousTestCase):
    def told(self, *flags):
        return names_in(settings_of(tap.Options.program, *FLAGS, *flags).remarks)

    def test_logs(self):
        for name in ("--v", "--d", "--logging_format=json"):
            self.assertEqual(self.told(name), [])
            self.assertEqual(
                self.told(name, "--log_to_console=false"), [name.strip("-").partition("=")[0]]
            )
            self.assertEqual(self.told(name, "--log_to_console=false", "--log_to_file=x"), [])
        self.assertEqual(self.told("--security_log_format=cef"), ["security_log_format"])
        self.assertEqual(self.told("--security_log_format=cef", "--security_log_file=x"), [])

    def test_key_stores(self):
        self.assertEqual(self.told("--keystore_settings=a=b"), ["keystore_settings"])
        self.assertEqual(self.told("--keystore=later", "--keystore_settings=a=b"), [])
        self.assertEqual(self.told("--keys_dir=x"), [])
        self.assertEqual(self.told("--keystore=later", "--keys_dir=x"), ["keys_dir"])

    def test_spans(self):
        for flag in (
            *("--tracing_queue_size=5", "--tracing_batch_size=5", "--tracing_interval=5"),
            "--otlp_compression=gzip",
        ):
            self.assertEqual(self.told(flag), [flag.strip("-").partition("=")[0]])
            self.assertEqual(self.told(flag, COLLECTOR), [])
        for flag in ("--tracing_queue_size=5", "--tracing_interval=5"):
            self.assertEqual(self.told(flag, "--tracing_to_server"), [])
        self.assertEqual(
            self.told("--lightstep_access_token_file=x"), ["lightstep_access_token_file"]
        )
        self.assertEqual(self.told("--tracing_tls_ca=x", COLLECTOR), ["tracing_tls_ca"])
        secure = COLLECTOR.replace("http:", "https:")
        self.assertEqual(self.told("--tracing_tls_ca=x", secure), [])

    def test_jaeger(self):
        agent, collector = "--jaeger_agent_endpoint=x:1", "--jaeger_collector_endpoint=http://x:1"
        user, on = "--jaeger_basic_auth_username=x", "--tracing_jaeger_enable"
        for flags, expected in (
            ([agent], ["jaeger_agent_endpoint"]),
            ([on, agent], []),
            ([on, agent, collector], ["jaeger_agent_endpoint"]),
            ([on, agent, user], ["jaeger_basic_auth_username"]),
            ([on, collector, user], []),
            (["--jaeger_acra_names"], ["jaeger_acra_names"]),
            ([on, agent, "--tracing_tls_ca=x"], ["tracing_tls_ca"]),
        ):
            self.assertEqual(self.told(*flags), expected, flags)

    def test_pages(self):
        token, hosts = "--zpages_token_file=x", "--zpages_hosts=x"
        for flags, expected in (
            ([token], ["zpages_token_file"]),
            (["--zpages_tls_enable"], ["zpages_tls_enable"]),
            ([hosts], ["zpages_hosts"]),
            ([hosts, PAGES], []),
            ([hosts, PAGES, token], ["zpages_hosts"]),
            (["--http_max_connections=5"], ["http_max_connections"]),
            (["--http_max_connections=5", PAGES], []),
        ):
            self.assertEqual(self.told(*flags), expected, flags)

    def test_listeners(self):
        shared = "--incoming_connection_reuse_port"
        self.assertEqual(self.told(shared), [])
        self.assertEqual(
            self.told(shared, "--incoming_connection_string=unix:///x"),
            ["incoming_connection_reuse_port"],
        )
