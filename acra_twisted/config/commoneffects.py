"""Where the settings that both daemons have take effect."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.effects import Rule
from acra_twisted.keystore.factory import FILESYSTEM
from acra_twisted.options import Settings

_ENDPOINTS: Final = (
    "otlp_endpoint",
    "zipkin_endpoint",
    "lightstep_endpoint",
    "datadog_endpoint",
    "tracing_jaeger_enable",
    "tracing_exporters",
)
_LOGS: Final = ("log_to_console", "log_to_file", "log_to_syslog", "log_to_journald")


def has_log(settings: Settings) -> bool:
    """Return True if log lines are written anywhere."""
    return any(settings[name] for name in _LOGS)


def has_collector(settings: Settings) -> bool:
    """Return True if spans are sent anywhere, by requests with queues."""
    return any(settings.get(name) for name in (*_ENDPOINTS, "tracing_to_server"))


def shows_spans(settings: Settings) -> bool:
    """Return True if anybody sees which traces are recorded."""
    pages = settings["incoming_connection_zpages_string"] is not None
    kept = settings["tracing_log_enable"] or settings["trace_store_file"]
    return pages or bool(kept) or has_collector(settings)


def serves_pages(settings: Settings) -> bool:
    """Return True if there are trace pages."""
    return settings["incoming_connection_zpages_string"] is not None


def _uses_tls(settings: Settings) -> bool:
    names = ("otlp", "zipkin", "lightstep", "datadog")
    urls = [settings[f"{name}_endpoint"] for name in names]
    if settings["tracing_jaeger_enable"]:
        urls.append(settings["jaeger_collector_endpoint"])
    return any(url.startswith("https:") for url in urls)


KEY_SETTINGS: Final = (
    "keystore",
    "keystore_settings",
    "keys_dir",
    "keys_dir_public",
    "master_key_file",
    "master_key_command",
    "keystore_cache_size",
)

KEY_STORE_RULES: Final = (
    Rule(
        ("keystore_settings",),
        lambda settings: settings["keystore"] != FILESYSTEM,
        "keystore = filesystem, whose settings are keys_dir and the others",
    ),
    Rule(
        ("keys_dir", "keys_dir_public", "master_key_file", "master_key_command"),
        lambda settings: settings["keystore"] == FILESYSTEM,
        "keystore names another key store, whose settings are keystore_settings",
    ),
)

LOGGING_RULES: Final = (
    Rule(
        ("audit_log_enable",),
        has_log,
        "no log is written; set log_to_file, log_to_console, log_to_syslog or log_to_journald",
        protects=True,
    ),
    Rule(
        ("logging_format", "v", "d"),
        has_log,
        "no log is written; set log_to_file, log_to_console, log_to_syslog or log_to_journald",
    ),
    Rule(
        ("security_log_format",),
        lambda settings: settings["security_log_file"],
        "security_log_file is not set",
    ),
)

TRACING_RULES: Final = (
    Rule(
        ("otlp_headers", "otlp_compression"),
        lambda settings: settings["otlp_endpoint"],
        "otlp_endpoint is not set",
    ),
    Rule(
        ("lightstep_access_token", "lightstep_access_token_file"),
        lambda settings: settings["lightstep_endpoint"],
        "lightstep_endpoint is not set",
    ),
    Rule(
        ("lightstep_access_token_file",),
        lambda settings: not settings["lightstep_access_token"],
        "lightstep_access_token is set, too",
    ),
    Rule(
        (
            "jaeger_agent_endpoint",
            "jaeger_collector_endpoint",
            "jaeger_basic_auth_username",
            "jaeger_basic_auth_password",
            "jaeger_acra_names",
        ),
        lambda settings: settings["tracing_jaeger_enable"],
        "tracing_jaeger_enable is off",
    ),
    Rule(
        ("jaeger_agent_endpoint",),
        lambda settings: not settings["jaeger_collector_endpoint"],
        "spans go to jaeger_collector_endpoint",
    ),
    Rule(
        ("jaeger_basic_auth_username", "jaeger_basic_auth_password"),
        lambda settings: settings["jaeger_collector_endpoint"],
        "jaeger_collector_endpoint is not set, and an agent asks for no password",
    ),
    Rule(
        ("tracing_tls_ca",),
        _uses_tls,
        "no collector's address begins with https",
    ),
    Rule(
        ("tracing_queue_size", "tracing_batch_size", "tracing_interval"),
        has_collector,
        "no collector is set (otlp_endpoint, for example)",
    ),
)

METRICS_RULES: Final = (
    Rule(
        ("zpages_token_file", "zpages_tls_enable", "zpages_hosts"),
        serves_pages,
        "there are no trace pages; incoming_connection_zpages_string is empty",
    ),
    Rule(
        ("zpages_hosts",),
        lambda settings: not settings["zpages_token_file"] and not settings["zpages_tls_enable"],
        "where a token or a certificate is wanted any name may be asked for",
    ),
    Rule(
        ("http_max_connections",),
        lambda settings: (
            serves_pages(settings)
            or settings["incoming_connection_prometheus_metrics_string"] is not None
        ),
        "there are neither metrics nor trace pages",
    ),
)

LISTENER_RULES: Final = (
    Rule(
        ("incoming_connection_reuse_port",),
        lambda settings: not settings["incoming_connection_string"].path,
        "incoming_connection_string is a unix socket, which one process has alone",
    ),
    Rule(
        ("busy_poll",),
        lambda settings: settings["native_transports"] == "auto",
        "native_transports is off, and Twisted's reactor falls asleep",
    ),
)
