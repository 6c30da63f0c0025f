"""Where AcraServer's settings take effect."""

from __future__ import annotations

from typing import Final

from acra_twisted.blocks import CENSOR_BLOCKS, blocks_of
from acra_twisted.config.authentication import uses_secrets
from acra_twisted.config.commoneffects import (
    KEY_SETTINGS,
    KEY_STORE_RULES,
    LISTENER_RULES,
    LOGGING_RULES,
    TRACING_RULES,
    serves_pages,
    shows_spans,
)
from acra_twisted.config.effects import Rule
from acra_twisted.config.encryptor import ENCRYPTOR
from acra_twisted.config.history import WATCHING_RULES
from acra_twisted.config.revocation import CLIENT, DATABASE, SERVER_REVOCATION, staples
from acra_twisted.config.revocationeffects import revocation_rules
from acra_twisted.config.tokens import REDIS, TOKENS, store_name
from acra_twisted.daemon.link import ACRACONNECTOR, is_plain, is_secure_session, is_tls
from acra_twisted.options import Settings
from acra_twisted.server.databaseeffects import DATABASE_RULES
from acra_twisted.server.logineffects import LOGIN_RULES
from acra_twisted.server.upstream import verifies_database
from acra_twisted.transport.credentials import REQUIRE, Credentials

#: Stages that have no use for keys.
_WITHOUT_KEYS: Final = frozenset(("censor", "query_capture"))
_SECURE_SESSION: Final = (
    "the link is Secure Session; set acraconnector_tls_transport_enable = true for TLS, or "
    "acraconnector_transport_encryption_disable = true for a plain connection"
)


def _link_tls(settings: Settings) -> bool:
    return is_tls(settings, ACRACONNECTOR)


def _is_plain(settings: Settings) -> bool:
    return is_plain(settings, ACRACONNECTOR)


def _is_secure_session(settings: Settings) -> bool:
    return is_secure_session(settings, ACRACONNECTOR)


def _ends_tls(settings: Settings) -> bool:
    """Return True if connectors or applications may use TLS that ends here."""
    certificate = settings["tls_client_cert"] or settings["tls_cert"]
    chosen = settings["client_tls"]
    offered = _is_plain(settings) if chosen == "auto" else chosen != "disable"
    return _link_tls(settings) or bool(certificate) and offered


def _asks_for_certificates(settings: Settings) -> bool:
    """Return True if a TLS peer may show a certificate: within an encrypted link nobody does."""
    return not _is_secure_session(settings) and _ends_tls(settings)


def _guards_pages(settings: Settings) -> bool:
    return serves_pages(settings) and bool(settings["zpages_tls_enable"])


def _database_tls(settings: Settings) -> bool:
    return bool(settings["db_tls"] != "disable" and settings["db_host"][:1] != "/")


def _client_auth(settings: Settings) -> int:
    own: int = settings["tls_client_auth"]
    return settings["tls_auth"] if own < 0 else own


def verifies_clients(settings: Settings) -> bool:
    """Return True if certificates of connectors or applications are verified."""
    return _asks_for_certificates(settings) and _client_auth(settings) != 0


def proves_connectors(settings: Settings) -> bool:
    """Return True if connectors have proven who they are once a link stands."""
    return _is_secure_session(settings) or (
        _link_tls(settings) and _client_auth(settings) == REQUIRE
    )


def verified_legs(settings: Settings) -> list[str]:
    """The legs whose peers' certificates are verified, as `config.revocation` names them."""
    verified = {CLIENT: verifies_clients, DATABASE: verifies_database}
    return [leg for leg, verifies in verified.items() if verifies(settings)]


def verified_credentials(settings: Settings) -> dict[str, Credentials]:
    """The credentials of those legs.  Raises ConfigError; reads files."""
    return {leg: Credentials(settings, f"tls_{leg}_") for leg in verified_legs(settings)}


def _lets_passwords_pass(settings: Settings) -> bool:
    rule: str = settings["db_password_without_tls"]
    return rule == "allow"


