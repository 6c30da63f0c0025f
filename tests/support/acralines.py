"""Command lines as people write them for Acra 0.84 to 0.96.

``KEYS``, ``TLS`` and ``FILES`` stand for folders.  The second part says what is asked for that is
not here, in the words of the refusals; a line without such words is to start.
"""

_FOLDER = "--keys_dir=KEYS"
_LINK = (
    "--tls_ca=TLS/ca.crt",
    "--tls_cert=TLS/acra-server.crt",
    "--tls_key=TLS/acra-server.key",
)
_ACRA_TLS = (
    "--tls_ca=TLS/ca.crt",
    "--tls_cert=TLS/acra-client.crt",
    "--tls_key=TLS/acra-client.key",
)
_API = ("--http_api_enable", "--incoming_connection_api_string=tcp://127.0.0.1:9090")
_SUITE = (
    "--acrastruct_wholecell_enable=false",
    "--acrastruct_injectedcell_enable=true",
    "--pgsql_hex_bytea=true",
    "--pgsql_escape_bytea=false",
    "--zonemode_enable=false",
    "--http_api_enable=true",
    "--incoming_connection_api_string=tcp://127.0.0.1:9595",
    "--tls_ocsp_from_cert=ignore",
    "--tls_crl_from_cert=ignore",
)

