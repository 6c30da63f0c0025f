"""AcraServer's settings beside others that take their effect away."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.server import tap
from acra_twisted.server.effects import RULES, proves_connectors, verified_legs
from tests.support.programs import names_in, settings_of

DATABASE = "--db_host=127.0.0.1"
PLAIN = "--acraconnector_transport_encryption_disable"
TLS = "--acraconnector_tls_transport_enable"
PAGES = "--incoming_connection_zpages_string=tcp://127.0.0.1:1"
TEMPLATE = "--trace_link_template=http://jaeger/trace/{trace_id}"
#: Connectors show certificates that are verified.
VERIFIED = (TLS, "--tls_ca=x", "--tls_cert=x")
REACTIONS = (
    "--poison_shutdown_enable=true",
    "--poison_stop_session_enable",
    "--poison_run_script_file=/bin/true",
)
#: What does something whatever else is set.
ALWAYS = set(
    """acraconnector_tls_transport_enable acracensor_config_file client_id_map_file
    mysql_enable postgresql_enable
    client_tls core_dump_enable db_connect_timeout db_host db_port db_tls
    handshake_timeout http_api_enable incoming_connection_api_string
    incoming_connection_close_timeout incoming_connection_prometheus_metrics_string
    incoming_connection_string incoming_connection_zpages_string log_to_console log_to_file
    log_to_journald log_to_syslog max_connections max_pending_exchanges max_prepared_statements
    message_size_limit message_timeout native_transports poison_detect_enable
    encryptor_config_file
    reply_timeout security_log_file session_idle_timeout stages trace_store_file tracing_log_enable
    tracing_propagate_to_database tracing_scope tracing_trace_id_in_errors
    tracing_trust_remote
    transaction_idle_timeout write_timeout datadog_endpoint lightstep_endpoint otlp_endpoint
    zipkin_endpoint tracing_exporters tracing_jaeger_enable""".split()  # noqa: SIM905
)


def settings(*flags):
    return settings_of(tap.Options.program, DATABASE, *flags)


class Effects(SynchronousTestCase):
    def told(self, *flags):
        return names_in(settings(*flags).remarks)

    def refused(self, expected, *flags):
        error = self.assertRaises(ConfigError, settings, *flags)
        self.assertIn(f"{expected} has no effect", str(error))

    def test_connectors_that_have_proven_who_they_are(self):
        for flags, expected in (
            ((), True),
            ((PLAIN, "--client_id=client"), False),
            (VERIFIED, True),
            ((*VERIFIED, "--tls_auth=3"), False),
            ((*VERIFIED, "--tls_client_auth=0", "--client_id=client"), False),
        ):
            self.assertIs(proves_connectors(settings(*flags)), expected, flags)

    def test_each_option_is_decided(self):
        """Every option says where it takes effect: by a rule, or here."""
        ruled = {name for rule in RULES for name in rule.names}
        options = {option.name for section in SERVER_SECTIONS for option in section.options}
        undecided = options - ruled - ALWAYS
        # TCP's own settings hold for every connection.
        self.assertEqual({name for name in undecided if not name.startswith("tcp_")}, set())
        self.assertEqual(ruled & ALWAYS, set())
        self.assertEqual((ruled | ALWAYS) - options, set())

    def test_busy_poll_needs_native_transports(self):
        flags = ("--busy_poll=100", "--native_transports=off")
        self.assertEqual(self.told(*flags), ["busy_poll"])
        self.assertEqual(self.told(flags[0]), [])

    def test_defaults_are_quiet(self):
        self.assertEqual(settings().remarks, ())

    def test_remarks(self):
        for flags, expected in (
            ([TLS, PLAIN], ["acraconnector_transport_encryption_disable"]),
            ([PLAIN, "--client_id=an application", "--securesession_id=x"], ["securesession_id"]),
            (["--client_id=an application"], ["client_id"]),
            ([PLAIN, "--client_id=an application"], []),
            ([TLS, "--client_id=an application"], []),
            ([TLS, "--tls_client_id_from_cert", "--client_id=an application"], ["client_id"]),
            (
                [TLS, "--tls_client_id_from_cert", "--client_id=an application", "--tls_auth=3"],
                [],
            ),
            (["--tls_client_id_from_cert"], ["tls_client_id_from_cert"]),
            (
                [TLS, "--tls_identifier_extractor_type=serial_number"],
                ["tls_identifier_extractor_type"],
            ),
            (["--tls_client_ca=x"], ["tls_client_ca"]),
            (["--tls_client_cert=x", "--client_tls=allow"], []),
            (["--tls_client_cert=x"], ["tls_client_cert"]),
            (["--tls_client_auth=0", PLAIN, "--client_id=12345"], ["tls_client_auth"]),
            (["--tls_client_ca=x", "--zpages_tls_enable", PAGES], []),
            ([TEMPLATE], ["trace_link_template"]),
            ([TEMPLATE, PAGES], []),
            (["--db_tls=disable", "--tls_cert=x"], ["tls_cert"]),
            (["--db_tls=disable", "--tls_database_cert=x"], ["tls_database_cert"]),
            (["--db_tls=disable", "--tls_database_auth=0"], ["tls_database_auth"]),
            (["--tls_ca=x", "--tls_cert=x", "--tls_key=x", "--db_tls=require"], []),
            (
                ["--db_tls=require", "--db_password_without_tls=allow"],
                ["db_password_without_tls"],
            ),
            (["--db_tls=direct", "--db_password_without_tls=allow"], ["db_password_without_tls"]),
            (["--db_tls=require", "--db_password_without_tls=deny"], []),
            (
                ["--incoming_connection_string=unix:///x", "--max_connections_per_address=3"],
                ["max_connections_per_address"],
            ),
            (["--http_api_clients=x"], ["http_api_clients"]),
            (["--stages=", "--stage_timeout=1"], ["stage_timeout"]),
            (["--batch_hold_limit=0", "--batch_hold_time=1"], ["batch_hold_time"]),
            (["--parse_errors_log=x"], ["parse_errors_log"]),
            (["--poison_script_timeout=5"], ["poison_script_timeout"]),
            ([TLS, "--stages=censor", "--keys_dir=x"], ["keys_dir"]),
            ([TLS, "--keys_dir=x"], []),
            ([TLS, "--stages=censor", "--keys_dir=x", "--auth_file=x"], []),
            ([TLS, "--stages=censor", "--keys_dir=x", "--auth_mode=cert"], ["keys_dir"]),
            ([*VERIFIED, "--tls_ocsp_url=http://x", "--tls_ocsp_cache_time=9"], []),
            ([*VERIFIED, "--tls_ocsp_cache_time=9"], ["tls_ocsp_cache_time"]),
            ([*VERIFIED, "--tls_ocsp_required=allowUnknown"], ["tls_ocsp_required"]),
            ([*VERIFIED, "--tls_crl_url=http://x", "--tls_crl_required=soft"], []),
            ([*VERIFIED, "--tls_crl_client_cache_size=0"], ["tls_crl_client_cache_size"]),
            (
                [*VERIFIED, "--tls_crl_client_url=file:///x", "--tls_crl_client_cache_size=0"],
                [],
            ),
            ([*VERIFIED, "--tls_crl_client_from_cert=ignore"], []),
            ([*VERIFIED, "--tls_revoked_sessions=keep"], ["tls_revoked_sessions"]),
            (
                [*VERIFIED, "--tls_crl_url=http://x", "--tls_revocation_hosts=x"],
                ["tls_revocation_hosts"],
            ),
            ([*VERIFIED, "--tls_crl_from_cert=use", "--tls_revocation_hosts=x"], []),
            ([*VERIFIED, "--tls_ocsp_staple"], ["tls_ocsp_staple"]),
            ([*VERIFIED, "--tls_ocsp_staple", "--tls_ocsp_client_url=http://x"], []),
            (["--tracing_sampler=never"], ["tracing_sampler"]),
            (["--tracing_sampler=never", PAGES], []),
            (["--tracing_sampler=never", "--tracing_notice_enable"], []),
        ):
            self.assertEqual(self.told(*flags), expected, flags)

    def test_protections(self):
        self.refused("tls_client_id_from_cert", PLAIN, "--tls_client_id_from_cert")
        self.refused("tls_client_auth", PLAIN, "--client_id=12345", "--tls_client_auth=4")
        self.refused("tls_client_ca", PLAIN, "--client_id=12345", "--tls_client_ca=x")
        self.refused("tls_database_ca", "--db_tls=disable", "--tls_database_ca=x")
        self.refused("tls_database_sni", "--db_host=/run", "--tls_database_sni=x")
        self.refused("tls_database_auth", "--db_tls=disable", "--tls_database_auth=4")
        for name in ("tls_ocsp_url", "tls_crl_url", "tls_ocsp_client_url", "tls_crl_client_url"):
            self.refused(name, f"--{name}=http://x")
            self.refused(name, *VERIFIED, "--tls_auth=0", f"--{name}=http://x")
        for name in ("tls_ocsp_from_cert", "tls_crl_client_from_cert"):
            self.refused(name, f"--{name}=use")
        for name in ("tls_ocsp_database_url", "tls_crl_database_url"):
            self.refused(name, "--db_tls=disable", f"--{name}=http://x")
            self.refused(name, "--tls_database_auth=0", f"--{name}=http://x")
        self.refused("unknown_functions", "--unknown_functions=deny")
        self.refused("statistics", "--statistics=deny")
        self.refused("audit_log_enable", "--log_to_console=false", "--audit_log_enable")

    def test_protections_in_place(self):
        settings(PLAIN, "--tls_client_id_from_cert", "--tls_cert=x", "--tls_client_auth=4")
        settings("--unknown_functions=deny", "--acracensor_config_file=x")
        settings(*VERIFIED, "--tls_ocsp_url=http://x", "--tls_crl_from_cert=use")
        settings("--tls_crl_database_url=file:///x")
        settings("--db_tls=require", "--tls_crl_url=file:///x")

    def test_legs_whose_peers_are_verified(self):
        for flags, expected in (
            ([], []),
            (VERIFIED, ["client"]),
            ([*VERIFIED, "--tls_client_auth=0"], []),
            ([*VERIFIED, "--db_tls=require"], ["client", "database"]),
            ([PLAIN, "--client_id=12345", "--tls_cert=x"], ["client"]),
            ([PLAIN, "--client_id=12345"], []),
            (["--db_tls=require", "--tls_database_auth=0"], []),
            # One on this host that nothing is expected of is not verified.
            (["--tls_ca=x"], []),
            (["--tls_ca=x", "--tls_crl_database_url=file:///x"], ["database"]),
        ):
            self.assertEqual(verified_legs(settings(*flags)), expected, flags)


class Stages(SynchronousTestCase):
    """Sections of stages that do not run."""

    def test_one_that_advises_is_told_of(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[database]\ndb_host = x\n[stage:query_capture]\nfilepath = x\n")
        found = settings_of(tap.Options.program, f"--config_file={path}")
        self.assertIn("[stage:query_capture] has no effect", found.remarks[0])
        settings_of(tap.Options.program, f"--config_file={path}", "--stages=query_capture")

    def test_one_that_protects_is_a_mistake(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[database]\ndb_host = x\n[stage:censor]\ncache_entries = 100\n")
        error = self.assertRaises(
            ConfigError, settings_of, tap.Options.program, f"--config_file={path}"
        )
        self.assertIn(f"{path}:3: [stage:censor] has no effect", str(error))

    def test_columns_that_nothing_protects_are_a_mistake(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[database]\ndb_host = x\n[stage:encryptor]\nconfig_file = x\n")
        error = self.assertRaises(
            ConfigError, settings_of, tap.Options.program, f"--config_file={path}"
        )
        self.assertIn(f"{path}:3: [stage:encryptor] has no effect", str(error))


class Poison(SynchronousTestCase):
    def test_a_reaction_turns_detection_on(self):
        for reaction in REACTIONS:
            found = settings("--stages=", reaction)
            self.assertEqual(found["stages"], ("poison",))
            self.assertTrue(found["poison_detect_enable"])
            self.assertEqual(found.remarks, ())
        self.assertEqual(settings("--stages=")["stages"], ())

    def test_detection_that_is_off_beside_a_reaction_is_refused(self):
        for reaction in REACTIONS:
            name = reaction.strip("-").partition("=")[0]
            error = self.assertRaises(
                ConfigError, settings, reaction, "--poison_detect_enable=false"
            )
            self.assertIn(f"--{name}: {name} has no effect", str(error))
            self.assertIn("poison_detect_enable = true", str(error))

    def test_a_stage_by_name_is_detection(self):
        found = settings(REACTIONS[0], "--poison_detect_enable=false", "--stages=poison")
        self.assertEqual(found["stages"], ("poison",))