def _needs_client_id(settings: Settings) -> bool:
    """Return True if there may be a client that neither a key nor a certificate names."""
    if _is_secure_session(settings):
        return False
    if not settings["tls_client_id_from_cert"]:
        return True
    certain = _client_auth(settings) == REQUIRE
    return not (certain and (_link_tls(settings) or settings["client_tls"] == "require"))


def _uses_keys(settings: Settings) -> bool:
    stages = set(settings["stages"]) - _WITHOUT_KEYS
    if uses_secrets(settings):
        # What users without a secret are shown is derived from the master key.
        return True
    return _is_secure_session(settings) or bool(stages) or bool(settings["audit_log_enable"])


def _has_rules(settings: Settings) -> bool:
    """With a rule file the keys are a mistake that the rules' reader tells of."""
    return bool(blocks_of(settings.blocks, CENSOR_BLOCKS) or settings["acracensor_config_file"])


_LINK_RULES: Final = (
    Rule(
        ("acraconnector_transport_encryption_disable",),
        lambda settings: not _link_tls(settings),
        "acraconnector_tls_transport_enable is on, too, and connectors come over TLS; take one of "
        "the two out",
    ),
    Rule(
        ("securesession_id",),
        _is_secure_session,
        "the link is not Secure Session",
    ),
    Rule(
        ("client_id",),
        _needs_client_id,
        "every client has an id of its own, by its key (Secure Session) or its certificate "
        "(tls_client_id_from_cert)",
    ),
    Rule(
        ("max_connections_per_address",),
        lambda settings: not settings["incoming_connection_string"].path,
        "who comes by a unix socket has no address",
    ),
    Rule(
        ("http_api_clients",),
        lambda settings: settings["http_api_enable"],
        "http_api_enable is off",
    ),
)

_TLS_RULES: Final = (
    Rule(
        ("tls_client_id_from_cert",),
        lambda settings: not _is_plain(settings) or _ends_tls(settings),
        "nobody comes over TLS; set acraconnector_tls_transport_enable = true, or tls_cert and "
        "tls_key so that applications can ask for it",
        protects=True,
    ),
    Rule(
        ("tls_client_id_from_cert",),
        lambda settings: not _is_secure_session(settings),
        f"client ids come with the keys of clients: {_SECURE_SESSION}",
    ),
    Rule(
        ("tls_identifier_extractor_type",),
        lambda settings: settings["tls_client_id_from_cert"],
        "tls_client_id_from_cert is off",
    ),
    Rule(
        ("tls_client_ca", "tls_client_auth"),
        lambda settings: (
            not _is_plain(settings)
            or _ends_tls(settings)
            or _guards_pages(settings)
            or settings["tls_client_auth"] == 0
        ),
        "nobody comes over TLS, so that nobody shows a certificate; set "
        "acraconnector_tls_transport_enable = true, or tls_cert, tls_key and client_tls = require",
        protects=True,
    ),
    Rule(
        ("tls_client_ca", "tls_client_auth"),
        lambda settings: _asks_for_certificates(settings) or _guards_pages(settings),
        f"nobody shows a certificate: {_SECURE_SESSION}",
    ),
    Rule(
        ("tls_client_cert", "tls_client_key"),
        lambda settings: _ends_tls(settings) or _guards_pages(settings),
        "nobody comes over TLS that ends here (client_tls, acraconnector_tls_transport_enable)",
    ),
    Rule(
        ("tls_database_ca", "tls_database_sni"),
        _database_tls,
        "the connection to the database has no TLS (db_tls, or a unix socket in db_host)",
        protects=True,
    ),
    Rule(
        ("tls_database_auth",),
        lambda settings: _database_tls(settings) or settings["tls_database_auth"] == 0,
        "the connection to the database has no TLS (db_tls, or a unix socket in db_host)",
        protects=True,
    ),
    Rule(
        ("tls_database_cert", "tls_database_key", "tls_database_auth"),
        _database_tls,
        "the connection to the database has no TLS (db_tls, or a unix socket in db_host)",
    ),
    Rule(
        ("tls_ca", "tls_cert", "tls_key", "tls_auth"),
        lambda settings: _ends_tls(settings) or _database_tls(settings) or _guards_pages(settings),
        "nothing uses TLS",
    ),
    Rule(
        ("db_password_without_tls",),
        lambda settings: (
            settings["db_tls"] not in ("require", "direct") or not _lets_passwords_pass(settings)
        ),
        "db_tls = require or direct",
    ),
)