SERVER = (
    # What the examples for docker have.
    (("--db_host=postgresql", _FOLDER, *_API, "-v"), ()),
    (
        ("--db_host=postgresql", "--db_port=5432", _FOLDER, *_API, "--zonemode_enable", "-v"),
        ("zones",),
    ),
    (("--db_host=mysql", "--db_port=3306", "--mysql_enable", _FOLDER, *_API, "-v"), ()),
    (("--db_host=mysql", "--mysql_enable=true", "--postgresql_enable=false", _FOLDER), ()),
    (("--db_host=mysql", "--mysql_enable", "--postgresql_enable", _FOLDER), ("one database",)),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            *_LINK,
            "--tls_auth=4",
            "--acraconnector_tls_transport_enable=true",
            "--client_id=testclientid",
            *_API,
        ),
        (),
    ),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            *_LINK,
            "--tls_db_sni=postgresql.example",
            "--acraconnector_tls_transport_enable=true",
            "--tls_client_id_from_cert=true",
            "--config_file=FILES/acra-server.yaml",
        ),
        (),
    ),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            "--acraconnector_transport_encryption_disable=true",
            "--client_id=testclientid",
            "--incoming_connection_host=0.0.0.0",
            "--incoming_connection_port=9393",
        ),
        (),
    ),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            *_LINK,
            "--acraconnector_transport_encryption_disable",
            "--acraconnector_tls_transport_enable=true",
            "--client_id=testclientid",
        ),
        (),
    ),
    (("--db_host=postgresql", _FOLDER, '--config_file=""', "--ds"), ()),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            "--acracensor_config_file=FILES/acra-censor.yaml",
            "--logging_format=cef",
            "--log_to_file=FILES/acra.log",
        ),
        (),
    ),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            "--encryptor_config_file=FILES/encryptor.yaml",
            "--mysql_enable",
            "--redis_host_port=redis:6379",
            "--redis_password=x",
        ),
        ("ACRA_REDIS_PASSWORD",),
    ),
    (
        (
            "--db_host=mysql",
            _FOLDER,
            "--encryptor_config_file=FILES/encryptor.yaml",
            "--mysql_enable",
        ),
        (),
    ),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            "--encryptor_config_file=FILES/encryptor.yaml",
            "--encryptor_config_storage_type=filesystem",
        ),
        (),
    ),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            "--tracing_jaeger_enable",
            "--jaeger_agent_endpoint=jaeger:6831",
            "--incoming_connection_prometheus_metrics_string=tcp://127.0.0.1:9399",
        ),
        (),
    ),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            "--tracing_log_enable=true",
            "--audit_log_enable=true",
            "--securesession_id=acra_server",
        ),
        (),
    ),
    (
        (
            "--db_host=postgresql",
            _FOLDER,
            "--poison_shutdown_enable=true",
            "--poison_run_script_file=/bin/true",
            "--poison_detect_enable=true",
        ),
        (),
    ),
    # What its tests run.
    (
        (
            "-db_host=localhost",
            "-db_port=5432",
            "-keys_dir=KEYS",
            "-logging_format=cef",
            "-d=true",
            *_SUITE,
            "--keystore_cache_size=-1",
            "--incoming_connection_string=tcp://127.0.0.1:10003",
        ),
        (),
    ),
    (
        (
            "--db_host",
            "localhost",
            "--db_port",
            "5432",
            "--keys_dir",
            "KEYS",
            *_SUITE,
            "--encryptor_config_file",
            "",
            "--token_db",
            "",
            "-v",
        ),
        (),
    ),
    (
        (
            "--db_host=localhost",
            _FOLDER,
            *_SUITE,
            *_LINK,
            "--acraconnector_tls_transport_enable=true",
            "--client_id=testclientid",
            "--tls_ocsp_url=http://127.0.0.1:8889",
            "--tls_crl_url=http://127.0.0.1:8890/crl.pem",
            "--tls_ocsp_required=denyUnknown",
        ),
        (),
    ),
    (
        (
            "--db_host=localhost",
            _FOLDER,
            *_SUITE,
            "--tls_ocsp_required=requireGood",
            "--tls_ocsp_check_only_leaf_certificate=true",
            "--tls_crl_cache_size=1000",
            "--tls_crl_cache_time=30",
        ),
        (),
    ),
    (
        ("--db_host=localhost", _FOLDER, "--tls_ocsp_from_cert=use"),
        ("tls_ocsp_from_cert has no effect",),
    ),
    (("--db_host=postgresql", _FOLDER, "--tls_ca=TLS/ca.crt", "--tls_ocsp_from_cert=use"), ()),
    (
        (
            "--db_host=localhost",
            _FOLDER,
            "--tls_crl_from_cert=trust",
            "--sql_parse_on_error_exit_enable=true",
        ),
        ("cannot be parsed",),
    ),
    (
        (
            "--db_host=localhost",
            _FOLDER,
            "--sql_parse_on_error_exit_enable=false",
            "--token_db=/tmp/tokens.db",
            "--zonemode_enable=t",
        ),
        ("tokens", "zones"),
    ),
    (
        (
            "--db_host=localhost",
            _FOLDER,
            "--vault_connection_api_string=https://vault:8200",
            "--vault_secrets_path=secret/acra",
            "--vault_tls_transport_enable=true",
        ),
        ("Vault",),
    ),
    # 0.92 to 0.96: no connector any more.
    (
        (
            "--db_host=localhost",
            _FOLDER,
            *_LINK,
            "--tls_client_id_from_cert=true",
            "--acraconnector_transport_encryption_disable=true",
            "--keystore_encryption_type=env_master_key",
            "--keystore_cache_on_start_enable=false",
            "--tls_ocsp_client_from_cert=ignore",
            "--tls_ocsp_database_from_cert=ignore",
            "--tls_crl_client_from_cert=ignore",
            "--tls_crl_database_from_cert=ignore",
        ),
        (),
    ),
    (
        (
            "--db_host=localhost",
            _FOLDER,
            "--keystore_encryption_type=kms_encrypted_master_key",
            "--kms_type=aws",
            "--kms_credentials_path=/kms.json",
        ),
        ("key management service",),
    ),
    (
        (
            "--db_host=localhost",
            _FOLDER,
            "--encryptor_config_storage_type=consul",
            "--consul_connection_api_string=http://consul:8500",
            "--redis_tls_enable=true",
            "--redis_tls_client_auth=4",
        ),
        ("configuration of columns in Consul", "consul_connection_api_string"),
    ),
    (
        ("--db_host=localhost", _FOLDER, "--http_api_enable", "--http_api_tls_transport_enable"),
        ("TLS for the HTTP API",),
    ),
    (("--db_host=localhost", "--config_file=FILES/dumped-0.91.yaml"), ()),
    (("--config_file=FILES/columns.yaml",), ("zones", "Consul")),
)

