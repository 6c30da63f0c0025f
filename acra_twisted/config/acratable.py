"""Options of Acra's programs, 0.84 to 0.96, that are no options of ours: one table.

Each is either taken and does nothing, because its value asks for what happens anyway or for
nothing; or it is another name of ours; or it is refused by the name of what it asks for, because
data would be less protected, or the daemon do less, than its owner believes.  Command lines, the
environment, configuration files and docs/acra-options.rst read this table.

An option leaves the table when it becomes one of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.optionkinds import BOOLEAN, PORT, TEXT, Choice, Host, Integer, Kind

SERVER: Final = "acra-server"
CONNECTOR: Final = "acra-connector"
_BOTH: Final = (SERVER, CONNECTOR)
#: Programs of ours that Acra has as well; the first two of all are daemons.
_TOOLS: Final = ("acra-keymaker", "acra-keys", "acra-poisonrecordmaker", "acra-log-verifier")
#: Those of them that read and write rows.
_ROWS: Final = ("acra-rotate", "acra-rollback")
_ALL: Final = (*_BOTH, *_TOOLS, *_ROWS)
_NUMBER: Final = Integer(-1, 1_000_000)
_OFF: Final = ("false",)
#: Values that Acra writes into its files by itself for options of ours that have another default:
#: in a file of Acra's they are nobody's wish.
DUMPED: Final[Mapping[str, str]] = {
    **{
        f"tls_{by}_{side}from_cert": "prefer"
        for by in ("ocsp", "crl")
        for side in ("", "client_", "database_")
    },
    **{f"tls_ocsp_{side}_required": "denyunknown" for side in ("client", "database")},
    **{f"tls_crl_{side}_cache_size": "16" for side in ("client", "database")},
    **{f"tls_crl_{side}_cache_time": "0" for side in ("client", "database")},
}
#: Endings of options that are a part of an address.
PARTS: Final = ("_host", "_port")


class AcraOption(NamedTuple):
    """One option of Acra's.

    ``accepted`` are the values, as `kind` renders them, that change nothing; None is every value.
    An empty value always is accepted.  ``default`` is Acra's: in a file, where Acra's own
    --dump_config has written it, it is nobody's wish.  ``says`` is for an accepted option what
    holds here, for a refused one what it asks for.  ``becomes`` is our name for it.  ``told``:
    the operator is told that a value other than Acra's default does nothing.
    """

    name: str
    programs: Sequence[str]
    kind: Kind
    default: str
    says: str
    accepted: Sequence[str] | None = None
    becomes: str = ""
    told: bool = False
    unless: tuple[str, str] = ("", "")

    @property
    def is_switch(self) -> bool:
        """True if its flag takes no word behind it."""
        return self.kind is BOOLEAN

    def accepts(self, value: str, given: Mapping[str, str]) -> bool:
        """Return True if a value that is not empty asks for nothing that is not here."""
        name, word = self.unless
        if self.accepted is None or value in self.accepted:
            return True
        return bool(name) and given.get(name) == word


def _fine(
    programs: Sequence[str],
    names: str,
    kind: Kind,
    says: str,
    default: str = "",
    *,
    told: bool = False,
) -> list[AcraOption]:
    return [AcraOption(name, programs, kind, default, says, told=told) for name in names.split()]


def _lacking(
    programs: Sequence[str],
    names: str,
    kind: Kind,
    says: str,
    accepted: Sequence[str] = (),
    default: str = "",
    unless: tuple[str, str] = ("", ""),
) -> list[AcraOption]:
    if kind is BOOLEAN and not accepted:
        accepted, default = _OFF, "false"
    return [
        AcraOption(name, programs, kind, default, says, accepted, unless=unless)
        for name in names.split()
    ]


def _revocation(programs: Sequence[str], prefix: str, sides: str = "") -> list[AcraOption]:
    """The options that check certificates by OCSP and CRL; ``sides`` come behind ocsp_, crl_."""
    found: list[AcraOption] = []
    for by, text in (("ocsp", "OCSP"), ("crl", "revocation lists")):
        stem = f"{prefix}{by}_{sides}"
        says = f"checking certificates by {text}"
        source = f"{stem}from_cert"
        found += _lacking(programs, f"{stem}url", TEXT, says)
        found += _lacking(
            programs,
            source,
            Choice("use", "trust", "prefer", "ignore"),
            says,
            ("ignore",),
            "prefer",
        )
        found += _fine(
            programs,
            f"{stem}check_only_leaf_certificate",
            BOOLEAN,
            f"no certificate is checked by {text}",
            "false",
        )
        if by == "ocsp":
            found += _lacking(
                programs,
                f"{stem}required",
                Choice("denyunknown", "allowunknown", "requiregood"),
                says,
                ("denyunknown", "allowunknown"),
                "denyunknown",
                (source, "ignore"),
            )
        else:
            says = "no revocation list is kept"
            found += _fine(programs, f"{stem}cache_size", _NUMBER, says, "16")
            found += _fine(programs, f"{stem}cache_time", _NUMBER, says, "0")
    return found


def _tls_family(programs: Sequence[str], prefix: str, what: str) -> list[AcraOption]:
    """TLS of 0.96 to a store that is not here."""
    says = f"there is no {what} to connect to"
    return [
        *_fine(programs, f"{prefix}client_auth", _NUMBER, says, "-1"),
        *_fine(
            programs,
            " ".join(f"{prefix}client_{name}" for name in ("ca", "cert", "key", "sni")),
            TEXT,
            says,
        ),
        *(
            option._replace(accepted=None, says=says, unless=("", ""))
            for option in _revocation(programs, prefix, "client_")
        ),
    ]


def _port(program: str, name: str, default: str) -> AcraOption:
    ours = name.replace("_port", "_string")
    return AcraOption(name, (program,), PORT, default, f"the port of {ours}", becomes=ours)


_CONNECTION: Final = (
    *_lacking((SERVER,), "http_api_tls_transport_enable", BOOLEAN, "TLS for the HTTP API"),
    AcraOption(
        "incoming_connection_host",
        (SERVER,),
        Host("incoming_connection_port"),
        "0.0.0.0",  # noqa: S104 - Acra's default, compared with
        "the host of incoming_connection_string",
        becomes="incoming_connection_string",
    ),
    _port(SERVER, "incoming_connection_port", "9393"),
    _port(SERVER, "incoming_connection_api_port", "9090"),
    _port(CONNECTOR, "incoming_connection_port", "9494"),
    _port(CONNECTOR, "incoming_connection_api_port", "9191"),
    AcraOption(
        "tls_db_sni",
        (SERVER,),
        TEXT,
        "",
        "Acra's older name of tls_database_sni",
        becomes="tls_database_sni",
    ),
)

_SERVER: Final = (
    *_fine(
        (SERVER,),
        "acrastruct_injectedcell_enable acrastruct_wholecell_enable",
        BOOLEAN,
        "containers are found wherever they stand in a value, as in Acra",
        "false",
    ),
    *_fine(
        (SERVER,),
        "pgsql_escape_bytea pgsql_hex_bytea",
        BOOLEAN,
        "both forms of bytea are understood",
        "false",
    ),
    *_fine(_ROWS, "postgresql_enable", BOOLEAN, "PostgreSQL is the database", "false"),
    *_fine(
        (SERVER,),
        "ds",
        BOOLEAN,
        "there is no server for Go's profiler; incoming_connection_zpages_string shows requests",
        "false",
        told=True,
    ),
    *_fine((SERVER,), "auth_keys", TEXT, "there is no AcraWebConfig that asks for passwords"),
    *_lacking(
        (SERVER, *_ROWS),
        "zonemode_enable",
        BOOLEAN,
        "zones (Acra has given them up in 0.95)",
    ),
    *_lacking(
        (SERVER,),
        "encryptor_config_storage_type",
        Choice("filesystem", "consul"),
        "the configuration of columns in Consul",
        ("filesystem",),
        "filesystem",
    ),
    *_lacking(
        (SERVER,),
        "token_db",
        TEXT,
        "tokens in a file of BoltDB (acra-tokens import copies them into a token_store)",
    ),
    *_lacking((SERVER,), "redis_db_keys", _NUMBER, "keys in Redis", ("-1",), "-1"),
    *_revocation((SERVER,), "redis_tls_", "client_"),
    *_lacking(
        (SERVER,),
        "sql_parse_on_error_exit_enable",
        BOOLEAN,
        "ending the server at a statement that cannot be parsed (AcraCensor refuses such a "
        "statement, unless ignore_parse_error says otherwise)",
    ),
    *_fine(
        (SERVER,),
        "keystore_cache_on_start_enable",
        BOOLEAN,
        "keys are read when they are first needed",
        "true",
    ),
    *_lacking((SERVER,), "consul_connection_api_string", TEXT, "configuration in Consul"),
    *_fine((SERVER,), "consul_kv_config_path", TEXT, "there is no Consul", "acra/encryptor_config"),
    *_fine((SERVER,), "consul_tls_enable", BOOLEAN, "there is no Consul", "false"),
    *_tls_family((SERVER,), "consul_tls_", "Consul"),
)

_CONNECTOR: Final = (
    *_fine(
        (CONNECTOR,),
        "user_check_disable",
        BOOLEAN,
        "allowed_users lists the users of this machine that may connect",
        "false",
    ),
    *_lacking(
        (CONNECTOR,),
        "mode",
        Choice("acraserver", "acratranslator"),
        "AcraTranslator",
        ("acraserver",),
        "acraserver",
    ),
    *_fine(
        (CONNECTOR,),
        "acratranslator_connection_host acratranslator_connection_port "
        "acratranslator_connection_string acratranslator_securesession_id",
        TEXT,
        "it has a meaning in mode AcraTranslator only",
    ),
)

#: Programs that keep nothing in Redis.
_WITHOUT_REDIS: Final = (CONNECTOR, *_TOOLS)
_STORES: Final = (
    *_lacking(_WITHOUT_REDIS, "redis_host_port", TEXT, "keys in Redis"),
    *_fine(_WITHOUT_REDIS, "redis_db_keys", _NUMBER, "no key is in Redis"),
    *_fine(_WITHOUT_REDIS, "redis_password", TEXT, "no key is in Redis"),
    *_fine(_WITHOUT_REDIS, "redis_tls_enable", BOOLEAN, "no key is in Redis", "false"),
    *_tls_family(_WITHOUT_REDIS, "redis_tls_", "Redis"),
    *_lacking(
        _ALL,
        "vault_connection_api_string",
        TEXT,
        "the master key from Vault's API (master_key_command can call Vault's client)",
    ),
    *_fine(_ALL, "vault_secrets_path", TEXT, "the master key does not come from Vault", "secret/"),
    *_fine(
        _ALL,
        "vault_tls_ca_path vault_tls_client_cert vault_tls_client_key",
        TEXT,
        "the master key does not come from Vault",
    ),
    *_fine(
        _ALL,
        "vault_tls_transport_enable",
        BOOLEAN,
        "the master key does not come from Vault",
        "false",
    ),
    *(
        option
        for option in _tls_family(_ALL, "vault_tls_", "Vault")
        if option.name not in ("vault_tls_client_cert", "vault_tls_client_key")
    ),
    *_lacking(
        _ALL,
        "keystore_encryption_type",
        Choice("env_master_key", "vault_master_key", "kms_encrypted_master_key", "kms_per_client"),
        "a master key from Vault or from a key management service (master_key_command can call "
        "its client)",
        ("env_master_key",),
        "env_master_key",
    ),
    *_lacking(_ALL, "kms_type", TEXT, "a master key from a key management service"),
    *_fine(_ALL, "kms_credentials_path", TEXT, "no key management service is asked"),
)

_KEYS: Final = (
    *_lacking(
        ("acra-keys",),
        "zone zone_storage_key zone_symmetric_key",
        BOOLEAN,
        "making keys of zones (Acra has given zones up in 0.95)",
    ),
    *_lacking(
        ("acra-keys",), "zone_id", TEXT, "making keys of zones (Acra has given zones up in 0.95)"
    ),
    *_lacking(
        ("acra-keys",),
        "master_key_path",
        TEXT,
        "making a master key with acra-keys (use: acra-keymaker --keystore=v1 "
        "--generate_master_key=FILE)",
    ),
    *_lacking(
        ("acra-keys",),
        "dry_run force",
        BOOLEAN,
        "acra-keys migrate: there is one version of key stores here",
    ),
    *_lacking(
        ("acra-keys",),
        "src_keystore src_keys_dir src_keys_dir_public src_redis_host_port src_redis_db_keys "
        "src_redis_password dst_keystore dst_keys_dir dst_keys_dir_public dst_redis_host_port "
        "dst_redis_db_keys dst_redis_password",
        TEXT,
        "acra-keys migrate: there is one version of key stores here",
    ),
    AcraOption(
        "tls_client_id_cert",
        ("acra-keymaker", "acra-keys"),
        TEXT,
        "",
        "Acra's newer name of tls_cert",
        becomes="tls_cert",
    ),
)

#: Redis keeps tokens: those options are acra-tokens' own.
_TOKENS: Final = (
    *_fine(("acra-tokens",), "redis_db_keys", _NUMBER, "no key is asked for", "-1"),
    *_revocation(("acra-tokens",), "redis_tls_", "client_"),
)

ACRA_OPTIONS: Final[tuple[AcraOption, ...]] = (
    *_CONNECTION,
    *_SERVER,
    *_CONNECTOR,
    *_STORES,
    *_KEYS,
    *_TOKENS,
)


def options_of(program: str) -> dict[str, AcraOption]:
    """Acra's options of a program that are not ours, by name."""
    return {option.name: option for option in ACRA_OPTIONS if program in option.programs}