_REVOCATION_RULES: Final = (
    Rule(
        ("tls_ocsp_staple",),
        lambda settings: _link_tls(settings) and staples(settings),
        "connectors do not come over TLS, or no responder can be asked; set "
        "acraconnector_tls_transport_enable = true and tls_ocsp_url",
    ),
    *revocation_rules(
        SERVER_REVOCATION.options,
        {
            CLIENT: (
                verifies_clients,
                "no certificate of a connector or an application is verified; set "
                "tls_client_auth = 4, and acraconnector_tls_transport_enable = true or client_tls "
                "= require",
            ),
            DATABASE: (
                verifies_database,
                "the database's certificate is not verified (db_tls, tls_database_auth)",
            ),
        },
    ),
)

_CENSOR: Final = "there are no handlers: name acracensor_config_file, or give [censor:NAME]"
_STAGE_RULES: Final = (
    Rule(("stage_timeout",), lambda settings: settings["stages"], "no stage runs"),
    Rule(
        ("batch_hold_time",),
        lambda settings: settings["batch_hold_limit"],
        "batch_hold_limit = 0: nothing is held",
    ),
    Rule(("unknown_functions", "statistics"), _has_rules, _CENSOR, protects=True),
    Rule(
        ("ignore_parse_error", "parse_errors_log", "value_matches_functions"), _has_rules, _CENSOR
    ),
    Rule(
        ("poison_run_script_file", "poison_stop_session_enable", "poison_shutdown_enable"),
        lambda settings: "poison" in settings["stages"],
        "nothing looks for poison records; set poison_detect_enable = true, or take it out",
        protects=True,
    ),
    Rule(
        ("poison_script_timeout",),
        lambda settings: settings["poison_run_script_file"],
        "poison_run_script_file is not set",
    ),
    Rule(
        (
            *(one.name for one in ENCRYPTOR.options if one.name != "encryptor_config_file"),
            *(option.name for option in TOKENS.options),
        ),
        lambda settings: "encryptor" in settings["stages"],
        "no column is protected; name encryptor_config_file, or give [encrypt:TABLE.COLUMN]",
    ),
    Rule(
        ("schema_password_file", "schema_databases"),
        lambda settings: settings["schema_user"],
        "nobody looks at the tables; name a role in schema_user",
    ),
    Rule(
        tuple(option.name for option in REDIS),
        lambda settings: store_name(settings) == "redis",
        "token_store names another store",
    ),
    Rule(
        KEY_SETTINGS,
        _uses_keys,
        "nothing needs keys: the link is not Secure Session, no stage uses them, the log is not "
        "signed",
    ),
)

_SPAN_RULES: Final = (
    Rule(
        ("tracing_sampler", "tracing_sampler_by_client", "tracing_slow_threshold"),
        lambda settings: (
            shows_spans(settings)
            or settings["tracing_propagate_to_database"]
            or settings["tracing_notice_enable"]
        ),
        "no span goes anywhere; set otlp_endpoint, for example, or "
        "incoming_connection_zpages_string",
    ),
    Rule(
        ("trace_link_template", "console_peers"),
        serves_pages,
        "there is no console; incoming_connection_zpages_string is empty",
    ),
)

RULES: Final = (
    *LISTENER_RULES,
    *_LINK_RULES,
    *_TLS_RULES,
    *DATABASE_RULES,
    *LOGIN_RULES,
    *_REVOCATION_RULES,
    *_STAGE_RULES,
    *_SPAN_RULES,
    *KEY_STORE_RULES,
    *LOGGING_RULES,
    *TRACING_RULES,
    *WATCHING_RULES,
)
