"""AcraServer's settings before a start: what cannot be used together, and what is to be said."""

from __future__ import annotations

import os
from collections.abc import Iterator

from acra_twisted.authentication.mapfile import MapFile
from acra_twisted.config.authentication import (
    WITHOUT_TLS,
    ends_authentication,
    requires_tls,
    uses_secrets,
)
from acra_twisted.config.databasekind import check_kind
from acra_twisted.config.listeners import check_addresses, checked, each
from acra_twisted.config.loginmethods import by_certificate
from acra_twisted.config.revocation import check_revocation, policy_of, staples, weak
from acra_twisted.config.secretsources import has_sources
from acra_twisted.daemon.dialect import dialect_of
from acra_twisted.daemon.link import ACRACONNECTOR, is_plain, is_secure_session, is_tls
from acra_twisted.daemon.stapling import own
from acra_twisted.errors import ConfigError, try_all
from acra_twisted.keystore.opening import need_keys, open_keys
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.server.api import check_api
from acra_twisted.server.columnchecks import PROTECTS, check_protected, use_tokens
from acra_twisted.server.credentials import check_sources
from acra_twisted.server.effects import proves_connectors, verified_legs, verifies_clients
from acra_twisted.server.loginadvice import can_bind
from acra_twisted.server.missingkeys import of_containers
from acra_twisted.server.tokenstore import check_token_store
from acra_twisted.server.upstream import database_address, database_tls, uses_database_tls
from acra_twisted.stages.censor import check_rules
from acra_twisted.telemetry.export.destinations import doubts, make_exporters
from acra_twisted.telemetry.sites import make_guard
from acra_twisted.transport.certificates import CLIENT, SERVER
from acra_twisted.transport.credentials import REQUIRE, Credentials, told

#: Stages that cannot do without keys, for `check`; each says so itself when it is made.
_NEED_KEYS = frozenset(("encryptor", "decryptor", "poison"))


def check(settings: Settings) -> None:
    """Settings that cannot be used together.  Raises ConfigError; reads certificate files."""
    try_all(
        lambda: checked(_check_listener, settings),
        lambda: _check_addresses(settings),
        lambda: _check_api(settings),
        lambda: check_revocation(settings, verified_legs(settings)),
        lambda: checked(_check_staple, settings),
    )


def _check_listener(settings: Settings) -> None:
    try_all(
        lambda: check_kind(settings),
        lambda: _check_database(settings),
        lambda: _check_stages(settings),
        lambda: _check_client_ids(settings),
        lambda: _check_link(settings),
        lambda: _check_keys(settings),
        lambda: check_sources(settings),
    )


def _check_addresses(settings: Settings) -> None:
    """Listeners have addresses of their own, and revocation is the same at all of them."""
    check_addresses(settings, "server")
    for mark, there in each(settings):
        for leg in verified_legs(there):
            same = leg in verified_legs(settings) and all(
                there[name] == settings[name] for name in (f"tls_{leg}_ca", f"tls_{leg}_auth")
            )
            if mark and not same and policy_of(settings, leg).active:
                raise ConfigError(
                    f"{mark}tls_{leg}_ca: certificates are asked about by tls_ocsp_url or "
                    "tls_crl_url as the server's own address has them; verify the same ones in "
                    "the same way there, or turn it off"
                )


def _check_staple(settings: Settings) -> None:
    if staples(settings) and is_tls(settings, ACRACONNECTOR):
        own(Credentials(settings, "tls_client_"))


def _check_database(settings: Settings) -> None:
    if not settings["db_host"]:
        raise ConfigError("db_host: name the database's host")
    listener = settings["incoming_connection_string"]
    if database_address(settings).leads_to(listener):
        raise ConfigError(
            f"db_host and db_port: {listener} is AcraServer's own address "
            "(incoming_connection_string), and it would connect to itself without end; name the "
            "database's"
        )
    Credentials(settings, "tls_database_")
    database_tls(settings)


def _check_stages(settings: Settings) -> None:
    # twisted.plugin looks through directories and imports every stage: only if one is asked for.
    if settings["stages"]:
        from acra_twisted.plugins.chosen import check_languages

        check_languages(settings["stages"], dialect_of(settings).language)