CONNECTOR = (
    (
        (
            "--acraserver_connection_host=acra-server",
            "--client_id=testclientid",
            _FOLDER,
            "--incoming_connection_string=tcp://127.0.0.1:9494",
            "--user_check_disable=true",
            "-v",
        ),
        (),
    ),
    (
        (
            "--acraserver_connection_host=acra-server",
            "--client_id=testclientid",
            _FOLDER,
            "--acraserver_connection_port=9393",
            "--incoming_connection_port=9494",
            "--incoming_connection_api_port=9191",
            "--acraserver_api_connection_port=9090",
            "--http_api_enable",
            "--mode=AcraServer",
        ),
        (),
    ),
    (
        (
            "--acraserver_connection_string=tcp://127.0.0.1:9393",
            "--client_id=testclientid",
            _FOLDER,
            "--acraserver_api_connection_string=tcp://127.0.0.1:9090",
            "--acraserver_securesession_id=acra_server",
            "--user_check_disable",
        ),
        (),
    ),
    (
        (
            "--acraserver_connection_host=acra-server",
            "--client_id=testclientid",
            _FOLDER,
            *_ACRA_TLS,
            "--tls_auth=4",
            "--tls_acraserver_sni=acra-server",
            "--acraserver_tls_transport_enable=true",
            '--config_file=""',
        ),
        (),
    ),
    (
        (
            "--acraserver_connection_string=tcp://127.0.0.1:9393",
            "--client_id=testclientid",
            "--acraserver_transport_encryption_disable=true",
            "--tls_ocsp_from_cert=ignore",
            "--tls_crl_from_cert=ignore",
        ),
        (),
    ),
    (
        (
            "-acraserver_connection_string=tcp://127.0.0.1:9393",
            "-client_id=testclientid",
            "-keys_dir=KEYS",
            "-mode",
            "acraserver",
            "-redis_db_keys=0",
            "-v=true",
            "-d=false",
        ),
        (),
    ),
    (
        (
            "--acratranslator_connection_string=tcp://127.0.0.1:9696",
            "--client_id=testclientid",
            _FOLDER,
            "--mode=AcraTranslator",
            "--acratranslator_securesession_id=acra_translator",
        ),
        ("AcraTranslator",),
    ),
    (
        (
            "--acraserver_connection_host=acra-server",
            "--client_id=testclientid",
            _FOLDER,
            "--redis_host_port=redis:6379",
            "--tls_ocsp_url=http://ocsp",
        ),
        ("Redis",),
    ),
    (
        (
            "--acraserver_connection_host=acra-server",
            "--client_id=testclientid",
            _FOLDER,
            "--tls_crl_url=http://crl",
            "--vault_connection_api_string=https://vault",
        ),
        ("Vault",),
    ),
    (("--config_file=FILES/acra-connector.yaml",), ()),
)

FILES = {
    "acra-server.yaml": """version: 0.85.0
db_host: db.example
db_port: 5432
tls_auth: 4
postgresql_enable: true
incoming_connection_string: tcp://127.0.0.1:9393/
""",
    "acra-connector.yaml": """version: 0.91.0

# Address of AcraServer
acraserver_connection_string: tcp://127.0.0.1:9393

client_id: testclientid
config_file:
dump_config: false
keys_dir: KEYS
mode: AcraServer
tls_ocsp_from_cert: prefer
user_check_disable: false
""",
    "dumped-0.91.yaml": """version: 0.91.0
acraconnector_tls_transport_enable: false
client_id:
config_file:
d: false
dump_config: false
encryptor_config_file:
generate_markdown_args_table: false
http_api_enable: false
incoming_connection_host: 0.0.0.0
incoming_connection_port: 9393
incoming_connection_string: tcp://0.0.0.0:9393/
keys_dir: KEYS
mysql_enable: false
postgresql_enable: false
redis_db_keys: -1
redis_host_port:
securesession_id: acra_server
tls_auth: 4
tls_client_auth: -1
tls_crl_cache_size: 16
tls_crl_from_cert: prefer
tls_ocsp_from_cert: prefer
tls_ocsp_required: denyUnknown
tls_db_sni:
vault_secrets_path: secret/
zonemode_enable: false
""",
    "columns.yaml": """version: 0.94.0
db_host: db.example
keys_dir: KEYS
zonemode_enable: true
encryptor_config_storage_type: consul
""",
    "encryptor.yaml": """schemas:
  - table: people
    columns: [id, email, comment]
    encrypted:
      - column: email
        searchable: true
        data_type: str
        response_on_fail: error
      - column: comment
        masking: xxxx
        plaintext_length: 3
        plaintext_side: left
""",
    "acra-censor.yaml": """version: 0.85.0
handlers:
  - handler: query_ignore
    queries: [select 1]
  - handler: denyall
""",
}