def _check_client_ids(settings: Settings) -> None:
    secure_session = is_secure_session(settings, ACRACONNECTOR)
    from_certificate = settings["tls_client_id_from_cert"]
    rules = settings["client_id_map_file"]
    if rules:
        MapFile(rules)
    elif not secure_session and not from_certificate and not settings["client_id"]:
        raise ConfigError(
            "client_id: give one, set tls_client_id_from_cert = true, or name client_id_map_file"
        )
    if secure_session and not settings["securesession_id"]:
        raise ConfigError("securesession_id: Secure Session needs one, such as acra_server")


def _check_link(settings: Settings) -> None:
    link_tls = is_tls(settings, ACRACONNECTOR)
    client = Credentials(settings, "tls_client_")
    if settings["tls_client_id_from_cert"] and client.auth == 0:
        raise ConfigError("tls_client_id_from_cert needs certificates: tls_client_auth must be 4")
    if link_tls or settings["client_tls"] in ("require", "allow"):
        if client.certificate is None:
            raise ConfigError("tls_cert and tls_key: TLS needs a certificate and its key")
        client.server_context()
    _check_proofs(settings, client)
    _check_binding(settings)


def _check_api(settings: Settings) -> None:
    check_api(settings, proves_connectors(settings))


def _check_proofs(settings: Settings, client: Credentials) -> None:
    scram = settings["auth_mode"] == "scram" and ends_authentication(settings)
    if scram and not has_sources(settings):
        raise ConfigError(
            "auth_mode = scram: name a source of secrets: auth_file, or a role in auth_query_user"
        )
    if by_certificate(settings) and not (
        is_plain(settings, ACRACONNECTOR)
        and settings["client_tls"] != "disable"
        and client.certificate is not None
        and client.auth == REQUIRE
    ):
        raise ConfigError(
            "auth_mode = cert: the applications' own TLS must end here and show certificates; set "
            "tls_cert, tls_key and tls_client_auth = 4, and let no connector encrypt the link: the "
            "certificate would be the connector's"
        )
    if settings["require_channel_binding"] and uses_secrets(settings) and not can_bind(client):
        raise ConfigError(
            "require_channel_binding: nobody could log in, for the signature of tls_cert has no "
            "hash (Ed25519, Ed448); take a certificate that an RSA or ECDSA key has signed"
        )
    without = client.certificate is None or settings["client_tls"] == "disable"
    if without and requires_tls(settings, is_plain(settings, ACRACONNECTOR)):
        raise ConfigError(WITHOUT_TLS)


def _check_binding(settings: Settings) -> None:
    """SCRAM and certificates alone are bound to a TLS connection."""
    unbound = {
        "auth_md5 = true": settings["auth_md5"],
        "auth_cleartext": settings["auth_cleartext"],
        "auth_unknown = passthrough": settings["auth_unknown"] == "passthrough",
    }
    found = [name for name, chosen in unbound.items() if chosen]
    if settings["require_channel_binding"] and found:
        raise ConfigError(
            f"require_channel_binding: logins by {' and '.join(found)} cannot be bound; take "
            "one or the other out"
        )
    if settings["db_channel_binding"] == "require":
        _check_database_binding(settings)


def _check_database_binding(settings: Settings) -> None:
    if settings["auth_md5"]:
        raise ConfigError(
            "db_channel_binding = require: logins by auth_md5 = true cannot be bound; take one or "
            "the other out"
        )
    if by_certificate(settings) and not settings["auth_keys_file"]:
        raise ConfigError(
            "db_channel_binding = require: auth_mode = cert binds logins by the roles' keys alone; "
            "name them in auth_keys_file"
        )


def _check_keys(settings: Settings) -> None:
    needs = ["Secure Session"] if is_secure_session(settings, ACRACONNECTOR) else []
    needs += [f"the stage {name!r}" for name in settings["stages"] if name in _NEED_KEYS]
    # A copy of the environment: the service will want to find the master key there as well.
    keys = open_keys(settings, dict(os.environ), lambda: 0.0)
    for who in needs:
        need_keys(keys, settings, who)
    if keys is not None:
        keys.close()


def check_whole(settings: Settings) -> list[str]:
    """Exporters, pages and rules can be made, and certificates used; the rest that is to be said.
    Raises ConfigError, as a start or connections would."""
    remarks: list[str] = []
    try_all(
        lambda: make_exporters(None, "", settings),
        lambda: make_guard(settings, "tls_client_"),
        lambda: checked(_check_rules, settings),
        lambda: remarks.extend(checked(check_protected, settings)),
        lambda: check_token_store(settings, use_tokens(settings)),
        lambda: remarks.extend(checked(_without_keys, settings)),
        lambda: remarks.extend(checked(_without_certificates, settings)),
        lambda: remarks.extend(doubts(settings)),
        lambda: remarks.extend(checked(check_certificates, settings)),
    )
    return remarks


def _without_certificates(settings: Settings) -> Iterator[str]:
    """Say which conditions of the map look at certificates, where nobody shows one."""
    rules = settings["client_id_map_file"]
    if rules and not verifies_clients(settings):
        for condition, line in MapFile(rules).rules.conditions.items():
            if condition.startswith("cert"):
                yield (
                    f"{rules}, line {line}: {condition} looks at the client's certificate, and "
                    "nobody shows one that is verified (tls_client_auth, client_tls)"
                )


def _without_keys(settings: Settings) -> Iterator[str]:
    """Say which client ids have no keys, where keys are looked up for them.  Those of protected
    columns are told of with these."""
    if PROTECTS in settings["stages"] or "decryptor" not in settings["stages"]:
        return
    keys = open_keys(settings, dict(os.environ), lambda: 0.0)
    if keys is None:
        return
    try:
        yield from of_containers(settings, keys)
    finally:
        keys.close()


def _check_rules(settings: Settings) -> None:
    if "censor" in settings["stages"]:
        check_rules(settings, settings.blocks, dialect_of(settings).language)


def check_certificates(settings: Settings) -> list[str]:
    """Return remarks about this side's certificates.  Raises ConfigError if connections cannot
    work with them."""
    link_tls = is_tls(settings, ACRACONNECTOR)
    parts = []
    if link_tls or settings["client_tls"] in ("require", "allow"):
        parts.append(Credentials(settings, "tls_client_").judged(SERVER, link=link_tls))
    if uses_database_tls(settings):
        # Only a database that asks for it looks at it.
        severe, others = Credentials(settings, "tls_database_").judged(CLIENT)
        parts.append(([], [*severe, *others]))
    if settings["zpages_tls_enable"]:
        severe, others = Credentials(settings, "tls_client_").judged(SERVER)
        parts.append(([], [*severe, *others]))
    return told(*parts)


def insecure(settings: Settings) -> list[str]:
    """Return a sentence for each setting that weakens protection."""
    return checked(_insecure, settings) + weak(settings, verified_legs(settings))


def _insecure(settings: Settings) -> list[str]:
    found = []
    if uses_database_tls(settings) and Credentials(settings, "tls_database_").auth == 0:
        found.append("tls_database_auth = 0: the database's certificate is not verified")
    address: Address = settings["incoming_connection_string"]
    plain = is_plain(settings, ACRACONNECTOR)
    if plain and not address.is_local and settings["client_tls"] != "require":
        found.append(
            f"plain connections are accepted on {address}; set client_tls = require or use TLS"
        )
    if ends_authentication(settings) and plain and settings["auth_without_tls"]:
        found.append("auth_without_tls: clients prove who they are without TLS")
    if uses_secrets(settings):
        found += _weak_methods(settings)
    if not uses_database_tls(settings) and not database_address(settings).is_local:
        found.append("db_tls = disable: data crosses the network to the database in clear")
    if settings["trusted_functions"] and PROTECTS in settings["stages"]:
        names = ", ".join(settings["trusted_functions"])
        found.append(f"trusted_functions: nobody sees whether these store plaintext: {names}")
    return found


def _weak_methods(settings: Settings) -> list[str]:
    found = []
    if settings["auth_md5"]:
        found.append(
            "auth_md5: MD5 hashes are as good as passwords to who reads them, and logins by them "
            "are bound to no connection"
        )
    if settings["auth_cleartext"]:
        names = ", ".join(settings["auth_cleartext"])
        found.append(f"auth_cleartext: AcraServer sees the passwords of {names}")
    if settings["auth_unknown"] == "passthrough":
        found.append("auth_unknown = passthrough: the question tells who has a secret here")
    return found
